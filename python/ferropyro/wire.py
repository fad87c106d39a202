"""What the Rust module asks of Python while it writes and reads messages."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from . import _classes, _pickles, errors, logs
from ._classes import SERIALIZER_CLASSES, object_to_wire, register_own_class, register_replacement
from ._ferropyro import URI
from .configuration import config

if TYPE_CHECKING:
    from .proxy import Proxy

__all__ = ["object_to_wire", "wire_to_object", "exception_to_wire", "exception_to_pickle", "keep_traceback", "log_callback", "replace_by_proxy", "pyroObjectToAutoProxy", "classes_unread", "Unread"]


_reading = threading.local()


class Unread(Exception):
    """An exception that was raised at the other side, as the dict that it was sent as: ``data``."""

    def __init__(self, data: dict[str, Any]) -> None:
        super().__init__(data)
        self.data = data


@contextmanager
def classes_unread() -> Iterator[None]:
    """Leaves objects of classes that come to this thread as they were sent, for programs that only pass them on: dicts, and exceptions as :class:`Unread`."""
    _reading.is_off = True
    try:
        yield
    finally:
        _reading.is_off = False


def wire_to_object(data: dict[str, Any], serializer: str) -> Any:
    """Gives the object that a dict with the key ``__class__`` stands for."""
    if getattr(_reading, "is_off", False):
        return Unread(data) if data.get("__exception__") else data
    return _classes.wire_to_object(data, serializer)


def exception_to_wire(error: BaseException) -> Any:
    """Gives what a caller gets of an exception that a method has raised, with the traceback."""
    keep_traceback(error)
    return object_to_wire(error, "serpent")


def exception_to_pickle(error: BaseException, serializer: str) -> bytes:
    """Writes what a caller gets of an exception that a method has raised, with pickle or its kin: the exception itself, or one that says why that cannot be written."""
    keep_traceback(error, config.SEND_TRACEBACK)
    try:
        return _pickles.dumps(error, serializer)
    except Exception as failure:
        replacement = errors.PyroError(f"Error serializing exception: {failure}. Original exception: {type(error)}: {error}")
        replacement._pyroTraceback = error._pyroTraceback  # type: ignore[attr-defined]
        return _pickles.dumps(replacement, serializer)


def keep_traceback(error: BaseException, is_sent: bool = True) -> None:
    """Notes the lines of an exception's traceback in the exception, for the caller."""
    logs.logger("core").debug("Exception occurred while handling request: %r", error, exc_info=error)
    lines: list[str] = []
    if is_sent and config.DETAILED_TRACEBACK:
        lines = errors.format_traceback(type(error), error, error.__traceback__, True)
    elif is_sent:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
    error._pyroTraceback = lines  # type: ignore[attr-defined]


def log_callback(error: BaseException, where: TracebackType | None) -> None:
    """Logs the exception of a callback, which is to be seen here too."""
    logs.logger("core").warning("Exception in callback method: %r", error, exc_info=(type(error), error, where))


def replace_by_proxy(cls: type) -> None:
    """Sends a proxy in the place of an object of the class, if that is registered with a daemon (AUTOPROXY)."""
    for serializer in SERIALIZER_CLASSES:
        register_replacement(serializer, cls, pyroObjectToAutoProxy)


def pyroObjectToAutoProxy(obj: Any) -> Any:
    """Gives a proxy for an object that is registered with a daemon (unless AUTOPROXY is off), or else the object itself."""
    daemon = getattr(obj, "_pyroDaemon", None)
    return obj if daemon is None or not config.AUTOPROXY else daemon.proxyFor(obj)


def register_proxy(cls: type[Proxy]) -> None:
    """Lets proxies travel. The Rust module writes them itself."""
    names = ["Pyro4.core.Proxy", "Pyro5.client.Proxy", "Pyro5.compatibility.Pyro4.Proxy"]
    register_own_class(cls, lambda proxy: proxy._pyroCore(), names, lambda data: _read_proxy(cls, data))


def _read_proxy(cls: type[Proxy], data: dict[str, Any]) -> Proxy:
    state = list(data["state"])
    if len(state) == 6:
        # Of Pyro5: without timeout, key and number of retries.
        uri, oneway, methods, attributes, handshake, serializer = state
        state = [uri, oneway, methods, attributes, 0.0, None, handshake, 0, serializer]
    elif len(state) < 9:
        raise ValueError(f"the state of a proxy has not {len(state)} items")
    proxy = cls.__new__(cls)
    proxy.__setstate__(tuple(state[:9]))
    # Who has sent it chose its address and its serializer. That is not this program's asking to execute what comes from there.
    proxy._pyroPickleSafe = True
    return proxy


register_own_class(
    URI,
    lambda uri: uri,
    ["Pyro4.core.URI", "Pyro5.core.URI", "Pyro5.compatibility.Pyro4.URI"],
    lambda data: URI._from_state(list(data["state"])),
)
