"""Futures: calls that run in the background, and their results."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from . import logs

__all__ = ["Future", "FutureResult", "_ExceptionWrapper"]

_Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class _ExceptionWrapper:
    """An exception in the place of a result: reading the result raises it. The results of a batch can be such."""

    def __init__(self, exception: BaseException) -> None:
        self.exception = exception

    def raiseIt(self) -> Any:
        """Raises the exception."""
        raise self.exception

    def __serialized_dict__(self) -> dict[str, Any]:
        """Gives the wrapper as a dict, as it goes over the wire."""
        from ._classes import object_to_wire

        data: dict[str, Any] = object_to_wire(self, "json")
        return data


class FutureResult:
    """The result of a call in the background, such as one on an asynchronous proxy."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_ready = False
        self._value: Any = None
        self._chain: list[_Call] = []
        self._exceptionhandler: Callable[[BaseException], Any] | None = None
        self._is_handled = False

    @property
    def ready(self) -> bool:
        """Whether the result is there."""
        return self._is_ready

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the result is there, so many seconds at most. Gives whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_ready, timeout)

    def get_value(self) -> Any:
        """Waits for the result and gives it, or raises the exception that came in its place."""
        self.wait()
        if isinstance(self._value, _ExceptionWrapper):
            self._value.raiseIt()
        return self._value

    def set_value(self, value: Any) -> None:
        """Sets the result, runs the calls that were attached with `then`, and wakes up who waits.

        An ``_ExceptionWrapper`` stands for a failure.
        """
        with self._changed:
            self._is_ready = False
            self._is_handled = False
        self._settle(value)

    value = property(get_value, set_value, doc="The result. Reading it waits for it, and raises the exception of a failed call.")

    def set_cancelled(self) -> None:
        """Makes the result that of a call that was cancelled: reading it raises RuntimeError."""
        self.set_value(_ExceptionWrapper(RuntimeError("future has been cancelled")))

    def then(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> FutureResult:
        """Attaches a call that gets the result as its first argument, and whose own result becomes the result.

        If the result is there already the call is made at once. It is not made after a failure. Gives this object.
        """
        with self._changed:
            self._chain.append((call, args, kwargs))
            if not self._is_ready:
                return self
            self._is_ready = False
            value = self._value
        self._settle(value)
        return self

    def iferror(self, exceptionhandler: Callable[[BaseException], Any]) -> FutureResult:
        """Sets what is called with the exception when the call or an attached one fails, at once if it has failed.

        Gives this object.
        """
        with self._changed:
            self._exceptionhandler = exceptionhandler
            failed = self._value if self._is_ready and isinstance(self._value, _ExceptionWrapper) else None
        if failed is not None:
            self._handle(failed)
        return self

    def _settle(self, value: Any) -> None:
        """Makes the attached calls, also those that are attached meanwhile, without holding the lock."""
        while True:
            if isinstance(value, _ExceptionWrapper):
                self._handle(value)
            with self._changed:
                if isinstance(value, _ExceptionWrapper):
                    self._chain.clear()
                if not self._chain:
                    self._value = value
                    self._is_ready = True
                    self._changed.notify_all()
                    break
                call, args, kwargs = self._chain.pop(0)
            try:
                value = call(value, *args, **kwargs)
            except Exception as error:
                value = _ExceptionWrapper(error)
        if isinstance(value, _ExceptionWrapper):
            self._handle(value)  # the handler may have been set a moment ago

    def _handle(self, failure: _ExceptionWrapper) -> None:
        """Calls the handler, once for a failure."""
        with self._changed:
            handler = self._exceptionhandler
            if handler is None or self._is_handled:
                return
            self._is_handled = True
        _call_handler(handler, failure.exception)


class Future:
    """A callable that can be called in the background, once.

    Calling the object starts the call and gives its `FutureResult` at once. The attribute ``callable`` is what will be called.
    """

    def __init__(self, somecallable: Callable[..., Any]) -> None:
        self.callable = somecallable
        self.chain: list[_Call] = []
        self.exceptionhandler: Callable[[BaseException], Any] | None = None
        self.cancelled = False
        self.completed = False
        self._lock = threading.Condition()
        self._delay = 0.0
        self._is_started = False

    def __call__(self, *args: Any, **kwargs: Any) -> FutureResult:
        """Starts the call. Raises RuntimeError if it was started before, or cancelled."""
        with self._lock:
            if self.completed or self._is_started:
                raise RuntimeError("the future has already been evaluated")
            if self.cancelled:
                raise RuntimeError("the future has been cancelled")
            self._is_started = True
        result = FutureResult()
        threading.Thread(target=self._run, args=(result, args, kwargs), daemon=True).start()
        return result

    def delay(self, seconds: float) -> bool:
        """Postpones the call by so many seconds. Gives False if it was made already."""
        with self._lock:
            if self.completed:
                return False
            self._delay = seconds
            self._lock.notify_all()
            return True

    def cancel(self) -> bool:
        """Cancels the call. Gives False if it was made already."""
        with self._lock:
            if self.completed:
                return False
            self.cancelled = True
            self._lock.notify_all()
            return True

    def then(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Future:
        """Adds a call that gets the result of the one before as its first argument. Gives this object.

        Raises RuntimeError if the call has been started; use the method of the result then.
        """
        with self._lock:
            if self._is_started:
                raise RuntimeError("the future has already been evaluated")
            self.chain.append((call, args, kwargs))
        return self

    def iferror(self, exceptionhandler: Callable[[BaseException], Any]) -> Future:
        """Sets what is called with the exception when one of the calls fails. Gives this object."""
        self.exceptionhandler = exceptionhandler
        return self

    def _run(self, result: FutureResult, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._wait_for_start():
            result.set_cancelled()
            return
        try:
            value = self.callable(*args, **kwargs)
            for call, more, keywords in self.chain:
                value = call(value, *more, **keywords)
        except Exception as error:
            if self.exceptionhandler is not None:
                _call_handler(self.exceptionhandler, error)
            value = _ExceptionWrapper(error)
        result.set_value(value)

    def _wait_for_start(self) -> bool:
        """Waits for the delay, which may be changed meanwhile. Gives whether the call is to be made."""
        with self._lock:
            while self._delay > 0 and not self.cancelled:
                seconds, self._delay = self._delay, 0.0
                self._lock.wait(seconds)
            self.completed = True
            return not self.cancelled


def _call_handler(handler: Callable[[BaseException], Any], error: BaseException) -> None:
    """A handler that fails itself must not keep the result from who waits for it."""
    try:
        handler(error)
    except Exception:
        logs.logger("futures").exception("the handler of a failed future has failed")
