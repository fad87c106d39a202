"""Proxies find their object again where its server is by now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import Pyro4
import pytest

import ferropyro
from ferropyro import naming


@ferropyro.expose
class Counter:
    def where(self) -> int:
        port: int = self._pyroDaemon.uriFor(self).port  # type: ignore[attr-defined]
        return port


@contextmanager
def running(daemon: ferropyro.Daemon) -> Iterator[ferropyro.Daemon]:
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.close()
        thread.join()


@contextmanager
def serving(nameserver: Any) -> Iterator[int]:
    """An object under a name that stays, in a server whose port does not."""
    with running(ferropyro.Daemon("127.0.0.1")) as daemon:
        uri = daemon.register(Counter())
        nameserver.register("counter", str(uri), metadata={"counts"})
        port = uri.port
        assert port is not None
        yield port


@pytest.fixture
def nameserver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    _, names, _ = naming.startNS("127.0.0.1", 0)
    port = names.uriFor("x").port
    with running(names), ferropyro.locateNS("127.0.0.1", port) as proxy:
        for configuration in (Pyro4.config, ferropyro.config):
            monkeypatch.setattr(configuration, "NS_HOST", "127.0.0.1")
            monkeypatch.setattr(configuration, "NS_PORT", port)
        yield proxy


@pytest.mark.parametrize("make", [Pyro4.Proxy, ferropyro.Proxy])
@pytest.mark.parametrize("uri", ["PYRONAME:counter", "PYROMETA:counts"])
def test_a_name_is_resolved_anew_when_the_server_is_on_another_port(nameserver: Any, make: Callable[[str], Any], uri: str) -> None:
    with make(uri) as proxy:
        with serving(nameserver) as first:
            assert proxy.where() == first
        with serving(nameserver) as second:
            assert second != first
            proxy._pyroReconnect(1)
            assert proxy.where() == second
            assert str(proxy._pyroUri).startswith(uri)


@pytest.mark.parametrize("make", [Pyro4.Proxy, ferropyro.Proxy])
def test_retries_go_to_where_the_object_is_by_now(nameserver: Any, make: Callable[[str], Any]) -> None:
    with make("PYRONAME:counter") as proxy:
        proxy._pyroMaxRetries = 2
        with serving(nameserver) as first:
            assert proxy.where() == first
        with serving(nameserver) as second:
            assert proxy.where() == second != first


@pytest.mark.parametrize("make", [Pyro4.Proxy, ferropyro.Proxy])
def test_a_bound_proxy_stays_with_its_server(nameserver: Any, make: Callable[[str], Any]) -> None:
    with make("PYRONAME:counter") as proxy:
        with serving(nameserver) as first:
            proxy._pyroBind()
            assert proxy._pyroUri.port == first
        with serving(nameserver), pytest.raises((Pyro4.errors.CommunicationError, ferropyro.errors.CommunicationError)):
            proxy._pyroReconnect(1)
