"""Finding the name server, and asking it what a name stands for.

Apart from `naming`, which is a program as well: what the package itself imports cannot be one without a warning.
"""

from __future__ import annotations

from . import _ferropyro, settings
from ._ferropyro import URI
from .configuration import Configuration, Pyro5Configuration
from .proxy import Proxy

__all__ = ["locateNS", "resolve"]


def locateNS(
    host: str | None = None,
    port: int | None = None,
    broadcast: bool = True,
    hmac_key: bytes | str | None = None,
    *,
    config: Configuration | Pyro5Configuration | None = None,
) -> Proxy:
    """Gives a proxy for the name server.

    ``host`` and ``port`` say where it is. Without a host it is looked for: on this machine, by broadcast unless ``broadcast`` is false, and where NS_HOST and NS_PORT
    say. ``config`` is a configuration of its own for this and for the proxy. Raises NamingError when there is none.
    """
    key = key_bytes(hmac_key)
    own = settings.chosen(config)
    found = _ferropyro.locate_ns(settings.current(own), host, port, broadcast, key, pyro4_first=settings.tries_pyro4_first(own))
    proxy = Proxy(found, config=own)
    proxy._pyroHmacKey = key
    # Whoever answers a broadcast is believed: but what a name server has to say is data.
    proxy._pyroPickleSafe = True
    return proxy


def resolve(uri: URI | str, hmac_key: bytes | str | None = None) -> URI:
    """Gives the URI of the object that a PYRONAME or PYROMETA URI stands for, by asking the name server."""
    return _ferropyro.resolve(uri if isinstance(uri, URI) else URI(uri), settings.current(), key_bytes(hmac_key), pyro4_first=settings.tries_pyro4_first())


def key_bytes(key: bytes | str | None) -> bytes | None:
    """Gives an HMAC key as bytes."""
    return key.encode("utf-8") if isinstance(key, str) else key
