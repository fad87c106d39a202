"""The configuration as the Rust module takes it."""

from __future__ import annotations

from . import _ferropyro, logs
from .configuration import Configuration, Pyro5Configuration, config, wire_settings

__all__ = ["chosen", "current", "tries_pyro4_first"]

_last: tuple[dict[str, str], _ferropyro.Config] | None = None


def chosen(own: Configuration | Pyro5Configuration | None) -> Configuration:
    """Gives the configuration that the program wants for an object: one of its own, or that of the program."""
    if own is None:
        return config
    target = own._target if isinstance(own, Pyro5Configuration) else own
    if not isinstance(target, Configuration):
        raise TypeError("config is a configuration of ferropyro, such as ferropyro.config.copy() gives")
    return target


def current(configuration: Configuration = config) -> _ferropyro.Config:
    """Gives a configuration as it is now. As long as nothing changes in that of the program this is the same object."""
    global _last
    logs.in_use()
    items = wire_settings(configuration)
    last = _last
    if last is not None and last[0] == items:
        return last[1]
    made = _ferropyro.Config(items)
    if configuration is config:
        _last = (items, made)
    return made


def tries_pyro4_first(configuration: Configuration = config) -> bool:
    """Whether a server that may speak both protocols is addressed in that of Pyro4: what it answers is what Pyro4 programs expect."""
    return configuration._generation == "Pyro4"
