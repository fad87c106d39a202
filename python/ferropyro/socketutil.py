"""Help with plain sockets: addresses, ports, options, and a connection that sends and receives whole messages."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import time
import weakref
from types import TracebackType
from typing import Any, Union

from .configuration import config
from .errors import CommunicationError, ConnectionClosedError, TimeoutError

Address = Union[tuple[Any, ...], str]
"""A host and a port, or the path of a Unix domain socket."""


def _numbers(*names: str) -> list[int]:
    return [getattr(errno, name) for name in names if hasattr(errno, name)]


ERRNO_RETRIES = _numbers("EINTR", "EAGAIN", "EWOULDBLOCK", "EINPROGRESS", "WSAEINTR", "WSAEWOULDBLOCK", "WSAEINPROGRESS")
ERRNO_BADF = _numbers("EBADF", "WSAEBADF")
ERRNO_ENOTSOCK = _numbers("ENOTSOCK", "WSAENOTSOCK")
ERRNO_EADDRNOTAVAIL = _numbers("EADDRNOTAVAIL", "WSAEADDRNOTAVAIL")
ERRNO_EADDRINUSE = _numbers("EADDRINUSE", "WSAEADDRINUSE")

# Any address beyond the own network: nothing is sent to it.
_FAR_AWAY = "4.2.2.2"
_DEFAULT_TIMEOUT: Any = object()
_FAMILIES = {0: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


def getIpVersion(hostnameOrAddress: str) -> int:
    """Gives 4 or 6, the version of IP of an address, or of the address of a host name."""
    return 6 if ":" in getIpAddress(hostnameOrAddress) else 4


def getIpAddress(hostname: str | None, workaround127: bool = False, ipVersion: int | None = None) -> str:
    """Gives the IP address of a host name; of this machine if it is None or empty.

    ``ipVersion`` is 4, 6, 0 (the system chooses) or None (PREFER_IP_VERSION). With ``workaround127`` the address of the network is
    given in the place of a loopback address.
    """
    if ipVersion is None:
        ipVersion = 0 if hostname and ":" in hostname else config.PREFER_IP_VERSION
    if ipVersion not in _FAMILIES:
        raise ValueError("unknown value for argument ipVersion.")
    try:
        address = _resolve(hostname, _FAMILIES[ipVersion])
    except socket.gaierror:
        if ipVersion == 6:
            raise OSError("unable to determine IPV6 address") from None
        address = _resolve(hostname, socket.AF_UNSPEC)
    is_loopback = address.startswith("127.") or address == "0.0.0.0"
    return getInterfaceAddress(_FAR_AWAY) if workaround127 and is_loopback else address


def getInterfaceAddress(ip_address: str) -> str:
    """Gives the address of this machine from which it reaches another one."""
    family = socket.AF_INET6 if getIpVersion(ip_address) == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((ip_address, 53))
        return str(probe.getsockname()[0])


def receiveData(sock: socket.socket, size: int) -> bytes:
    """Receives exactly so many bytes.

    Raises TimeoutError, or ConnectionClosedError, which has as ``partialData`` what did arrive.
    """
    data = bytearray()
    delay = 0.0
    while len(data) < size:
        try:
            chunk = sock.recv(min(size - len(data), 1 << 20))
        except (socket.timeout, OSError) as error:
            delay = _pause_or_raise(error, "receiving", delay)
            continue
        if not chunk:
            closed = ConnectionClosedError("receiving: not enough data")
            closed.partialData = bytes(data)  # type: ignore[attr-defined]
            raise closed
        data += chunk
    return bytes(data)


def sendData(sock: socket.socket, data: bytes) -> None:
    """Sends all of the bytes. Raises TimeoutError or ConnectionClosedError."""
    rest = memoryview(data)
    delay = 0.0
    while rest:
        try:
            rest = rest[sock.send(rest) :]
        except (socket.timeout, OSError) as error:
            delay = _pause_or_raise(error, "sending", delay)


def createSocket(
    bind: Address | None = None,
    connect: Address | None = None,
    reuseaddr: bool = False,
    keepalive: bool = True,
    timeout: float | None = _DEFAULT_TIMEOUT,
    noinherit: bool = False,
    ipv6: bool | None = False,
    nodelay: bool = True,
    sslContext: ssl.SSLContext | None = None,
) -> socket.socket:
    """Makes a TCP socket, or one of the Unix domain for a path, that listens (``bind``) or is connected (``connect``).

    ``ipv6`` None stands for PREFER_IP_VERSION; port 0 is any free port; ``timeout`` is in seconds, 0 or None for none.
    """
    if bind and connect:
        raise ValueError("bind and connect cannot both be specified at the same time")
    address = bind or connect
    family, address = _family(address, ipv6)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sslContext:
            server_name = None if bind or not isinstance(address, tuple) else address[0]
            sock = sslContext.wrap_socket(sock, server_side=bool(bind), server_hostname=server_name)
        for wanted, set_option in ((nodelay, setNoDelay), (reuseaddr, setReuseAddr), (keepalive, setKeepalive), (noinherit, setNoInherit)):
            if wanted:
                set_option(sock)
        if timeout is not _DEFAULT_TIMEOUT:
            sock.settimeout(timeout or None)
        if bind:
            _bind(sock, address)
            sock.listen(100)
        elif connect:
            sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def createBroadcastSocket(
    bind: tuple[Any, ...] | None = None,
    reuseaddr: bool = False,
    timeout: float | None = _DEFAULT_TIMEOUT,
    ipv6: bool | None = False,
) -> socket.socket:
    """Makes a UDP socket that may broadcast. The arguments are as for `createSocket`."""
    if bind is not None and bind != () and not isinstance(bind, tuple):
        raise ValueError(f"unknown bind format: {bind!r}")
    family, address = _family(bind or None, ipv6)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        if reuseaddr:
            setReuseAddr(sock)
        if timeout is not _DEFAULT_TIMEOUT:
            sock.settimeout(timeout)
        if bind:
            _bind(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def setReuseAddr(sock: socket.socket) -> None:
    """Lets the socket take an address that was in use a moment ago, if the system can do that."""
    _set_option(sock, socket.SOL_SOCKET, socket.SO_REUSEADDR)


def setNoDelay(sock: socket.socket) -> None:
    """Lets the socket send small packets at once, if it can do that."""
    _set_option(sock, socket.IPPROTO_TCP, socket.TCP_NODELAY)


def setKeepalive(sock: socket.socket) -> None:
    """Lets the system watch whether the other side is still there, if it can do that."""
    _set_option(sock, socket.SOL_SOCKET, socket.SO_KEEPALIVE)


def setNoInherit(sock: socket.socket) -> None:
    """Keeps the socket from child processes. Python does that for every socket by itself."""
    sock.set_inheritable(False)


def family_str(sock: socket.socket) -> str:
    """Gives ``IPv4``, ``IPv6``, ``Unix``, or ``???``."""
    names = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6", getattr(socket, "AF_UNIX", None): "Unix"}
    return names.get(sock.family, "???")


def findProbablyUnusedPort(family: int = socket.AF_INET, socktype: int = socket.SOCK_STREAM) -> int:
    """Gives a port that was free a moment ago."""
    with socket.socket(family, socktype) as sock:
        return bindOnUnusedPort(sock)


def bindOnUnusedPort(sock: socket.socket, host: str = "localhost") -> int:
    """Binds the socket to a free port and gives the port."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise CommunicationError(f"unsupported socket family: {sock.family!r}")
    if host == "localhost":
        host = "127.0.0.1" if sock.family == socket.AF_INET else "::1"
    sock.bind((host, 0) if sock.family == socket.AF_INET else (host, 0, 0, 0))
    return int(sock.getsockname()[1])


def interruptSocket(address: Address) -> None:
    """Connects to a server and leaves, so that a server that waits for connections wakes up."""
    with contextlib.suppress(OSError), createSocket(connect=address, keepalive=False, timeout=None) as sock:
        sock.sendall(b"!" * 16)


def getSSLcontext(
    servercert: str = "",
    serverkey: str = "",
    clientcert: str = "",
    clientkey: str = "",
    cacerts: str = "",
    keypassword: str = "",
) -> ssl.SSLContext:
    """Makes the TLS context of a server (``servercert``) or of a client; the arguments are names of files.

    Raises ValueError for both certificates at once, OSError for a file that is not there.
    """
    if servercert and clientcert:
        raise ValueError("can't have both server cert and client cert")
    purpose = ssl.Purpose.CLIENT_AUTH if servercert else ssl.Purpose.SERVER_AUTH
    context = ssl.create_default_context(purpose)
    certificate, key = (servercert, serverkey) if servercert else (clientcert, clientkey)
    for name, side in ((certificate, "cert"), (key, "key")):
        if name and not os.path.isfile(name):
            raise OSError(f"{'server' if servercert else 'client'} {side} file not found: {name}")
    if certificate:
        context.load_cert_chain(certificate, key or None, keypassword or None)
    if cacerts:
        is_directory = os.path.isdir(cacerts)
        context.load_verify_locations(**{"capath" if is_directory else "cafile": cacerts})
    if servercert:
        context.verify_mode = ssl.CERT_REQUIRED if config.SSL_REQUIRECLIENTCERT else ssl.CERT_NONE
    return context


class SocketConnection:
    """A connected socket that sends and receives whole messages, with what a server keeps for a connection.

    With ``keep_open`` the socket stays open when the connection is closed.
    """

    def __init__(self, sock: socket.socket, objectId: str | None = None, keep_open: bool = False) -> None:
        self.sock = sock
        self.objectId = objectId
        self.pyroInstances: dict[type, object] = {}
        self.tracked_resources: weakref.WeakSet[Any] = weakref.WeakSet()
        self.keep_open = keep_open

    def __del__(self) -> None:
        self.close()

    def __enter__(self) -> SocketConnection:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        self.close()

    def send(self, data: bytes) -> None:
        """Sends all of the bytes. Raises TimeoutError or ConnectionClosedError."""
        sendData(self.sock, data)

    def recv(self, size: int) -> bytes:
        """Receives exactly so many bytes. Raises TimeoutError or ConnectionClosedError."""
        return receiveData(self.sock, size)

    def close(self) -> None:
        """Closes the socket, forgets the session's instances, and closes the tracked resources."""
        if self.keep_open:
            return
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self.sock.close()
        self.pyroInstances.clear()
        for resource in list(self.tracked_resources):
            with contextlib.suppress(Exception):
                resource.close()
        self.tracked_resources.clear()

    def fileno(self) -> int:
        """Gives the number of the socket, for `select`."""
        return self.sock.fileno()

    def family(self) -> str:
        """Gives ``IPv4``, ``IPv6``, ``Unix``, or ``???``."""
        return family_str(self.sock)

    def setTimeout(self, timeout: float | None) -> None:
        """Sets the time limit of sending and receiving, in seconds."""
        self.sock.settimeout(timeout)

    def getTimeout(self) -> float | None:
        """Gives the time limit, in seconds."""
        return self.sock.gettimeout()

    def getpeercert(self) -> Any:
        """Gives the certificate of the other side, None if there is none or no TLS."""
        get = getattr(self.sock, "getpeercert", None)
        return get() if get else None

    timeout = property(getTimeout, setTimeout, doc="The time limit of sending and receiving, in seconds.")
    settimeout = setTimeout
    gettimeout = getTimeout


def _resolve(hostname: str | None, family: int) -> str:
    found = socket.getaddrinfo(hostname or socket.gethostname(), 80, family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    return str(found[0][4][0])


def _family(address: Address | None, ipv6: bool | None) -> tuple[socket.AddressFamily, Any]:
    """The family of sockets that an address needs, and the address in the form that they take."""
    force_ipv6 = config.PREFER_IP_VERSION == 6 if ipv6 is None else ipv6
    if isinstance(address, str):
        return socket.AF_UNIX, address
    if address is not None and not isinstance(address, tuple):
        raise ValueError("unknown bind or connect format.")
    if not address or not address[0]:
        return (socket.AF_INET6 if force_ipv6 else socket.AF_INET), address
    if getIpVersion(address[0]) == 6:
        return socket.AF_INET6, (address[0], address[1], 0, 0)
    if force_ipv6:
        raise ValueError(f"IPv4 address is used although IPv6 is wanted: {address[0]}.")
    return socket.AF_INET, address


def _bind(sock: socket.socket, address: Any) -> None:
    if isinstance(address, tuple) and address[1] == 0:
        bindOnUnusedPort(sock, address[0] or "")
    elif isinstance(address, tuple):
        sock.bind((address[0] or "", *address[1:]))
    else:
        sock.bind(address)


def _set_option(sock: socket.socket, level: int, option: int) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(level, option, 1)


def _pause_or_raise(error: OSError, doing: str, delay: float) -> float:
    """Waits a little after an error that passes, and gives how long to wait the next time."""
    if isinstance(error, socket.timeout):
        raise TimeoutError(f"{doing}: timeout") from None
    if error.errno not in ERRNO_RETRIES:
        raise ConnectionClosedError(f"{doing}: connection lost: {error}") from error
    time.sleep(delay)
    return min(delay + 0.001, 0.1)
