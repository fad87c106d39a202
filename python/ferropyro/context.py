"""The call context: ``current_context``."""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from . import _ferropyro
from .errors import PyroError

__all__ = ["CallContext", "ClientConnection", "current_context"]

_resources: dict[int, weakref.WeakSet[Any]] = {}
_lock = threading.Lock()


class ClientConnection:
    """The connection of a client with a daemon, as long as it lasts."""

    def __init__(self, connection: _ferropyro.Connection) -> None:
        self._number = connection.number
        self._peer = connection.peer

    @property
    def sock(self) -> ClientConnection:
        """What can be asked for the client's address."""
        return self

    def getpeername(self) -> Any:
        """Gives the client's address: host and port, or an empty text for a Unix domain socket."""
        return self._peer

    @property
    def tracked_resources(self) -> list[Any]:
        """What is closed when the connection ends."""
        with _lock:
            return list(_resources.get(self._number, ()))

    def close_resources(self) -> None:
        """Closes what was tracked: the connection has ended."""
        with _lock:
            resources = _resources.pop(self._number, None)
        for resource in list(resources or ()):
            resource.close()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientConnection) and other._number == self._number

    def __hash__(self) -> int:
        return self._number


class _Carried:
    """The context of a call that is served by a coroutine, in another thread than the one that has the call."""

    def __init__(self, context: _ferropyro.CallContext) -> None:
        self.connection = context.connection
        self.client_sock_addr = context.client_sock_addr
        self.seq = context.seq
        self.msg_flags = context.msg_flags
        self.serializer_id = context.serializer_id
        self.annotations = context.annotations
        self.correlation_id = context.correlation_id
        self.response_annotations: dict[str, Any] = {}
        # Whether there are annotations that the program itself has set, for its next call.
        self.has_set = False


_carried: contextvars.ContextVar[_Carried | None] = contextvars.ContextVar("ferropyro_call", default=None)


def _carried_along(name: str, doc: str, *, is_set: bool = False) -> Any:
    """A property that is the coroutine's, if the code that asks is part of one."""
    own: Any = getattr(_ferropyro.CallContext, name)

    def get(context: CallContext) -> Any:
        carried = _carried.get()
        return own.__get__(context) if carried is None else getattr(carried, name)

    def set_(context: CallContext, value: Any) -> None:
        carried = _carried.get()
        if carried is None:
            own.__set__(context, value)
            return
        setattr(carried, name, value)
        if name == "annotations":
            carried.has_set = True

    return property(get, set_ if is_set else None, doc=doc)


class CallContext(_ferropyro.CallContext):
    """What is known of the call that this thread serves, and what goes along with the calls that it makes itself.

    ``client``, ``client_sock_addr``, ``seq``, ``msg_flags``, ``serializer_id``, ``annotations`` of the call; ``response_annotations`` for its answer;
    ``correlation_id``. Outside of a remote call ``annotations`` go along with the next call, and ``response_annotations`` came with the last answer.
    """

    connection = _carried_along("connection", "The client's connection, as the Rust module has it; None outside of a remote call.")
    client_sock_addr = _carried_along("client_sock_addr", "The client's address.")
    seq = _carried_along("seq", "The number of the request.")
    msg_flags = _carried_along("msg_flags", "The flags of the request.")
    serializer_id = _carried_along("serializer_id", "The number of the request's serializer.")
    annotations = _carried_along("annotations", "Those of the request; outside of a remote call those for the next call.", is_set=True)
    response_annotations = _carried_along("response_annotations", "Those for the answer; outside of a remote call those of the last one.", is_set=True)
    correlation_id = _carried_along("correlation_id", "The id that goes along a chain of calls.", is_set=True)

    def track_resource(self, resource: Any) -> None:
        """Closes the resource when the client's connection ends, if it is still there by then."""
        number = self._client("track")
        with _lock:
            _resources.setdefault(number, weakref.WeakSet()).add(resource)

    def untrack_resource(self, resource: Any) -> None:
        """Leaves the resource alone when the connection ends."""
        number = self._client("untrack")
        with _lock:
            _resources.get(number, weakref.WeakSet()).discard(resource)

    @property
    def client(self) -> ClientConnection | None:
        """The client's connection; None outside of a remote call."""
        connection = self.connection
        return None if connection is None else ClientConnection(connection)

    def _client(self, what: str) -> int:
        connection = self.connection
        if connection is None:
            raise PyroError(f"cannot {what} resource on a connectionless call")
        number: int = connection.number
        return number

    def to_global(self) -> dict[str, Any]:
        """Gives what other threads need to go on with this context."""
        names = ("annotations", "response_annotations", "correlation_id")
        return {name: getattr(self, name) for name in names}

    def from_global(self, values: dict[str, Any]) -> None:
        """Takes over what another thread has given."""
        for name in ("annotations", "response_annotations", "correlation_id"):
            setattr(self, name, values[name])


current_context = CallContext()
"""The context of the thread that looks at it."""


@contextmanager
def as_context_of_coroutines() -> Iterator[None]:
    """Lets coroutines that are started meanwhile have the context of the call that this thread serves."""
    carried = _Carried(current_context)
    before = _carried.set(carried)
    try:
        yield
    finally:
        _carried.reset(before)
    if carried.response_annotations:
        current_context.response_annotations = carried.response_annotations


def take_for_next_call() -> tuple[Any, dict[str, Any]]:
    """Gives the correlation id and the annotations that the next call of this code has, for another thread that makes it."""
    carried = _carried.get()
    if carried is not None:
        annotations = carried.annotations if carried.has_set else {}
        carried.has_set = False
        return carried.correlation_id, annotations
    annotations = {} if current_context.connection is not None else current_context.annotations
    if annotations:
        current_context.annotations = {}
    return current_context.correlation_id, annotations
