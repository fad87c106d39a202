"""The server's end: ``Daemon``."""

from __future__ import annotations

import atexit
import inspect
import os
import socket
import uuid
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from . import _coroutines, _ferropyro, constants, logs, settings
from ._ferropyro import URI
from ._leases import Leases
from .configuration import Configuration, Pyro5Configuration, config
from .context import ClientConnection, current_context
from .errors import DaemonError, PyroError
from .exposing import exposed_members, wire_members
from .proxy import Proxy
from .wire import replace_by_proxy

__all__ = ["Daemon", "DaemonObject"]

_Self = TypeVar("_Self", bound="Daemon")
_T = TypeVar("_T")

# Seconds after which a loop looks at what the program wants: Ctrl-C, or its own condition.
_LOOK = 0.2
# What an object has while it is registered.
_MARKS = ("_pyroId", "_pyroDaemon")
_FOREVER: Callable[[], bool] = lambda: True  # noqa: E731
_HOOKS = {"annotations": "annotations", "housekeeping": "housekeeping"}


class DaemonObject:
    """What clients can ask a daemon itself, for the program that has it.

    Clients get the answers from the Rust module: a class that is derived from this one has no effect on them, so a daemon refuses it.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon

    def registered(self) -> list[str]:
        """Gives the ids of the objects that are registered."""
        return list(self.daemon.objectsById)

    def ping(self) -> None:
        """Does nothing."""

    def info(self) -> str:
        """Describes the daemon."""
        count = len(self.daemon.objectsById)
        return f"{constants.DAEMON_NAME} bound on {self.daemon.locationStr}, NAT {self.daemon.natLocationStr}, {count} objects registered"

    def get_metadata(self, objectId: str, as_lists: bool = False) -> dict[str, Any]:
        """Gives what an object exposes: its ``methods``, those that are ``oneway``, and its ``attrs``."""
        obj = self.daemon.objectsById.get(objectId)
        if obj is None:
            raise DaemonError("unknown object")
        kind = list if as_lists else set
        return {name: kind(names) for name, names in exposed_members(obj, self.daemon._pyroConfig.REQUIRE_EXPOSE)._asdict().items()}

    def get_next_stream_item(self, streamId: str) -> Any:
        """Raises PyroError: iterators that are on their way to a client are in Rust."""
        raise PyroError("item stream terminated")

    def close_stream(self, streamId: str) -> None:
        """Does nothing: iterators that are on their way to a client are in Rust."""


class _Lacking:
    """An attribute of the real Daemon that this one cannot have: the error says what to use."""

    def __init__(self, instead: str) -> None:
        self._instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, daemon: Any, owner: type | None = None) -> Any:
        raise AttributeError(f"Daemon has no '{self._name}', as its sockets are in Rust: {self._instead}")


_EVENTS = "call events([]) now and then in your own loop, or combine() daemons, or run requestLoop() in a thread"


class Daemon:
    """Listens on a socket, and lets clients of Pyro4 and Pyro5 call the objects that are registered with it.

    It listens from the moment it is made, and serves while :meth:`requestLoop` runs. ``host`` and ``port`` say where (0 is a free port), ``unixsocket`` is the path of
    a Unix domain socket in their place; ``nathost`` and ``natport`` are what clients use from outside. With a ``connected_socket`` it serves the other end of
    that socket alone. ``config`` is a configuration of its own, a copy that the program has made and changed; that of the program counts without it.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int = 0,
        unixsocket: str | None = None,
        nathost: str | None = None,
        natport: int | None = None,
        interface: type[DaemonObject] | None = DaemonObject,
        connected_socket: socket.socket | None = None,
        *,
        config: Configuration | Pyro5Configuration | None = None,
    ) -> None:
        if interface not in (None, DaemonObject):
            raise NotImplementedError("the daemon's own object is in Rust: register an object of your own in place of an interface class")
        me = weakref.ref(self)
        self._start(settings.chosen(config))
        hooks: dict[str, Any] = {
            name: _hook(me, method) for name, method in _HOOKS.items() if getattr(type(self), method) is not getattr(Daemon, method)
        }
        if type(self).validateHandshake is not Daemon.validateHandshake:
            hooks["validate_handshake"] = _hook(me, "_pyroValidate")

        def bind(port: int) -> _ferropyro.Daemon:
            return _ferropyro.Daemon(
                settings.current(self._pyroConfig),
                host=host,
                port=port,
                unix_socket=unixsocket,
                nat_host=nathost,
                nat_port=natport,
                socket=None if connected_socket is None else os.dup(connected_socket.fileno()),
                hmac_key=self._pyroKey,
                client_disconnect=_hook(me, "_pyroDisconnected"),
                **hooks,
            )

        self._pyroBind = bind
        self._pyroCore = bind(port or 0)

    def _start(self, configuration: Configuration = config) -> None:
        """Sets what a new daemon has."""
        self._pyroConfig = configuration
        self._pyroLeases = Leases()
        self._pyroSockets = _Sockets(self)
        # What else is served in the loop of this one.
        self._pyroCombined: list[Any] = []
        self._pyroKey: bytes | None = None
        self._pyroObjects: dict[str, Any] = {}
        self._pyroLoop: _ferropyro.EventLoop | None = None
        self._pyroCoroutines = _coroutines.Coroutines()
        _alive.add(self)

    # What a program may override.

    def validateHandshake(self, conn: Any, data: Any) -> Any:
        """Judges the handshake data of a client: gives the answer for it, or raises an exception, whose text refuses it."""
        return "hello"

    def clientDisconnect(self, conn: Any) -> None:
        """Is told that the connection of a client has ended."""

    def annotations(self) -> dict[str, bytes]:
        """Gives annotations for every message that the daemon sends."""
        return {}

    def housekeeping(self) -> None:
        """Is called now and then, every POLLTIMEOUT seconds."""

    # What there is not.

    sock = _Lacking("locationStr says where it listens")
    selector = _Lacking(_EVENTS)
    handleRequest = _Lacking("validateHandshake(), annotations() and current_context see what comes in")

    # Objects.

    def register(self, obj_or_class: Any, objectId: str | None = None, force: bool = False) -> URI:
        """Lets clients call an object, or the instances of a class, under an id. Gives its URI.

        Its ``async def`` methods run in one event loop, in a thread of the daemon, at the same time as others of them if the server has threads.

        Without an id it gets one that nobody else has. ``force`` takes the place of what is registered under the id, and of an id that the object has already.
        """
        if objectId is not None and not isinstance(objectId, str):
            raise TypeError("objectId must be a string or None")
        if objectId is None:
            objectId = "obj_" + uuid.uuid4().hex
        if inspect.isclass(obj_or_class) and not hasattr(obj_or_class, "_pyroInstancing"):
            cast(Any, obj_or_class)._pyroInstancing = ("session", None)
        if not force:
            # A class may be registered, and an instance of it, or a class that is derived from it.
            if getattr(obj_or_class, "__dict__", {}).get("_pyroId", ""):
                raise DaemonError("object or class already has a Pyro id")
            if objectId in self._pyroObjects or objectId == constants.DAEMON_NAME:
                raise DaemonError("an object or class is already registered with that id")
        elif objectId in self._pyroObjects:
            self._forget(objectId)
        # What can fail comes first: nobody shall be able to call what was not registered.
        before = {name: vars(obj_or_class)[name] for name in _MARKS if name in getattr(obj_or_class, "__dict__", {})}
        obj_or_class._pyroId = objectId
        obj_or_class._pyroDaemon = self
        try:
            uri = self._publish(objectId, obj_or_class)
        except BaseException:
            _unmark(obj_or_class)
            for name, value in before.items():
                setattr(obj_or_class, name, value)
            raise
        replace_by_proxy(obj_or_class if inspect.isclass(obj_or_class) else type(obj_or_class))
        self._pyroObjects[objectId] = obj_or_class
        return uri

    def _publish(self, objectId: str, obj_or_class: Any) -> URI:
        members = wire_members(obj_or_class, self._pyroConfig.REQUIRE_EXPOSE)
        is_class = inspect.isclass(obj_or_class)
        has_coroutines = _coroutines.are_among(obj_or_class if is_class else type(obj_or_class), exposed_members(obj_or_class, self._pyroConfig.REQUIRE_EXPOSE).methods)
        if not is_class:
            target = self._pyroCoroutines.running(obj_or_class) if has_coroutines else obj_or_class
            return self._pyroCore.register(objectId, target, members)
        mode, creator = cast(Any, obj_or_class)._pyroInstancing
        create = _creator(obj_or_class, creator)
        if has_coroutines:
            running, make = self._pyroCoroutines.running, create
            create = lambda: running(make())  # noqa: E731
        return self._pyroCore.register_class(objectId, create, members, mode)

    def lease(self, obj: _T) -> _T:
        """Registers an object for the client whose call this is, and gives it: as a result of the call it arrives as a proxy.

        The object is unregistered when the connection of that client ends, however it ends, or by :meth:`unregister`. Raises PyroError outside of a remote call, and when
        the client is gone already, as it may be in a oneway call; RuntimeError when it has MAX_LEASES objects; and what :meth:`register` raises.
        """
        connection = current_context.connection
        if connection is None:
            raise PyroError("cannot lease an object outside of a remote call: there is no client whose it could be")
        objectId = "obj_" + uuid.uuid4().hex
        self._pyroLeases.add(connection.number, objectId, self._pyroConfig.MAX_LEASES)
        try:
            self.register(obj, objectId)
            # Whoever goes after this finds the lease noted, and ends it.
            if connection.is_closed:
                self.unregister(objectId)
                raise PyroError("cannot lease an object to a client whose connection has ended already")
        finally:
            if objectId not in self._pyroObjects:
                self._pyroLeases.forget(objectId)
        return obj

    def unregister(self, objectOrId: Any) -> None:
        """Takes an object out: clients cannot call it any more. An object that is not registered is passed over."""
        if objectOrId is None:
            raise ValueError("object or objectid argument expected")
        objectId = objectOrId if isinstance(objectOrId, str) else getattr(objectOrId, "_pyroId", None)
        if objectId is None:
            raise DaemonError("object isn't registered")
        if objectId == constants.DAEMON_NAME:
            return
        if objectId in self._pyroObjects:
            self._forget(objectId)

    def _forget(self, objectId: str) -> None:
        obj = self._pyroObjects.pop(objectId)
        self._pyroLeases.forget(objectId)
        self._pyroCore.unregister(objectId)
        _unmark(obj)

    def uriFor(self, objectOrId: Any, nat: bool = True) -> URI:
        """Gives the URI of an object that is registered, or of an id; with the address for clients from outside unless ``nat`` is false."""
        if not isinstance(objectOrId, str):
            objectOrId = getattr(objectOrId, "_pyroId", None)
            if objectOrId is None or objectOrId not in self.objectsById:
                raise DaemonError("object isn't registered in this daemon")
        return self._pyroCore.uri_for(objectOrId, nat)

    def proxyFor(self, objectOrId: Any, nat: bool = True) -> Proxy:
        """Gives a proxy for an object that is registered."""
        uri = self.uriFor(objectOrId, nat)
        if uri.object not in self.objectsById:
            raise DaemonError(f"unknown object: {uri.object}")
        return Proxy(uri)

    @property
    def objectsById(self) -> dict[str, Any]:
        """The objects that are registered, by their ids; the daemon's own is among them."""
        return {constants.DAEMON_NAME: self, **self._pyroObjects}

    def resetMetadataCache(self, objectOrId: Any, nat: bool = True) -> None:
        """Looks anew at what an object exposes."""
        objectId = objectOrId if isinstance(objectOrId, str) else objectOrId._pyroId
        obj = self._pyroObjects[objectId]
        self._pyroCore.unregister(objectId)
        self._publish(objectId, obj)

    # Serving.

    def requestLoop(self, loopCondition: Callable[[], bool] = _FOREVER) -> None:
        """Serves clients until :meth:`shutdown` is called, Ctrl-C is typed, or the condition is false, which is looked at now and then."""
        loop = self._event_loop()
        try:
            while loopCondition() and loop.step(_LOOK):
                logs.refresh()
        except KeyboardInterrupt:
            logs.logger("core").debug("stopping on break signal")

    def events(self, eventsockets: Iterable[Any]) -> None:
        """Serves what has come in already, and waits for nothing: for programs with an event loop of their own, which have waited for :attr:`sockets`."""
        self._event_loop().step(0.0)

    @property
    def sockets(self) -> list[Any]:
        """What a program waits for in an event loop of its own, with select, poll, selectors or that of a toolkit, before it calls :meth:`events`.

        There is one for each daemon whose clients this one serves, always the same. It is readable when there is something to serve, and that is all that it is good for.
        Raises AttributeError on Windows.
        """
        if not hasattr(self._pyroCore, "descriptor"):
            raise AttributeError(f"Daemon has no 'sockets' on this system: {_EVENTS}")
        self._event_loop()
        return [self._pyroSockets, *self._pyroCombined]

    def combine(self, daemon: Any) -> None:
        """Serves the clients of another daemon in the loop of this one; what answers broadcasts for a name server answers from now on."""
        if not isinstance(daemon, Daemon):
            daemon.runInThread()
            if getattr(daemon, "_pyroServes", None) is not None:
                self._pyroCombined.append(daemon)
            return
        if daemon._pyroLoop is not None and daemon._pyroLoop is not self._pyroLoop:
            raise DaemonError("the other daemon has a loop of its own already")
        loop = self._event_loop()
        loop.add(daemon._pyroCore)
        daemon._pyroLoop = loop
        self._pyroCombined += [daemon._pyroSockets, *daemon._pyroCombined]

    def _event_loop(self) -> _ferropyro.EventLoop:
        if self._pyroLoop is None:
            self._pyroLoop = _ferropyro.EventLoop()
            self._pyroLoop.add(self._pyroCore)
        return self._pyroLoop

    def shutdown(self) -> None:
        """Stops serving; :meth:`requestLoop` returns."""
        self._pyroCore.shutdown()

    def close(self) -> None:
        """Stops serving, and closes the socket. Coroutines that still run are cancelled."""
        self._pyroCoroutines.close()
        self._pyroCore.shutdown()
        for obj in self._pyroObjects.values():
            if "_pyroDaemon" in getattr(obj, "__dict__", {}):
                del obj._pyroDaemon

    @property
    def locationStr(self) -> str:
        """Where it listens, as text."""
        return self._pyroCore.location

    @property
    def natLocationStr(self) -> str | None:
        """Where clients from outside find it; None without address translation."""
        location = self._pyroCore.uri_for(constants.DAEMON_NAME, True).location
        return None if location == self.locationStr else location

    @property
    def _pyroHmacKey(self) -> bytes | None:
        """The key that all messages must be signed with."""
        return self._pyroKey

    @_pyroHmacKey.setter
    def _pyroHmacKey(self, key: bytes | str | None) -> None:
        key = key.encode("utf-8") if isinstance(key, str) else key
        if key == self._pyroKey:
            return
        if self._pyroLoop is not None:
            raise DaemonError("the daemon serves clients already: set its key before that")
        self._pyroKey = key
        # The same place, with the key from the first message on.
        port = self._pyroCore.uri_for(constants.DAEMON_NAME, False).port
        is_safe = self._pyroCore.pickle_safe
        del self._pyroCore
        self._pyroCore = self._pyroBind(port or 0)
        self._pyroCore.pickle_safe = is_safe
        for objectId, obj in self._pyroObjects.items():
            self._publish(objectId, obj)

    @property
    def _pyroPickleSafe(self) -> bool:
        """Whether pickles that clients send are read as data, so that nothing in them is executed. At first that is as PICKLE_SAFE says."""
        return self._pyroCore.pickle_safe

    @_pyroPickleSafe.setter
    def _pyroPickleSafe(self, safe: bool) -> None:
        self._pyroCore.pickle_safe = bool(safe)

    def _pyroValidate(self, connection: _ferropyro.Connection, data: Any) -> Any:
        return self.validateHandshake(ClientConnection(connection), data)

    def _pyroDisconnected(self, connection: _ferropyro.Connection) -> None:
        client = ClientConnection(connection)
        try:
            self.clientDisconnect(client)
        finally:
            client.close_resources()
            # An object may be leased with another daemon than the one that the call came to.
            for daemon in list(_alive):
                for objectId in daemon._pyroLeases.of(connection.number):
                    daemon.unregister(objectId)

    def __enter__(self: _Self) -> _Self:
        if self._pyroCore is None:
            raise DaemonError("cannot reuse this object")
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        cls = type(self)
        family = "Unix" if URI.isUnixsockLocation(self.locationStr) else "IPv6" if self.locationStr.startswith("[") else "IPv4"
        location = f"{self.locationStr} - {family}"
        return f"<{cls.__module__}.{cls.__name__} at {id(self):#x}; {location}; {len(self.objectsById)} objects>"

    __str__ = __repr__

    @staticmethod
    def serveSimple(
        objects: dict[Any, str | None],
        host: str | None = None,
        port: int = 0,
        daemon: Daemon | None = None,
        ns: bool = True,
        verbose: bool = True,
    ) -> None:
        """Registers objects (a dict of objects and their names, which may be None) and serves them, for ever."""
        from .locating import locateNS

        if daemon is None:
            daemon = Daemon(host, port)
        with daemon:
            nameserver = locateNS() if ns else None
            for obj, name in objects.items():
                # With a name server it has the names, and the ids are free.
                uri = daemon.register(obj, None if ns else name)
                if verbose:
                    print(f"Object {obj!r}:\n    uri = {uri}")
                if name and nameserver is not None:
                    nameserver.register(name, uri)
                    if verbose:
                        print(f"    name = {name}")
            if verbose:
                print("Pyro daemon running.")
            daemon.requestLoop()


class _Sockets:
    """The sockets of a daemon, where they are waited for."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = weakref.ref(daemon)

    def fileno(self) -> int:
        """Gives the number of a descriptor, -1 when the daemon is gone."""
        daemon = self._daemon()
        return -1 if daemon is None else daemon._pyroCore.descriptor()


def _hook(daemon: weakref.ref[Daemon], name: str) -> Callable[..., Any]:
    """A method of the daemon that does not keep it alive."""

    def hook(*args: Any) -> Any:
        found = daemon()
        return {} if found is None else getattr(found, name)(*args)

    return hook


def _unmark(obj: Any) -> None:
    """Takes from an object what it has while it is registered."""
    for name in _MARKS:
        if name in getattr(obj, "__dict__", {}):
            delattr(obj, name)


def _creator(cls: type, creator: Callable[[type], Any] | None) -> Callable[[], Any]:
    """What makes an instance of a registered class."""
    if creator is None:
        return cls

    def create() -> Any:
        made = creator(cls)
        if not isinstance(made, cls):
            raise TypeError(f"instance creator returned object of different type: {type(made)}")
        return made

    return create


_alive: weakref.WeakSet[Daemon] = weakref.WeakSet()


@atexit.register
def _end() -> None:
    """Ends the threads of all daemons, and the calls that they run, as long as there is a Python for them."""
    daemons = list(_alive)
    for daemon in daemons:
        daemon._pyroCore.shutdown()
    for daemon in daemons:
        if daemon._pyroLoop is not None:
            daemon._pyroLoop.finish(config.SHUTDOWN_TIMEOUT)
    _ferropyro.end(1.0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ferropyro.forget_threads)
