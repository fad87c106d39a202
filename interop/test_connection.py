"""Connections with Python's own processing.connection and multiprocessing.connection, each end in each language (connection_peer.py)."""

import re
import socket
import subprocess
import sys

import pytest

import connections
from connections import KEY, PEERS
from servers import clean_environment, run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the Pythons are looked for on Unix")

WRONG = "digest received was wrong"
REJECTED = "digest sent was rejected"


@pytest.fixture(params=PEERS, ids=str)
def peer(request):
    """A module of Python's under one of its versions: the test runs once with each that there is."""
    return connections.usable(request.param)


@pytest.fixture(params=["TCP", "Unix"])
def address(request, tmp_path):
    """Where to listen, in the words of our program."""
    return "localhost:0" if request.param == "TCP" else str(tmp_path / "sock")


@pytest.fixture
def echo(servers, ferropyro):
    """Starts our listener: echo("localhost:0", "--objects", key=None); `at` is its address."""

    def start(address="localhost:0", *options, key=KEY):
        keys = ["--authkey", key] if key is not None else []
        server = servers.start([ferropyro, "connection", "echo", address, *keys, *options], ready="^ADDRESS = ")
        server.at = server.wait_for("^ADDRESS = (.*)").group(1)
        return server

    return start


@pytest.fixture
def connect(ferropyro):
    """Runs our client to its end: connect(at, "line\\nline", "--bytes", key=None)."""

    def start(at, lines, *options, key=KEY):
        keys = ["--authkey", key] if key is not None else []
        return run([ferropyro, "connection", "connect", at, *keys, *options], input=lines)

    return start


class TestPythonClient:
    # Conformance: MP-01, MP-16, MP-18, MP-19, MP-20, MP-21, AUTH-08
    @pytest.mark.parametrize("key", [KEY, "-"], ids=["key", "no-key"])
    def test_bytes_come_back(self, peer, address, key, echo):
        server = echo(address, *peer.allow, key=None if key == "-" else key)
        lines = peer.talk(server.at, "messages", "too_short", "one_byte_pieces", "long_form", key=key)
        assert lines == ["connected", "messages equal", "too_short 4", "one_byte_pieces True", "long_form True"]

    # Conformance: MP-17
    def test_objects_come_back_equal(self, peer, address, echo):
        server = echo(address, "--objects", *peer.allow)
        assert peer.talk(server.at, "objects") == ["connected", "objects 12"], server.output()

    # Conformance: AUTH-09
    def test_a_wrong_key_is_refused_and_the_right_one_is_next(self, peer, echo):
        server = echo("localhost:0", *peer.allow)
        assert peer.talk(server.at, key="wrong") == [f"AuthenticationError: {REJECTED}"]
        server.wait_for(f"^a client is refused: {WRONG}", stream="stderr")
        assert peer.talk(server.at) == ["connected"]

    # Conformance: AUTH-09, SEC-04
    def test_a_key_at_our_end_alone_is_an_error_at_both(self, peer, echo):
        server = echo("localhost:0", "--objects", *peer.allow)
        # Python takes our challenge for a pickle.
        assert peer.talk(server.at, "objects", key="-") == ["connected", "UnpicklingError: invalid load key, '#'."]
        server.wait_for("^a client is refused: .*(has another key, or none|has no key, probably)", stream="stderr")
        assert peer.talk(server.at) == ["connected"]

    def test_older_digests_are_refused_by_name_unless_they_are_allowed(self, peer, echo):
        server = echo()
        lines = peer.talk(server.at)
        if peer.digest == "md5":
            assert lines == [f"AuthenticationError: {REJECTED}"]
            refused = "answers with HMAC-MD5, which is all that Python's multiprocessing knows up to Python 3.11, .*--allow md5"
            server.wait_for(refused, stream="stderr")
        elif peer.digest == "sha1":
            assert re.match("AssertionError: message = .#CHALLENGE#{sha256}", lines[0])
        else:
            assert lines == ["connected"]


class TestPythonListener:
    # Conformance: MP-01, MP-16, MP-18
    @pytest.mark.parametrize("key", [KEY, "-"], ids=["key", "no-key"])
    def test_bytes_come_back(self, peer, address, key, servers, connect):
        _, at = peer.listen(servers, "0" if ":" in address else address, key)
        done = connect(at, "hello\nb'\\x00\\xff'\n''\n", "--bytes", *peer.allow, key=None if key == "-" else key)
        assert (done.stdout.splitlines(), done.stderr, done.returncode) == (["b'hello'", "b'\\x00\\xff'", "b''"], "", 0)

    # Conformance: MP-17, AUTH-08
    def test_objects_come_back_equal(self, peer, servers, connect):
        listener, at = peer.listen(servers)
        values = ["[2.25, None, 'junk']", "{'a': (1, 2.5)}", "1000000000000000000000000000000", "'\xe4\u20ac'"]
        done = connect(at, "\n".join(values), *peer.allow)
        assert (done.stdout.splitlines(), done.stderr, done.returncode) == (values, "", 0)
        listener.wait_for("^closed$")

    # Conformance: AUTH-05, AUTH-09
    def test_a_wrong_key_is_refused_and_the_right_one_is_next(self, peer, servers, connect):
        listener, at = peer.listen(servers)
        done = connect(at, "1", *peer.allow, key="wrong")
        assert done.stderr.startswith(f"error: {REJECTED}")
        assert (done.stdout, done.returncode) == ("", 6)
        listener.wait_for(f"^refused AuthenticationError: {WRONG}")
        assert connect(at, "1", *peer.allow).stdout == "1\n"

    # Conformance: AUTH-09
    def test_a_key_at_their_end_alone_is_an_error(self, peer, servers, connect):
        listener, at = peer.listen(servers)
        done = connect(at, "1", key=None)
        assert "error: the listener asks for a key, and this client has none" in done.stderr
        assert (done.stdout, done.returncode) == ("", 6)
        listener.wait_for("^refused ")
        assert connect(at, "1", *peer.allow).stdout == "1\n"

    # Conformance: AUTH-09
    def test_a_key_at_our_end_alone_is_an_error_and_no_deadlock(self, peer, servers, connect):
        _, at = peer.listen(servers, key="-")
        done = connect(at, "1", "--handshake-timeout", "0.3")
        assert "error: no message of the other end while authenticating: it has no key, probably" in done.stderr
        assert (done.stdout, done.returncode) == ("", 5)

    def test_older_digests_are_refused_by_name_unless_they_are_allowed(self, peer, servers, connect):
        _, at = peer.listen(servers)
        done = connect(at, "1")
        if peer.digest:
            assert f"which is not acceptable here unless Options::allow says so (here: --allow {peer.digest})" in done.stderr
            assert (done.stdout, done.returncode) == ("", 6)
        else:
            assert done.stdout == "1\n"


class TestManual:
    """The two programs of the manual, as examples/connection and connection_peer.py have them; an end that serves is left out of two Pythons, which other tests have."""

    # Conformance: MP-23
    def test_rust_serves_rust(self, example, servers):
        assert self.rust_client(example, self.rust_server(example, servers))

    # Conformance: MP-23
    def test_rust_serves_python(self, peer, example, servers):
        server = self.rust_server(example, servers, peer.digest)
        port = server.at
        done = run(peer.command("manual-client", port, KEY), env=peer.env)
        assert done.stdout.splitlines() == ["True", "True", "8", "[42, 1729, 0, 0, 0]"]
        server.wait_for(r"^connection accepted from \('127.0.0.1', \d+\)$")

    # Conformance: MP-23
    def test_python_serves_rust(self, peer, example, servers):
        server = servers.start(peer.command("manual-server", "0", KEY), ready="^listening", env=peer.env)
        port = server.wait_for(r"^listening (\d+)").group(1)
        self.rust_client(example, port, peer.digest)
        server.wait_for("^connection accepted from")

    @staticmethod
    def rust_server(example, servers, *digest):
        args = [arg for arg in digest if arg]
        server = servers.start([example("connection_server"), "0", *args], ready="^listening")
        server.at = server.wait_for(r"^listening on \('127.0.0.1', (\d+)\)").group(1)
        return server

    @staticmethod
    def rust_client(example, port, *digest):
        port = port if isinstance(port, str) else port.at
        done = run([example("connection_client"), port, *[arg for arg in digest if arg]])
        lines = ["[2.25, None, 'junk', <class 'builtins.float'>]", "hello", "8", "[42, 1729, 0, 0, 0]"]
        assert (done.stdout.splitlines(), done.stderr) == (lines, "")
        return True


class TestStrangers:
    """Who connects and is no client, or none that gets on."""

    # Conformance: AUTH-09
    def test_silence_scans_and_garbage_hold_up_nobody(self, peer, echo):
        server = echo("localhost:0", *peer.allow)
        host, _, port = server.at.rpartition(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(20)]
        for _ in range(20):
            socket.create_connection((host, int(port))).close()
        garbage = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00", b"\xff" * 12, b"\x80\x00\x00\x00", b"\x00\x00"]
        strangers = [socket.create_connection((host, int(port))) for _ in garbage]
        for stranger, data in zip(strangers, garbage):
            stranger.sendall(data)
        for _ in range(3):
            assert peer.talk(server.at, "messages") == ["connected", "messages equal"]
        for sock in silent + strangers:
            sock.close()
        assert server.is_running()

    def test_a_silent_client_is_disconnected_in_time(self, echo):
        server = echo("localhost:0", "--handshake-timeout", "0.2")
        host, _, port = server.at.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as silent:
            received = b""
            while data := silent.recv(1000):
                received += data
        assert received.startswith(b"\x00\x00\x00\x3b#CHALLENGE#{sha256}")

    # Conformance: MP-22
    def test_an_absurd_length_takes_no_memory(self, echo):
        server = echo("localhost:0", "--max-message-size", str(1 << 62), key=None)
        host, _, port = server.at.rpartition(":")
        with socket.create_connection((host, int(port))) as stranger:
            stranger.sendall(b"\xff\xff\xff\xff\x3f" + b"\xff" * 7 + b"x" * 1000)
            with socket.create_connection((host, int(port))) as other:
                other.sendall(b"\x00\x00\x00\x02ok")
                assert other.recv(100) == b"\x00\x00\x00\x02ok"
            with open(f"/proc/{server.pid}/status") as status:
                peak = int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))
        assert peak < 100_000

    def test_processing_and_multiprocessing_do_not_get_on_and_say_so(self, servers, connect):
        for name in ["2.7", "processing"]:
            peer = connections.usable(connections.peer(name))
            _, at = peer.listen(servers)
            other = {"md5": "sha1", "sha1": "md5"}[peer.digest]
            done = connect(at, "1", "--allow", other)
            assert f"(here: --allow {peer.digest})" in done.stderr


# Conformance: MP-22
def test_the_bytes_on_the_wire_are_those_of_python(echo, servers, ferropyro):
    """A message of ours, and the same one of Python's, byte for byte."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = subprocess.Popen(
            [ferropyro, "connection", "connect", f"localhost:{port}", "--bytes"],
            stdin=subprocess.PIPE,
            env=clean_environment(),
        )
        conn, _ = listener.accept()
        client.stdin.write(b"hello\n\nb'" + b"x" * 300 + b"'\n")
        client.stdin.close()
        received = b""
        while data := conn.recv(1000):
            received += data
        conn.close()
        assert client.wait(10) == 0
    assert received == b"\x00\x00\x00\x05hello" + b"\x00\x00\x00\x00" + b"\x00\x00\x01\x2c" + b"x" * 300
