"""Names: finding the name server, and what it knows."""

from __future__ import annotations

from . import _ferropyro, constants, settings
from ._ferropyro import URI
from .proxy import Proxy

__all__ = ["locateNS", "resolve"]


def locateNS(host: str | None = None, port: int | None = None, broadcast: bool = True, hmac_key: bytes | str | None = None) -> Proxy:
    """Gives a proxy for the name server.

    ``host`` and ``port`` say where it is. Without a host it is looked for: on this machine, by broadcast unless ``broadcast`` is false, and where NS_HOST and NS_PORT
    say. Raises NamingError when there is none.
    """
    key = _key(hmac_key)
    found = _ferropyro.locate_ns(settings.current(), host, port, broadcast, key)
    proxy = Proxy(found)
    proxy._pyroHmacKey = key
    return proxy


def resolve(uri: URI | str, hmac_key: bytes | str | None = None) -> URI:
    """Gives the URI of the object that a PYRONAME or PYROMETA URI stands for, by asking the name server."""
    return _ferropyro.resolve(uri if isinstance(uri, URI) else URI(uri), settings.current(), _key(hmac_key))


def _key(key: bytes | str | None) -> bytes | None:
    return key.encode("utf-8") if isinstance(key, str) else key


NAMESERVER_NAME = constants.NAMESERVER_NAME
