"""What the manual's programs override, and what it calls by name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import Pyro4
import Pyro5.api
import pytest

import ferropyro
import ferropyro.naming

APIS: dict[str, Any] = {"pyro4": Pyro4, "pyro5": Pyro5.api, "ferropyro": ferropyro}


class Heard:
    """What the hooks of both ends were told."""

    def __init__(self) -> None:
        self.handshakes: list[Any] = []
        self.disconnected = threading.Event()
        self.responses: list[tuple[dict[str, bytes], int]] = []
        self.answers: list[Any] = []


@ferropyro.expose
class Tells:
    def annotations(self) -> dict[str, str]:
        return {key: bytes(value).decode() for key, value in ferropyro.current_context.annotations.items() if key == "PRXY"}


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def uri(heard: Heard) -> Iterator[str]:
    class Daemon(ferropyro.Daemon):
        def validateHandshake(self, conn: Any, data: Any) -> Any:
            heard.handshakes.append((conn.sock.getpeername()[0], data))
            if data == "wrong":
                raise ValueError("wrong word")
            return "welcome"

        def annotations(self) -> dict[str, bytes]:
            return {"DMON": b"of the daemon"}

        def clientDisconnect(self, conn: Any) -> None:
            heard.disconnected.set()

    with Daemon(host="127.0.0.1") as daemon:
        uri = daemon.register(Tells(), "tells")
        assert uri == daemon.uriFor("tells")
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        yield str(uri)
        daemon.shutdown()
        thread.join(60)


# Conformance: API-03
@pytest.mark.parametrize("client", APIS)
def test_the_hooks_of_daemons_and_proxies_can_be_overridden(client: str, uri: str, heard: Heard) -> None:
    class Proxy(APIS[client].Proxy):  # type: ignore[misc, name-defined]
        def _pyroAnnotations(self) -> dict[str, bytes]:
            return {"PRXY": b"of the proxy"}

        def _pyroResponseAnnotations(self, annotations: Any, msgtype: int) -> None:
            heard.responses.append(({key: bytes(value) for key, value in annotations.items()}, msgtype))

        def _pyroValidateHandshake(self, response: Any) -> None:
            heard.answers.append(response)

    with Proxy(uri) as proxy:
        proxy._pyroHandshake = "word"
        proxy._pyroBind()
        if client == "pyro5":
            # There the context has them.
            Pyro5.api.current_context.annotations = {"PRXY": b"of the proxy"}
        assert proxy.annotations() == {"PRXY": "of the proxy"}
    Pyro5.api.current_context.annotations = {}
    assert heard.handshakes == [("127.0.0.1", "word")] and heard.answers == ["welcome"]
    if client != "pyro5":
        assert {kind for annotations, kind in heard.responses if annotations.get("DMON") == b"of the daemon"} == {2, 5}
    assert heard.disconnected.wait(60)
    refused = Proxy(uri)
    refused._pyroHandshake = "wrong"
    with pytest.raises(Exception, match="wrong word"):
        refused._pyroBind()
    refused._pyroRelease()


def test_a_connection_tells_which_object_it_leads_to() -> None:
    names_uri, names_daemon, _ = ferropyro.naming.startNS(host="127.0.0.1", port=0, enableBroadcast=False)
    with names_daemon, ferropyro.Daemon(host="127.0.0.1") as daemon:
        for serves in (names_daemon, daemon):
            threading.Thread(target=serves.requestLoop, daemon=True).start()
        uri = daemon.register(Tells(), "tells")
        with ferropyro.locateNS(names_uri.host, names_uri.port) as names:
            names.register("a.name", uri)
        for given in (str(uri), f"PYRONAME:a.name@127.0.0.1:{names_uri.port}"):
            with ferropyro.Proxy(given) as proxy:
                assert proxy._pyroConnection is None
                proxy.annotations()
                assert proxy._pyroConnection is not None and proxy._pyroConnection.objectId == "tells"
