"""Name servers within the program, and the program that is one."""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import threading
import weakref
from typing import Any

from . import _ferropyro, settings, socketutil
from ._ferropyro import URI
from .configuration import config
from .constants import NAMESERVER_NAME
from .daemon import Daemon
from .errors import CommunicationError
from .locating import key_bytes, locateNS, resolve
from .nameserver import AutoCleaner, MemoryStorage, NameServer
from .proxy import Proxy

__all__ = [
    "NAMESERVER_NAME",
    "AutoCleaner",
    "BroadcastServer",
    "MemoryStorage",
    "NameServer",
    "NameServerDaemon",
    "locateNS",
    "resolve",
    "startNS",
    "startNSloop",
    "type_meta",
]

# Seconds after which a thread that waits for a question looks whether it is to end.
_LOOK = 0.5
# Seconds between the turns of a daemon that serves its own program.
_SERVING = 0.005


class NameServerDaemon(Daemon):
    """The daemon that has a name server. More objects can be registered with it.

    ``storage`` says where the names are kept: ``memory``, ``sql:file``, ``dbm:file``; then the name server is the one in Rust. With an object that is a storage (see
    :mod:`ferropyro.naming_storage`) it is :class:`NameServer`.
    """

    nameserver: NameServer
    """The name server, for this program itself."""

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        unixsocket: str | None = None,
        nathost: str | None = None,
        natport: int | None = None,
        storage: Any = None,
        *,
        enableBroadcast: bool = False,
        bchost: str | None = None,
        bcport: int | None = None,
        hmac: bytes | str | None = None,
    ) -> None:
        self._pyroNameServer: _ferropyro.NameServer | None = None
        self._pyroCleaner: AutoCleaner | None = None
        if storage is not None and not isinstance(storage, str):
            super().__init__(host or config.HOST, config.NS_PORT if port is None else port, unixsocket, nathost or config.NATHOST, natport or config.NATPORT or None)
            self._pyroHmacKey = key_bytes(hmac)
            self._offer(NameServer(storage))
            return
        self._start()
        self._pyroKey = key_bytes(hmac)
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
        self.nameserver = _OwnNameServer(self)

    def _offer(self, nameserver: NameServer) -> None:
        """Lets clients ask a name server that is written in Python."""
        self.nameserver = nameserver
        uri = self.register(nameserver, NAMESERVER_NAME)
        nameserver.register(NAMESERVER_NAME, uri, metadata={"class:Pyro4.naming.NameServer"})
        if config.NS_AUTOCLEAN > 0:
            self._pyroCleaner = AutoCleaner(nameserver)
            self._pyroCleaner.start()

    @property
    def objectsById(self) -> dict[str, Any]:
        return {**super().objectsById, NAMESERVER_NAME: self.nameserver}

    def _pyroBroadcasts(self) -> int | None:
        """The number of the socket that hears broadcasts."""
        return None if self._pyroNameServer is None else self._pyroNameServer.broadcast_descriptor

    def shutdown(self) -> None:
        super().shutdown()
        if self._pyroNameServer is not None:
            self._pyroNameServer.shutdown()

    def close(self) -> None:
        super().close()
        if self._pyroCleaner is not None:
            self._pyroCleaner.stop = True
        if self._pyroNameServer is not None:
            self._pyroNameServer.shutdown()
        else:
            self.nameserver.storage.close()


class _OwnNameServer(NameServer):
    """A name server in Rust, as the program that has it uses it: each call goes through its socket, as those of others do.

    While the call is made its daemon serves, so it need not run for that.
    """

    def __init__(self, daemon: NameServerDaemon) -> None:
        self._pyroId = NAMESERVER_NAME
        self._daemon = weakref.ref(daemon)
        self.lock = contextlib.nullcontext()  # nothing is to be locked here

    @property
    def storage(self) -> Any:
        """There is none that Python code can use."""
        raise AttributeError("the names are kept in Rust: give NameServerDaemon a storage object to use it from Python")

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        daemon = self._daemon()
        if daemon is None:
            raise CommunicationError("the name server's daemon is gone")
        proxy = Proxy(daemon.uriFor(NAMESERVER_NAME, nat=False))
        proxy._pyroHmacKey = daemon._pyroKey
        result: concurrent.futures.Future[Any] = concurrent.futures.Future()

        def call() -> None:
            try:
                with proxy:
                    result.set_result(getattr(proxy, method)(*args, **kwargs))
            except BaseException as error:
                result.set_exception(error)

        threading.Thread(target=call, daemon=True).start()
        while not result.done():
            daemon.events([])
            concurrent.futures.wait([result], _SERVING)
        return result.result()

    def count(self) -> int:
        count: int = self._call("count")
        return count

    def lookup(self, name: str, return_metadata: bool = False) -> Any:
        return self._call("lookup", name, return_metadata)

    def register(self, name: str, uri: URI | str, safe: bool = False, metadata: Any = None) -> None:
        self._call("register", name, str(uri) if isinstance(uri, URI) else uri, safe, metadata if metadata is None or isinstance(metadata, str) else list(metadata))

    def set_metadata(self, name: str, metadata: Any) -> None:
        self._call("set_metadata", name, metadata if metadata is None or isinstance(metadata, str) else list(metadata))

    def remove(self, name: str | None = None, prefix: str | None = None, regex: str | None = None) -> int:
        count: int = self._call("remove", name, prefix, regex)
        return count

    def _search(self, prefix: str | None, regex: str | None, every: Any, some: Any, return_metadata: bool) -> dict[str, Any]:
        found: dict[str, Any] = self._call(
            "list", prefix, regex, None if every is None else list(every), None if some is None else list(some), return_metadata
        )
        return found

    def ping(self) -> None:
        self._call("ping")


class BroadcastServer:
    """Answers the broadcasts of those who look for a name server, whose URI is ``nsUri``.

    It does so in a thread (:meth:`runInThread`), or when :meth:`processRequest` is called. The one that :func:`startNS` gives for a name server in Rust
    answers whenever the name server's daemon runs, and needs neither.
    """

    def __init__(self, nsUri: URI | str, bchost: str | None = None, bcport: int | None = None, ipv6: bool = False) -> None:
        self.nsUri = nsUri if isinstance(nsUri, URI) else URI(nsUri)
        host = bchost or config.NS_BCHOST or ""
        port = config.NS_BCPORT if bcport is None else bcport
        ipv6 = ipv6 or ":" in (self.nsUri.host or "")
        self.sock = socketutil.createBroadcastSocket((host or "::", port, 0, 0) if ipv6 else (host, port), config.SOCK_REUSE, _LOOK)
        self._use((host or self.sock.getsockname()[0], self.getPort()))

    def _use(self, address: tuple[str, int]) -> None:
        host, port = address
        self.locationStr = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.running = True
        self._thread: threading.Thread | None = None

    def getPort(self) -> int:
        """Gives the UDP port."""
        port: int = self.sock.getsockname()[1]
        return port

    def fileno(self) -> int:
        """Gives the number of the socket, for programs with an event loop of their own."""
        return self.sock.fileno()

    def close(self) -> None:
        """Ends it."""
        self.running = False
        self.sock.close()

    def runInThread(self) -> threading.Thread | None:
        """Answers from now on, in a thread. Gives the thread."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._answer, name="ferropyro-broadcast", daemon=True)
            self._thread.start()
        return self._thread

    def _answer(self) -> None:
        while self.running:
            self.processRequest()

    def processRequest(self) -> None:
        """Answers the next question, if one comes soon."""
        try:
            question, asking = self.sock.recvfrom(100)
            if question == b"GET_NSURI":
                self.sock.sendto(self._uri_for(asking[0]).encode("ascii"), asking)
        except OSError:
            # Nobody asked, or who asked is gone, or it was closed.
            pass

    def _uri_for(self, asking: str) -> str:
        """The URI for somebody: a name server that listens everywhere is where they have reached this machine."""
        uri = self.nsUri
        if uri.host != "0.0.0.0":
            return str(uri)
        return f"PYRO:{uri.object}@{socketutil.getInterfaceAddress(asking)}:{uri.port}"

    def __enter__(self) -> BroadcastServer:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _OwnBroadcastServer(BroadcastServer):
    """What answers for a name server in Rust, which does so by itself."""

    def __init__(self, address: tuple[str, int], daemon: NameServerDaemon) -> None:
        self._address = address
        self._pyroServes = weakref.ref(daemon)
        self._use(address)

    def fileno(self) -> int:
        """Gives the number of the socket, for programs with an event loop of their own; -1 when it is closed."""
        daemon = self._pyroServes()
        descriptor = None if daemon is None or not self.running else daemon._pyroBroadcasts()
        return -1 if descriptor is None else descriptor

    def getPort(self) -> int:
        return self._address[1]

    def close(self) -> None:
        self.running = False

    def runInThread(self) -> None:
        pass

    def processRequest(self) -> None:
        """Lets the name server's daemon serve what has come in, as it is the one that answers."""
        daemon = self._pyroServes()
        if daemon is not None:
            daemon.events([self])


def startNS(
    host: str | None = None,
    port: int | None = None,
    enableBroadcast: bool = True,
    bchost: str | None = None,
    bcport: int | None = None,
    unixsocket: str | None = None,
    nathost: str | None = None,
    natport: int | None = None,
    storage: Any = None,
    hmac: bytes | str | None = None,
) -> tuple[URI, NameServerDaemon, BroadcastServer | None]:
    """Makes a name server. Gives its URI, the daemon that has it, and what answers broadcasts, if anything does.

    It serves when the daemon does: in its ``requestLoop``, or that of another one with which it was combined. ``storage`` says where the names are kept: ``memory``,
    ``sql:file``, ``dbm:file``, or an object that keeps them.
    """
    daemon = NameServerDaemon(
        host, port, unixsocket, nathost, natport, storage, enableBroadcast=enableBroadcast, bchost=bchost, bcport=bcport, hmac=hmac
    )
    if daemon._pyroNameServer is None:
        return daemon.uriFor(NAMESERVER_NAME), daemon, _broadcasts(daemon, bchost, bcport) if enableBroadcast else None
    address = daemon._pyroNameServer.broadcast_address
    return daemon._pyroNameServer.uri, daemon, None if address is None else _OwnBroadcastServer(address, daemon)


def _broadcasts(daemon: NameServerDaemon, bchost: str | None, bcport: int | None) -> BroadcastServer | None:
    """What answers for a name server in Python. For one that only this machine can reach there is nothing to answer."""
    uri = daemon.uriFor(NAMESERVER_NAME, nat=False)
    if uri.host is None or uri.host == "localhost" or uri.host.startswith("127.") or ":" in uri.host:
        return None
    server = BroadcastServer(uri, bchost, bcport)
    server.runInThread()
    return server


def startNSloop(
    host: str | None = None,
    port: int | None = None,
    enableBroadcast: bool = True,
    bchost: str | None = None,
    bcport: int | None = None,
    unixsocket: str | None = None,
    nathost: str | None = None,
    natport: int | None = None,
    storage: Any = None,
    hmac: bytes | str | None = None,
) -> None:
    """Makes a name server as :func:`startNS` does, prints where it is, and serves until it is shut down."""
    uri, daemon, broadcasts = startNS(host, port, enableBroadcast, bchost, bcport, unixsocket, nathost, natport, storage, hmac)
    lines = [f"NS running on {daemon.locationStr}", f"URI = {uri}"] if daemon._pyroNameServer is None else daemon._pyroNameServer.start_lines()
    for line in lines:
        print(line)
    try:
        daemon.requestLoop()
    except KeyboardInterrupt:
        pass
    finally:
        daemon.close()
        if broadcasts is not None:
            broadcasts.close()
    print("NS shut down.")


def type_meta(class_or_object: Any, prefix: str = "class:") -> set[str]:
    """Gives tags for a class or object: the names of its class and of those that it is derived from."""
    cls = class_or_object if isinstance(class_or_object, type) else type(class_or_object)
    return {f"{prefix}{each.__module__}.{each.__name__}" for each in cls.__mro__ if each.__module__ != "builtins"}


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


if __name__ == "__main__":
    main()
