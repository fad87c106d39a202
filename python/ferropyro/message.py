"""A message of the wire protocol of Pyro4 (version 48), for programs that write or read one themselves.

Calls do not come this way: the Rust module reads and writes their messages.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import zlib
from collections.abc import Iterable
from hmac import compare_digest as secure_compare
from typing import Any, Protocol

from . import constants, errors
from .configuration import config

__all__ = ["Message", "secure_compare"]

MSG_CONNECT = 1
MSG_CONNECTOK = 2
MSG_CONNECTFAIL = 3
MSG_INVOKE = 4
MSG_RESULT = 5
MSG_PING = 6
FLAGS_EXCEPTION = 1 << 0
FLAGS_COMPRESSED = 1 << 1
FLAGS_ONEWAY = 1 << 2
FLAGS_BATCH = 1 << 3
FLAGS_META_ON_CONNECT = 1 << 4
FLAGS_ITEMSTREAMRESULT = 1 << 5
FLAGS_KEEPSERIALIZED = 1 << 6

_CHUNK = struct.Struct("!4sH")


class Connection(Protocol):
    """What a message is sent over, as `ferropyro.socketutil.SocketConnection`."""

    def send(self, data: bytes) -> None: ...

    def recv(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class Message:
    """A message: a header, annotations (4 letters and bytes each), and the data.

    With ``hmac_key`` it is signed. Raises MessageTooLargeError if it is longer than MAX_MESSAGE_SIZE.
    """

    __slots__ = (
        "type",
        "flags",
        "seq",
        "data",
        "data_size",
        "serializer_id",
        "annotations",
        "annotations_size",
        "hmac_key",
    )
    header_format = "!4sHHHHiHHHH"
    header_size = struct.calcsize(header_format)
    checksum_magic = 0x34E9

    def __init__(
        self,
        msgType: int,
        databytes: bytes,
        serializer_id: int,
        flags: int,
        seq: int,
        annotations: dict[str, bytes] | None = None,
        hmac_key: bytes | None = None,
    ) -> None:
        self.type = msgType
        self.flags = flags
        self.seq = seq
        self.data = databytes
        self.data_size = len(databytes)
        self.serializer_id = serializer_id
        self.annotations = dict(annotations or {})
        self.hmac_key = hmac_key
        if hmac_key:
            self.annotations["HMAC"] = self.hmac()
        self.annotations_size = sum(_CHUNK.size + len(value) for value in self.annotations.values())
        _check_size(self)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__module__}.{type(self).__name__} at {id(self):x}; type={self.type} flags={self.flags}"
            f" seq={self.seq} datasize={self.data_size} #ann={len(self.annotations)}>"
        )

    def to_bytes(self) -> bytes:
        """Gives the whole message. Raises ValueError for more than 2 Gb, ProtocolError for a name that is not of 4 letters."""
        return self._header() + self._chunks() + self.data

    def send(self, connection: Connection) -> None:
        """Sends the message."""
        connection.send(self.to_bytes())

    @classmethod
    def from_header(cls, headerData: bytes) -> Message:
        """Gives a message with what its header says, without annotations and data. Raises ProtocolError for what is no header."""
        if not headerData or len(headerData) != cls.header_size:
            raise errors.ProtocolError("header data size mismatch")
        fields = struct.unpack(cls.header_format, headerData)
        tag, version, kind, flags, seq, data_size, serializer_id, annotations_size, _, checksum = fields
        if tag != b"PYRO" or version != constants.PROTOCOL_VERSION:
            raise errors.ProtocolError("invalid data or unsupported protocol version")
        message = Message(kind, b"", serializer_id, flags, seq)
        message.data_size = data_size
        message.annotations_size = annotations_size
        if checksum != message._checksum():
            raise errors.ProtocolError("header checksum mismatch")
        if data_size < 0:
            raise errors.ProtocolError("invalid message size (outside range 0..2Gb)")
        return message

    @classmethod
    def recv(
        cls,
        connection: Connection,
        requiredMsgTypes: Iterable[int] | None = None,
        hmac_key: bytes | None = None,
    ) -> Message:
        """Receives a message, of any type or of one of those that are given.

        Raises ProtocolError, MessageTooLargeError (the connection is closed then), or SecurityError for a wrong signature. They have the message as ``pyroMsg``.
        """
        message = cls.from_header(connection.recv(cls.header_size))
        message.hmac_key = hmac_key
        try:
            _check_size(message)
        except errors.MessageTooLargeError as error:
            connection.close()  # the rest of the message is in the way of the next one
            raise _with(message, error) from None
        if requiredMsgTypes and message.type not in requiredMsgTypes:
            raise _with(message, errors.ProtocolError(f"invalid msg type {message.type} received"))
        if message.annotations_size:
            message.annotations = _annotations(connection.recv(message.annotations_size))
        message.data = connection.recv(message.data_size)
        message._check_signature()
        return message

    def hmac(self) -> bytes:
        """Gives the signature of the data and the annotations."""
        assert self.hmac_key is not None
        mac = hmac.new(self.hmac_key, self.data, digestmod=hashlib.sha1)
        for _, value in sorted(item for item in self.annotations.items() if item[0] != "HMAC"):
            mac.update(value)
        return mac.digest()

    @staticmethod
    def ping(pyroConnection: Connection, hmac_key: bytes | None = None) -> None:
        """Sends a ping and waits for the answer."""
        pyroConnection.send(Message(MSG_PING, b"ping", 42, 0, 0, hmac_key=hmac_key).to_bytes())
        Message.recv(pyroConnection, [MSG_PING], hmac_key)

    def decompress_if_needed(self) -> Message:
        """Inflates the data if it is compressed, and gives the message. Raises MessageTooLargeError if it gets too long."""
        if self.flags & FLAGS_COMPRESSED:
            inflater = zlib.decompressobj()
            limit = config.MAX_MESSAGE_SIZE
            self.data = inflater.decompress(self.data, limit + 1 if limit else 0)
            self.flags &= ~FLAGS_COMPRESSED
            self.data_size = len(self.data)
            _check_size(self)
        return self

    def _header(self) -> bytes:
        if not 0 <= self.data_size <= 0x7FFFFFFF:
            raise ValueError("invalid message size (outside range 0..2Gb)")
        if self.annotations_size > 0xFFFF:
            raise errors.ProtocolError(f"annotations too large ({self.annotations_size} bytes, max=65535)")
        return struct.pack(
            self.header_format,
            b"PYRO",
            constants.PROTOCOL_VERSION,
            self.type,
            self.flags,
            self.seq,
            self.data_size,
            self.serializer_id,
            self.annotations_size,
            0,
            self._checksum(),
        )

    def _checksum(self) -> int:
        fields = (self.type, self.flags, self.seq, self.data_size, self.serializer_id, self.annotations_size)
        return (sum(fields) + constants.PROTOCOL_VERSION + self.checksum_magic) & 0xFFFF

    def _chunks(self) -> bytes:
        parts = []
        for name, value in self.annotations.items():
            if len(name) != 4:
                raise errors.ProtocolError("annotation key must be of length 4")
            parts += [_CHUNK.pack(name.encode("ascii"), len(value)), value]
        return b"".join(parts)

    def _check_signature(self) -> None:
        signature = self.annotations.get("HMAC")
        if (signature is not None) != bool(self.hmac_key):
            raise _with(self, errors.SecurityError("hmac key config not symmetric"))
        if signature is not None and not secure_compare(signature, self.hmac()):
            raise _with(self, errors.SecurityError("message hmac mismatch"))


def _annotations(data: bytes) -> dict[str, bytes]:
    annotations = {}
    while data:
        if len(data) < _CHUNK.size:
            raise errors.ProtocolError("annotation chunk is cut off")
        name, length = _CHUNK.unpack_from(data)
        value = data[_CHUNK.size : _CHUNK.size + length]
        if len(value) != length:
            raise errors.ProtocolError("annotation chunk is cut off")
        annotations[name.decode("ascii", "replace")] = value
        data = data[_CHUNK.size + length :]
    return annotations


def _check_size(message: Message) -> None:
    size = message.data_size + message.annotations_size
    if 0 < config.MAX_MESSAGE_SIZE < size:
        raise errors.MessageTooLargeError(f"max message size exceeded ({size} where max={config.MAX_MESSAGE_SIZE})")


def _with(message: Message, error: Any) -> Any:
    error.pyroMsg = message
    return error
