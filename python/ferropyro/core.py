"""The names that Pyro4 has in its module ``core``."""

from ._ferropyro import URI, SerializedBlob
from .context import CallContext, current_context
from .daemon import Daemon, DaemonObject
from .exposing import behavior, callback, expose, oneway
from .locating import locateNS, resolve
from .proxy import Proxy, asyncproxy, batch
from .wire import pyroObjectToAutoProxy

__all__ = [
    "URI",
    "CallContext",
    "Daemon",
    "DaemonObject",
    "Proxy",
    "SerializedBlob",
    "asyncproxy",
    "batch",
    "behavior",
    "callback",
    "current_context",
    "expose",
    "locateNS",
    "oneway",
    "pyroObjectToAutoProxy",
    "resolve",
]

# Where Pyro4 has them, which shows when they are printed.
for _class in (Daemon, DaemonObject, Proxy):
    _class.__module__ = __name__
