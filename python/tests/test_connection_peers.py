"""Message passing with the listeners and clients of other Pythons, with ``processing`` itself, and of unchanged programs. The others run interop/connection_peer.py."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ferropyro.connection import AuthenticationError, Client, Connection, Listener

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python"
INTEROP = ROOT / "interop"
KEY = "secret password"
HERE = ("127.0.0.1", 0)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the Pythons are looked for on Unix")


class Peer(NamedTuple):
    name: str
    module: str
    executable: str
    allow: str | None

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [self.executable, "-u", str(INTEROP / "connection_peer.py"), self.module, *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / ".venv-others" / "processing-0.52"), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    @contextmanager
    def running(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        with self.start(*arguments) as process:
            try:
                yield process
            finally:
                process.kill()


# Which Python each needs (None: this one), and which digest to be allowed.
PEERS = {
    "processing": ("2.7", "sha1"),
    "2.7": ("2.7", "md5"),
    "this Python": (None, None if sys.version_info >= (3, 12) else "md5"),
    "3.13": ("3.13", None),
}

LOOK = """
import json, connections
print(json.dumps([connections.find_python("2.7"), connections.find_python("3.13"), connections.peer("processing").problem()]))
"""


@functools.cache
def found() -> tuple[str | None, str | None, str | None]:
    """Python 2.7 and 3.13, and why there is no `processing`, if so: it has to be built for Python 2."""
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=INTEROP, capture_output=True, text=True, check=True)
    old, new, problem = json.loads(done.stdout)
    return old, new, problem


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Peer:
    name: str = request.param
    version, allow = PEERS[name]
    old, new, problem = found()
    executable = {"2.7": old, "3.13": new, None: sys.executable}[version]
    if executable is None:
        pytest.skip(f"there is no Python {version}")
    if name == "processing" and problem:
        pytest.skip(problem)
    return Peer(name, name if name == "processing" else "multiprocessing", executable, allow)


def give_back(conn: Connection, objects: bool) -> None:
    """Until the other end has enough."""
    receive, send = (conn.recv, conn.send) if objects else (conn.recv_bytes, conn.send_bytes)
    try:
        while True:
            send(receive())
    except EOFError:
        conn.close()


# Conformance: MP-01, MP-16, MP-17, MP-18, MP-19, MP-20, MP-22, AUTH-08
@pytest.mark.parametrize(("key", "family"), [(KEY, "AF_INET"), ("-", "AF_UNIX")], ids=["key", "no-key"])
def test_what_clients_send_comes_back(peer: Peer, key: str, family: str) -> None:
    steps = {"bytes": ["messages", "too_short", "one_byte_pieces", "long_form"], "objects": ["objects"]}
    options: dict[str, Any] = {"family": family, "authkey": None if key == "-" else KEY.encode(), "unpickle": True, "pickle_protocol": 2}
    with Listener(allow=peer.allow, **options) as listener:
        where = listener.address if family == "AF_UNIX" else listener.address[1]
        for kind in steps:
            with peer.running("talk", where, key, *steps[kind]) as client:
                give_back(listener.accept(), kind == "objects")
                lines, _ = client.communicate()
            expected = {"bytes": "messages equal too_short 4 one_byte_pieces True long_form True", "objects": "objects 12"}
            assert " ".join(lines.split()) == f"connected {expected[kind]}"


# Conformance: MP-01, MP-16, MP-17, MP-18, AUTH-08
@pytest.mark.parametrize("key", [KEY, "-"], ids=["key", "no-key"])
def test_what_is_sent_to_listeners_comes_back(peer: Peer, key: str) -> None:
    with peer.running("listen", 0, key) as listener:
        assert listener.stdout is not None
        port = int(listener.stdout.readline().split()[1])
        authkey = None if key == "-" else KEY.encode()
        with Client(("127.0.0.1", port), authkey=authkey, allow=peer.allow, unpickle=True) as conn:
            for message in (b"hello", b"", b"x" * 3_000_000):
                conn.send_bytes(message)
                assert conn.recv_bytes() == message
            for thing in ([2.25, None, "junk", float], {"a": (1, 2j)}, 10**40):
                conn.send(thing)
                assert conn.recv() == thing
        assert [listener.stdout.readline().strip() for _ in range(2)] == ["accepted", "closed"]


# Conformance: AUTH-09
def test_a_wrong_key_is_refused_by_either_end(peer: Peer) -> None:
    with Listener(HERE, authkey=KEY.encode(), allow=peer.allow) as listener, peer.running("talk", listener.address[1], "wrong") as client:
        with pytest.raises(AuthenticationError, match="digest received was wrong"):
            listener.accept()
        assert client.communicate()[0] == "AuthenticationError: digest sent was rejected\n"
    with peer.running("listen", 0, KEY) as theirs:
        assert theirs.stdout is not None
        address = ("127.0.0.1", int(theirs.stdout.readline().split()[1]))
        with pytest.raises(AuthenticationError, match="digest sent was rejected"):
            Client(address, authkey=b"wrong", allow=peer.allow)
        Client(address, authkey=KEY.encode(), allow=peer.allow).close()


def test_older_digests_are_refused_unless_they_are_allowed(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    with peer.running("listen", 0, KEY) as theirs:
        assert theirs.stdout is not None
        address = ("127.0.0.1", int(theirs.stdout.readline().split()[1]))
        if peer.allow is not None:
            text = f"asks for HMAC-{peer.allow.upper()}, which is all that .* and which is not acceptable here unless `allow` says so"
            with pytest.raises(AuthenticationError, match=text):
                Client(address, authkey=KEY.encode())
        monkeypatch.setenv("FERROPYRO_CONNECTION_ALLOW", "md5, sha1")
        Client(address, authkey=KEY.encode()).close()
    with pytest.raises(AuthenticationError, match="a listener cannot allow both SHA-1 and MD5"):
        Listener(HERE, authkey=KEY.encode())
    with pytest.raises(ValueError, match="unknown digest sha512"):
        Client(HERE, authkey=KEY.encode(), allow=["sha512"])


SERVER = """
from processing.connection import Listener
from array import array

listener = Listener(('localhost', {port}), authkey=b'secret password')
print('listening', listener.address[1], flush=True)
conn = listener.accept()
print('connection accepted from', listener.last_accepted)
conn.send([2.25, None, 'junk', float])
conn.sendBytes(b'hello')
conn.sendBytes(array('i', [42, 1729]))
conn.close()
listener.close()
"""

CLIENT = """
from processing.connection import Client
from array import array

conn = Client(('localhost', {port}), authkey=b'secret password')
print(conn.recv())
print(conn.recvBytes())
arr = array('i', [0, 0, 0, 0, 0])
print(conn.recvBytesInto(arr))
print(arr)
conn.close()
"""

RECEIVED = ["[2.25, None, 'junk', <class 'float'>]", "b'hello'", "8", "array('i', [42, 1729, 0, 0, 0])"]


def start_unchanged(folder: Path, text: str, port: int, allow: str | None) -> subprocess.Popen[str]:
    program = folder / "program.py"
    program.write_text(text.format(port=port))
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "FERROPYRO_CONNECTION_ALLOW": allow or ""}
    return subprocess.Popen([sys.executable, "-m", "ferropyro", "run", program], env=environment, stdout=subprocess.PIPE, text=True)


def serve_unchanged(folder: Path, allow: str | None, start_client: Callable[[int], subprocess.Popen[str]]) -> list[str]:
    """What a client receives of the unchanged server."""
    with start_unchanged(folder, SERVER, 0, allow) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline().split()[1])
            received, _ = start_client(port).communicate(timeout=60)
            assert server.communicate(timeout=60)[0].startswith("connection accepted from ('127.0.0.1', ")
            assert server.returncode == 0
        finally:
            server.kill()
    return received.splitlines()


# Conformance: MP-01, MP-23
def test_programs_for_processing_are_both_ends(tmp_path: Path) -> None:
    assert serve_unchanged(tmp_path, None, lambda port: start_unchanged(tmp_path, CLIENT, port, None)) == RECEIVED


# Conformance: MP-01, MP-23
def test_a_program_for_processing_is_the_server_of_others_clients(peer: Peer, tmp_path: Path) -> None:
    received = serve_unchanged(tmp_path, peer.allow, lambda port: peer.start("manual-client", port, KEY))
    assert received == ["True", "True", "8", "[42, 1729, 0, 0, 0]"]


# Conformance: MP-01, MP-23
def test_a_program_for_processing_is_the_client_of_others_servers(peer: Peer, tmp_path: Path) -> None:
    with peer.running("manual-server", 0, KEY) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().split()[1])
        client = start_unchanged(tmp_path, CLIENT, port, peer.allow)
        assert client.communicate(timeout=60)[0].splitlines() == RECEIVED
        assert "127.0.0.1" in server.communicate(timeout=60)[0]
