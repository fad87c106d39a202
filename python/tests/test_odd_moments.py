"""Code of the program's own in the midst of a call: hooks, converters, loops within loops."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import ferropyro
from ferropyro import util


@ferropyro.expose
class Lab:
    getter = os.getcwd

    def echo(self, value: Any) -> Any:
        return value

    def numbers(self, count: int) -> Iterator[int]:
        yield from range(count)

    @functools.lru_cache
    def cached(self, value: int) -> int:
        return value + 1

    def yield_function(self) -> Iterator[Any]:
        yield len

    def call_nobody(self) -> None:
        ferropyro.Proxy("PYRO:nobody@127.0.0.1:1").ping()

    def run_events(self) -> int:
        self._pyroDaemon.events([])  # type: ignore[attr-defined]
        with ferropyro.Daemon() as other:
            self._pyroDaemon.combine(other)  # type: ignore[attr-defined]
        return 1


@contextmanager
def serving(servertype: str = "thread", cls: type[Lab] = Lab) -> Iterator[str]:
    ferropyro.config.SERVERTYPE = servertype
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = str(daemon.register(cls(), "lab"))
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        try:
            yield uri
        finally:
            daemon.shutdown()
            thread.join(60)


@pytest.fixture
def uri() -> Iterator[str]:
    with serving() as uri:
        yield uri


@pytest.fixture
def convert() -> Iterator[Callable[[type, Callable[[Any], Any]], None]]:
    registered: list[type] = []

    def convert(cls: type, converter: Callable[[Any], Any]) -> None:
        util.SerializerBase.register_class_to_dict(cls, converter)
        registered.append(cls)

    yield convert
    for cls in registered:
        util.SerializerBase.unregister_class_to_dict(cls)


class Thing:
    pass


def test_an_annotations_hook_that_fails_ends_the_call(uri: str) -> None:
    class Annotating(ferropyro.Proxy):
        def _pyroAnnotations(self) -> dict[str, bytes]:
            raise PermissionError("no token")

    class Reading(ferropyro.Proxy):
        def _pyroResponseAnnotations(self, annotations: dict[str, bytes], msgtype: int) -> None:
            raise PermissionError("bad signature")

    with Annotating(uri) as proxy, pytest.raises(PermissionError, match="no token"):
        proxy.echo(1)
    ferropyro.config.COMMTIMEOUT = 20
    with Reading(uri) as proxy, pytest.raises(PermissionError, match="bad signature"):
        ferropyro.current_context.correlation_id = None
        proxy.echo(1)


def test_a_hook_can_look_at_its_proxy_and_not_make_calls_with_it(uri: str, convert: Any) -> None:
    seen = []

    class Looking(ferropyro.Proxy):
        def _pyroAnnotations(self) -> dict[str, bytes]:
            seen.append((repr(self), self._pyroConnection is not None))
            return {}

    with Looking(uri) as proxy:
        assert proxy.echo(1) == 1
        assert all("connected" in text and is_connected for text, is_connected in seen)
        convert(Thing, lambda thing: {"value": proxy.echo(2)})
        with pytest.raises(RuntimeError, match="use a copy of the proxy"):
            proxy.echo(Thing())
        convert(Thing, lambda thing: {"value": proxy.__copy__().echo(2)})
        assert proxy.echo(Thing())["value"] == 2
        convert(Thing, lambda thing: proxy._pyroRelease() or {"value": 3})
        assert proxy.echo(Thing())["value"] == 3


@pytest.mark.parametrize("serializer", ["serpent", "json", "marshal"])
def test_what_replaces_itself_without_end_is_an_error(uri: str, convert: Any, serializer: str) -> None:
    convert(Thing, lambda thing: Thing())
    with ferropyro.Proxy(uri) as proxy:
        proxy._pyroSerializer = serializer
        with pytest.raises(ferropyro.errors.SerializeError, match="has no end"):
            proxy.echo(Thing())


def test_a_dict_may_change_while_it_is_written(uri: str, convert: Any) -> None:
    data: dict[str, Any] = {"a": Thing(), "b": 2}

    def change(thing: Thing) -> dict[str, int]:
        data[str(len(data))] = 1
        return {"value": 1}

    convert(Thing, change)
    with ferropyro.Proxy(uri) as proxy:
        assert proxy.echo(data) == {"a": {"value": 1}, "b": 2}


def test_the_error_of_one_call_is_not_raised_by_the_next(uri: str) -> None:
    with ferropyro.Proxy(uri) as proxy:
        with pytest.raises(TypeError, match="don't know how to serialize"):
            next(proxy.yield_function())
        with pytest.raises(ferropyro.errors.CommunicationError, match="cannot connect"):
            proxy.call_nobody()


def test_what_cannot_be_registered_cannot_be_called_either() -> None:
    @ferropyro.expose
    class Slotted:
        __slots__ = ()

        def echo(self, value: Any) -> Any:
            return value

    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        with pytest.raises(AttributeError):
            daemon.register(Slotted(), "it")
        assert "it" not in daemon.objectsById
        daemon.register(Lab(), "it")


@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
def test_a_method_can_ask_its_daemon_to_go_on(servertype: str) -> None:
    with serving(servertype) as uri, ferropyro.Proxy(uri) as proxy:
        assert proxy.run_events() == 1
        with ferropyro.Proxy(uri) as another:
            assert another.echo(1) == 1


def test_items_are_not_lost_between_threads(uri: str) -> None:
    with ferropyro.Proxy(uri) as proxy:
        items = proxy.numbers(500)
        got: list[int] = []

        def fetch() -> None:
            while True:
                try:
                    got.append(next(items))
                except StopIteration:
                    return
                except RuntimeError as error:
                    assert "another thread" in str(error)

        threads = [threading.Thread(target=fetch) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(got) == list(range(500))


def test_nothing_that_is_built_in_is_exposed_because_a_class_has_it() -> None:
    class Everything(Lab):
        pass

    ferropyro.config.REQUIRE_EXPOSE = False
    with serving(cls=Everything) as uri, ferropyro.Proxy(uri) as proxy:
        assert proxy.echo(1) == 1
        with pytest.raises(AttributeError):
            proxy.getter()


def test_methods_that_are_wrapped_are_exposed_with_their_class(uri: str) -> None:
    with ferropyro.Proxy(uri) as proxy:
        assert proxy.cached(1) == 2
