"""``async def`` methods of objects: they run in one event loop of the daemon, in a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any

from .context import as_context_of_coroutines
from .errors import PyroError

__all__ = ["Coroutines", "are_among"]


def are_among(cls: type, methods: Iterable[str]) -> bool:
    """Whether some of these methods of a class are coroutines, or give their items asynchronously."""
    for name in methods:
        member = inspect.getattr_static(cls, name)
        function = getattr(member, "__func__", member)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            return True
    return False


class Coroutines:
    """The event loop in which the coroutines of a daemon run. It starts with the first one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def running(self, obj: Any) -> Any:
        """Gives what stands for an object: its coroutines are plain methods, which wait for the result."""
        return _Running(obj, self)

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Runs a coroutine, and waits for what it gives."""
        try:
            return asyncio.run_coroutine_threadsafe(_wait(awaitable), self._start()).result()
        except concurrent.futures.CancelledError:
            raise PyroError("the method was cancelled") from None

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._is_closed:
                raise PyroError("the daemon is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._serve, args=(self._loop,), name="ferropyro-coroutines", daemon=True)
                self._thread.start()
            return self._loop

    @staticmethod
    def _serve(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()

    def close(self) -> None:
        """Cancels what runs, and ends the thread."""
        with self._lock:
            self._is_closed = True
            loop, self._loop = self._loop, None
        if loop is None or self._thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def items(self, source: Any) -> Iterator[Any]:
        """Gives the items of an asynchronous iterator one after the other."""
        try:
            while True:
                try:
                    item = self.run(source.__anext__())
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self._end(source)

    def _end(self, source: Any) -> None:
        """Closes an asynchronous iterator whose items are not wanted any more; it may be the loop's own thread that finds that out."""
        loop = self._loop
        if loop is not None and hasattr(source, "aclose"):
            asyncio.run_coroutine_threadsafe(_wait(source.aclose()), loop)


async def _wait(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


class _Running:
    """Stands for an object with coroutines towards the Rust module."""

    __slots__ = ("_obj", "_coroutines")

    def __init__(self, obj: Any, coroutines: Coroutines) -> None:
        object.__setattr__(self, "_obj", obj)
        object.__setattr__(self, "_coroutines", coroutines)

    def __getattribute__(self, name: str) -> Any:
        obj = object.__getattribute__(self, "_obj")
        value = getattr(obj, name)
        if not inspect.iscoroutinefunction(value) and not inspect.isasyncgenfunction(value):
            return value
        return _waiting(value, object.__getattribute__(self, "_coroutines"))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_obj"), name, value)


def _waiting(method: Callable[..., Any], coroutines: Coroutines) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with as_context_of_coroutines():
            result = method(*args, **kwargs)
            return coroutines.items(result) if hasattr(result, "__anext__") else coroutines.run(result)

    return call
