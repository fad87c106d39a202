"""The configuration as the Rust module takes it."""

from __future__ import annotations

from . import _ferropyro, logs
from .configuration import config, wire_settings

__all__ = ["current", "tries_pyro4_first"]

_last: tuple[dict[str, str], _ferropyro.Config] | None = None


def current() -> _ferropyro.Config:
    """Gives the configuration as it is now. As long as nothing changes that is the same object."""
    global _last
    logs.in_use()
    items = wire_settings(config)
    last = _last
    if last is not None and last[0] == items:
        return last[1]
    made = _ferropyro.Config(items)
    _last = (items, made)
    return made


def tries_pyro4_first() -> bool:
    """Whether a server that may speak both protocols is addressed in that of Pyro4: what it answers is what Pyro4 programs expect."""
    return config._generation == "Pyro4"
