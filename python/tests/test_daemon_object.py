from __future__ import annotations

import Pyro4.core
import pytest

import ferropyro
from ferropyro import errors
from ferropyro.core import Daemon, DaemonObject, pyroObjectToAutoProxy


@ferropyro.expose
class Thing:
    def method(self) -> None:
        pass

    @ferropyro.oneway
    def later(self) -> None:
        pass

    @property
    def value(self) -> int:
        return 1


def test_the_program_asks_the_daemon_what_clients_can_ask() -> None:
    with Daemon(host="127.0.0.1", interface=DaemonObject) as daemon, Pyro4.core.Daemon(host="127.0.0.1") as real:
        daemon.register(Thing(), "thing")
        real.register(Pyro4.expose(type("Thing", (), {"method": Thing.method})), "thing")
        ours, theirs = DaemonObject(daemon), Pyro4.core.DaemonObject(real)
        assert sorted(ours.registered()) == sorted(theirs.registered()) == ["Pyro.Daemon", "thing"]
        assert ours.get_metadata("thing") == {"methods": {"method", "later"}, "oneway": {"later"}, "attrs": {"value"}}
        assert ours.get_metadata("thing", as_lists=True)["attrs"] == ["value"]
        assert daemon.locationStr in ours.info() and ours.ping() is None and ours.close_stream("x") is None
        with pytest.raises(errors.DaemonError, match="unknown object"):
            ours.get_metadata("nothing")
        with pytest.raises(errors.PyroError, match="item stream terminated"):
            ours.get_next_stream_item("x")


def test_an_interface_of_ones_own_is_refused() -> None:
    class Mine(DaemonObject):
        pass

    with pytest.raises(NotImplementedError, match="in Rust"):
        Daemon(interface=Mine)


@pytest.mark.parametrize("name", ["sock", "selector", "handleRequest"])
def test_what_a_daemon_cannot_have_is_an_error_that_says_what_to_use(name: str) -> None:
    with Daemon(host="127.0.0.1") as daemon:
        assert not hasattr(daemon, name)
        with pytest.raises(AttributeError, match=f"no '{name}', as its sockets are in Rust: "):
            getattr(daemon, name)


def test_a_registered_object_becomes_a_proxy_and_another_stays() -> None:
    thing = Thing()
    assert pyroObjectToAutoProxy(thing) is thing
    with Daemon(host="127.0.0.1") as daemon:
        uri = daemon.register(thing)
        assert pyroObjectToAutoProxy(thing) == ferropyro.Proxy(uri)
        ferropyro.config.AUTOPROXY = False
        assert pyroObjectToAutoProxy(thing) is thing
