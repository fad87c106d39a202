"""The Rust half of the package: what the modules in Python are written around."""

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any, final
from uuid import UUID

from typing_extensions import Self, disjoint_base

__all__ = [
    "CallContext",
    "Config",
    "Connection",
    "ConnectionOptions",
    "Daemon",
    "EventLoop",
    "Items",
    "Members",
    "MessageConnection",
    "MessageListener",
    "NameServer",
    "PickleFile",
    "Proxy",
    "ProxyBase",
    "RemoteMethod",
    "SerializedBlob",
    "URI",
    "connect",
    "contains",
    "dumps",
    "dumps_call",
    "end",
    "end_log",
    "forget_threads",
    "from_base64",
    "hold_log",
    "loads",
    "loads_call",
    "loads_data",
    "locate_ns",
    "log_names",
    "release_log",
    "resolve",
    "run_command",
    "set_log_levels",
    "take_apart",
    "take_log",
]

@final
class Config:
    """A configuration as a value: what is made with it keeps it."""

    def __new__(cls, items: dict[str, str]) -> Self:
        """Of items by their names, with the texts that their environment variables would have. Raises ValueError."""

@disjoint_base
class URI:
    """Where an object is, or how it is found: ``PYRO:object@host:port``, ``PYRONAME:name``, ``PYROMETA:tag,tag``."""

    def __new__(cls, uri: URI | str) -> Self:
        """Of its text, or of another one. Raises PyroError for a text that is no URI."""

    @property
    def protocol(self) -> str:
        """``PYRO``, ``PYRONAME`` or ``PYROMETA``."""

    @property
    def object(self) -> str | frozenset[str]:
        """The object's id or name; the set of tags of a PYROMETA URI."""

    @property
    def host(self) -> str | None:
        """The host, if the URI has one."""

    @property
    def port(self) -> int | None:
        """The port, if the URI has one."""

    @property
    def sockname(self) -> str | None:
        """The path of a Unix domain socket, if the URI has one."""

    @property
    def location(self) -> str | None:
        """``host:port``, or ``./u:path`` for a Unix domain socket."""

    @staticmethod
    def isUnixsockLocation(location: str) -> bool:
        """Whether this is the location of a Unix domain socket."""

    def asString(self) -> str:
        """Gives its text."""

    @classmethod
    def _from_state(cls, state: Sequence[Any]) -> URI:
        """From what Pyro sends of one: protocol, object, path of a Unix domain socket, host, port."""

    def __eq__(self, other: builtins.object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __copy__(self) -> Self: ...
    def __reduce__(self) -> tuple[type[Self], tuple[str]]: ...
    def __getnewargs__(self) -> tuple[str]: ...

@final
class PickleFile:
    """A message, for as long as a pickler adds a pickle to it."""

    def write(self, data: Any) -> int:
        """Adds bytes, or what is in a buffer. Gives how many bytes that were."""

    def names_contain(self, text: bytes) -> bool:
        """Whether the name of a class or function in the pickle may contain this."""

    def clear(self) -> None:
        """Takes back what was written."""

@final
class Proxy:
    """The connection of a proxy with its object: what is asked for by name is in Python around it."""

    def __new__(
        cls,
        uri: URI,
        config: Config,
        *,
        serializer: str | None = None,
        hmac_key: bytes | None = None,
        handshake: Any = None,
        timeout: float | None = None,
        max_retries: int | None = None,
        annotations: Callable[[], dict[str, bytes]] | None = None,
        response_annotations: Callable[[dict[str, bytes], int], object] | None = None,
        validate_handshake: Callable[[Any], object] | None = None,
        socket: int | None = None,
        pyro4_first: bool = False,
        pickle_safe: bool | None = None,
    ) -> Self:
        """Connects when it is used. ``socket`` is the number of a descriptor, which is given away; the functions are what a program has overridden. With ``pickle_safe``, or PICKLE_SAFE in
        the configuration, pickles that come back are read as data."""

    def call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any] | None, oneway: bool) -> Any:
        """Calls a method."""

    def get(self, name: str) -> Any:
        """Reads an attribute."""

    def set(self, name: str, value: Any) -> None:
        """Sets an attribute."""

    def batch(self, calls: Iterable[tuple[str, tuple[Any, ...], dict[str, Any]]], oneway: bool) -> list[Any] | None:
        """Makes calls in one message. Gives the results, of which the last one may be the wrapper of an exception; None if ``oneway``."""

    def metadata(self) -> tuple[list[str], list[str], list[str]]:
        """The names that the object exposes: methods, those of them that are oneway, attributes. Connects if need be."""

    def bind(self) -> None:
        """Connects, and finds out where the object is for good."""

    def handshake_answer(self) -> Any:
        """What the server answered to the handshake. Connects if need be."""

    def release(self) -> None:
        """Closes the connection. The next call connects again."""

    def reconnect(self, tries: int) -> None:
        """Closes the connection, and tries so many times to make a new one."""

    def is_connected(self) -> bool:
        """Whether there is a connection now."""

    def protocol(self) -> int:
        """The number of the protocol that the other side speaks. Connects if need be."""

    def set_timeout(self, timeout: float | None) -> None:
        """How many seconds the other side may be silent; 0 and None are for ever."""

    @property
    def uri(self) -> URI:
        """Where the object is."""

    @property
    def objectId(self) -> str:
        """The id of the object at the other end. Connects if need be."""

@disjoint_base
class ProxyBase:
    """The base of Python's class ``Proxy``: finds remote methods by their names."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Takes what the class that is derived from it takes, and looks at nothing of it."""

    def _pyroArm(self, core: Proxy, methods: set[str], oneway: set[str]) -> None:
        """From now on methods of these names are called at once, through ``core``."""

    def _pyroDisarm(self) -> None:
        """From now on ``_pyroLookup`` is asked for everything."""

    def __getattr__(self, name: str, /) -> Any:
        """Is asked for what the proxy itself does not have."""

@final
class RemoteMethod:
    """A method of a remote object."""

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any: ...
    def __getattr__(self, name: str, /) -> Any:
        """A dotted name, which no remote object lets through."""

@final
class Items:
    """An iterator that lives in the server: each item is asked for when it is wanted."""

    def __iter__(self, /) -> Self: ...
    def __next__(self, /) -> Any: ...
    def close(self) -> None:
        """Tells the server that no more items are wanted."""

@final
class SerializedBlob:
    """Data that stay serialized at the receiver until they are asked for, with a bit of information that can be read at once. The only argument of a call."""

    def __new__(cls, info: Any, data: Any) -> Self:
        """Of the information and the data."""

    @property
    def info(self) -> Any:
        """The information, which is there at once."""

    def deserialized(self) -> Any:
        """The data. Those of a blob that was received are decoded now, and not before."""

@final
class Members:
    """What a class exposes."""

    def __new__(
        cls,
        class_: str,
        methods: Sequence[tuple[str, bool, bool]],
        attributes: Sequence[tuple[str, bool]],
        unexposed: Sequence[str],
        /,
    ) -> Self:
        """Methods are (name, whether it is oneway, whether it is a callback), attributes (name, whether it can be set); ``unexposed`` are names that exist and are not exposed."""

@final
class Daemon:
    """A daemon: what programs see of it is in Python around it."""

    def __new__(
        cls,
        config: Config,
        *,
        host: str | None = None,
        port: int = 0,
        unix_socket: str | None = None,
        nat_host: str | None = None,
        nat_port: int | None = None,
        socket: int | None = None,
        hmac_key: bytes | None = None,
        validate_handshake: Callable[[Connection, Any], Any] | None = None,
        annotations: Callable[[], dict[str, bytes]] | None = None,
        client_disconnect: Callable[[Connection], object] | None = None,
        housekeeping: Callable[[], object] | None = None,
    ) -> Self:
        """Listens. ``socket`` is the number of a descriptor, which is given away; the functions are what a program has overridden."""

    def register(self, id: str, object: Any, members: Members) -> URI:
        """Lets clients call an object."""

    def register_class(self, id: str, create: Callable[[], Any], members: Members, mode: str) -> URI:
        """Lets clients call the instances of a class, which ``create`` makes in the mode ``session``, ``single`` or ``percall``."""

    def unregister(self, id: str) -> None:
        """Takes an object out."""

    def uri_for(self, id: str, nat: bool) -> URI:
        """The URI for an id: with the address for clients from outside, if ``nat`` is true and there is one."""

    @property
    def location(self) -> str:
        """Where it listens, as text."""

    pickle_safe: bool
    """Whether pickles that come in are read as data, and not by Python's own module."""

    def descriptor(self) -> int:
        """The number of a descriptor that is readable when the loop has something to do."""

    def shutdown(self) -> None:
        """Stops serving."""

@final
class EventLoop:
    """A loop that serves the clients of daemons for as long as it is told to."""

    def __new__(cls) -> Self:
        """One without daemons."""

    def add(self, daemon: Daemon) -> None:
        """Serves the clients of this daemon too."""

    def step(self, seconds: float) -> bool:
        """Serves what comes in within so many seconds. False when all daemons have been shut down."""

    def finish(self, seconds: float) -> None:
        """Serves until all daemons have ended, for so many seconds at the most, unless somebody else does it all the time."""

@final
class NameServer:
    """A name server that listens. It serves when its daemon does."""

    def __new__(
        cls,
        config: Config,
        *,
        host: str | None = None,
        port: int | None = None,
        broadcast: bool = True,
        broadcast_host: str | None = None,
        broadcast_port: int | None = None,
        unix_socket: str | None = None,
        nat_host: str | None = None,
        nat_port: int | None = None,
        storage: str | None = None,
        hmac_key: bytes | None = None,
    ) -> Self:
        """Listens. ``storage`` is ``memory``, ``sql:FILE`` or ``dbm:FILE``."""

    @property
    def daemon(self) -> Daemon:
        """The daemon that it is in."""

    @property
    def uri(self) -> URI:
        """The URI for clients."""

    @property
    def broadcast_address(self) -> tuple[str, int] | None:
        """Where it answers broadcasts: host and port; None if it does not."""

    @property
    def broadcast_descriptor(self) -> int | None:
        """The number of the socket on which it does; None if it does not."""

    def start_lines(self) -> list[str]:
        """The lines that Pyro4's name server prints when it starts."""

    def shutdown(self) -> None:
        """Stops it, and closes its store."""

@final
class Connection:
    """The connection of a client with a daemon."""

    @property
    def number(self) -> int:
        """A number that no other connection of this program has."""

    @property
    def peer(self) -> tuple[str, int] | str:
        """Its address: host and port; an empty text for a Unix domain socket."""

    @property
    def is_closed(self) -> bool:
        """Whether the client of the call is gone."""

    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...

class CallContext:
    """What belongs to the call that this thread serves, and goes along with those that it makes."""

    def __new__(cls) -> Self:
        """All of them look at the thread that asks."""

    annotations: dict[str, bytes]
    """Those of the request; outside of a remote call those for the next call."""

    response_annotations: dict[str, bytes]
    """Those for the answer; outside of a remote call those of the last answer."""

    correlation_id: UUID | None
    """What the calls of a chain have in common."""

    @property
    def connection(self) -> Connection | None:
        """The client's connection; None outside of a remote call."""

    @property
    def client_sock_addr(self) -> tuple[str, int] | str | None:
        """The client's address: host and port; an empty text for a Unix domain socket."""

    @property
    def seq(self) -> int:
        """The number of the request."""

    @property
    def msg_flags(self) -> int:
        """The flags of the request."""

    @property
    def serializer_id(self) -> int:
        """The number of the serializer that the request was written with."""

def locate_ns(
    config: Config,
    host: str | None = None,
    port: int | None = None,
    broadcast: bool = True,
    hmac_key: bytes | None = None,
    *,
    pyro4_first: bool = False,
) -> URI:
    """Where the name server is."""

def resolve(uri: URI, config: Config, hmac_key: bytes | None = None, *, pyro4_first: bool = False) -> URI:
    """The URI of the object that a name or tags stand for."""

def dumps(data: Any, serializer: str) -> bytes:
    """Writes an object with the serializer of this name."""

def loads(data: bytes, serializer: str) -> Any:
    """Reads what the serializer of this name has written. Nothing in it is imported or executed."""

def dumps_call(object: Any, method: Any, args: Any, kwargs: Any, serializer: str) -> bytes:
    """Writes a call: of which object, which method, with which arguments."""

def loads_call(data: bytes, serializer: str) -> tuple[Any, Any, Any, Any]:
    """Reads a call: gives its four parts."""

def take_apart(pickle: bytes) -> tuple[bytes, list[Any] | None]:
    """A pickle for Python's unpicklers without the long objects in it, and those, in their order, if there are any."""

def from_base64(text: str) -> bytes | None:
    """The bytes that serpent has written as this text; None for a text that is no plain base64, of which Python's own module makes what it can."""

def contains(data: bytes, text: bytes) -> bool:
    """Whether a text is in data that may be long. Python's own search takes several times as long."""

def end(seconds: float) -> None:
    """Waits for so many seconds at the most for the threads of daemons that were shut down. After that nobody runs code of Python's any more."""

def forget_threads() -> None:
    """In a child process there are none of its parent's threads."""

def run_command(arguments: Sequence[str], folder: str) -> int:
    """Does what a command line says, as the binary ``ferropyro`` does, and gives the exit status.

    The first of the arguments is the name that the program was called by, and ``folder`` is where it is installed. The process must be there for nothing else: signals are handled, and
    some commands end it.
    """

@final
class ConnectionOptions:
    """How to listen and to connect, for message passing."""

    def __new__(
        cls,
        *,
        family: str | None = None,
        backlog: int = 1,
        authkey: bytes | None = None,
        allow: Sequence[str] = ...,
        handshake_timeout: float | None = None,
        max_message_size: int | None = None,
        pickle_protocol: int | None = None,
    ) -> Self:
        """``allow`` are names of digests; without ``handshake_timeout`` handshakes may take for ever. Raises ValueError."""

@final
class MessageListener:
    """Waits for clients that pass messages."""

    def __new__(cls, address: tuple[str, int] | str | bytes | None, options: ConnectionOptions) -> Self:
        """Listens at this address; None: at a free one. Raises ValueError and OSError."""

    def accept(self, seconds: float | None = None) -> MessageConnection:
        """Waits for so many seconds at the most for the next client; None: for ever. Raises AuthenticationError, OSError, TimeoutError."""

    def close(self) -> None:
        """Lets nobody in any more."""

    @property
    def address(self) -> tuple[str, int] | str:
        """Where it listens."""

    @property
    def last_accepted(self) -> tuple[str, int] | None:
        """Where the last client came from, if clients have addresses."""

@final
class MessageConnection:
    """A connection over which messages are passed. One thread may send while another one receives."""

    @staticmethod
    def adopt(descriptor: int, max_message_size: int, pickle_protocol: int) -> MessageConnection:
        """One that another process has handed over: the number of a descriptor, which is given away."""

    def send(self, message: bytes) -> None:
        """Sends one message. Raises OSError."""

    def recv(self, longest: int | None = None) -> bytes:
        """Waits for the next message. One that is longer than ``longest`` is an OSError, and nothing is received any more. Raises EOFError at the end."""

    def poll(self, seconds: float | None) -> bool:
        """Waits for so many seconds at the most until receiving would not wait; None: for ever."""

    def close(self) -> None:
        """Wakes up who waits in another thread."""

    @property
    def closed(self) -> bool:
        """Whether this end has closed it."""

    def fileno(self) -> int:
        """The number of the descriptor. Raises OSError if it is closed."""

    @property
    def pickle_protocol(self) -> int:
        """In which protocol of pickle the other end reads objects."""

    def deliver_challenge(self, key: bytes, allow: Sequence[str]) -> None:
        """Makes the other end prove that it has the key. Raises AuthenticationError."""

    def answer_challenge(self, key: bytes, allow: Sequence[str]) -> None:
        """Proves to the other end that this one has the key. Raises AuthenticationError."""

def connect(address: tuple[str, int] | str | bytes, options: ConnectionOptions) -> MessageConnection:
    """Connects to the listener at this address. Raises AuthenticationError, OSError, TimeoutError, ValueError."""

def loads_data(message: bytes) -> Any:
    """Reads a pickle as data: nothing in it is imported or called. What is more than data is a ValueError."""
def log_names() -> list[str]:
    """The loggers of the library, by their numbers."""

def set_log_levels(levels: Sequence[int]) -> None:
    """Says how much each logger wants to hear: 0 nothing, 1 errors, 2 warnings, 3 what is of interest, 4 everything."""

def take_log() -> list[tuple[int, int, float, tuple[str, int], tuple[str, int], str]] | None:
    """Waits for something to write; None when there will be nothing more.

    Each line has the number of its logger, its level as in :func:`set_log_levels`, the seconds since 1970, the thread with its name and number (or 0), the place in the source, and the text.
    """

def end_log() -> None:
    """Nothing more is taken in. What waits can still be taken out."""

def hold_log() -> None:
    """Before a fork: no other thread may be at the queue then, or it would stay locked in the child."""

def release_log(is_child: bool) -> None:
    """After it. The child leaves to its parent what waits to be written."""
