"""Message passing between processes, as ``multiprocessing.connection`` and its ancestor ``processing.connection`` do it: `Listener`, `Client`, and connections between them.

::

    with Listener(("localhost", 6000), authkey=b"secret password") as listener:
        with listener.accept() as conn:
            conn.send(["any", "object"])

The other end may be any Python from 2.6 on, or Rust. With a key, both ends prove to each other that they have it, by SHA-256; ``allow="md5"`` is for a multiprocessing of Python up to 3.11 at the
other end, ``allow="sha1"`` for ``processing``. Clients that are slow, silent or lost hold up no listener.

Reading a pickle executes what it says, so :meth:`Connection.recv` does it only where the other end has proved that it has the key, or where ``unpickle=True`` is given. Else it reads pickles as data:
Python's own types, and nothing in them is imported or called.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import selectors
import time
from collections.abc import Iterable
from multiprocessing import AuthenticationError, BufferTooShort
from multiprocessing.reduction import DupFd, ForkingPickler
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ._classes import OTHER_EXCEPTIONS
from ._ferropyro import ConnectionOptions, MessageConnection, MessageListener, connect, loads_data

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self

__all__ = [
    "AuthenticationError",
    "BufferTooShort",
    "Client",
    "Connection",
    "Listener",
    "answerChallenge",
    "answer_challenge",
    "deliverChallenge",
    "deliver_challenge",
    "wait",
]

Address = tuple[str, int] | str | bytes | os.PathLike[str]

# A remote method may raise them, too.
OTHER_EXCEPTIONS.update({f"{error.__module__}.{error.__name__}": error for error in (AuthenticationError, BufferTooShort)})

HANDSHAKE_TIMEOUT = 10.0
MAX_MESSAGE_SIZE = 1 << 30


class Connection:
    """One end of a connection: what it sends, as objects or as bytes, the other end receives whole and in order. :class:`Listener` and :func:`Client` make them.

    One thread may send while another one receives; several that want to do the same wait for each other. ``unpickle`` says how `recv` reads: see there.
    """

    unpickle: bool

    def __init__(self, core: MessageConnection, unpickle: bool, max_message_size: int = MAX_MESSAGE_SIZE) -> None:
        self._core = core
        self.unpickle = unpickle
        self._max_message_size = max_message_size

    def send(self, obj: Any) -> None:
        """Sends an object, pickled. Raises PicklingError, TypeError or AttributeError for what cannot be pickled, and OSError if the connection is closed at either end."""
        self._core.send(bytes(ForkingPickler.dumps(obj, self._core.pickle_protocol)))

    def recv(self) -> Any:
        """Waits for the next object. Raises EOFError when the other end has closed the connection and nothing is left.

        If ``unpickle`` is true Python's pickle reads it, which executes what it says: so it is where the other end has authenticated. If not, it is read as data, and UnpicklingError is raised for
        classes, functions, and objects of other classes than Python's own and those that are registered with Pyro's serializers.
        """
        message = self._core.recv()
        if self.unpickle:
            return ForkingPickler.loads(message)
        try:
            return loads_data(message)
        except Exception as error:
            raise pickle.UnpicklingError(
                f"{error} (without a key objects are read as data: give both ends a key, or this one unpickle=True if you trust the other one)"
            ) from None

    def send_bytes(self, buf: Buffer, offset: int = 0, size: int | None = None) -> None:
        """Sends the bytes of a buffer as one message, or ``size`` of them from ``offset`` on. Raises ValueError if there are not so many."""
        if type(buf) is bytes and offset == 0 and size is None:
            self._core.send(buf)
            return
        with memoryview(buf) as whole, whole.cast("B") as view:
            if offset < 0:
                raise ValueError("offset is negative")
            if len(view) < offset:
                raise ValueError("buffer length < offset")
            if size is None:
                size = len(view) - offset
            elif size < 0:
                raise ValueError("size is negative")
            elif offset + size > len(view):
                raise ValueError("buffer length < offset + size")
            message = bytes(view[offset : offset + size])
        self._core.send(message)

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Waits for the next message. Raises EOFError when the other end has closed the connection and nothing is left; OSError for a message longer than ``maxlength``, and closes the connection."""
        if maxlength is None:
            return self._core.recv()
        if maxlength < 0:
            raise ValueError("negative maxlength")
        try:
            message = self._core.recv(maxlength)
            if len(message) > maxlength:
                raise OSError(f"bad message length: {len(message)} bytes, and {maxlength} are acceptable")
        except OSError:
            self.close()
            raise
        return message

    def recv_bytes_into(self, buf: Buffer, offset: int = 0) -> int:
        """Waits for the next message, writes it into a buffer from the byte ``offset`` on, and gives its length.

        Raises BufferTooShort if it does not fit: the message is its ``args[0]``, and the next one can be received. Raises ValueError for an offset that the buffer does not have.
        """
        with memoryview(buf) as whole, whole.cast("B") as view:
            if view.readonly:
                raise TypeError("the buffer to receive into cannot be written to")
            if offset < 0:
                raise ValueError("negative offset")
            if offset > len(view):
                raise ValueError("offset too large")
            message = self._core.recv()
            if offset + len(message) > len(view):
                raise BufferTooShort(message)
            view[offset : offset + len(message)] = message
            return len(message)

    def poll(self, timeout: float | None = 0.0) -> bool:
        """Waits for so many seconds at the most, with None for ever, until there is something to receive: a whole message, or the end of the connection. Gives whether there is."""
        return self._core.poll(timeout)

    def fileno(self) -> int:
        """The number of the descriptor. It has something to read when there is something to receive, but for messages that `poll` has seen already: see `wait`."""
        return self._core.fileno()

    def close(self) -> None:
        """Closes the connection; whoever waits in another thread is woken up. A second time does nothing."""
        self._core.close()

    @property
    def closed(self) -> bool:
        """Whether this end has closed it."""
        return self._core.closed

    @property
    def readable(self) -> bool:
        """Whether it can receive: always."""
        return True

    @property
    def writable(self) -> bool:
        """Whether it can send: always."""
        return True

    # As `processing` has them, the later ones and the earlier ones.
    sendBytes = sendbytes = send_bytes
    recvBytes = recvbytes = recv_bytes
    recvBytesInto = recvbytes_into = recv_bytes_into

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__}, {'closed' if self.closed else f'handle {self.fileno()}'}>"


class Listener:
    """Waits for clients at an address: others can connect from now on, though nobody has accepted them yet.

    ``address`` is a pair of host and port (port 0: any free one), the path of a Unix domain socket, whose file only this user can use, or None for a made-up one. ``family`` is ``"AF_INET"`` or
    ``"AF_UNIX"``, where the address does not tell. ``backlog`` is for the system's ``listen``. With an ``authkey``, which is bytes, or with ``authenticate``, which takes the key of the process
    (``multiprocessing.current_process().authkey``), clients have to prove that they have it too. Bytes in the place of ``authenticate`` are the key, as in multiprocessing.

    ``allow`` is what older clients need: ``"md5"`` for Python up to 3.11, or ``"sha1"`` for ``processing``. ``unpickle`` decides how objects are read; without it, whether clients have authenticated:
    see :meth:`Connection.recv`. A client that has not authenticated within ``handshake_timeout`` seconds (None: for ever) is disconnected. No message is longer than ``max_message_size`` bytes.
    ``pickle_protocol`` is that of objects that are sent; it is 4, or 2 for a client that allows to be an old Python.

    Raises ValueError for an address or family that cannot be, OSError if the address cannot be used, TypeError for a key that is not bytes.
    """

    def __init__(
        self,
        address: Address | None = None,
        family: str | None = None,
        backlog: int = 1,
        authenticate: bool | bytes = False,
        authkey: bytes | None = None,
        *,
        allow: str | Iterable[str] | None = None,
        unpickle: bool | None = None,
        handshake_timeout: float | None = HANDSHAKE_TIMEOUT,
        max_message_size: int = MAX_MESSAGE_SIZE,
        pickle_protocol: int | None = None,
    ) -> None:
        key = _key(authenticate, authkey)
        self._unpickle = _unpickles(unpickle, key)
        self._max_message_size = max_message_size
        options = ConnectionOptions(
            family=family,
            backlog=backlog,
            authkey=key,
            allow=_digests(allow),
            handshake_timeout=handshake_timeout,
            max_message_size=max_message_size,
            pickle_protocol=pickle_protocol,
        )
        self._core = MessageListener(None if address is None else _plain(address), options)

    def accept(self, timeout: float | None = None) -> Connection:
        """Waits for the next client, for so many seconds at the most (None: for ever), and gives the connection.

        Raises AuthenticationError when a client has failed to authenticate: it is disconnected, and the next one can be accepted. Raises OSError when the listener is closed, meanwhile too, and
        TimeoutError when the time is over. Clients that leave without a word, or stay silent, are passed over.
        """
        return Connection(self._core.accept(timeout), self._unpickle, self._max_message_size)

    def close(self) -> None:
        """Lets nobody in any more, and removes the file of a Unix domain socket. Connections stay. A second time does nothing; at the latest it happens when the listener is collected."""
        self._core.close()

    @property
    def address(self) -> Any:
        """Where it listens: with the real port, and an IP address for a host name."""
        return self._core.address

    @property
    def last_accepted(self) -> Any:
        """Where the last client came from that was accepted or refused: host and port. None before the first one, and with Unix domain sockets."""
        return self._core.last_accepted

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()


def Client(
    address: Address,
    family: str | None = None,
    authenticate: bool | bytes = False,
    authkey: bytes | None = None,
    *,
    allow: str | Iterable[str] | None = None,
    unpickle: bool | None = None,
    handshake_timeout: float | None = HANDSHAKE_TIMEOUT,
    max_message_size: int = MAX_MESSAGE_SIZE,
    pickle_protocol: int | None = None,
) -> Connection:
    """Connects to the listener at an address; with a key, gives the connection when both ends have proved that they have it. The arguments are those of :class:`Listener`.

    Raises AuthenticationError if the listener has another key, or wants an older digest than those that are allowed; TimeoutError when all of that takes longer than ``handshake_timeout``, as it does
    when only this end has a key; OSError, such as ConnectionRefusedError, when nobody listens there; ValueError and TypeError as `Listener`.
    """
    key = _key(authenticate, authkey)
    options = ConnectionOptions(
        family=family,
        authkey=key,
        allow=_digests(allow),
        handshake_timeout=handshake_timeout,
        max_message_size=max_message_size,
        pickle_protocol=pickle_protocol,
    )
    return Connection(connect(_plain(address), options), _unpickles(unpickle, key), max_message_size)


def deliver_challenge(connection: Connection, authkey: bytes, *, allow: str | Iterable[str] | None = None) -> None:
    """Makes the other end prove that it has the key. Listeners and clients do this by themselves. Raises AuthenticationError if it does not."""
    connection._core.deliver_challenge(_bytes(authkey), _digests(allow))


def answer_challenge(connection: Connection, authkey: bytes, *, allow: str | Iterable[str] | None = None) -> None:
    """Waits for a challenge, and proves to the other end that this one has the key. Raises AuthenticationError if no welcome follows."""
    connection._core.answer_challenge(_bytes(authkey), _digests(allow))


def _hand_over(connection: Connection) -> tuple[Any, ...]:
    """For a process that multiprocessing starts, or that has the same key: it gets the descriptor too."""
    core = connection._core
    return _take_over, (DupFd(core.fileno()), connection.unpickle, connection._max_message_size, core.pickle_protocol)


def _take_over(descriptor: Any, unpickle: bool, max_message_size: int, pickle_protocol: int) -> Connection:
    core = MessageConnection.adopt(descriptor.detach(), max_message_size, pickle_protocol)
    return Connection(core, unpickle, max_message_size)


ForkingPickler.register(Connection, _hand_over)

deliverChallenge = deliver_challenge
answerChallenge = answer_challenge


def wait(object_list: Iterable[Any], timeout: float | None = None) -> list[Any]:
    """Gives those of the objects that are ready, when at least one is or so many seconds are over (None: for ever).

    A connection is ready when there is something to receive. Other objects are numbers of descriptors or have a ``fileno()``, such as sockets and the connections of multiprocessing, and are ready when
    there is something to read.
    """
    objects = list(object_list)
    end = None if timeout is None else time.monotonic() + timeout
    with selectors.DefaultSelector() as selector:
        for obj in objects:
            selector.register(obj, selectors.EVENT_READ)
        # What `poll` has seen already no descriptor tells of.
        seen = {id(obj) for obj in objects if isinstance(obj, Connection) and obj.poll()}
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            found = {id(key.fileobj) for key, _ in selector.select(0.0 if seen else left)}
            ready = [obj for obj in objects if id(obj) in seen or (id(obj) in found and _has_all(obj))]
            if ready or left == 0.0:
                return ready


def _has_all(obj: Any) -> bool:
    """Of a long message there may be only a part."""
    return not isinstance(obj, Connection) or obj.poll()


def _key(authenticate: bool | bytes, authkey: bytes | None) -> bytes | None:
    """The key that both ends need, if they need one."""
    if isinstance(authenticate, bytes) and authkey is None:
        authkey = authenticate
    if authkey is not None:
        return _bytes(authkey)
    return bytes(multiprocessing.current_process().authkey) if authenticate else None


def _bytes(authkey: bytes) -> bytes:
    if not isinstance(authkey, bytes):
        raise TypeError(f"authkey should be a byte string, such as b'secret', and is of the type {type(authkey).__name__}")
    return bytes(authkey)


def _unpickles(unpickle: bool | None, key: bytes | None) -> bool:
    if unpickle is None:
        return key is not None or _setting("UNPICKLE").lower() in ("1", "yes", "true", "on")
    return unpickle


def _digests(allow: str | Iterable[str] | None) -> list[str]:
    if allow is None:
        allow = [name for name in _setting("ALLOW").split(",") if name.strip()]
    return [allow] if isinstance(allow, str) else list(allow)


def _setting(name: str) -> str:
    """What the environment says, for programs that are not to be changed."""
    return os.environ.get(f"FERROPYRO_CONNECTION_{name}", "")


def _plain(address: Address) -> Any:
    return os.fspath(address) if isinstance(address, os.PathLike) else address
