"""Connected sockets that programs bring along: pairs, and descriptors that a child has inherited. The real Pyro at one end, Rust at the other."""

import json
import socket
import subprocess
import sys
import threading

import pytest

from peers import PYRO4
from servers import clean_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pairs of sockets that children inherit")

TIMEOUT = 20


class Child:
    """The Rust program as a child that has one end of a pair as its standard input."""

    def __init__(self, program, *args):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(None)
        command = [str(arg) for arg in (program, *args)]
        streams = {"stdin": theirs, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self._process = subprocess.Popen(command, env=clean_environment(), encoding="utf-8", **streams)
        theirs.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.socket.close()
        try:
            self._process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def line(self):
        return self._process.stdout.readline().rstrip("\n")

    def finish(self):
        """Its exit status and the lines it printed, once it has ended by itself."""
        out, _ = self._process.communicate(timeout=TIMEOUT)
        return self._process.returncode, out.splitlines()


# Conformance: SOCK-01, SOCK-02, SOCK-03, SOCK-04
def test_a_rust_child_serves_the_socket_that_it_has_inherited(pyro, peer_program):
    with Child(peer_program, "serve", "--connected", "stdin", "--nathost", "ignored", "--natport", "1") as child:
        assert child.line() == "URI = PYRO:obj.test@./u:<<not-bound>>"
        with pyro.api.Proxy("obj.test", connected_socket=child.socket) as proxy:
            assert str(proxy._pyroUri) == "PYRO:obj.test@<<connected-socket>>:0"
            assert proxy.echo("hello") == "hello"
            with pytest.raises(ValueError, match="it was me"):
                proxy.raise_value("it was me")
        # Another object over the same socket.
        with pyro.api.Proxy("counter.session", connected_socket=child.socket) as proxy:
            assert proxy.inc() == 1
        child.socket.close()
        assert child.finish() == (0, [])


# Conformance: SOCK-05
def test_such_a_channel_may_have_pickle_if_both_ends_choose_it(peer_program):
    PYRO4.api.config.SERIALIZER = "pickle"
    with Child(peer_program, "serve", "--connected", "stdin", "--set", "SERIALIZERS_ACCEPTED=pickle") as child:
        child.line()
        with PYRO4.api.Proxy("obj.test", connected_socket=child.socket) as proxy:
            assert proxy.echo(frozenset({(1, b"2")})) == frozenset({(1, b"2")})
    with Child(peer_program, "serve", "--connected", "stdin") as child:
        child.line()
        # Nobody could connect anew, so that the refusal is an answer, in marshal; Pyro4's client says no more of it.
        with pytest.raises(PYRO4.errors.SerializeError, match="^invalid serializer in response: 3$"):
            PYRO4.api.Proxy("obj.test", connected_socket=child.socket)


# Conformance: SOCK-02, SOCK-03, SOCK-04
@pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")
def test_a_rust_child_calls_over_the_socket_that_it_has_inherited(pyro, peer_program):
    class Test:
        @pyro.api.expose
        def echo(self, text):
            return text

        @pyro.api.expose
        def add(self, a, b):
            return a + b

        @pyro.api.expose
        def raise_value(self, text):
            raise ValueError(text)

    class Helper:
        @pyro.api.expose
        def name(self):
            return "helper"

    with Child(peer_program, "connected", pyro.protocol) as child:
        daemon = pyro.api.Daemon(connected_socket=child.socket)
        daemon.register(Test(), "obj.test")
        daemon.register(Helper(), "helper")
        serving = threading.Thread(target=daemon.requestLoop, daemon=True)
        serving.start()
        status, lines = child.finish()
        assert status == 0
        printed = [json.loads(line) for line in lines]
        assert printed[0] == "PYRO:obj.test@<<connected-socket>>:0"
        # The class of the exception is named as that generation does.
        assert printed[1:3] == ["hello", 42]
        assert printed[3].rpartition(".")[2] == "ValueError"
        assert printed[4] == "helper"
        serving.join(TIMEOUT)
        assert not serving.is_alive()


# Conformance: SOCK-04
def test_a_child_whose_input_is_no_connected_socket_is_refused(peer_program):
    ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
    with ours, theirs:
        command = [str(peer_program), "serve", "--connected", "stdin"]
        done = subprocess.run(command, env=clean_environment(), stdin=theirs, capture_output=True, encoding="utf-8", timeout=TIMEOUT)
    assert done.returncode == 1
    assert "cannot use the connected socket: it is no stream socket" in done.stderr
