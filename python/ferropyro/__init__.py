"""Pyro (Python Remote Objects) with a Rust core: the names of Pyro4, for programs of Pyro4 and Pyro5.

Other programs' objects are called through a :class:`Proxy`; a :class:`Daemon` lets others call the objects of this program. Either end may be the real Pyro4 or Pyro5.
"""

from . import constants, errors, logs
from .configuration import config
from .context import current_context
from .core import URI, Daemon, Proxy, asyncproxy, batch, behavior, callback, expose, locateNS, oneway, resolve
from .futures import Future

logs.configure()

__version__ = constants.VERSION

__all__ = [
    "URI",
    "Daemon",
    "Future",
    "Proxy",
    "asyncproxy",
    "batch",
    "behavior",
    "callback",
    "config",
    "constants",
    "current_context",
    "errors",
    "expose",
    "locateNS",
    "oneway",
    "resolve",
]
