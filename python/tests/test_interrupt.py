"""Ctrl-C, while the program waits for something."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from peers import objects

import ferropyro

PACKAGE = Path(__file__).parent.parent

CLIENT = """
import socket, sys
sys.path.insert(0, {package!r})
import ferropyro
silent = socket.create_server(("127.0.0.1", 0))
lab = ferropyro.Proxy({uri!r})
lab.echo(1)
print("ready", flush=True)
try:
    {wait}
except KeyboardInterrupt:
    print("interrupted", lab.echo(2), flush=True)
else:
    print("not interrupted", flush=True)
"""

WAITS = {
    "a call": "lab.wait(60)",
    "a call with a time limit": "lab._pyroTimeout = 60; lab.wait(60)",
    "an item": "next(lab.slow_numbers())",
    "an attribute": "lab.slow_level",
    "a connection": "ferropyro.Proxy('PYRO:nobody@127.0.0.1:%d' % silent.getsockname()[1])._pyroBind()",
    "a name server": "ferropyro.locateNS('127.0.0.1', silent.getsockname()[1])",
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a single program")
@pytest.mark.parametrize("peer", ["pyro4", "ferropyro"])
@pytest.mark.parametrize("what", WAITS)
def test_ctrl_c_ends_every_wait_and_the_proxy_can_be_used_again(peer: str, what: str) -> None:
    with objects(peer) as uris:
        program = CLIENT.format(package=str(PACKAGE), uri=uris["lab"], wait=WAITS[what])
        client = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        try:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
            # It has to be in the midst of it. Too early is no harm but to the test: the signal is sent until it has an effect.
            for _ in range(40):
                try:
                    client.wait(0.5)
                    break
                except subprocess.TimeoutExpired:
                    client.send_signal(signal.SIGINT)
            assert client.stdout.read().startswith("interrupted 2")
        finally:
            client.kill()
            client.wait()
            client.stdout.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a single program")
@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
def test_ctrl_c_ends_a_request_loop_quietly(servertype: str) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(PACKAGE)!r})
import ferropyro
ferropyro.config.SERVERTYPE = {servertype!r}
with ferropyro.Daemon(host="127.0.0.1") as daemon:
    print(daemon.uriFor("Pyro.Daemon"), flush=True)
    daemon.requestLoop()
print("the end", flush=True)
"""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        # It answers when its loop runs.
        with ferropyro.Proxy(server.stdout.readline().strip()) as daemon:
            daemon.ping()
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=60)
        assert (out, err, server.returncode) == ("the end\n", "", 0)
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("where", ["a method", "a hook"])
def test_a_program_can_be_left_from_code_that_the_loop_runs(where: str) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(PACKAGE)!r})
import ferropyro
ferropyro.config.SERVERTYPE = "multiplex"

@ferropyro.expose
class Leaver:
    def leave(self):
        if {where!r} == "a method":
            sys.exit(7)

class Daemon(ferropyro.Daemon):
    def clientDisconnect(self, conn):
        if {where!r} == "a hook":
            sys.exit(7)

daemon = Daemon(host="127.0.0.1")
print(daemon.register(Leaver(), "leaver"), flush=True)
daemon.requestLoop()
"""
    server = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        with ferropyro.Proxy(server.stdout.readline().strip()) as leaver:
            try:
                leaver.leave()
            except (SystemExit, ferropyro.errors.PyroError):
                assert where == "a method"
        assert server.wait(60) == 7
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
