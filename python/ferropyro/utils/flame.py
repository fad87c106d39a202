"""Flame: gives the whole of a server's Python to its clients, any module and any code, as Pyro4's module of that name.

Whoever can reach a Flame server can do on that machine what its user can do. So it is off unless the program sets FLAME_ENABLED, and takes nothing but pickle.
"""

from __future__ import annotations

import builtins
import code
import contextlib
import importlib
import inspect
import io
import os
import sys
import types
from typing import Any

from .. import constants, errors
from .._classes import register_pickled
from ..configuration import config
from ..daemon import Daemon
from ..exposing import expose
from ..proxy import Proxy

__all__ = ["connect", "start", "createModule", "Flame"]

_NEVER_REMOTE = frozenset({"__getnewargs__", "__getnewargs_ex__", "__getinitargs__", "__getstate__", "__setstate__"})


def start(daemon: Daemon) -> Any:
    """Makes a Flame server in a daemon. Gives its URI.

    Raises SecurityError unless FLAME_ENABLED is set, and SerializeError if anything but pickle is accepted.
    """
    if not config.FLAME_ENABLED:
        raise errors.SecurityError("Flame is disabled in the server configuration")
    if set(config.SERIALIZERS_ACCEPTED) != {"pickle"}:
        raise errors.SerializeError("Flame requires the pickle serializer exclusively")
    return daemon.register(Flame(), constants.FLAME_NAME)


def connect(location: str, hmac_key: bytes | str | None = None) -> Any:
    """Connects to the Flame server at a location, for instance ``localhost:9999`` or ``./u:path``. Gives a proxy with the methods of :class:`Flame`.

    What the server sends may run code here: connect to servers that are trusted. Raises SerializeError unless SERIALIZER is pickle.
    """
    if config.SERIALIZER != "pickle":
        raise errors.SerializeError("Flame requires the pickle serializer")
    proxy = _FlameProxy(f"PYRO:{constants.FLAME_NAME}@{location}")
    if hmac_key:
        proxy._pyroHmacKey = hmac_key  # type: ignore[assignment]
    proxy._pyroBind()
    return proxy


class _FlameProxy(Proxy):
    """Hands its key on to what it gets from the server: a key is never sent."""

    def _pyroInvoke(self, methodname: str, vargs: Any, kwargs: Any, flags: int = 0, objectId: str | None = None) -> Any:
        result = super()._pyroInvoke(methodname, vargs, kwargs, flags, objectId)
        if isinstance(result, (FlameModule, FlameBuiltin)):
            result.flameserver._pyroHmacKey = self._pyroHmacKey
        elif isinstance(result, RemoteInteractiveConsole):
            result.remoteconsole._pyroHmacKey = self._pyroHmacKey
        return result


class FlameModule:
    """A module of the server: its functions are called as those of a module here."""

    def __init__(self, flameserver: Any, module: str) -> None:
        self.flameserver = Proxy(flameserver._pyroDaemon.uriFor(flameserver))
        self.module = module

    def __getattr__(self, item: str) -> Any:
        if item in _NEVER_REMOTE:
            raise AttributeError(item)
        return _Function(self, f"{self.module}.{item}")

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__

    def __setstate__(self, args: dict[str, Any]) -> None:
        self.__dict__.update(args)

    def __enter__(self) -> FlameModule:
        return self

    def __exit__(self, *exception: object) -> None:
        self.flameserver._pyroRelease()

    def __repr__(self) -> str:
        return _described(self, f"module '{self.module}' at {self.flameserver._pyroUri.location}")


class _Function:
    """A function of a module of the server, by its dotted name."""

    def __init__(self, module: FlameModule, name: str) -> None:
        self._module = module
        self._name = name

    def __getattr__(self, name: str) -> _Function:
        return _Function(self._module, f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._module.flameserver.invokeModule(self._name, args, kwargs)


class FlameBuiltin:
    """A builtin function of the server."""

    def __init__(self, flameserver: Any, builtin: str) -> None:
        self.flameserver = Proxy(flameserver._pyroDaemon.uriFor(flameserver))
        self.builtin = builtin

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.flameserver.invokeBuiltin(self.builtin, args, kwargs)

    def __enter__(self) -> FlameBuiltin:
        return self

    def __exit__(self, *exception: object) -> None:
        self.flameserver._pyroRelease()

    def __repr__(self) -> str:
        return _described(self, f"builtin '{self.builtin}' at {self.flameserver._pyroUri.location}")


class RemoteInteractiveConsole:
    """A console of the server: what is typed here runs there."""

    class LineSendingConsole(code.InteractiveConsole):
        """Sends the lines to the server, and prints what comes back."""

        def __init__(self, remoteconsole: Any) -> None:
            super().__init__(filename="<remoteconsole>")
            self.remoteconsole = remoteconsole

        def push(self, line: str, *args: Any, **kwargs: Any) -> bool:
            output, more = self.remoteconsole.push_and_get_output(line)
            sys.stdout.write(output)
            return bool(more)

    def __init__(self, remoteconsoleuri: Any) -> None:
        self.remoteconsole = Proxy(remoteconsoleuri)

    def interact(self) -> None:
        """Reads lines until the input ends."""
        self.LineSendingConsole(self.remoteconsole).interact(banner=self.remoteconsole.get_banner())
        print("(Remote session ended)")

    def close(self) -> None:
        """Ends the console of the server."""
        self.remoteconsole.terminate()
        self.remoteconsole._pyroRelease()

    def terminate(self) -> None:
        """Ends the console of the server."""
        self.close()

    def __enter__(self) -> RemoteInteractiveConsole:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return _described(self, f"for {self.remoteconsole._pyroUri.location}")


def _described(obj: Any, what: str) -> str:
    cls = type(obj)
    return f"<{cls.__module__}.{cls.__name__} at {id(obj):#x}; {what}>"


@expose
class InteractiveConsole(code.InteractiveConsole):
    """The server's end of a console."""

    banner = ""

    def push_and_get_output(self, line: str) -> tuple[str, bool]:
        """Runs a line. Gives what it has printed, and whether the statement goes on. All that the process prints meanwhile is taken for it."""
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            more = self.push(line)
        return output.getvalue(), bool(more)

    def get_banner(self) -> str:
        """Gives the first words of the console."""
        return self.banner

    def write(self, data: str) -> None:
        """Prints an error, as the output of the line."""
        sys.stdout.write(data)

    def terminate(self) -> None:
        """Ends the console."""
        self._pyroDaemon.unregister(self)  # type: ignore[attr-defined]
        self.resetbuffer()


@expose
class Flame:
    """The server's object. See :func:`start`."""

    def __init__(self) -> None:
        if set(config.SERIALIZERS_ACCEPTED) != {"pickle"}:
            raise RuntimeError("flame requires the pickle serializer exclusively")
        # What code that is sent finds without an import, as in Pyro4's module.
        self._names: dict[str, Any] = {"__name__": "<remote-code>", "builtins": builtins, "os": os, "sys": sys, "types": types}

    def module(self, name: str) -> FlameModule:
        """Imports a module. Gives what calls its functions."""
        importlib.import_module(name)
        return FlameModule(self, name)

    def builtin(self, name: str) -> FlameBuiltin:
        """Gives what calls a builtin function."""
        return FlameBuiltin(self, name)

    def execute(self, code: str) -> None:
        """Runs code. What it defines is there for the code that is sent next."""
        exec_function(code, "<remote-code>", self._names)

    def evaluate(self, expression: str) -> Any:
        """Gives the value of an expression."""
        return eval(expression, self._names)

    def sendmodule(self, modulename: str, modulesource: str) -> None:
        """Makes a module of its source. One that there is already gets the new contents too."""
        createModule(modulename, modulesource)

    def getmodule(self, modulename: str) -> str:
        """Gives the source of a module."""
        return inspect.getsource(importlib.import_module(modulename))

    def sendfile(self, filename: str, filedata: bytes) -> None:
        """Writes a file, which its owner alone can read."""
        descriptor = os.open(filename, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(descriptor, "wb") as file:
            os.chmod(filename, 0o600)
            file.write(filedata)

    def getfile(self, filename: str) -> bytes:
        """Reads a file."""
        with open(filename, "rb") as file:
            return file.read()

    def console(self) -> RemoteInteractiveConsole:
        """Starts a console. Gives what is used at the client."""
        console = InteractiveConsole(filename="<remoteconsole>")
        uri = self._pyroDaemon.register(console)  # type: ignore[attr-defined]
        console.banner = f"Python {sys.version} on {sys.platform}\n(Remote console on {uri.location})"
        return RemoteInteractiveConsole(uri)

    def invokeBuiltin(self, builtin: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Calls a builtin function."""
        return getattr(builtins, builtin)(*args, **kwargs)

    def invokeModule(self, dottedname: str, args: Any, kwargs: dict[str, Any]) -> Any:
        """Calls a function of a module that is imported."""
        module, _, path = dottedname.partition(".")
        found: Any = sys.modules[module]
        for name in path.split("."):
            found = getattr(found, name)
        return found(*args, **kwargs)


def createModule(name: str, source: str, filename: str = "<dynamic-module>", namespace: dict[str, Any] | None = None) -> types.ModuleType:
    """Makes a module of its source, and the packages that its name has. Puts it in a namespace too, if one is given, as ``import`` does."""
    parent: types.ModuleType | None = None
    path = ""
    for part in name.split("."):
        path = f"{path}.{part}" if path else part
        module = sys.modules.setdefault(path, types.ModuleType(path))
        if parent is not None and not hasattr(parent, part):
            setattr(parent, part, module)
        parent = module
    exec_function(source, filename, module.__dict__)
    if namespace is not None:
        top = name.partition(".")[0]
        namespace[top] = sys.modules[top]
    return module


def exec_function(source: str, filename: str, global_map: dict[str, Any]) -> None:
    """Runs code with these names."""
    exec(compile(fixExecSourceNewlines(source), filename, "exec"), global_map)


def fixExecSourceNewlines(source: str) -> str:
    """Gives code without the space behind it."""
    return source.rstrip()


for _class in (FlameModule, FlameBuiltin, RemoteInteractiveConsole):
    register_pickled(_class, f"Pyro4.utils.flame.{_class.__name__}")
