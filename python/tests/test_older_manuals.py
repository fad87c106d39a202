"""What only older editions of Pyro4's manual tell one to do: programs from then still do so."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import Pyro4
import pytest

import ferropyro
from ferropyro import naming

APIS: dict[str, Any] = {"pyro4": Pyro4, "ferropyro": ferropyro}
PAIRS = [("ferropyro", "ferropyro"), ("ferropyro", "pyro4"), ("pyro4", "ferropyro")]


@contextmanager
def served(daemon: Any, thing: Any) -> Iterator[str]:
    """The URI of an object while its daemon runs."""
    with daemon:
        uri = str(daemon.register(thing))
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        try:
            yield uri
        finally:
            daemon.shutdown()
            thread.join(60)


# Conformance: ANN-06, ANN-07
@pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")  # the real daemon calls it
@pytest.mark.parametrize("server, client", PAIRS)
def test_annotations_are_added_to_those_of_the_original_method(server: str, client: str) -> None:
    class Daemon(APIS[server].Daemon):  # type: ignore[misc, name-defined]
        def annotations(self) -> Any:
            annotations = super().annotations()
            annotations["DMON"] = b"of the daemon"
            return annotations

    class Proxy(APIS[client].Proxy):  # type: ignore[misc, name-defined]
        def _pyroAnnotations(self) -> Any:
            annotations = super()._pyroAnnotations()
            annotations["PRXY"] = b"of the proxy"
            return annotations

        def _pyroResponseAnnotations(self, annotations: Any, msgtype: int) -> None:
            responses.append(set(annotations))

    @APIS[server].expose
    class Tells:
        def annotations(self) -> list[str]:
            return sorted(APIS[server].current_context.annotations)

        def correlation(self) -> str:
            return str(APIS[server].current_context.correlation_id)

    responses: list[set[str]] = []
    number = uuid.uuid4()
    daemon = Daemon(host="127.0.0.1")
    daemon._pyroHmacKey = b"key"
    with served(daemon, Tells()) as uri, Proxy(uri) as proxy:
        proxy._pyroHmacKey = b"key"
        APIS[client].current_context.correlation_id = number
        try:
            assert "PRXY" in proxy.annotations()
            assert proxy.correlation() == str(number)
        finally:
            APIS[client].current_context.correlation_id = None
    # The chunks of the library itself are there as well.
    assert len(responses) >= 2
    assert all({"DMON", "CORR"} <= names for names in responses[-2:])


# Conformance: CTX-02, CTX-03
@pytest.mark.parametrize("client", APIS)
def test_the_socket_of_the_client_tells_its_address(client: str) -> None:
    @ferropyro.expose
    class Tells:
        def addresses(self) -> list[Any]:
            context = ferropyro.current_context
            assert context.client is not None
            return [*context.client.sock.getpeername(), *context.client_sock_addr]

    with served(ferropyro.Daemon(host="127.0.0.1"), Tells()) as uri, APIS[client].Proxy(uri) as proxy:
        host, port, *again = proxy.addresses()
    assert host == "127.0.0.1" and [host, port] == again and port > 0


# Conformance: NAT-01, NAT-02, NAT-05
@pytest.mark.parametrize("port, published", [(5555, 5555), (0, None)])
def test_an_object_behind_a_nat_is_registered_as_such_and_found(port: int, published: int | None) -> None:
    @ferropyro.expose
    class Thing:
        def method(self) -> str:
            return "reached"

    with ferropyro.Daemon(host="127.0.0.1", nathost="outside.example.com", natport=port) as daemon:
        inside = daemon.uriFor(daemon.register(Thing(), "thing").object, nat=False)
        assert str(daemon.uriFor("thing")) == f"PYRO:thing@outside.example.com:{published or inside.port}"
        with served(daemon, Thing()), ferropyro.Proxy(inside) as proxy:
            assert proxy.method() == "reached"


# Conformance: SEC-03
@pytest.mark.parametrize("client", APIS)
def test_the_key_of_the_name_server_is_an_argument(client: str) -> None:
    key = b"a key"
    uri, daemon, _ = naming.startNS("127.0.0.1", 0, enableBroadcast=False, hmac=key)
    with daemon:
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        with APIS[client].locateNS("127.0.0.1", uri.port, hmac_key=key) as names:
            assert list(names.list()) == ["Pyro.NameServer"]
        with pytest.raises(APIS[client].errors.NamingError):
            APIS[client].locateNS("127.0.0.1", uri.port, hmac_key=b"another")
        daemon.shutdown()
        thread.join(60)
