from __future__ import annotations

import socket
import threading
import zlib
from collections.abc import Iterator

import pytest
import Pyro4.errors
import Pyro4.message
import Pyro4.socketutil

from ferropyro import errors, message
from ferropyro.configuration import config
from ferropyro.message import Message
from ferropyro.socketutil import SocketConnection

ANNOTATIONS = {"CORR": b"0123456789abcdef", "XYZZ": b""}


@pytest.fixture
def pair() -> Iterator[tuple[SocketConnection, SocketConnection]]:
    left, right = (SocketConnection(sock) for sock in socket.socketpair())
    with left, right:
        yield left, right


def test_the_constants_are_those_of_pyro4() -> None:
    names = [name for name in vars(Pyro4.message) if name.startswith(("MSG_", "FLAGS_"))]
    assert {name: getattr(message, name) for name in names} == {name: getattr(Pyro4.message, name) for name in names}


@pytest.mark.parametrize("key", [None, b"secret"])
def test_the_bytes_are_those_of_pyro4(key: bytes | None) -> None:
    arguments = (message.MSG_INVOKE, b"data", 1, message.FLAGS_ONEWAY, 7, ANNOTATIONS)
    ours = Message(*arguments, hmac_key=key)
    theirs = Pyro4.message.Message(*arguments, hmac_key=key)
    assert ours.to_bytes() == theirs.to_bytes()
    assert (ours.data_size, ours.annotations_size) == (theirs.data_size, theirs.annotations_size)
    assert "type=4 flags=4 seq=7 datasize=4" in repr(ours)


@pytest.mark.parametrize("key", [None, b"secret"])
def test_a_message_of_pyro4_is_received(key: bytes | None, pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair
    Pyro4.message.Message(message.MSG_RESULT, b"data", 2, 0, 9, ANNOTATIONS, hmac_key=key).send(left)
    received = Message.recv(right, [message.MSG_RESULT], key)
    assert (received.type, received.data, received.serializer_id, received.seq) == (message.MSG_RESULT, b"data", 2, 9)
    assert {name: received.annotations[name] for name in ANNOTATIONS} == ANNOTATIONS


def test_a_ping_is_answered_by_pyro4(pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair

    def answer() -> None:
        ping = Pyro4.message.Message.recv(right)
        right.send(ping.to_bytes())

    thread = threading.Thread(target=answer)
    thread.start()
    Message.ping(left)
    thread.join()


@pytest.mark.parametrize(
    ("sent", "needed", "reason"),
    [(None, b"key", "not symmetric"), (b"key", None, "not symmetric"), (b"key", b"other", "mismatch")],
)
def test_a_wrong_signature_is_refused(
    sent: bytes | None, needed: bytes | None, reason: str, pair: tuple[SocketConnection, SocketConnection]
) -> None:
    left, right = pair
    Message(message.MSG_RESULT, b"data", 1, 0, 0, hmac_key=sent).send(left)
    with pytest.raises(errors.SecurityError, match=reason) as caught:
        Message.recv(right, hmac_key=needed)
    assert caught.value.pyroMsg.data == b"data"  # type: ignore[attr-defined]


def test_another_type_than_the_wanted_one_is_refused(pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair
    Message(message.MSG_PING, b"", 1, 0, 0).send(left)
    with pytest.raises(errors.ProtocolError, match="invalid msg type 6 received"):
        Message.recv(right, [message.MSG_RESULT])


def test_the_checksum_finds_changed_bytes_of_a_header() -> None:
    header = Message(message.MSG_PING, b"", 1, 0, 5).to_bytes()
    for index in range(len(header)):
        changed = bytearray(header)
        changed[index] ^= 0x40
        try:
            Message.from_header(bytes(changed))
        except errors.ProtocolError:
            continue
        assert index in (12, 13, 20, 21), "the upper half of the length and the reserved field are not covered"
    for end in range(len(header)):
        with pytest.raises(errors.ProtocolError, match="header data size mismatch"):
            Message.from_header(header[:end])


# Conformance: SER-04
def test_the_size_of_a_message_is_limited(pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair
    huge = Message(message.MSG_RESULT, b"", 1, 0, 0)
    huge.data_size = 0x80000000
    with pytest.raises(ValueError, match="outside range 0..2Gb"):
        huge.to_bytes()
    data = Message(message.MSG_RESULT, b"x" * 1000, 1, 0, 0).to_bytes()
    config.MAX_MESSAGE_SIZE = 100
    with pytest.raises(errors.MessageTooLargeError, match="1000 where max=100"):
        Message(message.MSG_RESULT, b"x" * 1000, 1, 0, 0)
    left.send(data)
    with pytest.raises(errors.MessageTooLargeError):
        Message.recv(right)
    assert right.fileno() == -1


def test_compressed_data_is_inflated_up_to_the_limit() -> None:
    small = Message(message.MSG_RESULT, zlib.compress(b"x" * 100), 1, message.FLAGS_COMPRESSED, 0).decompress_if_needed()
    assert (small.data, small.flags, small.data_size) == (b"x" * 100, 0, 100)
    bomb = Message(message.MSG_RESULT, zlib.compress(b"x" * 10_000_000), 1, message.FLAGS_COMPRESSED, 0)
    config.MAX_MESSAGE_SIZE = 1_000_000
    with pytest.raises(errors.MessageTooLargeError):
        bomb.decompress_if_needed()
    assert bomb.data_size == 1_000_001


def test_names_and_sizes_of_annotations_are_checked() -> None:
    with pytest.raises(errors.ProtocolError, match="length 4"):
        Message(1, b"", 1, 0, 0, {"ABC": b""}).to_bytes()
    with pytest.raises(errors.ProtocolError, match="annotations too large"):
        Message(1, b"", 1, 0, 0, {"ABCD": bytes(70_000)}).to_bytes()


def test_annotations_that_are_cut_off_are_refused(pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair
    whole = Message(message.MSG_RESULT, b"", 1, 0, 0, {"ABCD": b"xy"})
    for size in range(1, whole.annotations_size):
        cut = Message(message.MSG_RESULT, b"", 1, 0, 0)
        cut.annotations_size = size
        left.send(cut.to_bytes() + whole.to_bytes()[Message.header_size :][:size])
        with pytest.raises(errors.ProtocolError, match="cut off"):
            Message.recv(right)
