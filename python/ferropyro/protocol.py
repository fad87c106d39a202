"""A message of the wire protocol of Pyro5 (version 502), for programs that write or read one themselves.

Calls do not come this way: the Rust module reads and writes their messages.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from collections.abc import Iterable, Mapping
from logging import Logger
from typing import Any, Protocol

from . import constants, errors
from .configuration import config
from .message import MSG_CONNECT, MSG_CONNECTFAIL, MSG_CONNECTOK, MSG_INVOKE, MSG_PING, MSG_RESULT

__all__ = ["SendingMessage", "ReceivingMessage", "recv_stub", "log_wiredata", "PROTOCOL_VERSION"] + [
    "MSG_CONNECT",
    "MSG_CONNECTOK",
    "MSG_CONNECTFAIL",
    "MSG_INVOKE",
    "MSG_RESULT",
    "MSG_PING",
]

# These are other bits than in Pyro4.
FLAGS_EXCEPTION = 1 << 0
FLAGS_COMPRESSED = 1 << 1
FLAGS_ONEWAY = 1 << 2
FLAGS_BATCH = 1 << 3
FLAGS_ITEMSTREAMRESULT = 1 << 4
FLAGS_KEEPSERIALIZED = 1 << 5
FLAGS_CORR_ID = 1 << 6

PROTOCOL_VERSION = constants.PROTOCOL_VERSION_PYRO5

_HEADER = struct.Struct("!4sHBBHHII16sHH")
_CHUNK = struct.Struct("!4sI")
_MAGIC = 0x4DC5
_NO_CORRELATION = bytes(16)
_LEAST_TO_COMPRESS = 100


class Connection(Protocol):
    """What a message is sent over, as `ferropyro.socketutil.SocketConnection`."""

    def send(self, data: bytes) -> None: ...

    def recv(self, size: int) -> bytes: ...


class SendingMessage:
    """A message to send; its bytes are in ``data``. Raises ProtocolError if it is too long, or an annotation is not well-formed."""

    def __init__(
        self,
        msgtype: int,
        flags: int,
        seq: int,
        serializer_id: int,
        payload: bytes,
        annotations: Mapping[str, bytes | bytearray | memoryview] | None = None,
        correlation_id: uuid.UUID | None = None,
    ) -> None:
        self.type = msgtype
        self.seq = seq
        self.serializer_id = serializer_id
        flags &= ~FLAGS_COMPRESSED
        if config.COMPRESSION and len(payload) > _LEAST_TO_COMPRESS:
            payload = zlib.compress(payload, 4)
            flags |= FLAGS_COMPRESSED
        self.corr_id = correlation_id.bytes if correlation_id else _NO_CORRELATION
        self.flags = flags | FLAGS_CORR_ID if correlation_id else flags
        chunks = b"".join(_chunk(name, value) for name, value in (annotations or {}).items())
        _check_size(len(payload) + len(chunks))
        header = _HEADER.pack(
            b"PYRO",
            PROTOCOL_VERSION,
            msgtype,
            serializer_id,
            self.flags,
            seq,
            len(payload),
            len(chunks),
            self.corr_id,
            0,
            _MAGIC,
        )
        self.data = header + chunks + payload

    def __repr__(self) -> str:
        return _repr(self, len(self.data))

    @staticmethod
    def ping(pyroConnection: Connection) -> None:
        """Sends a ping and waits for the answer."""
        pyroConnection.send(SendingMessage(MSG_PING, 0, 0, 42, b"ping").data)
        recv_stub(pyroConnection, [MSG_PING])


class ReceivingMessage:
    """A message that was received: from its header, and the rest if it is given. Raises ProtocolError for what is no message."""

    def __init__(self, header: bytes, payload: bytes | None = None) -> None:
        if len(header) != _HEADER.size:
            raise errors.ProtocolError("header data size mismatch")
        fields = _HEADER.unpack(header)
        tag, version, self.type, self.serializer_id, self.flags, self.seq = fields[:6]
        self.data_size, self.annotations_size, self.corr_id, _, magic = fields[6:]
        if tag != b"PYRO" or version != PROTOCOL_VERSION or magic != _MAGIC:
            raise errors.ProtocolError("invalid message or protocol version")
        _check_size(self.data_size + self.annotations_size)
        self.data: bytes | memoryview | None = None
        self.annotations: dict[str, memoryview] = {}
        if payload is not None:
            self.add_payload(payload)

    def __repr__(self) -> str:
        return _repr(self, len(self.data or b""))

    @staticmethod
    def validate(data: bytes) -> None:
        """Checks as much of a message as there is. Raises ProtocolError, or ValueError for less than 4 bytes."""
        if len(data) < 4:
            raise ValueError("data must be at least 4 bytes to be able to identify")
        if not data.startswith(b"PYRO"):
            raise errors.ProtocolError("invalid data")
        if len(data) >= 6 and int.from_bytes(data[4:6], "big") != PROTOCOL_VERSION:
            raise errors.ProtocolError(f"invalid protocol version: {int.from_bytes(data[4:6], 'big')}")
        if len(data) >= _HEADER.size and int.from_bytes(data[38:40], "big") != _MAGIC:
            raise errors.ProtocolError("invalid magic number")

    def add_payload(self, payload: bytes) -> None:
        """Takes the annotations and the data that belong to the header. Raises ProtocolError if they do not fit."""
        if len(payload) != self.data_size + self.annotations_size:
            raise errors.ProtocolError("payload length doesn't match message header")
        view = memoryview(payload)
        self.annotations = _annotations(view[: self.annotations_size])
        self.data = view[self.annotations_size :] if self.annotations_size else payload
        if self.flags & FLAGS_COMPRESSED:
            self.data = _inflated(self.data)
            self.flags &= ~FLAGS_COMPRESSED
            self.data_size = len(self.data)


def recv_stub(connection: Connection, accepted_msgtypes: Iterable[int] | None = None) -> ReceivingMessage:
    """Receives a message, of any type or of one of those that are given. Raises ProtocolError."""
    start = connection.recv(6)
    ReceivingMessage.validate(start)
    message = ReceivingMessage(start + connection.recv(_HEADER.size - 6))
    if accepted_msgtypes and message.type not in accepted_msgtypes:
        expected = ",".join(str(kind) for kind in accepted_msgtypes)
        error: Any = errors.ProtocolError(f"invalid msg type {message.type} received (expected: {expected})")
        error.pyroMsg = message
        raise error
    message.add_payload(connection.recv(message.annotations_size + message.data_size))
    return message


def log_wiredata(logger: Logger, text: str, msg: Any) -> None:
    """Logs a message in full, at level DEBUG."""
    logger.debug(
        "%s: msgtype=%d flags=0x%x ser=%d seq=%d num_annotations=%d corr_id=%s\ndata=%r",
        text,
        msg.type,
        msg.flags,
        msg.serializer_id,
        msg.seq,
        len(getattr(msg, "annotations", ())),
        uuid.UUID(bytes=bytes(getattr(msg, "corr_id", _NO_CORRELATION))),
        bytes(msg.data),
    )


def _chunk(name: str, value: bytes | bytearray | memoryview) -> bytes:
    if len(name) != 4:
        raise errors.ProtocolError("annotation identifier must be 4 ascii characters")
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise errors.ProtocolError("annotation data must be bytes, bytearray, or memoryview", type(value))
    return _CHUNK.pack(name.encode("ascii"), len(value)) + value


def _annotations(data: memoryview) -> dict[str, memoryview]:
    annotations = {}
    while data:
        if len(data) < _CHUNK.size:
            raise errors.ProtocolError("annotation chunk is cut off")
        name, length = _CHUNK.unpack_from(data)
        if length > len(data) - _CHUNK.size:
            raise errors.ProtocolError("annotation chunk length exceeds remaining data")
        annotations[name.decode("ascii", "replace")] = data[_CHUNK.size : _CHUNK.size + length]
        data = data[_CHUNK.size + length :]
    return annotations


def _inflated(data: bytes | memoryview) -> bytes:
    limit = config.MAX_MESSAGE_SIZE
    inflated = zlib.decompressobj().decompress(data, limit + 1 if limit else 0)
    _check_size(len(inflated))
    return inflated


def _check_size(size: int) -> None:
    if 0 < config.MAX_MESSAGE_SIZE < size:
        raise errors.MessageTooLargeError(f"message too large ({size}, max={config.MAX_MESSAGE_SIZE})")


def _repr(message: Any, size: int) -> str:
    kind = f"{type(message).__module__}.{type(message).__name__}"
    return f"<{kind} at 0x{id(message):x}; type={message.type} flags={message.flags} seq={message.seq} size={size}>"
