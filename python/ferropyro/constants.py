"""Fixed names and numbers."""

from __future__ import annotations

__all__ = [
    "VERSION",
    "DAEMON_NAME",
    "NAMESERVER_NAME",
    "FLAME_NAME",
    "PROTOCOL_VERSION",
    "PROTOCOL_VERSION_PYRO5",
    "WIRE_PROTOCOL_VERSION",
    "PYRO4_VERSION",
    "PYRO5_VERSION",
]

VERSION = "0.1.0"
"""The version of this package."""

PYRO4_VERSION = "4.82"
"""The version of Pyro4 whose names and behaviour this package has."""

PYRO5_VERSION = "5.17"
"""The version of Pyro5 whose names and behaviour this package has."""

DAEMON_NAME = "Pyro.Daemon"
"""The object name of every daemon itself."""

NAMESERVER_NAME = "Pyro.NameServer"
"""The object name of a name server."""

FLAME_NAME = "Pyro.Flame"
"""The object name of a Flame server."""

PROTOCOL_VERSION = 48
"""The wire protocol of Pyro4."""

WIRE_PROTOCOL_VERSION = PROTOCOL_VERSION

PROTOCOL_VERSION_PYRO5 = 502
"""The wire protocol of Pyro5."""
