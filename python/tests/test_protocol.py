from __future__ import annotations

import logging
import socket
import uuid
from collections.abc import Iterator

import pytest
import Pyro5.callcontext
import Pyro5.protocol
import Pyro5.socketutil

from ferropyro import errors, protocol
from ferropyro.configuration import config
from ferropyro.protocol import ReceivingMessage, SendingMessage, recv_stub
from ferropyro.socketutil import SocketConnection

ANNOTATIONS = {"ABCD": b"0123", "EFGH": bytearray(b""), "IJKL": memoryview(b"x")}


@pytest.fixture
def pair() -> Iterator[tuple[SocketConnection, SocketConnection]]:
    left, right = (SocketConnection(sock) for sock in socket.socketpair())
    with left, right:
        yield left, right


def test_the_constants_are_those_of_pyro5() -> None:
    names = [name for name in vars(Pyro5.protocol) if name.startswith(("MSG_", "FLAGS_", "PROTOCOL_"))]
    assert {name: getattr(protocol, name) for name in names} == {name: getattr(Pyro5.protocol, name) for name in names}


@pytest.mark.parametrize("correlation", [None, uuid.UUID(int=5)])
def test_the_bytes_are_those_of_pyro5(correlation: uuid.UUID | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pyro5.callcontext.current_context, "correlation_id", correlation)
    arguments = (protocol.MSG_INVOKE, protocol.FLAGS_ONEWAY, 7, 1, b"data" * 100, ANNOTATIONS)
    for compression in (False, True):
        config.COMPRESSION = compression
        monkeypatch.setattr(Pyro5.config, "COMPRESSION", compression)
        ours = SendingMessage(*arguments, correlation_id=correlation)
        assert ours.data == Pyro5.protocol.SendingMessage(*arguments).data
        back = ReceivingMessage(ours.data[:40], ours.data[40:])
        assert bytes(back.data or b"") == b"data" * 100
        assert {name: bytes(value) for name, value in back.annotations.items()} == {
            name: bytes(value) for name, value in ANNOTATIONS.items()
        }
    assert "type=4 flags=" in repr(ours) and "seq=7" in repr(back)


def test_a_message_of_pyro5_is_received(pair: tuple[SocketConnection, SocketConnection]) -> None:
    left, right = pair
    left.send(Pyro5.protocol.SendingMessage(protocol.MSG_RESULT, 0, 9, 2, b"data", {"ABCD": b"x"}).data)
    message = recv_stub(right, [protocol.MSG_RESULT])
    assert (message.type, message.seq, message.serializer_id, bytes(message.data or b"")) == (5, 9, 2, b"data")
    left.send(SendingMessage(protocol.MSG_PING, 0, 0, 42, b"").data)
    with pytest.raises(errors.ProtocolError, match="invalid msg type 6 received .expected: 5"):
        recv_stub(right, [protocol.MSG_RESULT])


def test_what_is_no_message_is_refused() -> None:
    data = SendingMessage(protocol.MSG_RESULT, 0, 9, 2, b"data", {"ABCD": b"x"}).data
    for end in range(40):
        with pytest.raises(errors.ProtocolError):
            ReceivingMessage(data[:end])
    for index in (0, 4, 5, 38, 39):
        wrong = bytearray(data)
        wrong[index] ^= 1
        with pytest.raises(errors.ProtocolError):
            ReceivingMessage.validate(bytes(wrong))
        with pytest.raises(errors.ProtocolError):
            ReceivingMessage(bytes(wrong[:40]))
    with pytest.raises(ValueError, match="at least 4 bytes"):
        ReceivingMessage.validate(b"PYR")
    for end in range(40, len(data)):
        with pytest.raises(errors.ProtocolError, match="payload length"):
            ReceivingMessage(data[:40], data[40:end])
    for length in (2, 0xFFFFFFFF):
        wrong = bytearray(data)
        wrong[44:48] = length.to_bytes(4, "big")
        with pytest.raises(errors.ProtocolError, match="exceeds remaining data"):
            ReceivingMessage(bytes(wrong[:40]), bytes(wrong[40:]))


def test_sizes_and_names_are_checked() -> None:
    with pytest.raises(errors.ProtocolError, match="4 ascii characters"):
        SendingMessage(1, 0, 0, 1, b"", {"ABC": b""})
    with pytest.raises(errors.ProtocolError, match="must be bytes"):
        SendingMessage(1, 0, 0, 1, b"", {"ABCD": "text"})  # type: ignore[dict-item]
    config.COMPRESSION = True
    bomb = SendingMessage(1, 0, 0, 1, bytes(1_000_000)).data
    config.MAX_MESSAGE_SIZE = 100_000
    with pytest.raises(errors.MessageTooLargeError):
        ReceivingMessage(bomb[:40], bomb[40:])
    config.COMPRESSION = False
    with pytest.raises(errors.MessageTooLargeError, match="message too large .200000, max=100000"):
        SendingMessage(1, 0, 0, 1, bytes(200_000))


def test_a_message_is_logged_in_full(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("wire")
    data = SendingMessage(protocol.MSG_RESULT, 0, 9, 2, b"data").data
    with caplog.at_level("DEBUG", "wire"):
        protocol.log_wiredata(logger, "received", ReceivingMessage(data[:40], data[40:]))
    assert "received: msgtype=5 flags=0x0 ser=2 seq=9 num_annotations=0" in caplog.text
