"""Old programs unchanged: this package under the names ``Pyro4``, ``Pyro5`` and ``processing``.

After ``install("Pyro4")`` the statement ``import Pyro4``, and the import of a module in it, gives the code of this package. Or run a
program with ``python -m ferropyro run program.py``, which installs the names first: ``processing`` only for programs that find no other module of this name.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from types import ModuleType
from typing import Any, NamedTuple

from . import constants

__all__ = ["install", "installed", "MODULES"]

PACKAGE = __name__.rpartition(".")[0]


class Alias(NamedTuple):
    """What a module is made of: names of its own and where they are (``module:name``), and modules that have the others."""

    names: dict[str, str]
    others: tuple[str, ...] = ()
    is_package: bool = False
    values: dict[str, Any] = {}


def _same(module: str, names: str) -> dict[str, str]:
    return {name: f"{module}:{name}" for name in names.split()}


_PYRO5_NAMES = {
    **_same("core", "URI Proxy SerializedBlob Daemon DaemonObject callback expose behavior oneway current_context"),
    **_same("_pyro5", "locate_ns resolve start_ns start_ns_loop serve"),
    **_same("_pyro5", "register_dict_to_class register_class_to_dict unregister_dict_to_class unregister_class_to_dict"),
    "BatchProxy": "core:BatchProxy core:batch",
    "SerializerBase": "util:SerializerBase",
    "type_meta": "naming:type_meta",
    "config": "configuration:pyro5_config",
}

_PYRO5_SOCKETUTIL = {
    **_same("_pyro5", "get_ip_address get_interface create_socket create_bc_socket bind_unused_port USE_MSG_WAITALL"),
    "receive_data": "socketutil:receiveData",
    "send_data": "socketutil:sendData",
    "set_reuseaddr": "socketutil:setReuseAddr",
    "set_nodelay": "socketutil:setNoDelay",
    "set_keepalive": "socketutil:setKeepalive",
    "set_noinherit": "socketutil:setNoInherit",
    "find_probably_unused_port": "socketutil:findProbablyUnusedPort",
    "interrupt_socket": "socketutil:interruptSocket",
    "get_ssl_context": "socketutil:getSSLcontext",
}

_VERSIONS_OF_PYRO4 = {"VERSION": constants.PYRO4_VERSION}

MODULES: dict[str, str | Alias] = {
    "Pyro4": Alias(
        {
            **_same("core", "URI Proxy Daemon callback batch asyncproxy oneway expose behavior current_context"),
            "locateNS": "naming:locateNS",
            "resolve": "naming:resolve",
            "Future": "futures:Future",
            "config": "configuration:config",
        },
        (".",),
        is_package=True,
        values={"__version__": constants.PYRO4_VERSION},
    ),
    "Pyro4.constants": Alias({}, ("constants",), values=_VERSIONS_OF_PYRO4),
    **{
        f"Pyro4.{name}": name
        for name in "configuration core errors futures message naming naming_storage nsc socketutil util".split()
    },
    "Pyro4.utils": Alias({}, is_package=True),
    "Pyro4.utils.flame": "utils.flame",
    "Pyro4.utils.flameserver": "utils.flameserver",
    "Pyro4.utils.httpgateway": "utils.httpgateway",
    "Pyro4.test": Alias({}, is_package=True),
    "Pyro4.test.echoserver": "utils.echoserver",
    "Pyro5": Alias(
        {"config": "configuration:pyro5_config"}, is_package=True, values={"__version__": constants.PYRO5_VERSION}
    ),
    "Pyro5.api": Alias(_PYRO5_NAMES, values={"__version__": constants.PYRO5_VERSION}),
    "Pyro5.core": Alias(
        {
            **_same("core", "URI"),
            **_same("_pyro5", "locate_ns resolve"),
            **_same("constants", "DAEMON_NAME NAMESERVER_NAME"),
            "type_meta": "naming:type_meta",
            "_ExceptionWrapper": "futures:_ExceptionWrapper",
        },
    ),
    "Pyro5.client": Alias(
        {**_same("core", "Proxy SerializedBlob"), "BatchProxy": _PYRO5_NAMES["BatchProxy"]}, ("core",)
    ),
    "Pyro5.server": Alias(
        {
            **_same("core", "Daemon DaemonObject callback expose behavior oneway"),
            "serve": "_pyro5:serve",
            "is_private_attribute": "util:is_private_attribute",
        },
        ("core",),
    ),
    "Pyro5.errors": "errors",
    "Pyro5.serializers": Alias(
        {
            **_same("util", "SerializerBase SerpentSerializer all_exceptions"),
            **_same("_pyro5", "MarshalSerializer JsonSerializer MsgpackSerializer serializers serializers_by_id"),
        },
        ("util",),
    ),
    "Pyro5.configure": Alias(_same("_pyro5", "Configuration global_config dump")),
    "Pyro5.callcontext": Alias(_same("core", "current_context"), ("core",)),
    "Pyro5.nameserver": Alias(
        {
            **_same("_pyro5", "start_ns start_ns_loop lookup yplookup"),
            **_same("naming", "MemoryStorage NameServer NameServerDaemon AutoCleaner BroadcastServer main"),
            "SqlStorage": "naming_storage:SqlStorage",
        },
        ("naming", "naming_storage"),
    ),
    "Pyro5.nsc": Alias({"handle_command": "nsc:handleCommand", "main": "nsc:main"}, ("nsc",)),
    "Pyro5.protocol": "protocol",
    "Pyro5.socketutil": Alias(_PYRO5_SOCKETUTIL, ("socketutil",)),
    "Pyro5.utils": Alias({}, is_package=True),
    "Pyro5.utils.httpgateway": "utils.httpgateway",
    "Pyro5.utils.echoserver": Alias({"start_nameserver": "utils.echoserver:startNameServer"}, ("utils.echoserver",)),
    "Pyro5.compatibility": Alias({}, is_package=True),
    "Pyro5.compatibility.Pyro4": "Pyro4",
    "processing": Alias(
        {**_same("connection", "AuthenticationError BufferTooShort"), **_same("_processing", "ProcessError currentProcess")},
        is_package=True,
    ),
    "processing.connection": "connection",
}
"""The modules of Pyro4, of Pyro5 and of processing that there are: a module of this package, or what the module is made of."""


PACKAGES = ("Pyro4", "Pyro5", "processing")


def install(name: str = "Pyro4", *, unless_there: bool = False) -> None:
    """Puts this package under the name ``"Pyro4"``, ``"Pyro5"`` or ``"processing"``; all can be installed. With ``unless_there`` a real module of this name comes first.

    Call it before the first import of that name. Raises RuntimeError if the real package was imported already.
    """
    if name not in PACKAGES:
        raise ValueError(f"no package that can be stood in for: {name!r} ({', '.join(PACKAGES[:-1])} or {PACKAGES[-1]})")
    imported = sys.modules.get(name)
    if imported is not None and not _is_ours(imported):
        if unless_there:
            return
        place = getattr(imported, "__file__", None) or "somewhere"
        raise RuntimeError(
            f"the real {name} was imported already (from {place}): "
            f'call ferropyro.compat.install("{name}") before anything that imports {name}'
        )
    if not installed(name):
        sys.meta_path.insert(len(sys.meta_path) if unless_there else 0, _Finder(name))


def installed(name: str) -> bool:
    """Whether `install` was called with this name."""
    return any(isinstance(finder, _Finder) and finder.package == name for finder in sys.meta_path)


def _is_ours(module: ModuleType) -> bool:
    return isinstance(getattr(module, "__loader__", None), _AliasLoader)


class _Finder(MetaPathFinder):
    """Finds the modules of one package, and all of them: the real one is never reached, unless it was there first."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] != self.package:
            return None
        package = sys.modules.get(self.package)
        if package is not None and not _is_ours(package):
            return None
        alias = MODULES.get(fullname)
        if alias is None:
            raise _missing(fullname)
        is_package = isinstance(alias, Alias) and alias.is_package
        return importlib.machinery.ModuleSpec(fullname, _AliasLoader(), origin=PACKAGE, is_package=is_package)


class _AliasLoader(Loader):
    """Makes a module of its `Alias`, or puts a module of this package in its place."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        alias = MODULES[name]
        if isinstance(alias, str):
            sys.modules[name] = _module(alias, name)
            return
        module.__doc__ = f"{name}, as {PACKAGE} has it."
        module.__dict__.update(alias.values)
        names = [*alias.names, *alias.values]
        module.__dict__["__all__"] = [own for own in names if not own.startswith("_")]
        module.__dict__["__getattr__"] = lambda attribute: _attribute(module, alias, attribute)
        module.__dict__["__dir__"] = lambda: sorted({*module.__dict__, *names, *_other_names(alias)})
        if name in ("Pyro4", "Pyro5"):
            _start_anew(name)


def _attribute(module: ModuleType, alias: Alias, name: str) -> Any:
    """A name of a module, at its first use: modules need each other, and a program mostly needs few of them."""
    full_name = f"{module.__name__}.{name}"
    value = _MISSING
    if name in alias.names:
        value = _first(alias.names[name].split(), full_name)
    elif full_name in MODULES:
        value = importlib.import_module(full_name)
    elif not name.startswith("__"):
        value = _first([f"{other}:{name}" for other in alias.others], full_name)
    if value is _MISSING:
        raise AttributeError(f"module '{module.__name__}' of {PACKAGE} has no attribute '{name}'", name=name, obj=module)
    module.__dict__[name] = value
    return value


_MISSING = object()


def _first(places: list[str], full_name: str) -> Any:
    for place in places:
        module, _, name = place.partition(":")
        value = getattr(_module(module, full_name), name, _MISSING)
        if value is not _MISSING:
            return value
    return _MISSING


def _other_names(alias: Alias) -> list[str]:
    return [name for other in alias.others for name in dir(_module(other, other)) if not name.startswith("_")]


def _module(name: str, wanted: str) -> ModuleType:
    """A module of this package, or of the aliases."""
    if name in MODULES:
        install(name)
        return importlib.import_module(name)
    full_name = PACKAGE if name == "." else f"{PACKAGE}.{name}"
    try:
        return importlib.import_module(full_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (error.name == full_name or full_name.startswith(f"{error.name}.")):
            raise _missing(wanted) from None
        raise


def _missing(name: str) -> ModuleNotFoundError:
    return ModuleNotFoundError(f"{PACKAGE}, which is used in the place of {name.partition('.')[0]}, has no {name}", name=name)


def _start_anew(name: str) -> None:
    """What the program has put into the environment counts when it imports the old name: this package was imported before that.

    A program for Pyro5 gets the defaults and the logger names of Pyro5, unless it uses Pyro4 as well.
    """
    from . import logs
    from .configuration import config

    if name == "Pyro5" and "Pyro4" not in sys.modules:
        config.use_defaults_of("Pyro5")
        logs.use_family("Pyro5")
    else:
        config.take_environment()
    logs.configure()
