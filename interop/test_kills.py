"""Programs that end in the midst of a call, and methods that never do: what the other end sees, and that nothing of it stays."""

import signal
import sys
import threading
from contextlib import contextmanager

import pytest

from frames import connected, hello, invoke, read_message
from relay import Relay
from rust_peer import RustClient, RustError
from workshop import SERVER_TYPES, eventually, held_by, proxy_for, start_python_workshop, start_workshop, uri_of

# So large that no buffer of the system takes it.
LARGE = 20_000_000
OBJECTS = ["streams", "parts", "resources", "gate", "part.session"]


def start(servers, program, server_type="thread", **settings):
    """A server that keeps no workers in store, and nothing of a lost connection for long."""
    keeps_little = {"THREADPOOL_SIZE_MIN": 1, "ITER_STREAM_LINGER": 0.1, "POLLTIMEOUT": 0.05}
    return start_workshop(servers, program, SERVERTYPE=server_type, **keeps_little, **settings)


class Survivor:
    """A server, watched: what it holds now, and whether it comes back to that."""

    def __init__(self, pyro, server):
        self._server = server
        self._proxies = {name: proxy_for(pyro, server, name) for name in ("house", "streams", "parts", "resources")}
        for proxy in self._proxies.values():
            proxy._pyroBind()
        self._before = self.holds()

    def holds(self):
        held = {**held_by(self._server), **self._proxies["house"].statistics()}
        del held["failed_calls"]
        return {**held, "iterators": self._proxies["streams"].alive(), "parts": self._proxies["parts"].alive()}

    def recovers(self):
        eventually(self.holds, self._before)

    def events(self):
        return self._proxies["resources"].events()

    def release(self):
        for proxy in self._proxies.values():
            proxy._pyroRelease()


@pytest.fixture(params=SERVER_TYPES)
def server(request, servers, peer_program):
    return start(servers, peer_program, request.param)


@pytest.fixture
def survivor(pyro, server):
    survivor = Survivor(pyro, server)
    yield survivor
    survivor.release()


PYTHON_CLIENT = """
from {module} import Proxy
streams, parts, resources, gate, session = [Proxy(uri) for uri in {uris}]
numbers = streams.count(10)
next(numbers)
part = parts.lease("leased")
part.use_it()
session.use_it()
for name in ("one", "two", "three"):
    resources.hold(name, name == "two")
print("ready", flush=True)
gate.wait_for_file({path!r})
"""


# Conformance: RES-03
def test_a_python_client_that_is_killed_in_a_call_leaves_nothing(pyro, servers, server, survivor, tmp_path):
    path = tmp_path / "go_on"
    uris = [uri_of(server, name) for name in OBJECTS]
    program = PYTHON_CLIENT.format(module=pyro.api.__name__, uris=uris, path=str(path))
    client = servers.start([sys.executable, "-c", program], ready="^ready$")
    eventually(path.with_suffix(".waiting").exists, True)
    client.send_signal(signal.SIGKILL)
    client.wait()
    path.touch()
    survivor.recovers()
    check_that_all_was_closed(survivor)


def check_that_all_was_closed(survivor):
    events = survivor.events()
    assert events[0] == "gone one,three,two"
    assert sorted(events[1:]) == ["closed one", "closed three", "closed two"]


# Conformance: RES-03
def test_a_rust_client_that_is_killed_in_a_call_leaves_nothing(server, survivor, peer_program, tmp_path):
    path = tmp_path / "go_on"
    with RustClient(peer_program) as client:
        streams, parts, resources, gate, session = (client.proxy(uri_of(server, name)) for name in OBJECTS)
        assert next(streams.items("count", 10)) == 1
        parts.call("lease", "leased")
        session.call("use_it")
        for name in ("one", "two", "three"):
            resources.call("hold", name, name == "two")
        gate.begin("call", "wait_for_file", str(path))
        eventually(path.with_suffix(".waiting").exists, True)
        client.kill()
        path.touch()
        survivor.recovers()
    check_that_all_was_closed(survivor)


def test_a_client_that_goes_in_the_midst_of_its_answer_or_its_request_leaves_nothing(pyro, server, survivor):
    for _ in range(3):
        with connected(server) as in_its_answer, connected(server) as in_its_request:
            for sock in (in_its_answer, in_its_request):
                sock.sendall(hello(pyro.protocol, "gate"))
                assert read_message(sock)
            call = invoke(pyro.protocol, "big", f"({LARGE},)", object_id="gate", seq=1)
            in_its_answer.sendall(call)
            assert len(in_its_answer.recv(1000)) > 0
            in_its_request.sendall(call[:-10])
    survivor.recovers()


def test_a_method_that_never_returns_costs_its_caller_a_timeout_and_others_nothing(pyro, servers, peer_program):
    server = start(servers, peer_program)
    pyro.api.config.COMMTIMEOUT = 1
    with proxy_for(pyro, server, "gate") as gate, proxy_for(pyro, server, "gate") as other:
        with pytest.raises(pyro.errors.TimeoutError, match="receiving: timeout"):
            gate.never()
        assert gate._pyroConnection is None
        assert other.echo("others") == "others"
        assert gate.echo("again") == "again"
        assert other.waiting() == 1
    with RustClient(peer_program) as client:
        gate = client.proxy(uri_of(server, "gate"), timeout=1)
        held = held_by_client(client, gate)
        with pytest.raises(RustError, match="receiving: timeout") as raised:
            gate.call("never")
        assert raised.value.kind == "Timeout"
        assert gate.perform("connected") is False
        assert gate.call("echo", "again") == "again"
        assert held_by(client) == held


def held_by_client(client, gate):
    assert gate.call("echo", "x") == "x"
    return held_by(client)


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_method_that_never_returns_does_not_keep_the_server_from_ending(pyro, servers, peer_program, server_type):
    # With one worker it is the loop itself that never returns, as in Pyro.
    server = start(servers, peer_program, server_type, SHUTDOWN_TIMEOUT=0.3, WORKERS=2)
    with proxy_for(pyro, server, "house") as house, proxy_for(pyro, server, "gate") as idle:
        idle._pyroBind()
        with pytest.raises(pyro.errors.ConnectionClosedError):
            house.shut_down_and_stay()
        server.wait_for("^stopped$")
        assert server.wait() == 0
        with pytest.raises(pyro.errors.ConnectionClosedError):
            idle.echo("x")


def test_a_rust_client_sees_a_server_end_that_has_a_method_that_never_returns(servers, peer_program):
    server = start(servers, peer_program, SHUTDOWN_TIMEOUT=0.3)
    with RustClient(peer_program) as client:
        with pytest.raises(RustError) as raised:
            client.proxy(uri_of(server, "house")).call("shut_down_and_stay")
        assert raised.value.kind == "ConnectionClosed"
    assert server.wait() == 0


@contextmanager
def killed_in_its_answer(server, relay):
    """The call in here gets a piece of a long answer, and then the server is killed."""
    relay.hold_after(100_000)

    def kill():
        relay.wait_until_held()
        server.send_signal(signal.SIGKILL)
        server.wait()
        relay.go_on()

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    killer.join()


def test_a_python_client_of_a_server_that_is_killed_in_the_midst_of_its_answer(pyro, server):
    with Relay(server.port) as relay, pyro.api.Proxy(f"PYRO:gate@localhost:{relay.port}") as gate:
        assert gate.echo("x") == "x"
        with killed_in_its_answer(server, relay):
            with pytest.raises(pyro.errors.ConnectionClosedError, match="^receiving: not enough data$"):
                gate.big(LARGE)
        assert gate._pyroConnection is None


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_a_rust_client_of_a_server_that_is_killed_in_the_midst_of_its_answer(pyro, servers, peer_program, kind):
    server = start(servers, peer_program) if kind == "rust" else start_python_workshop(servers, pyro)
    with RustClient(peer_program) as client, Relay(server.port) as relay:
        gate = client.proxy(f"PYRO:gate@localhost:{relay.port}", dialect=pyro.protocol)
        gate.perform("release")
        held = held_by(client)
        assert gate.call("echo", "x") == "x"
        with killed_in_its_answer(server, relay):
            with pytest.raises(RustError, match="^receiving: not enough data$") as raised:
                gate.call("big", LARGE)
        assert raised.value.kind == "ConnectionClosed"
        assert gate.perform("connected") is False
        assert held_by(client) == held


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_a_rust_client_of_a_server_that_is_killed_in_the_midst_of_a_call(pyro, servers, peer_program, kind, tmp_path):
    server = start(servers, peer_program) if kind == "rust" else start_python_workshop(servers, pyro)
    with RustClient(peer_program) as client:
        gate, streams = (client.proxy(uri_of(server, name), dialect=pyro.protocol) for name in ("gate", "streams"))
        held = held_by(client)
        numbers = streams.items("count", 10)
        assert next(numbers) == 1
        gate.begin("call", "wait_for_file", str(tmp_path / "never"))
        eventually((tmp_path / "never.waiting").exists, True)
        server.send_signal(signal.SIGKILL)
        with pytest.raises(RustError) as raised:
            client.answer()
        assert raised.value.kind == "ConnectionClosed"
        with pytest.raises(RustError) as raised:
            next(numbers)
        assert raised.value.kind == "ConnectionClosed"
        numbers.drop()
        assert held_by(client) == held
