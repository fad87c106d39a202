"""Message passing and what else happens to a process: Ctrl-C, forks, the end, and old names."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]

WAITER = """
import socket, sys, threading
from ferropyro.connection import Client, Listener, wait
listener = Listener(("localhost", 0))
client = Client(listener.address)
conn = listener.accept()
silent = socket.create_server(("127.0.0.1", 0))
print("ready", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", flush=True)
else:
    print("not interrupted", flush=True)
with Client(listener.address) as client, listener.accept() as other:
    client.send("goes on")
    print(other.recv())
"""

WAITS = {
    "recv": "conn.recv()",
    "recv_bytes_into": "conn.recv_bytes_into(bytearray(9))",
    "poll": "conn.poll(60)",
    "wait": "wait([conn])",
    "send": "conn.send_bytes(bytes(100_000_000))",
    "accept": "listener.accept()",
    "accept with a limit": "listener.accept(60)",
    "a handshake": "Client(silent.getsockname(), authkey=b'key', handshake_timeout=60)",
    "a turn": "threading.Thread(target=conn.recv, daemon=True).start(); conn.recv()",
}


def start(program: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    return subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check(program: str, expected: str, *options: str, folder: Path | None = None) -> None:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-W", "error", *options, "-c", program], env=environment, cwd=folder, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a single program")
def test_ctrl_c_ends_every_wait_in_the_main_thread() -> None:
    programs = {name: start(WAITER.format(wait=wait)) for name, wait in WAITS.items()}
    try:
        for program in programs.values():
            assert program.stdout is not None
            assert program.stdout.readline() == "ready\n"
        for name, program in programs.items():
            assert program.stdout is not None
            # Too early is no harm but to the test: the signal is sent until it has an effect.
            while not select.select([program.stdout], [], [], 0.2)[0]:
                program.send_signal(signal.SIGINT)
            assert program.communicate(timeout=60)[0] == "interrupted\ngoes on\n", name
    finally:
        for program in programs.values():
            program.kill()
            program.communicate()


FORKER = """
import os, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside other threads
from ferropyro.connection import Client, Listener
with Listener(("localhost", 0), authkey=b"key") as listener:
    import threading
    connected = []
    thread = threading.Thread(target=lambda: connected.append(Client(listener.address, authkey=b"key")))
    thread.start()
    conn = listener.accept()
    thread.join()
    child = os.fork()
    if child == 0:
        conn.send("from the child")
        try:
            listener.accept()
        except OSError as error:
            conn.send(str(error))
        listener.close()
        del listener
        os._exit(0)
    # The child has it still.
    conn.close()
    client, = connected
    print(client.recv())
    print(client.recv()[:60])
    print(os.waitpid(child, 0)[1])
    try:
        client.recv()
    except EOFError:
        print("the end")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_child_that_was_forked_uses_the_connections_of_its_parent() -> None:
    check(FORKER, "from the child\na process that was forked cannot accept the clients of its p\n0\nthe end\n")


def test_a_program_ends_whatever_it_waits_for() -> None:
    program = """
import threading
from ferropyro.connection import Client, Listener
listener = Listener(("localhost", 0))
client = Client(listener.address)
conn = listener.accept()
for wait in (listener.accept, conn.recv, lambda: client.poll(None)):
    threading.Thread(target=wait, daemon=True).start()
print("the end")
"""
    check(program, "the end\n")


# Conformance: MP-01, MP-21, AUTH-03, AUTH-04, API-01
def test_processing_has_its_names() -> None:
    program = """
from ferropyro import compat
compat.install("processing")
import processing, processing.connection, multiprocessing
from processing.connection import AuthenticationError, BufferTooShort, Client, Listener, answerChallenge, deliverChallenge
import ferropyro.connection
assert processing.connection is ferropyro.connection
assert BufferTooShort is processing.BufferTooShort is multiprocessing.BufferTooShort
assert AuthenticationError is processing.AuthenticationError and issubclass(AuthenticationError, processing.ProcessError)
process = processing.currentProcess()
first = process.getAuthKey()
assert first == multiprocessing.current_process().authkey and len(first) == 32
process.setAuthKey(b"another")
assert processing.currentProcess().getAuthKey() == b"another"
try:
    process.setAuthKey("text")
except TypeError as error:
    print(error)
try:
    import processing.managers
except ModuleNotFoundError as error:
    print(error)
"""
    check(program, "a key is bytes, and not of the type str\nferropyro, which is used in the place of processing, has no processing.managers\n")


def test_a_module_of_the_programs_own_comes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("import processing\nprint(processing.__name__, hasattr(processing, 'currentProcess'))\n")
    command = [sys.executable, "-m", "ferropyro", "run", "program.py"]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    for expected in ("processing True", "processing False"):
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert (done.stdout.strip(), done.stderr) == (expected, "")
        (tmp_path / "processing.py").write_text("")
    (tmp_path / "program.py").write_text("import processing.connection\n")
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert "No module named 'processing.connection'; 'processing' is not a package" in done.stderr
