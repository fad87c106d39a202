"""Pyro's messages as bytes, for tests that speak with a plain socket."""

import socket
import struct
from contextlib import contextmanager

CONNECT, CONNECTOK, CONNECTFAIL, INVOKE, RESULT, PING = 1, 2, 3, 4, 5, 6
# The flag that asks a Pyro4 server for metadata.
META_ON_CONNECT = 16
MARSHAL = {48: 3, 502: 2}
HEADER_SIZE = {48: 24, 502: 40}


def frame(version, kind, payload=b"", *, serializer=1, flags=0, seq=0, length=None, annotations=b"", break_check=False):
    """A message of protocol 48 or 502, or of another version in the older form; `length`: what the header says of the payload."""
    length = len(payload) if length is None else length
    if version == 502:
        check = 0x4DC5 ^ break_check
        header = struct.pack("!4sHBBHHII16sHH", b"PYRO", version, kind, serializer, flags, seq, length, len(annotations), b"", 0, check)
    else:
        check = (kind + version + length + len(annotations) + serializer + flags + seq + 0x34E9 + break_check) & 0xFFFF
        header = struct.pack("!4sHHHHiHHHH", b"PYRO", version, kind, flags, seq, length, serializer, len(annotations), 0, check)
    return header + annotations + payload


def hello(version, object_id="obj.test", **options):
    payload = b"# serpent utf-8 python3.2\n{'handshake':'hello','object':'%s'}" % object_id.encode()
    return frame(version, CONNECT, payload, flags=META_ON_CONNECT if version == 48 else 0, **options)


def invoke(version, method, args="()", kwargs="{}", object_id="obj.test", **options):
    payload = f"# serpent utf-8 python3.2\n('{object_id}','{method}',{args},{kwargs})".encode()
    return frame(version, INVOKE, payload, **options)


def split(received):
    """The messages in these bytes: a list of (version, type, flags, seq, serializer, payload)."""
    messages = []
    while received:
        assert received[:4] == b"PYRO", received
        (version,) = struct.unpack_from("!H", received, 4)
        if version == 502:
            kind, serializer, flags, seq, length, extra = struct.unpack_from("!BBHHII", received, 6)
        else:
            kind, flags, seq, length, serializer, extra = struct.unpack_from("!HHHiHH", received, 6)
        end = HEADER_SIZE[version] + extra + length
        messages.append((version, kind, flags, seq, serializer, received[HEADER_SIZE[version] + extra : end]))
        received = received[end:]
    return messages


@contextmanager
def connected(server, timeout=10):
    """A plain socket to a server with a TCP URI."""
    with socket.create_connection(("localhost", server.port), timeout=timeout) as sock:
        yield sock


def read_message(sock):
    """The bytes of the next message; what there was, if the other side closes before its end."""
    received = b""
    while True:
        size = _message_size(received)
        if size is not None and len(received) >= size:
            return received
        try:
            piece = sock.recv((size or 24) - len(received))
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def read_to_end(sock):
    """All that comes until the other side closes."""
    received = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return received
        if not piece:
            return received
        received += piece


def _message_size(received):
    """How many bytes the message has, as far as one can tell: its header first."""
    if len(received) < 24:
        return None
    (version,) = struct.unpack_from("!H", received, 4)
    if len(received) < HEADER_SIZE[version]:
        return HEADER_SIZE[version]
    if version == 502:
        length, extra = struct.unpack_from("!II", received, 12)
    else:
        length, _, extra = struct.unpack_from("!iHH", received, 12)
    return HEADER_SIZE[version] + length + extra
