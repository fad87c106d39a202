"""The configuration: the object ``config`` with all config items of Pyro4 and Pyro5, and a few of this package.

Every item is preset by the environment variable ``PYRO_NAME``. What a program sets wins over the environment; what already
runs keeps the values that it was started with. A wrong name or value is an error where it is set.
"""

from __future__ import annotations

import copy
import difflib
import importlib.util
import os
import pickle
import platform
import socket
from collections.abc import Iterable
from typing import Any

from . import constants
from ._items import (
    BOTH,
    MOST,
    OURS,
    PYRO4,
    PYRO5,
    Addresses,
    Flag,
    IpVersion,
    Item,
    Levels,
    OptionalText,
    Protocols,
    Seconds,
    Secret,
    Serializer,
    Serializers,
    ServerType,
    Size,
    Text,
    Whole,
)

__all__ = ["Configuration", "Pyro5Configuration", "config", "pyro5_config", "wire_settings", "main"]

PREFIX = "PYRO_"
# They share the prefix but are no items: the tools read them. They are never refused and never shown.
OTHER_VARIABLES = ("HMAC_KEY", "HTTPGATEWAY_KEY")

WAITALL = hasattr(socket, "MSG_WAITALL") and platform.system() != "Windows"
SAFE = frozenset({"serpent", "marshal", "json"})
DATA = SAFE | {"msgpack"}
# dill's highest is Python's. It is not imported for that: it changes how Python's own pickle works.
DILL = pickle.HIGHEST_PROTOCOL if importlib.util.find_spec("dill") else -1

ITEMS: dict[str, Item] = {
    "HOST": Item(Text(), "localhost", BOTH),
    "NS_HOST": Item(Text(), "localhost", BOTH),
    "NS_PORT": Item(Whole(0, 65535), 9090, BOTH),
    "NS_BCPORT": Item(Whole(0, 65535), 9091, BOTH),
    "NS_BCHOST": Item(OptionalText(), None, BOTH),
    "NS_AUTOCLEAN": Item(Seconds(), 0.0, BOTH),
    "NS_LOOKUP_DELAY": Item(Seconds(), 0.0, PYRO5),
    "BROADCAST_ADDRS": Item(Addresses(), "<broadcast>, 0.0.0.0", BOTH),
    "NATHOST": Item(OptionalText(), None, BOTH),
    "NATPORT": Item(Whole(0, 65535), 0, BOTH),
    "PREFER_IP_VERSION": Item(IpVersion(), 4, BOTH, 0),
    "SERVERTYPE": Item(ServerType(), "thread", BOTH),
    "THREADPOOL_SIZE": Item(Size(1, MOST), 40, BOTH, 80),
    "THREADPOOL_SIZE_MIN": Item(Size(1, MOST), 4, BOTH),
    "COMMTIMEOUT": Item(Seconds(), 0.0, BOTH),
    "POLLTIMEOUT": Item(Seconds(), 2.0, BOTH),
    "MAX_RETRIES": Item(Whole(0, 0xFFFF_FFFF), 0, BOTH),
    "ONEWAY_THREADED": Item(Flag(), True, PYRO4),
    "SOCK_REUSE": Item(Flag(), True, BOTH),
    "SOCK_NODELAY": Item(Flag(), True, BOTH),
    "USE_MSG_WAITALL": Item(Flag(), WAITALL, PYRO4),
    "TCP_KEEPALIVE": Item(Seconds(), 300.0, OURS),
    "MAX_MESSAGE_SIZE": Item(Whole(0, MOST), 0, BOTH, 1 << 30),
    "COMPRESSION": Item(Flag(), False, BOTH),
    "SERIALIZER": Item(Serializer(), "serpent", BOTH),
    "SERIALIZERS_ACCEPTED": Item(Serializers(), SAFE, PYRO4, DATA),
    "SERPENT_BYTES_REPR": Item(Flag(), False, PYRO5),
    "PICKLE_PROTOCOL_VERSION": Item(Whole(-1, 127), pickle.HIGHEST_PROTOCOL, PYRO4),
    "DILL_PROTOCOL_VERSION": Item(Whole(-1, 127), DILL, PYRO4),
    "PICKLE_SAFE": Item(Flag(), False, OURS),
    "JSON_MODULE": Item(Text(), "json", PYRO4),
    "AUTOPROXY": Item(Flag(), True, PYRO4),
    "METADATA": Item(Flag(), True, PYRO4),
    "REQUIRE_EXPOSE": Item(Flag(), True, PYRO4),
    "FLAME_ENABLED": Item(Flag(), False, PYRO4),
    "DETAILED_TRACEBACK": Item(Flag(), False, BOTH),
    "SEND_TRACEBACK": Item(Flag(), True, OURS),
    "ITER_STREAMING": Item(Flag(), True, BOTH),
    "ITER_STREAM_LIFETIME": Item(Seconds(), 0.0, BOTH),
    "ITER_STREAM_LINGER": Item(Seconds(), 30.0, BOTH),
    "LOGFILE": Item(OptionalText(), None, BOTH, "pyro5.log"),
    "LOGLEVEL": Item(Levels(), None, BOTH),
    "LOGWIRE": Item(Flag(), False, BOTH),
    "SSL": Item(Flag(), False, BOTH),
    "SSL_SERVERCERT": Item(Text(), "", BOTH),
    "SSL_SERVERKEY": Item(Text(), "", BOTH),
    "SSL_SERVERKEYPASSWD": Item(Secret(), "", BOTH),
    "SSL_REQUIRECLIENTCERT": Item(Flag(), False, BOTH),
    "SSL_CLIENTCERT": Item(Text(), "", BOTH),
    "SSL_CLIENTKEY": Item(Text(), "", BOTH),
    "SSL_CLIENTKEYPASSWD": Item(Secret(), "", BOTH),
    "SSL_CACERTS": Item(Text(), "", BOTH),
    "TLS_HANDSHAKE_TIMEOUT": Item(Seconds(), 5.0, OURS),
    "HANDSHAKE_TIMEOUT": Item(Seconds(), 10.0, OURS),
    "MAX_HANDSHAKE_SIZE": Item(Whole(0, MOST), 128 * 1024, OURS),
    "WRITE_TIMEOUT": Item(Seconds(), 30.0, OURS),
    "SHUTDOWN_TIMEOUT": Item(Seconds(), 10.0, OURS),
    "WORKERS": Item(Size(1, MOST), 1, OURS),
    "MAX_UNFINISHED_HANDSHAKES": Item(Whole(0, MOST), 1024, OURS),
    "MAX_CONNECTIONS": Item(Whole(0, MOST), 10_000, OURS),
    "ACCEPTS_PER_TURN": Item(Size(1, MOST), 10, OURS),
    "ACCEPT_PAUSE": Item(Seconds(), 1.0, OURS),
    "MAX_ONEWAYS": Item(Size(1, MOST), 1024, OURS),
    "MAX_ONEWAY_BYTES": Item(Size(1, MOST), 64 << 20, OURS),
    "MAX_BATCH_CALLS": Item(Whole(0, MOST), 0, OURS),
    "MAX_LEASES": Item(Whole(0, MOST), 10_000, OURS),
    "MAX_STREAMS": Item(Whole(0, MOST), 64, OURS),
    "PROTOCOLS": Item(Protocols(), frozenset({48, 502}), OURS),
    "GREETING_DELAY": Item(Seconds(), 0.2, OURS),}


class Configuration:
    """All config items, as attributes.

    ``generation`` says whose defaults they have where Pyro4 and Pyro5 differ, and whether an unknown variable of the
    environment is passed over, as Pyro4 does, or refused, as Pyro5 does.
    """

    HOST: str
    NS_HOST: str
    NS_PORT: int
    NS_BCPORT: int
    NS_BCHOST: str | None
    NS_AUTOCLEAN: float
    NS_LOOKUP_DELAY: float
    BROADCAST_ADDRS: str
    NATHOST: str | None
    NATPORT: int
    PREFER_IP_VERSION: int
    SERVERTYPE: str
    THREADPOOL_SIZE: int
    THREADPOOL_SIZE_MIN: int
    COMMTIMEOUT: float
    POLLTIMEOUT: float
    MAX_RETRIES: int
    ONEWAY_THREADED: bool
    SOCK_REUSE: bool
    SOCK_NODELAY: bool
    USE_MSG_WAITALL: bool
    TCP_KEEPALIVE: float
    MAX_MESSAGE_SIZE: int
    COMPRESSION: bool
    SERIALIZER: str
    SERIALIZERS_ACCEPTED: set[str]
    SERPENT_BYTES_REPR: bool
    PICKLE_PROTOCOL_VERSION: int
    DILL_PROTOCOL_VERSION: int
    PICKLE_SAFE: bool
    JSON_MODULE: str
    AUTOPROXY: bool
    METADATA: bool
    REQUIRE_EXPOSE: bool
    FLAME_ENABLED: bool
    DETAILED_TRACEBACK: bool
    SEND_TRACEBACK: bool
    ITER_STREAMING: bool
    ITER_STREAM_LIFETIME: float
    ITER_STREAM_LINGER: float
    LOGFILE: str | None
    LOGLEVEL: str | None
    LOGWIRE: bool
    SSL: bool
    SSL_SERVERCERT: str
    SSL_SERVERKEY: str
    SSL_SERVERKEYPASSWD: str
    SSL_REQUIRECLIENTCERT: bool
    SSL_CLIENTCERT: str
    SSL_CLIENTKEY: str
    SSL_CLIENTKEYPASSWD: str
    SSL_CACERTS: str
    TLS_HANDSHAKE_TIMEOUT: float
    HANDSHAKE_TIMEOUT: float
    MAX_HANDSHAKE_SIZE: int
    WRITE_TIMEOUT: float
    SHUTDOWN_TIMEOUT: float
    WORKERS: int
    MAX_UNFINISHED_HANDSHAKES: int
    MAX_CONNECTIONS: int
    ACCEPTS_PER_TURN: int
    ACCEPT_PAUSE: float
    MAX_ONEWAYS: int
    MAX_ONEWAY_BYTES: int
    MAX_BATCH_CALLS: int
    MAX_LEASES: int
    MAX_STREAMS: int
    PROTOCOLS: set[int]
    GREETING_DELAY: float
    _presets: dict[str, Any]

    def __init__(self, generation: str = PYRO4) -> None:
        self._generation = generation
        self.reset()

    def reset(self, useenvironment: bool = True, *, use_environment: bool | None = None) -> None:
        """Sets all items to their defaults, and then to what the environment says unless ``useenvironment`` is false.

        Pyro5 calls the argument ``use_environment``. Raises ValueError for a variable with a wrong value.
        """
        self._preset(ITEMS, useenvironment if use_environment is None else use_environment)

    def use_defaults_of(self, generation: str) -> None:
        """Takes the defaults of ``"Pyro4"`` or ``"Pyro5"``, and what the environment says now, for the items that were not changed yet."""
        untouched = [name for name in ITEMS if getattr(self, name) == self._presets[name]]
        self._generation = generation
        self._preset(untouched, True)

    def take_environment(self) -> None:
        """Takes what the environment says now, for the items that were not changed yet."""
        self.use_defaults_of(self._generation)

    def asDict(self) -> dict[str, Any]:
        """Gives the items and their values."""
        return {name: getattr(self, name) for name in ITEMS}

    as_dict = asDict

    def copy(self) -> Configuration:
        """Gives a configuration of its own with the same values."""
        other = Configuration.__new__(Configuration)
        other.__dict__.update(self.__dict__)
        other.SERIALIZERS_ACCEPTED = set(self.SERIALIZERS_ACCEPTED)
        return other

    def parseAddressesString(self, addresses: str) -> list[str]:
        """Gives the addresses of a text in which they are separated by commas; ``''`` stands for the empty address."""
        parts = [part.strip() for part in addresses.split(",")]
        return ["" if part == "''" else part for part in parts]

    def dump(self) -> str:
        """Gives the versions in use and all items with their values, a line each. Passwords are not shown."""
        return _dump(self, ITEMS, f"Protocol version: {constants.PROTOCOL_VERSION}", "Currently active configuration settings:")

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_generation":
            if value not in (PYRO4, PYRO5):
                raise ValueError(f"no generation of Pyro: {value!r}")
            self.__dict__[name] = value
            return
        item = ITEMS.get(name)
        if item is None:
            raise AttributeError(_unknown(name), name=name, obj=self)
        try:
            self.__dict__[name] = item.kind.check(value)
        except ValueError as error:
            raise ValueError(f"invalid Pyro config value: {name}={_shown(item, value)} ({error})") from None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_unknown(name), name=name, obj=self)

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a config item cannot be deleted: {name}", name=name, obj=self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Configuration) and self.asDict() == other.asDict()

    __hash__ = object.__hash__

    def _preset(self, names: Iterable[str], use_environment: bool) -> None:
        """Sets these items to what they are if the program does not set them, and remembers what that is for all of them."""
        environment = _from_environment(strict=self._generation == PYRO5) if use_environment else {}
        presets = {name: environment.get(name, self._default(name)) for name in ITEMS}
        self.__dict__["_presets"] = presets
        # What the program adds to a set is not a part of its preset.
        self.__dict__.update({name: copy.copy(presets[name]) for name in names})

    def _default(self, name: str) -> Any:
        item = ITEMS[name]
        has_its_own = self._generation == PYRO5 and item.default_of_pyro5 is not None
        default = item.default_of_pyro5 if has_its_own else item.default
        return set(default) if isinstance(default, frozenset) else default


class Pyro5Configuration:
    """A configuration as programs for Pyro5 see it: the items that Pyro5 has, and broadcast addresses as a list.

    It has no values of its own. Items of this package can be set through it too. The serializer cannot be one that executes
    what it reads: Pyro5 has none.
    """

    def __init__(self, target: Configuration) -> None:
        self.__dict__["_target"] = target

    def __getattr__(self, name: str) -> Any:
        target = self.__dict__["_target"]
        if name == "BROADCAST_ADDRS":
            return target.parseAddressesString(target.BROADCAST_ADDRS)
        return getattr(target, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "SERIALIZER" and value not in DATA:
            raise ValueError(f"invalid Pyro config value: SERIALIZER={value} (serializer '{value}' is unknown or not available)")
        setattr(self.__dict__["_target"], name, value)

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *self._items()]

    def reset(self, use_environment: bool = True) -> None:
        """Sets all items to their defaults, and then to what the environment says unless ``use_environment`` is false."""
        self._target.reset(use_environment)

    def as_dict(self) -> dict[str, Any]:
        """Gives the items that Pyro5 has, and their values."""
        return {name: getattr(self, name) for name in self._items()}

    def copy(self) -> Pyro5Configuration:
        """Gives a configuration of its own with the same values."""
        return Pyro5Configuration(self._target.copy())

    def dump(self) -> str:
        """Gives the versions in use and the items that Pyro5 has with their values, a line each."""
        title = "Currently active global configuration settings:"
        return _dump(self, self._items(), f"Protocol version: {constants.PROTOCOL_VERSION_PYRO5}", title)

    @staticmethod
    def _items() -> list[str]:
        return [name for name, item in ITEMS.items() if item.origin in (BOTH, PYRO5)]


def wire_settings(configuration: Configuration) -> dict[str, str]:
    """Gives every item as the text that the environment variable of its name would have, passwords too.

    That is what the Rust module takes. Raises ValueError when a set was given a wrong member in place.
    """
    settings = {}
    for name, item in ITEMS.items():
        try:
            settings[name] = item.kind.text(getattr(configuration, name))
        except ValueError as error:
            value = _shown(item, getattr(configuration, name))
            raise ValueError(f"invalid Pyro config value: {name}={value} ({error})") from None
    return settings


def _from_environment(strict: bool) -> dict[str, Any]:
    """The values of the items that the environment sets."""
    values = {}
    for variable, text in os.environ.items():
        name = variable.removeprefix(PREFIX)
        if name == variable or name in OTHER_VARIABLES:
            continue
        item = ITEMS.get(name)
        if item is None:
            if strict:
                raise ValueError(_unknown(name, "environment config variable", PREFIX))
            continue
        values[name] = _parse(variable, item, text)
    return values


def _parse(variable: str, item: Item, text: str) -> Any:
    try:
        return item.kind.parse(text)
    except ValueError as error:
        if isinstance(item.kind, Flag):
            raise ValueError(f"invalid boolean value: {variable}={text.lower()}") from None
        shown = _shown(item, text)
        raise ValueError(f"invalid Pyro environment config value: {variable}={shown} ({error})") from None


def _unknown(name: str, what: str = "config item", prefix: str = "") -> str:
    near = difflib.get_close_matches(name, ITEMS, n=1, cutoff=0.7)
    return f"invalid Pyro {what}: {prefix}{name}" + (f" (did you mean {prefix}{near[0]}?)" if near else "")


def _shown(item: Item, value: Any) -> str:
    return item.kind.show(value)


def _dump(configuration: Any, names: Any, protocol: str, title: str) -> str:
    python = f"{platform.python_implementation()} {platform.python_version()} ({platform.system()}, {os.name})"
    head = [
        f"Pyro version: {constants.VERSION}",
        f"Loaded from: {os.path.dirname(__file__)}",
        f"Python version: {python}",
        protocol,
        title,
    ]
    return "\n".join(head + [f"{name} = {_shown(ITEMS[name], getattr(configuration, name))}" for name in sorted(names)])


config = Configuration()
"""The configuration of this program."""

pyro5_config = Pyro5Configuration(config)
"""The same, as programs for Pyro5 see it."""


def main() -> None:
    """Prints the configuration: ``python -m ferropyro.configuration``."""
    print(config.dump())


if __name__ == "__main__":
    main()
