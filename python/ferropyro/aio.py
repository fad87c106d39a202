"""Proxies for programs with asyncio: ``AsyncProxy``.

::

    async with AsyncProxy("PYRO:lab@localhost:4444") as lab:
        print(await lab.add(1, 2))
        print(await lab.level)
        async for number in lab.numbers(5):
            print(number)

Each proxy has one connection and one thread, in which its calls are made one after the other; the event loop never waits for them.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from types import TracebackType
from typing import Any

from . import naming
from ._ferropyro import URI
from .context import current_context, take_for_next_call
from .proxy import Proxy

__all__ = ["AsyncProxy", "AsyncItems", "locateNS", "resolve"]


class AsyncProxy:
    """Stands for an object in another program, for a program with asyncio.

    ``await proxy.method(...)`` calls a method, ``await proxy.attribute`` reads an attribute, ``await proxy._pyroSet(name, value)`` sets one. Iterators are used with ``async for``, over the
    call or over what it gave. ``uri`` is a :class:`URI`, its text, or a :class:`Proxy`, of which it takes a copy. The other names that begin with ``_pyro``, such as
    ``_pyroTimeout``, are those of :class:`Proxy`, and can be set.

    A call that is cancelled while it waits for its turn is not made. One that is cancelled while it runs goes on without anybody, and its connection ends with it; the
    next call makes a new one.
    """

    def __init__(self, uri: URI | str | Proxy) -> None:
        proxy = uri.__copy__() if isinstance(uri, Proxy) else Proxy(uri)
        self.__dict__["_connection"] = _Connection(proxy)

    async def _run(self, act: Callable[[Proxy], Any], connection: _Connection | None = None) -> Any:
        """Does something with the proxy, in its thread."""
        used = connection or self._current()
        id, annotations = take_for_next_call()

        def call() -> tuple[Any, dict[str, Any]]:
            current_context.correlation_id = id
            current_context.annotations = annotations
            return act(used.proxy), current_context.response_annotations

        done = used.submit(call)
        try:
            result, answered = await asyncio.wrap_future(done)
        except asyncio.CancelledError:
            # What waits for its turn can be taken back, what runs cannot.
            if not done.cancel():
                self._abandon(used)
            raise
        if answered:
            current_context.response_annotations = answered
        return result

    def _current(self) -> _Connection:
        connection: _Connection = self.__dict__["_connection"]
        if connection.is_ended:
            connection = self.__dict__["_connection"] = _Connection(connection.proxy.__copy__())
        return connection

    def _abandon(self, connection: _Connection) -> None:
        connection.end()

    # Members of the remote object.

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if name.startswith("_pyro"):
            return getattr(self.__dict__["_connection"].proxy, name)
        return _Member(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("_pyro"):
            raise AttributeError(f"an attribute of the remote object is set by: await proxy._pyroSet({name!r}, value)")
        setattr(self._current().proxy, name, value)

    async def _pyroSet(self, name: str, value: Any) -> None:
        """Sets an attribute of the remote object."""
        await self._run(lambda proxy: setattr(proxy, name, value))

    # The connection.

    async def _pyroBind(self) -> bool:
        """Connects now, and finds out for good where the object is."""
        return bool(await self._run(lambda proxy: proxy._pyroBind()))

    async def _pyroReconnect(self, tries: int = 100000000) -> None:
        """Closes the connection, and tries so many times to make a new one."""
        await self._run(lambda proxy: proxy._pyroReconnect(tries))

    async def _pyroRelease(self) -> None:
        """Closes the connection, after the calls that were made before. The next call connects again."""
        self.__dict__["_connection"].end()

    async def __aenter__(self) -> AsyncProxy:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._pyroRelease()

    def __del__(self) -> None:
        connection = self.__dict__.get("_connection")
        if connection is not None:
            connection.end()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncProxy) and other._pyroUri == self._pyroUri

    def __hash__(self) -> int:
        return hash(self._pyroUri)

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__} for {self._pyroUri}>"


class _Connection:
    """A proxy, and the thread in which it is used. The thread starts with the first call; it does not keep the program alive."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.is_ended = False
        self._calls: queue.SimpleQueue[tuple[concurrent.futures.Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._has_thread = False

    def submit(self, call: Callable[[], Any]) -> concurrent.futures.Future[Any]:
        """Makes a call when those before it are done."""
        if not self._has_thread:
            self._has_thread = True
            threading.Thread(target=_serve, args=(self._calls, self.proxy), name="ferropyro-aio", daemon=True).start()
        done: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._calls.put((done, call))
        return done

    def end(self) -> None:
        """Ends the thread and closes the connection, when the calls so far are done."""
        self.is_ended = True
        if self._has_thread:
            self._calls.put(None)


def _serve(calls: queue.SimpleQueue[Any], proxy: Proxy) -> None:
    while (item := calls.get()) is not None:
        done, call = item
        if not done.set_running_or_notify_cancel():
            continue
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)
        # Nothing of the call is kept until the next one comes.
        del item, done, call
    proxy._pyroRelease()


class _Member:
    """A method of the remote object, or an attribute."""

    __slots__ = ("_proxy", "_name")

    def __init__(self, proxy: AsyncProxy, name: str) -> None:
        self._proxy = proxy
        self._name = name

    def __getattr__(self, name: str) -> _Member:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return _Member(self._proxy, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> _Call:
        return _Call(self._proxy, self._name, args, kwargs)

    def __await__(self) -> Generator[Any, None, Any]:
        """Reads the attribute."""
        name = self._name
        return self._proxy._run(lambda proxy: getattr(proxy, name)).__await__()


class _Call(Coroutine[Any, Any, Any]):
    """A call: it is made when it is awaited, or when its items are asked for."""

    def __init__(self, proxy: AsyncProxy, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._start: Callable[[], Coroutine[Any, Any, Any]] = lambda: _call(proxy, name, args, kwargs)
        self._running: Coroutine[Any, Any, Any] | None = None

    def _coroutine(self) -> Coroutine[Any, Any, Any]:
        if self._running is None:
            self._running = self._start()
        return self._running

    def __await__(self) -> Generator[Any, None, Any]:
        return self._coroutine().__await__()

    def send(self, value: Any) -> Any:
        return self._coroutine().send(value)

    def throw(self, kind: Any, value: Any = None, traceback: TracebackType | None = None) -> Any:
        return self._coroutine().throw(kind if value is None else value)

    def close(self) -> None:
        if self._running is not None:
            self._running.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        items = await self
        if not isinstance(items, AsyncItems):
            raise TypeError(f"the method has given no iterator, but an object of the type {type(items).__name__}")
        try:
            async for item in items:
                yield item
        finally:
            await items.aclose()


async def _call(proxy: AsyncProxy, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    connection = proxy._current()

    def call(remote: Proxy) -> Any:
        method: Any = remote
        for part in name.split("."):
            method = getattr(method, part)
        return method(*args, **kwargs)

    result = await proxy._run(call, connection)
    return AsyncItems(proxy, connection, result) if hasattr(result, "__next__") else result


_END = object()


class AsyncItems:
    """What a remote iterator gives, item by item, for ``async for``. It ends with the connection of its proxy."""

    def __init__(self, proxy: AsyncProxy, connection: _Connection, items: Any) -> None:
        self._proxy = proxy
        self._connection = connection
        self._items = items

    def __aiter__(self) -> AsyncItems:
        return self

    async def __anext__(self) -> Any:
        item = _END if self._connection.is_ended else await self._proxy._run(lambda _: next(self._items, _END), self._connection)
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """Ends the iterator at the other side too."""
        if not self._connection.is_ended:
            await self._proxy._run(lambda _: self._items.close(), self._connection)


async def locateNS(host: str | None = None, port: int | None = None, broadcast: bool = True, hmac_key: bytes | str | None = None) -> AsyncProxy:
    """Gives a proxy for the name server, as :func:`ferropyro.locateNS` does."""
    return AsyncProxy(await asyncio.to_thread(naming.locateNS, host, port, broadcast, hmac_key))


async def resolve(uri: URI | str, hmac_key: bytes | str | None = None) -> URI:
    """Gives the URI of the object that a PYRONAME or PYROMETA URI stands for."""
    return await asyncio.to_thread(naming.resolve, uri, hmac_key)
