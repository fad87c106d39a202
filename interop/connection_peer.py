"""The Python side of the tests of connections: a listener or a client. Runs under Python 2.7 too, and with processing 0.52.

    connection_peer.py MODULE listen ADDRESS KEY           gives every message back, in the form that it came in
    connection_peer.py MODULE manual-server PORT KEY       the server of the manual
    connection_peer.py MODULE manual-client PORT KEY       its client
    connection_peer.py MODULE talk ADDRESS KEY STEP...     a client that does these steps

MODULE is processing or multiprocessing; ADDRESS is a port or a path; KEY is - for none. An exception is printed as its class and text.
"""

from __future__ import print_function

import importlib
import struct
import sys
from array import array


class Module:
    """The module under the names that both have."""

    def __init__(self, name):
        self.is_old = name == "processing"
        connection = importlib.import_module(name + ".connection")
        self.listener, self.client = connection.Listener, connection.Client
        self.buffer_too_short = importlib.import_module(name).BufferTooShort

    def method(self, conn, name):
        """The method of a connection: in processing send_bytes is sendBytes."""
        first, _, rest = name.partition("_")
        return getattr(conn, first + rest.title().replace("_", "") if self.is_old else name)


def address_of(text):
    return ("127.0.0.1", int(text)) if text.isdigit() else text


def key_of(text):
    return None if text == "-" else text if sys.version_info[0] == 2 else text.encode()


def shown(error):
    text = "%s: %s" % (type(error).__name__, error)
    return text.replace("\n", " ")


def listen(module, address, key):
    listener = module.listener(address_of(address), authkey=key_of(key))
    print("listening", listener.address[1] if isinstance(listener.address, tuple) else listener.address)
    while True:
        try:
            conn = listener.accept()
        except Exception as error:
            print("refused", shown(error))
            continue
        print("accepted")
        try:
            while True:
                module.method(conn, "send_bytes")(module.method(conn, "recv_bytes")())
        except EOFError:
            print("closed")
        except Exception as error:
            print("failed", shown(error))
        conn.close()


def manual_server(module, port, key):
    listener = module.listener(("localhost", int(port)), authkey=key_of(key))
    print("listening", listener.address[1])
    conn = listener.accept()
    print("connection accepted from", listener.last_accepted)
    conn.send([2.25, None, "junk", float])
    module.method(conn, "send_bytes")(b"hello")
    module.method(conn, "send_bytes")(array("i", [42, 1729]))
    conn.close()
    listener.close()


def manual_client(module, port, key):
    conn = module.client(("localhost", int(port)), authkey=key_of(key))
    received = conn.recv()
    print(received == [2.25, None, "junk", float])
    print(module.method(conn, "recv_bytes")() == b"hello")
    numbers = array("i", [0, 0, 0, 0, 0])
    print(module.method(conn, "recv_bytes_into")(numbers))
    print(numbers.tolist())
    conn.close()


VALUES = [None, True, 42, 10**30, 2.25, 1.5 + 2j, u"text \xe4\u20ac", [1, (2.5, "x")], {"a": [None], 3: False}, float, set([1, 2]), ValueError("wrong", 7)]


def objects(module, conn):
    """Objects that come back must be equal; those of Python 2's str come back as texts."""
    for value in VALUES:
        conn.send(value)
        received = conn.recv()
        if isinstance(value, Exception):
            assert type(received) is type(value) and received.args == value.args, received
        else:
            assert received == value, (received, value)
    return len(VALUES)


def messages(module, conn):
    """Bytes that come back must be equal, in pieces of every size."""
    send, recv = module.method(conn, "send_bytes"), module.method(conn, "recv_bytes")
    for message in [b"hello", b"", b"x" * 16384, b"y" * 16385, b"z" * 20000000]:
        send(message)
        assert recv() == message
    send(array("i", [42, 1729]))
    assert recv() == struct.pack("=ii", 42, 1729)
    return "equal"


def too_short(module, conn):
    """The message that does not fit is in the exception, and the next one comes."""
    send, into = module.method(conn, "send_bytes"), module.method(conn, "recv_bytes_into")
    send(b"m" * 30)
    send(b"next")
    buffer = bytearray(20) if not module.is_old else array("c", "." * 20)
    try:
        into(buffer)
    except module.buffer_too_short as error:
        assert error.args[0] == b"m" * 30
    return into(buffer)


def one_byte_pieces(module, conn):
    """A message that is written byte by byte."""
    import os
    import time

    for byte in struct.pack("!i5s", 5, b"piece"):
        os.write(conn.fileno(), byte if isinstance(byte, str) else bytes([byte]))
        time.sleep(0.001)
    return module.method(conn, "recv_bytes")() == b"piece"


def long_form(module, conn):
    """The length in 8 bytes, which Python sends from 3.8 on for more than 2 GiB."""
    import os

    os.write(conn.fileno(), struct.pack("!iQ5s", -1, 5, b"piece"))
    return module.method(conn, "recv_bytes")() == b"piece"


def receive(module, conn):
    return repr(conn.recv())


def talk(module, address, key, *steps):
    conn = module.client(address_of(address), authkey=key_of(key))
    print("connected")
    for step in steps:
        print(step, globals()[step](module, conn))
    conn.close()


def main(module, action, *args):
    if sys.version_info[0] == 2:
        sys.stdout = __import__("os").fdopen(1, "w", 0)
    actions = {"listen": listen, "talk": talk, "manual-server": manual_server, "manual-client": manual_client}
    try:
        actions[action](Module(module), *args)
    except Exception as error:
        print(shown(error))


if __name__ == "__main__":
    main(*sys.argv[1:])
