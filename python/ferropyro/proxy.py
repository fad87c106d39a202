"""The client's end: ``Proxy``, ``batch``, ``asyncproxy``."""

from __future__ import annotations

import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from . import _ferropyro, futures, settings
from ._ferropyro import URI
from .configuration import Configuration, Pyro5Configuration, config

from .errors import PyroError
from .wire import register_proxy

__all__ = ["Proxy", "batch", "asyncproxy"]

_Self = TypeVar("_Self", bound="Proxy")

# What the remote side depends on: a change makes a new connection.
_SETTINGS = frozenset({"_pyroSerializer", "_pyroHmacKey", "_pyroHandshake", "_pyroMaxRetries", "_pyroPickleSafe", "_pyroUri"})
# The host in the URI of a proxy over a socket of the program's own.
CONNECTED_SOCKET = "<<connected-socket>>"
_HOOKS = {"annotations": "_pyroAnnotations", "response_annotations": "_pyroResponseAnnotations", "validate_handshake": "_pyroValidateHandshake"}
# What copy and pickle look for, which no remote object has.
_NEVER_REMOTE = frozenset({"__getnewargs__", "__getnewargs_ex__", "__getinitargs__", "__deepcopy__", "__reduce_ex__"})


_making = threading.Lock()


class Proxy(_ferropyro.ProxyBase):
    """Stands for an object in another program: its methods are called, and its attributes used, through it.

    ``uri`` says where the object is: a :class:`URI` or its text. The proxy connects when it is used. It may be used from any thread; calls wait for each other.
    With a ``connected_socket``, ``uri`` is the id of the object at the other end of that socket. ``config`` is a configuration of its own, a copy that the program has made and
    changed; that of the program counts without it. Copies of the proxy have it too, pickles do not.
    """

    _pyroUri: URI
    _pyroOneway: set[str]
    _pyroMethods: set[str]
    _pyroAttrs: set[str]
    _pyroHmacKey: bytes | None
    _pyroSerializer: str | None
    _pyroHandshake: Any
    _pyroMaxRetries: int
    _pyroPickleSafe: bool | None
    """Whether pickles that come back are read as data; None: as PICKLE_SAFE says."""
    _pyroConfig: Configuration

    def __init__(
        self, uri: URI | str, connected_socket: socket.socket | None = None, *, config: Configuration | Pyro5Configuration | None = None
    ) -> None:
        if connected_socket is not None:
            uri = f"PYRO:{uri}@{CONNECTED_SOCKET}:0"
        elif not isinstance(uri, (URI, str)):
            raise TypeError("expected Pyro URI")
        self._start(uri if isinstance(uri, URI) else URI(uri), settings.chosen(config))
        self.__dict__["_pyroSocket"] = connected_socket

    def _start(self, uri: URI, configuration: Configuration = config) -> None:
        """Sets what a new proxy has."""
        self.__dict__.update(
            _pyroConfig=configuration,
            _pyroUri=uri,
            _pyroOneway=set(),
            _pyroMethods=set(),
            _pyroAttrs=set(),
            _pyroHmacKey=None,
            _pyroSerializer=None,
            _pyroHandshake="hello",
            _pyroMaxRetries=configuration.MAX_RETRIES,
            _pyroPickleSafe=None,
            _pyroSocket=None,
            _pyroRemote=None,
            _pyroWaits=configuration.COMMTIMEOUT,
            _pyroIsAsync=False,
            _pyroIsKnown=False,
        )

    # What a program may override.

    def _pyroAnnotations(self) -> dict[str, bytes]:
        """Gives annotations for every message of this proxy. To be overridden."""
        return {}

    def _pyroResponseAnnotations(self, annotations: dict[str, bytes], msgtype: int) -> None:
        """Is shown the annotations of every answer that has some. To be overridden."""

    def _pyroValidateHandshake(self, response: Any) -> None:
        """Is shown what the server answered to the handshake; an exception ends the connection. To be overridden."""

    # Attributes and methods of the remote object.

    def _pyroLookup(self, name: str) -> Any:
        """Gives what is not an attribute of the proxy itself: an attribute or a method of the remote object."""
        if name.startswith("_pyro") or name in _NEVER_REMOTE:
            raise AttributeError(name)
        self._pyroNeedMetadata()
        if name in self._pyroAttrs:
            return self._pyroCore().get(name)
        if self._pyroConfig.METADATA and name not in self._pyroMethods:
            raise AttributeError(f"remote object '{self._pyroUri}' has no exposed attribute or method '{name}'")
        if self._pyroIsAsync:
            return _AsyncMethod(self, name)
        if type(self)._pyroInvoke is Proxy._pyroInvoke and self._pyroConfig.METADATA and type(self._pyroMethods) is type(self._pyroOneway) is set:
            self._pyroArm(self._pyroCore(), self._pyroMethods, self._pyroOneway)
        return self._pyroDotted(name)

    def _pyroDotted(self, name: str) -> _RemoteMethod:
        return _RemoteMethod(self._pyroInvoke, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_pyro") or name.startswith(f"_{type(self).__name__.lstrip('_')}__"):
            self._pyroDisarm()
            if name in _SETTINGS and self.__dict__.get("_pyroRemote") is not None:
                self._pyroRelease()
                self.__dict__["_pyroRemote"] = None
            object.__setattr__(self, name, value)
            return
        if name in type(self).__dict__:
            object.__setattr__(self, name, value)
            return
        self._pyroNeedMetadata()
        if name in self._pyroAttrs:
            self._pyroCore().set(name, value)
        elif self._pyroConfig.METADATA:
            raise AttributeError(f"remote object '{self._pyroUri}' has no exposed attribute '{name}'")
        else:
            object.__setattr__(self, name, value)

    def _pyroInvoke(self, methodname: str, vargs: tuple[Any, ...], kwargs: dict[str, Any], flags: int = 0, objectId: str | None = None) -> Any:
        """Calls a method; what a method of this proxy does."""
        if objectId is not None:
            other = Proxy(f"PYRO:{objectId}@{self._pyroUri.location}", config=self._pyroConfig)
            other._pyroHmacKey = self._pyroHmacKey
            other._pyroPickleSafe = self._pyroPickleSafe
            with other:
                return other._pyroCore().call(methodname, tuple(vargs), kwargs, False)
        return self._pyroCore().call(methodname, tuple(vargs), kwargs, methodname in self._pyroOneway)

    # The connection.

    def _pyroCore(self) -> _ferropyro.Proxy:
        """The part of it that the Rust module has."""
        core: _ferropyro.Proxy | None = self.__dict__["_pyroRemote"]
        if core is None:
            made = self._pyroMakeCore()
            with _making:
                # Another thread may have been first.
                core = self.__dict__["_pyroRemote"]
                if core is None:
                    core = self.__dict__["_pyroRemote"] = made
        return core

    def _pyroMakeCore(self) -> _ferropyro.Proxy:
        me = weakref.ref(self)
        hooks = {
            name: _hook(me, method)
            for name, method in _HOOKS.items()
            if getattr(type(self), method) is not getattr(Proxy, method) or method in self.__dict__
        }
        given: socket.socket | None = self.__dict__["_pyroSocket"]
        key = self._pyroHmacKey
        return _ferropyro.Proxy(
            self._pyroUri,
            settings.current(self._pyroConfig),
            serializer=self._pyroSerializer,
            hmac_key=key.encode("utf-8") if isinstance(key, str) else key,
            handshake=None if self._pyroHandshake == "hello" else self._pyroHandshake,
            timeout=self.__dict__["_pyroWaits"],
            max_retries=self._pyroMaxRetries,
            socket=None if given is None else os.dup(given.fileno()),
            pyro4_first=settings.tries_pyro4_first(self._pyroConfig),
            pickle_safe=self._pyroPickleSafe,
            **hooks,
        )

    @property
    def _pyroConnection(self) -> _ferropyro.Proxy | None:
        """The connection, None when there is none now."""
        core: _ferropyro.Proxy | None = self.__dict__["_pyroRemote"]
        return core if core is not None and core.is_connected() else None

    @property
    def _pyroTimeout(self) -> float | None:
        """How many seconds the other side may be silent; None is for ever."""
        return self.__dict__["_pyroWaits"] or None

    @_pyroTimeout.setter
    def _pyroTimeout(self, timeout: float | None) -> None:
        self.__dict__["_pyroWaits"] = timeout
        core: _ferropyro.Proxy | None = self.__dict__["_pyroRemote"]
        if core is not None:
            core.set_timeout(timeout)

    def _pyroNeedMetadata(self) -> None:
        """Finds out what the object exposes, unless that is known, or nobody wants to know (METADATA)."""
        if self._pyroConfig.METADATA and not self._pyroIsKnown:
            self._pyroGetMetadata()

    def _pyroGetMetadata(self, objectId: str | None = None, known_metadata: Any = None) -> None:
        """Finds out what the object exposes."""
        methods, oneway, attributes = self._pyroCore().metadata()
        self._pyroOneway.update(oneway)
        self._pyroMethods.update(methods)
        self._pyroAttrs.update(attributes)
        self.__dict__["_pyroIsKnown"] = True

    def _pyroBind(self) -> bool:
        """Connects now, and finds out for good where the object is."""
        core = self._pyroCore()
        core.bind()
        self.__dict__["_pyroUri"] = core.uri
        self._pyroGetMetadata()
        return True

    def _pyroRelease(self) -> None:
        """Closes the connection. The next call connects again."""
        core: _ferropyro.Proxy | None = self.__dict__["_pyroRemote"]
        if core is not None:
            core.release()

    def _pyroReconnect(self, tries: int = 100000000) -> None:
        """Closes the connection, and tries so many times to make a new one."""
        self._pyroCore().reconnect(min(tries, 0xFFFF_FFFF))

    def _pyroClaimOwnership(self) -> None:
        """Does nothing: a proxy may be used from any thread (Pyro5 has owners)."""

    def _pyroBatch(self) -> _Batch:
        """Collects calls that are sent in one message."""
        return _Batch(self)

    def _pyroAsync(self, asynchronous: bool = True) -> None:
        """Makes calls give back a :class:`FutureResult` at once, or no longer."""
        self._pyroDisarm()
        self.__dict__["_pyroIsAsync"] = asynchronous

    # As an object of Python's.

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pyroRelease()

    def __del__(self) -> None:
        if "_pyroRemote" in self.__dict__:
            self._pyroRelease()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Proxy) and other._pyroUri == self._pyroUri

    def __hash__(self) -> int:
        return hash(self._pyroUri)

    def __bool__(self) -> bool:
        return True

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self._pyroMethods, *self._pyroAttrs})

    def __repr__(self) -> str:
        connected = "connected" if self._pyroConnection is not None else "not connected"
        cls = type(self)
        return f"<{cls.__module__}.{cls.__name__} at {id(self):#x}; {connected}; for {self._pyroUri}>"

    __str__ = __repr__

    def __copy__(self: _Self) -> _Self:
        other = type(self).__new__(type(self))
        other.__setstate__(self.__getstate__())
        other.__dict__["_pyroConfig"] = self._pyroConfig
        other.__dict__["_pyroWaits"] = self.__dict__["_pyroWaits"]
        other.__dict__["_pyroIsAsync"] = self.__dict__["_pyroIsAsync"]
        other.__dict__["_pyroMaxRetries"] = self._pyroMaxRetries
        other.__dict__["_pyroPickleSafe"] = self._pyroPickleSafe
        return other

    def __deepcopy__(self: _Self, memo: dict[int, Any]) -> _Self:
        return self.__copy__()

    def __getstate__(self) -> tuple[Any, ...]:
        key = self._pyroHmacKey
        # As Pyro4 has it in a pickle.
        names = (set(self._pyroOneway), set(self._pyroMethods), set(self._pyroAttrs))
        return (self._pyroUri, *names, 0.0, key, self._pyroHandshake, 0, self._pyroSerializer)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        uri, oneway, methods, attributes, _timeout, key, handshake, _retries, serializer = state
        self._start(uri if isinstance(uri, URI) else URI(uri))
        self.__dict__.update(
            _pyroOneway=set(oneway),
            _pyroMethods=set(methods),
            _pyroAttrs=set(attributes),
            _pyroHmacKey=key,
            _pyroHandshake=handshake,
            _pyroSerializer=serializer,
            _pyroIsKnown=bool(methods or attributes),
        )


def _hook(proxy: weakref.ref[Proxy], name: str) -> Callable[..., Any]:
    """A method of the proxy that does not keep it alive."""

    def hook(*args: Any) -> Any:
        found = proxy()
        return {} if found is None else getattr(found, name)(*args)

    return hook


class _RemoteMethod:
    """A method of the remote object."""

    __slots__ = ("_invoke", "_name")

    def __init__(self, invoke: Callable[..., Any], name: str) -> None:
        self._invoke = invoke
        self._name = name

    def __getattr__(self, name: str) -> _RemoteMethod:
        return _RemoteMethod(self._invoke, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._invoke(self._name, args, kwargs)


class _AsyncMethod:
    """A method whose calls run in the background, each over a connection of its own."""

    __slots__ = ("_proxy", "_name")

    def __init__(self, proxy: Proxy, name: str) -> None:
        self._proxy = proxy
        self._name = name

    def __getattr__(self, name: str) -> _AsyncMethod:
        return _AsyncMethod(self._proxy, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> futures.FutureResult:
        proxy = self._proxy.__copy__()
        return _in_background(lambda: proxy._pyroInvoke(self._name, args, kwargs), proxy)


def _in_background(call: Callable[[], Any], proxy: Proxy) -> futures.FutureResult:
    result = futures.FutureResult()

    def run() -> None:
        try:
            with proxy:
                result.value = call()
        except Exception as error:
            result.value = futures._ExceptionWrapper(error)

    threading.Thread(target=run, daemon=True).start()
    return result


class _Batch:
    """Calls that are collected, and sent in one message when this is called."""

    def __init__(self, proxy: Proxy) -> None:
        self.__proxy = proxy
        self.__calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_pyro") or name in _NEVER_REMOTE:
            raise AttributeError(name)
        calls = self.__calls
        return lambda *args, **kwargs: calls.append((name, args, kwargs))

    def __enter__(self) -> _Batch:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __copy__(self) -> _Batch:
        other = _Batch(self.__proxy)
        other.__calls = list(self.__calls)
        return other

    def __call__(self, oneway: bool = False, asynchronous: bool = False) -> Any:
        """Makes the calls. Gives their results one after the other, and raises the exception of the first one that failed in its place.

        With ``oneway`` nobody waits for them; with ``asynchronous`` the results come as a :class:`FutureResult`.
        """
        if oneway and asynchronous:
            raise PyroError("async oneway calls make no sense")
        if asynchronous:
            # As in Pyro they stay: it is a copy of the batch that is made.
            proxy, calls = self.__proxy.__copy__(), list(self.__calls)
            return _in_background(lambda: _results(proxy._pyroCore().batch(calls, False) or []), proxy)
        calls, self.__calls = self.__calls, []
        results = self.__proxy._pyroCore().batch(calls, oneway)
        return None if results is None else _results(results)

    def _pyroInvoke(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Adds a call."""
        self.__calls.append((name, tuple(args), kwargs))


def _results(results: list[Any]) -> Iterator[Any]:
    for result in results:
        if isinstance(result, futures._ExceptionWrapper):
            raise result.exception
        yield result


register_proxy(Proxy)


def batch(proxy: Proxy) -> _Batch:
    """Collects calls of the proxy that are sent in one message."""
    return proxy._pyroBatch()


def asyncproxy(proxy: Proxy, asynchronous: bool = True) -> None:
    """Makes the calls of a proxy give back a :class:`FutureResult` at once, or no longer."""
    proxy._pyroAsync(asynchronous)
