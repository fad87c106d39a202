"""Proxies that do not ask what the object exposes (METADATA), and those that a program tells."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import Pyro4
import pytest

import ferropyro

CLIENTS = [(Pyro4.Proxy, Pyro4.config), (ferropyro.Proxy, ferropyro.config)]


@ferropyro.expose
class Light:
    def __init__(self) -> None:
        self._level = 1
        self.go_on = threading.Event()

    def dim(self, by: int) -> int:
        return self._level - by

    def wait(self) -> str:
        self.go_on.wait(20)
        return "done"

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        self._level = level


@pytest.fixture
def light() -> Iterator[Light]:
    with ferropyro.Daemon("127.0.0.1") as daemon:
        made = Light()
        daemon.register(made, "light")
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        yield made
        made.go_on.set()
        daemon.shutdown()
        thread.join()


@pytest.fixture(params=CLIENTS, ids=["Pyro4", "ferropyro"])
def proxy(request: pytest.FixtureRequest, light: Light, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    make, configuration = request.param
    monkeypatch.setattr(configuration, "METADATA", False)
    with make(str(light._pyroDaemon.uriFor(light))) as made:  # type: ignore[attr-defined]
        yield made


def test_without_metadata_every_name_is_a_method_and_the_server_says_whether_there_is_one(proxy: Any) -> None:
    assert proxy.dim(1) == 0
    with pytest.raises(AttributeError):
        proxy.nonsense()
    assert not proxy._pyroMethods and not proxy._pyroAttrs


def test_what_the_program_says_of_attributes_and_oneway_methods_counts(proxy: Any, light: Light) -> None:
    proxy._pyroAttrs = {"level"}
    assert proxy.level == 1
    proxy.level = 5
    assert light._level == 5
    proxy._pyroOneway.add("wait")
    assert proxy.wait() is None
    light.go_on.set()
    proxy._pyroOneway = set()
    assert proxy.wait() == "done"


def test_without_metadata_other_attributes_are_the_proxys_own(proxy: Any, light: Light) -> None:
    proxy.level = 7
    assert proxy.level == 7 and light._level == 1


@pytest.mark.parametrize("make", [Pyro4.Proxy, ferropyro.Proxy])
def test_what_a_program_sets_does_not_hide_what_there_is(light: Light, make: Any) -> None:
    with make(str(light._pyroDaemon.uriFor(light))) as proxy:  # type: ignore[attr-defined]
        proxy._pyroMethods = {"dim"}
        assert proxy.dim(1) == 0
        assert proxy.level == 1
