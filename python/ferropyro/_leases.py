"""Objects that are registered for one client, and live as long as its connection."""

from __future__ import annotations

import threading

__all__ = ["Leases"]


class Leases:
    """The ids of the objects that a daemon has leased, by the numbers of the connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: dict[int, set[str]] = {}
        self._lessees: dict[str, int] = {}

    def add(self, connection: int, objectId: str, most: int) -> None:
        """Notes a lease. Raises RuntimeError when the connection has ``most`` already; 0 is no limit."""
        with self._lock:
            ids = self._ids.setdefault(connection, set())
            if most and len(ids) >= most:
                raise RuntimeError(f"this connection has {most} leased objects, and may not have more (setting MAX_LEASES)")
            ids.add(objectId)
            self._lessees[objectId] = connection

    def forget(self, objectId: str) -> None:
        """The object was unregistered before its lease has ended."""
        with self._lock:
            connection = self._lessees.pop(objectId, None)
            ids = None if connection is None else self._ids.get(connection)
            if ids is not None and connection is not None:
                ids.discard(objectId)
                if not ids:
                    del self._ids[connection]

    def of(self, connection: int) -> list[str]:
        """Gives the ids of what a connection has."""
        with self._lock:
            return list(self._ids.get(connection, ()))
