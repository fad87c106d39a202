"""The call context: ``current_context``."""

from __future__ import annotations

import threading
import weakref
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


class CallContext(_ferropyro.CallContext):
    """What is known of the call that this thread serves, and what goes along with the calls that it makes itself.

    ``client``, ``client_sock_addr``, ``seq``, ``msg_flags``, ``serializer_id``, ``annotations`` of the call; ``response_annotations`` for its answer;
    ``correlation_id``. Outside of a remote call ``annotations`` go along with the next call, and ``response_annotations`` came with the last answer.
    """

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
        return connection.number

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
