"""Names: finding the name server, what it knows, and having one within the program."""

from __future__ import annotations

import argparse
import os
from typing import Any

from . import _ferropyro, settings
from ._ferropyro import URI
from .constants import NAMESERVER_NAME
from .daemon import Daemon
from .proxy import Proxy

__all__ = ["locateNS", "resolve", "startNS", "startNSloop", "type_meta", "NameServerDaemon", "BroadcastServer", "NAMESERVER_NAME"]


def locateNS(host: str | None = None, port: int | None = None, broadcast: bool = True, hmac_key: bytes | str | None = None) -> Proxy:
    """Gives a proxy for the name server.

    ``host`` and ``port`` say where it is. Without a host it is looked for: on this machine, by broadcast unless ``broadcast`` is false, and where NS_HOST and NS_PORT
    say. Raises NamingError when there is none.
    """
    key = _key(hmac_key)
    found = _ferropyro.locate_ns(settings.current(), host, port, broadcast, key, pyro4_first=settings.tries_pyro4_first())
    proxy = Proxy(found)
    proxy._pyroHmacKey = key
    return proxy


def resolve(uri: URI | str, hmac_key: bytes | str | None = None) -> URI:
    """Gives the URI of the object that a PYRONAME or PYROMETA URI stands for, by asking the name server."""
    return _ferropyro.resolve(uri if isinstance(uri, URI) else URI(uri), settings.current(), _key(hmac_key), pyro4_first=settings.tries_pyro4_first())


class NameServerDaemon(Daemon):
    """The daemon that has a name server. More objects can be registered with it."""

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        unixsocket: str | None = None,
        nathost: str | None = None,
        natport: int | None = None,
        storage: str | None = None,
        *,
        enableBroadcast: bool = False,
        bchost: str | None = None,
        bcport: int | None = None,
        hmac: bytes | str | None = None,
    ) -> None:
        self._start()
        self._pyroKey = _key(hmac)
        self._pyroNameServer = _ferropyro.NameServer(
            settings.current(),
            host=host,
            port=port,
            broadcast=enableBroadcast,
            broadcast_host=bchost,
            broadcast_port=bcport,
            unix_socket=unixsocket,
            nat_host=nathost,
            nat_port=natport,
            storage=storage,
            hmac_key=self._pyroKey,
        )
        self._pyroCore = self._pyroNameServer.daemon

    @property
    def objectsById(self) -> dict[str, Any]:
        return {**super().objectsById, NAMESERVER_NAME: self}

    def shutdown(self) -> None:
        self._pyroNameServer.shutdown()

    def close(self) -> None:
        super().close()
        self._pyroNameServer.shutdown()


class BroadcastServer:
    """What answers the broadcasts of those who look for a name server. It does so whenever the name server's daemon runs."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.locationStr = f"{address[0]}:{address[1]}"

    def getPort(self) -> int:
        """Gives the UDP port."""
        return self._address[1]

    def close(self) -> None:
        """Does nothing: it ends with the name server."""

    def runInThread(self) -> None:
        """Does nothing: it runs with the name server."""

    def processRequest(self) -> None:
        """Does nothing: it runs with the name server."""


def startNS(
    host: str | None = None,
    port: int | None = None,
    enableBroadcast: bool = True,
    bchost: str | None = None,
    bcport: int | None = None,
    unixsocket: str | None = None,
    nathost: str | None = None,
    natport: int | None = None,
    storage: str | None = None,
    hmac: bytes | str | None = None,
) -> tuple[URI, NameServerDaemon, BroadcastServer | None]:
    """Makes a name server. Gives its URI, the daemon that has it, and what answers broadcasts, if anything does.

    It serves when the daemon does: in its ``requestLoop``, or that of another one with which it was combined. ``storage`` says where the names are kept: ``memory``,
    ``sql:file``, ``dbm:file``.
    """
    daemon = NameServerDaemon(
        host, port, unixsocket, nathost, natport, storage, enableBroadcast=enableBroadcast, bchost=bchost, bcport=bcport, hmac=hmac
    )
    address = daemon._pyroNameServer.broadcast_address
    return daemon._pyroNameServer.uri, daemon, None if address is None else BroadcastServer(address)


def startNSloop(
    host: str | None = None,
    port: int | None = None,
    enableBroadcast: bool = True,
    bchost: str | None = None,
    bcport: int | None = None,
    unixsocket: str | None = None,
    nathost: str | None = None,
    natport: int | None = None,
    storage: str | None = None,
    hmac: bytes | str | None = None,
) -> None:
    """Makes a name server as :func:`startNS` does, prints where it is, and serves until it is shut down."""
    _uri, daemon, _broadcast = startNS(host, port, enableBroadcast, bchost, bcport, unixsocket, nathost, natport, storage, hmac)
    for line in daemon._pyroNameServer.start_lines():
        print(line)
    try:
        daemon.requestLoop()
    except KeyboardInterrupt:
        pass
    finally:
        daemon.close()
    print("NS shut down.")


def type_meta(class_or_object: Any, prefix: str = "class:") -> set[str]:
    """Gives tags for a class or object: the names of its class and of those that it is derived from."""
    cls = class_or_object if isinstance(class_or_object, type) else type(class_or_object)
    return {f"{prefix}{each.__module__}.{each.__name__}" for each in cls.__mro__ if each is not object}


def main(args: list[str] | None = None) -> None:
    """Runs a name server: ``python -m ferropyro.naming``, with the options of ``pyro4-ns``."""
    parser = argparse.ArgumentParser(prog="python -m ferropyro.naming", description="Runs a name server.")
    parser.add_argument("-n", "--host", help="the host name to listen on")
    parser.add_argument("-p", "--port", type=int, help="the port to listen on (0 is a free one)")
    parser.add_argument("-u", "--unixsocket", help="the path of a Unix domain socket to listen on")
    parser.add_argument("-s", "--storage", default="memory", help="where the names are kept: memory, sql:file, dbm:file")
    parser.add_argument("--bchost", help="the host name for broadcasts")
    parser.add_argument("--bcport", type=int, help="the port for broadcasts")
    parser.add_argument("--nathost", help="the host name that clients use from outside")
    parser.add_argument("--natport", type=int, help="the port that clients use from outside")
    parser.add_argument("-x", "--nobc", action="store_true", help="no broadcasts")
    parser.add_argument("-k", "--key", help="the HMAC key; better is the environment variable PYRO_HMAC_KEY")
    options = parser.parse_args(args)
    key = options.key or os.environ.get("PYRO_HMAC_KEY")
    startNSloop(
        options.host,
        options.port,
        not options.nobc,
        options.bchost,
        options.bcport,
        options.unixsocket,
        options.nathost,
        options.natport,
        options.storage,
        key,
    )


def _key(key: bytes | str | None) -> bytes | None:
    return key.encode("utf-8") if isinstance(key, str) else key




if __name__ == "__main__":
    main()
