"""What Pyro5 has under names or with arguments of its own, made of what this package has."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Union

from . import configuration as _configuration
from . import socketutil, util
from .configuration import Pyro5Configuration, config, pyro5_config
from .errors import NamingError, TimeoutError
from .socketutil import Address

IpAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

global_config = pyro5_config


class Configuration(Pyro5Configuration):
    """A configuration of its own, with Pyro5's defaults and what the environment says."""

    def __init__(self) -> None:
        super().__init__(_configuration.Configuration("Pyro5"))


def dump() -> None:
    """Prints the configuration."""
    print(pyro5_config.dump())


# Names and name servers.


def locate_ns(host: Any = "", port: int | None = None, broadcast: bool = True) -> Any:
    """Gives a proxy of a name server. Raises NamingError if none is found."""
    from . import core

    return core.locateNS(str(host) if host else None, port, broadcast)


def resolve(uri: Any, delay_time: float = 0.0) -> Any:
    """Gives the URI of the object that a name stands for; waits so many seconds for the name to be registered."""
    from . import core

    return _patiently(lambda: core.resolve(uri), delay_time)


def lookup(nameserver: Any, name: str, return_metadata: bool = False, delay_time: float = 0) -> Any:
    """Looks a name up; waits so many seconds (or NS_LOOKUP_DELAY) for it to be registered."""
    return _patiently(lambda: nameserver.lookup(name, return_metadata), delay_time)


def yplookup(
    nameserver: Any, meta_all: Any = None, meta_any: Any = None, return_metadata: bool = True, delay_time: float = 0
) -> Any:
    """Looks names up by their metadata; waits so many seconds (or NS_LOOKUP_DELAY) for one to be registered."""
    return _patiently(lambda: nameserver.yplookup(meta_all, meta_any, return_metadata), delay_time, bool)


def start_ns(*args: Any, **kwargs: Any) -> Any:
    """Starts a name server for an event loop of one's own. Gives its URI, its daemon and the broadcast responder."""
    from . import naming

    return naming.startNS(*args, **kwargs)


def start_ns_loop(*args: Any, **kwargs: Any) -> Any:
    """Runs a name server until it is stopped."""
    from . import naming

    return naming.startNSloop(*args, **kwargs)


def serve(
    objects: dict[Any, str | None],
    host: Any = None,
    port: int = 0,
    daemon: Any = None,
    use_ns: bool = True,
    verbose: bool = True,
) -> None:
    """Serves objects (keys) under names (values): with a name server, or else as names of the daemon's objects."""
    from . import core

    core.Daemon.serveSimple(objects, str(host) if host else None, port, daemon, use_ns, verbose)


# Serializers have other numbers than in Pyro4.


class MarshalSerializer(util.MarshalSerializer):
    """The format of Python's module marshal."""

    serializer_id = 2


class JsonSerializer(util.JsonSerializer):
    """JSON."""

    serializer_id = 3


class MsgpackSerializer(util.MsgpackSerializer):
    """MessagePack."""

    serializer_id = 4


serializers: dict[str, util.SerializerBase] = {
    serializer.name: serializer
    for serializer in (util.SerpentSerializer(), MarshalSerializer(), JsonSerializer(), MsgpackSerializer())
}
serializers_by_id = {serializer.serializer_id: serializer for serializer in serializers.values()}

register_class_to_dict = util.SerializerBase.register_class_to_dict
unregister_class_to_dict = util.SerializerBase.unregister_class_to_dict
register_dict_to_class = util.SerializerBase.register_dict_to_class
unregister_dict_to_class = util.SerializerBase.unregister_dict_to_class


# Sockets.

USE_MSG_WAITALL = config.USE_MSG_WAITALL


def get_ip_address(hostname: Any, workaround127: bool = False, version: int | None = None) -> IpAddress:
    """Gives the IP address of a host name, see `ferropyro.socketutil.getIpAddress`."""
    if not workaround127:
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(hostname)
    return ipaddress.ip_address(socketutil.getIpAddress(hostname, workaround127, version))


def get_interface(ip_address: Any) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    """Gives the address of this machine from which it reaches another one."""
    return ipaddress.ip_interface(socketutil.getInterfaceAddress(str(ip_address)))


def create_socket(
    bind: Address | None = None,
    connect: Address | None = None,
    reuseaddr: bool = False,
    keepalive: bool = True,
    timeout: float | None = -1,
    noinherit: bool = False,
    ipv6: bool | None = False,
    nodelay: bool = True,
    sslContext: ssl.SSLContext | None = None,
) -> socket.socket:
    """Makes a socket, see `ferropyro.socketutil.createSocket`. The timeout -1 is Python's own."""
    limit = {} if timeout == -1 else {"timeout": timeout}
    return socketutil.createSocket(
        bind, connect, reuseaddr, keepalive, noinherit=noinherit, ipv6=ipv6, nodelay=nodelay, sslContext=sslContext, **limit
    )


def create_bc_socket(
    bind: Any = None, reuseaddr: bool = False, timeout: float | None = -1, ipv6: bool | None = False
) -> socket.socket:
    """Makes a UDP socket that may broadcast. The timeout -1 is Python's own."""
    limit = {} if timeout == -1 else {"timeout": timeout}
    return socketutil.createBroadcastSocket(bind, reuseaddr, ipv6=ipv6, **limit)


def bind_unused_port(sock: socket.socket, host: Any = "localhost") -> int:
    """Binds the socket to a free port and gives the port."""
    return socketutil.bindOnUnusedPort(sock, str(host))


def _patiently(look: Callable[[], Any], delay_time: float, is_found: Callable[[Any], bool] = lambda _: True) -> Any:
    """Looks again and again, until something is found or the time is over."""
    delay_time = delay_time or config.NS_LOOKUP_DELAY
    end = time.monotonic() + delay_time
    while time.monotonic() < end:
        with contextlib.suppress(NamingError, TimeoutError):
            found = look()
            if is_found(found):
                return found
        time.sleep(min(0.2, max(0.0, end - time.monotonic())))
    return look()
