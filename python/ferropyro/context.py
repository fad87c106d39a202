"""The call context: ``current_context``."""

from __future__ import annotations

import threading
import weakref
from typing import Any

from . import _ferropyro
from .errors import PyroError

__all__ = ["CallContext", "current_context", "tracked_resources", "close_resources"]

_resources: dict[int, weakref.WeakSet[Any]] = {}
_lock = threading.Lock()


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

    def _client(self, what: str) -> int:
        client = self.client
        if client is None:
            raise PyroError(f"cannot {what} resource on a connectionless call")
        return client.number

    def to_global(self) -> dict[str, Any]:
        """Gives what other threads need to go on with this context."""
        names = ("annotations", "response_annotations", "correlation_id")
        return {name: getattr(self, name) for name in names}

    def from_global(self, values: dict[str, Any]) -> None:
        """Takes over what another thread has given."""
        for name in ("annotations", "response_annotations", "correlation_id"):
            setattr(self, name, values[name])


def tracked_resources(connection: int) -> list[Any]:
    """Gives the resources that are tracked for the connection of this number."""
    with _lock:
        return list(_resources.get(connection, ()))


def close_resources(connection: int) -> None:
    """Closes what was tracked for a connection that has ended."""
    with _lock:
        resources = _resources.pop(connection, None)
    for resource in list(resources or ()):
        resource.close()


current_context = CallContext()
"""The context of the thread that looks at it."""
