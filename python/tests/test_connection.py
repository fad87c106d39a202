"""Listeners and clients of message passing, with each other. See test_connection_peers.py for those of others."""

from __future__ import annotations

import collections
import gc
import multiprocessing
import multiprocessing.connection
import multiprocessing.resource_sharer
import os
import pickle
import socket
import stat
import struct
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ferropyro
from ferropyro import connection
from ferropyro.connection import AuthenticationError, BufferTooShort, Client, Connection, Listener

HERE = ("localhost", 0)
KEY = b"secret password"


@pytest.fixture
def background() -> Iterator[Callable[..., Future[Any]]]:
    """Runs a function in another thread."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


@contextmanager
def pair(**options: Any) -> Iterator[tuple[Connection, Connection]]:
    """Both ends of a connection: that of the listener and that of the client."""
    with Listener(HERE, **options) as listener, ThreadPoolExecutor(1) as pool:
        client = pool.submit(Client, listener.address, **options)
        with listener.accept() as accepted, client.result() as connected:
            yield accepted, connected


# Conformance: MP-02, MP-09, MP-11, MP-12
def test_a_listener_listens_from_the_beginning_and_tells_where_and_who_has_come() -> None:
    with Listener(HERE, None, 2) as listener:
        host, port = listener.address
        assert host == "127.0.0.1" and port != 0
        assert listener.last_accepted is None
        # Nobody accepts them yet.
        clients = [Client(listener.address), Client((host, port), "AF_INET")]
        for client in clients:
            with listener.accept() as accepted:
                accepted.send_bytes(b"welcome")
                assert client.recv_bytes() == b"welcome"
                with socket.socket(fileno=os.dup(client.fileno())) as same:
                    assert listener.last_accepted == same.getsockname()
                client.close()
        for name in ("address", "last_accepted"):
            with pytest.raises(AttributeError):
                setattr(listener, name, None)
        with pytest.raises(OSError, match=r"Address already in use: cannot listen on \('127.0.0.1', \d+\)"):
            Listener(listener.address)


# Conformance: MP-03, MP-06, MP-07, MP-10, MP-12, MP-13
@pytest.mark.skipif(sys.platform == "win32", reason="there are no Unix domain sockets")
def test_unix_domain_sockets_have_files_for_their_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        for address in (str(tmp_path / "sock"), tmp_path / "path", None):
            with Listener(address) as listener:
                where: str = listener.address
                assert stat.S_IMODE(os.stat(where).st_mode) == 0o600
                assert address is None or where == str(address)
                with Client(where) as client, listener.accept() as accepted:
                    listener.close()
                    assert not os.path.exists(where) and listener.last_accepted is None
                    accepted.send("still there")
                    assert client.recv() == "still there"
                with pytest.raises(FileNotFoundError):
                    Client(where)
    finally:
        os.umask(before)
    one, other = Listener(), Listener(family="AF_INET")
    assert isinstance(one.address, str) and other.address[1] != 0
    where = one.address
    del one
    gc.collect()
    assert not os.path.exists(where)
    other.close()
    other.close()
    with pytest.raises(OSError, match="listener is closed"):
        other.accept()
    with pytest.raises(ConnectionRefusedError, match=r"Connection refused: cannot connect to \('127.0.0.1', \d+\)"):
        Client(other.address)


# Conformance: MP-04, MP-05, MP-13, MP-14, MP-15
def test_addresses_that_cannot_be_are_errors_that_say_why() -> None:
    pipe = "Family AF_PIPE is not recognized: ferropyro does not speak named pipes of Windows"
    for make in (Listener, Client):
        for address, family, text in (
            (5, None, "address type of 5 unrecognized"),
            (["localhost", 1], None, r"address type of \['localhost', 1\] unrecognized"),
            (("localhost",), None, r"AF_INET address must be a pair \(host, port\), and is \('localhost',\)"),
            (("localhost", "1"), None, r"AF_INET address must be a pair \(host, port\), and is \('localhost', '1'\)"),
            (("localhost", 65536), None, "port must be 0-65535, and is 65536"),
            (("localhost", 1), "AF_UNIX", r"the address \('localhost', 1\) is one of AF_INET, not of AF_UNIX"),
            (("localhost", 1), "AF_FOO", "Family AF_FOO is not recognized"),
            (r"\\.\pipe\jobs", None, pipe),
            (r"\\SERVER\pipe\jobs", None, pipe),
            ("jobs", "AF_PIPE", pipe),
        ):
            with pytest.raises(ValueError, match=text):
                make(address, family)
    with pytest.raises(FileNotFoundError):
        Client(r"\\x", "AF_UNIX")
    with pytest.raises(OSError, match="the path is too long: it has 200 bytes"):
        Listener("x" * 200)


# Conformance: MP-16, MP-17, MP-18
def test_objects_and_bytes_arrive_whole_and_in_order() -> None:
    with pair(authkey=KEY) as (one, other):
        things = [[2.25, None, "junk", float], {"a": (1, 2 + 3j)}, {1, 2}, 10**40, ValueError, Path("/tmp")]
        for thing in things:
            one.send(thing)
        assert [other.recv() for _ in things] == things
        for buffer in (b"hello", b"", bytearray(b"abc"), memoryview(b"abcdef")[::1], array("i", [42, 1729]), b"x" * 20_000_000):
            sender = threading.Thread(target=one.send_bytes, args=(buffer,))
            sender.start()
            assert other.recv_bytes() == bytes(buffer)
            sender.join()
        other.sendBytes(b"abcdef", 2)
        other.sendbytes(b"abcdef", 2, 3)
        assert (one.recvBytes(), one.recvbytes()) == (b"cdef", b"cde")
        for arguments, text in (((-1,), "offset is negative"), ((7,), "buffer length < offset"), ((0, -1), "size is negative"), ((2, 5), r"< offset \+ size")):
            with pytest.raises(ValueError, match=text):
                other.send_bytes(b"abcdef", *arguments)
        with pytest.raises(TypeError):
            other.send_bytes("text")  # type: ignore[arg-type]
        with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
            other.send(lambda: None)


# Conformance: MP-19, MP-20, MP-21, API-01
def test_messages_are_received_into_buffers() -> None:
    with pair() as (one, other):
        numbers = array("i", [0, 0, 0, 0, 0])
        one.sendBytes(array("i", [42, 1729]))
        assert other.recvBytesInto(numbers) == 8
        assert numbers.tolist() == [42, 1729, 0, 0, 0]
        one.sendBytes(array("i", [7]))
        assert other.recv_bytes_into(numbers, 4) == 4
        assert numbers.tolist() == [42, 7, 0, 0, 0]
        for message in (b"m" * 30, b"n" * 17, b"next"):
            one.send_bytes(message)
        buffer = bytearray(b"." * 20)
        with pytest.raises(BufferTooShort) as error:
            other.recv_bytes_into(buffer)
        assert error.value.args[0] == b"m" * 30
        with pytest.raises(multiprocessing.BufferTooShort):
            other.recv_bytes_into(buffer, 4)
        for offset, text in ((-1, "negative offset"), (21, "offset too large")):
            with pytest.raises(ValueError, match=text):
                other.recv_bytes_into(buffer, offset)
        with pytest.raises(TypeError, match="cannot be written to"):
            other.recv_bytes_into(b"." * 20)
        assert other.recvbytes_into(buffer, 16) == 4
        assert buffer == b"." * 16 + b"next"


# Conformance: MP-16, MP-22
def test_the_end_of_a_connection_is_told() -> None:
    with pair() as (one, other):
        one.send("last")
        one.close()
        one.close()
        assert one.closed and not other.closed
        for use in (one.recv, one.recv_bytes, one.poll, one.fileno, lambda: one.send(1), lambda: one.recv_bytes_into(bytearray(9))):
            with pytest.raises(OSError, match="handle is closed"):
                use()
        assert other.poll() and other.recv() == "last"
        assert other.poll(None)
        for _ in range(2):
            with pytest.raises(EOFError):
                other.recv()
    with socket.create_server(("127.0.0.1", 0)) as server, Client(server.getsockname()) as client:
        peer, _ = server.accept()
        for byte in struct.pack("!i5s", 5, b"piece"):
            peer.send(bytes([byte]))
        assert client.recv_bytes() == b"piece"
        peer.send(struct.pack("!i2s", 5, b"pi"))
        assert not client.poll(0.01)
        peer.close()
        with pytest.raises(OSError, match="got end of file during message"):
            client.recv_bytes()


# Conformance: MP-22
def test_messages_that_are_too_long_are_refused() -> None:
    with pair(max_message_size=100) as (one, other):
        one.send_bytes(b"x" * 100)
        assert len(other.recv_bytes()) == 100
        one.send_bytes(b"x" * 101)
        with pytest.raises(OSError, match="bad message length: the other end announces 101 bytes, and 100 are acceptable"):
            other.recv_bytes()
    with pair() as (one, other):
        for _ in range(3):
            one.send_bytes(b"x" * 11)
        assert len(other.recv_bytes(11)) == 11
        # One that has been looked for already.
        assert other.poll(None)
        with pytest.raises(OSError, match="bad message length"):
            other.recv_bytes(10)
        assert other.closed
        with pytest.raises(ValueError, match="negative maxlength"):
            one.recv_bytes(-1)


def test_a_descriptor_tells_of_every_message_and_is_closed_at_the_end() -> None:
    for options in ({}, {"authkey": KEY}):
        with pair(**options) as (one, other), socket.socket() as nothing:
            nothing.bind(("127.0.0.1", 0))
            nothing.listen()
            for number in range(3):
                one.send(number)
            for number in range(3):
                assert multiprocessing.connection.wait([nothing, other], 5) == [other]
                assert connection.wait([nothing, other]) == [other]
                assert other.recv() == number
            assert connection.wait([nothing, other], 0.01) == []
            # A part of a message is none, and what was looked for is found again.
            os.write(one.fileno(), struct.pack("!i2s", 5, b"pi"))
            assert connection.wait([other], 0.01) == []
            os.write(one.fileno(), b"ece")
            assert other.poll(None) and connection.wait([nothing, other]) == [other]
            assert other.recv_bytes() == b"piece"
            descriptor = other.fileno()
            other.close()
            with pytest.raises(OSError):
                os.fstat(descriptor)
            assert connection.wait([one]) == [one]


# Conformance: AUTH-01, AUTH-02
def test_any_bytes_are_a_key_and_nothing_else_is(background: Callable[..., Future[Any]]) -> None:
    for key in (b"", b"k", os.urandom(64), b"\0" * 65, os.urandom(1000)):
        with pair(authkey=key) as (one, other):
            one.send(key)
            assert other.recv() == key
    # As in multiprocessing, where the fourth argument is the key.
    with Listener(HERE, "AF_INET", 1, KEY) as listener:
        connected = background(Client, listener.address, "AF_INET", KEY)
        listener.accept().close()
        connected.result().close()
    for wrong in ("text", 7, ["k"]):
        for make in (Listener, Client):
            with pytest.raises(TypeError, match="authkey should be a byte string"):
                make(HERE, authkey=wrong)


# Conformance: AUTH-03, AUTH-04
def test_with_the_flag_alone_the_key_is_that_of_the_process_and_its_children() -> None:
    with Listener(HERE, authenticate=True) as listener:
        context = multiprocessing.get_context("spawn")
        child = context.Process(target=_greet, args=(listener.address,))
        child.start()
        with listener.accept() as accepted:
            assert accepted.recv() == "from a child"
        child.join()
        with ThreadPoolExecutor(1) as pool:
            stranger = pool.submit(Client, listener.address, authkey=b"of somebody else")
            with pytest.raises(AuthenticationError):
                listener.accept()
            assert isinstance(stranger.exception(), AuthenticationError)


def _greet(address: Any) -> None:
    with Client(address, authenticate=True) as conn:
        conn.send("from a child")


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are handed over on Unix")
def test_a_connection_goes_to_another_process() -> None:
    with pair(authkey=KEY, max_message_size=100) as (one, other), Listener(authenticate=True) as listener:
        child = multiprocessing.get_context("spawn").Process(target=_serve, args=(other, listener.address))
        child.start()
        one.send("first")
        assert one.recv() == ("first", True)
        with listener.accept() as courier:
            courier.send(other)
            one.send("second")
            assert one.recv() == ("second", True)
            one.send_bytes(b"x" * 101)
            assert "100 are acceptable" in one.recv()
        child.join()
        multiprocessing.resource_sharer.stop(5)


def _serve(conn: Connection, address: Any) -> None:
    conn.send((conn.recv(), conn.unpickle))
    with Client(address, authenticate=True) as courier:
        conn = courier.recv()
        conn.send((conn.recv(), conn.unpickle))
        try:
            conn.recv()
        except OSError as error:
            conn.send(str(error))


# Conformance: AUTH-09, API-01, MP-12
def test_a_wrong_key_is_an_error_at_both_ends_and_the_next_client_is_served(background: Callable[..., Future[Any]]) -> None:
    with Listener(HERE, authkey=KEY) as listener:
        for key in (b"wrong", KEY):
            connected = background(Client, listener.address, authkey=key)
            if key == KEY:
                listener.accept().close()
                connected.result().close()
                continue
            with pytest.raises(multiprocessing.AuthenticationError, match="digest received was wrong"):
                listener.accept()
            assert listener.last_accepted is not None
            with pytest.raises(AuthenticationError, match="digest sent was rejected"):
                connected.result()


# Conformance: AUTH-05, AUTH-09
def test_a_key_at_one_end_alone_is_an_error_in_time(background: Callable[..., Future[Any]]) -> None:
    with Listener(HERE, handshake_timeout=0.2, authkey=KEY) as listener:
        accepting = background(listener.accept)
        with Client(listener.address) as client, pytest.raises(AuthenticationError, match="the listener asks for a key, and this client has none: authkey"):
            client.recv()
        # It has left without a word; the next one counts.
        connected = background(Client, listener.address, authkey=KEY)
        accepting.result().close()
        connected.result().close()
        with pytest.raises(TimeoutError, match="no client in time"):
            listener.accept(0.01)
    with Listener(HERE) as listener:
        connected = background(Client, listener.address, authkey=KEY, handshake_timeout=0.2)
        with listener.accept(), pytest.raises(TimeoutError, match="no message of the other end while authenticating: it has no key, probably"):
            connected.result()


def test_silent_clients_and_port_scans_hold_up_nobody(background: Callable[..., Future[Any]]) -> None:
    with Listener(HERE, authkey=KEY, backlog=16) as listener:
        silent = [socket.create_connection(listener.address) for _ in range(5)]
        socket.create_connection(listener.address).close()
        with socket.create_connection(listener.address) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\n\r\n")
            connected = background(Client, listener.address, authkey=KEY)
            with listener.accept() as accepted, connected.result() as client:
                accepted.send("served")
                assert client.recv() == "served"
        for sock in silent:
            sock.close()


# Conformance: API-01
def test_its_exceptions_are_raised_by_remote_methods_as_themselves() -> None:
    @ferropyro.expose
    class Guard:
        def ask(self, name: str) -> None:
            raise getattr(connection, name)("message")

    with ferropyro.Daemon() as daemon:
        uri = daemon.register(Guard())
        threading.Thread(target=daemon.requestLoop, daemon=True).start()
        with ferropyro.Proxy(uri) as guard:
            for name in ("AuthenticationError", "BufferTooShort"):
                with pytest.raises(getattr(connection, name)) as error:
                    guard.ask(name)
                assert error.value.args == ("message",)
        daemon.shutdown()


# Conformance: AUTH-06, AUTH-07
def test_the_two_halves_of_a_handshake_can_be_done_by_hand(background: Callable[..., Future[Any]]) -> None:
    with pair() as (one, other):
        for key in (KEY, b"wrong"):
            answered = background(connection.answerChallenge, other, key)
            if key == KEY:
                connection.deliverChallenge(one, KEY)
                assert answered.result() is None
            else:
                with pytest.raises(AuthenticationError, match="digest received was wrong"):
                    connection.deliver_challenge(one, KEY)
                assert isinstance(answered.exception(), AuthenticationError)
        challenges = []
        for _ in range(2):
            delivered = background(connection.deliver_challenge, one, KEY)
            challenges.append(other.recv_bytes())
            other.send_bytes(b"nonsense")
            assert isinstance(delivered.exception(), AuthenticationError)
            assert other.recv_bytes() == b"#FAILURE#"
        assert challenges[0] != challenges[1]
        with pytest.raises(TypeError):
            connection.deliver_challenge(one, "text")  # type: ignore[arg-type]


class Evil:
    def __reduce__(self) -> Any:
        return exec, ("raise SystemExit('a stranger was here')",)


# Conformance: AUTH-09, SEC-04
def test_without_a_key_nothing_that_a_pickle_says_is_done_unless_the_program_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    hint = r"\(without a key objects are read as data: give both ends a key, or this one unpickle=True if you trust the other one\)"
    with pair() as (one, other):
        assert not other.unpickle
        for thing, what in ((Evil(), "builtins.exec"), ([1, {"a": float}], "builtins.float"), (len, "builtins.len"), (Path(), "pathlib")):
            one.send(thing)
            with pytest.raises(pickle.UnpicklingError, match=f"{what}.*{hint}"):
                other.recv()
        one.send_bytes(b"#CHALLENGE#")
        with pytest.raises(pickle.UnpicklingError, match=hint):
            other.recv()
        one.send(collections.deque([collections.OrderedDict(a=1)]))
        assert other.recv() == [{"a": 1}]
        values = [1, "ä", b"x", (2.5, None), {"a": [True]}, {1, 2}, frozenset("a"), 1j, 10**40]
        one.send(values)
        assert other.recv() == values
        other.unpickle = True
        one.send(float)
        assert other.recv() is float
        one.send(Evil())
        with pytest.raises(SystemExit, match="a stranger was here"):
            other.recv()
    with pair(unpickle=True) as (one, other):
        assert one.unpickle and other.unpickle
    with pair(authkey=KEY) as (one, other):
        assert one.unpickle and other.unpickle
    with pair(authkey=KEY, unpickle=False) as (one, other):
        assert not one.unpickle and not other.unpickle
    monkeypatch.setenv("FERROPYRO_CONNECTION_UNPICKLE", "yes")
    with pair() as (one, other):
        assert one.unpickle and other.unpickle


def test_one_thread_sends_while_another_one_receives(background: Callable[..., Future[Any]]) -> None:
    with pair() as (one, other):
        received = background(one.recv)
        messages = [b"x" * 3_000_000, b"y" * 3_000_000]
        sent = [background(one.send_bytes, message) for message in messages]
        assert sorted(other.recv_bytes() for _ in messages) == messages
        for done in sent:
            done.result()
        other.send("answer")
        assert received.result() == "answer"


def test_closing_wakes_who_waits_in_another_thread(background: Callable[..., Future[Any]]) -> None:
    with pair() as (one, other):
        waiting = [background(one.recv), background(one.poll, None), background(one.recv_bytes)]
        sending = background(one.send_bytes, b"x" * 20_000_000)
        one.close()
        for wait in [*waiting, sending]:
            assert isinstance(wait.exception(), OSError), wait.exception()
        # What was sent in part is over.
        with pytest.raises((EOFError, OSError)):
            other.recv_bytes()
    listener = Listener(HERE)
    accepting = background(listener.accept)
    listener.close()
    with pytest.raises(OSError, match="listener is closed"):
        accepting.result()
