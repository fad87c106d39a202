"""Workers and connections: a full pool, release, and connections that are lost, refused or silent."""

import socket
import threading
from contextlib import ExitStack

import pytest

import tagged
from frames import INVOKE, split
from peers import PEERS
from relay import Relay
from rust_peer import RustClient, RustError, start_server
from rust_peer import uri_of as uri_of_peer
from servers import free_port
from workshop import (
    SERVER_TYPES,
    eventually,
    held_by,
    proxy_for,
    start_python_workshop,
    start_workshop,
    statistics,
    uri_of,
)

NO_FREE_WORKERS = "rejected: no free workers, increase server threadpool size"


def bound(pyro, server):
    proxy = pyro.api.Proxy(server.uri)
    proxy._pyroBind()
    return proxy


def pool_of(servers, program, size, least=1):
    env = {"PYRO_THREADPOOL_SIZE": str(size), "PYRO_THREADPOOL_SIZE_MIN": str(least)}
    return start_server(servers, program, env=env)


# Conformance: POOL-05, POOL-06
def test_idle_proxies_occupy_workers_and_the_next_one_is_refused(pyro, servers, peer_program):
    server = pool_of(servers, peer_program, 2)
    with bound(pyro, server) as one, bound(pyro, server) as other:
        for _ in range(3):
            with pytest.raises(pyro.errors.CommunicationError, match=NO_FREE_WORKERS):
                bound(pyro, server)
        assert [one.add(1, 2), other.add(3, 4)] == [3, 7]
        other._pyroRelease()
        other._pyroRelease()
        with retried(pyro, server) as third:
            assert third.add(5, 6) == 11
            with pytest.raises(pyro.errors.CommunicationError, match=NO_FREE_WORKERS):
                other.add(1, 1)
        assert one.add(1, 1) == 2


def retried(pyro, server):
    """A bound proxy, as soon as the server has noticed that another one has gone."""
    while True:
        try:
            return bound(pyro, server)
        except pyro.errors.CommunicationError as error:
            assert NO_FREE_WORKERS in str(error)


# Conformance: POOL-05
def test_the_rust_client_learns_that_a_python_server_is_full(pyro, servers, rust_client):
    server = pyro.start_test_server(servers, config={"THREADPOOL_SIZE": 1, "THREADPOOL_SIZE_MIN": 1})
    # Told the protocol: finding it out takes a connection, whose only worker may not be free again for the next one.
    first = rust_client.proxy(server.uri, dialect=pyro.protocol)
    assert first.call("add", 1, 2) == 3
    with pytest.raises(RustError, match=NO_FREE_WORKERS) as raised:
        rust_client.proxy(server.uri).call("add", 1, 2)
    assert raised.value.kind == "Communication"
    assert first.call("add", 1, 2) == 3
    first.perform("close")


# Conformance: POOL-06
def test_a_pool_of_a_hundred_serves_as_many_at_once_and_shrinks_to_its_minimum(pyro, servers, peer_program):
    server = pool_of(servers, peer_program, 100, least=3)
    with bound(pyro, server):
        threads = held_by(server)["threads"]  # with one worker
    with ExitStack() as stack:
        proxies = [stack.enter_context(retried(pyro, server)) for _ in range(99)]
        assert [proxy.add(number, 1) for number, proxy in enumerate(proxies)] == list(range(1, 100))
        with pyro.api.Proxy(uri_of_peer(server, "Pyro.Daemon")) as daemon:
            assert "; 100 workers>" in daemon.info()
            with pytest.raises(pyro.errors.CommunicationError, match=NO_FREE_WORKERS):
                bound(pyro, server)
            assert held_by(server)["threads"] == threads + 99
    with retried_daemon(pyro, server) as daemon:
        while "; 3 workers>" not in daemon.info():
            pass
        eventually(lambda: held_by(server)["threads"], threads + 2)


def retried_daemon(pyro, server):
    while True:
        proxy = pyro.api.Proxy(uri_of_peer(server, "Pyro.Daemon"))
        try:
            proxy._pyroBind()
            return proxy
        except pyro.errors.CommunicationError as error:
            assert NO_FREE_WORKERS in str(error)


# Conformance: POOL-09
def test_the_server_notices_a_release_at_once(pyro, rust_server):
    uri = uri_of_peer(rust_server, "counter.session")
    with pyro.api.Proxy(uri) as watching, pyro.api.Proxy(uri) as proxy:
        watching.inc()
        proxy.inc()
        proxy.inc()
        proxy._pyroRelease()
        while watching.live() > 1:
            pass
        assert proxy.inc() == 1


# Conformance: POOL-12
def test_a_port_that_nobody_listens_on(pyro, rust_client):
    uri = f"PYRO:obj.test@localhost:{free_port()}"
    with pytest.raises(pyro.errors.CommunicationError):
        pyro.api.Proxy(uri)._pyroBind()
    with pytest.raises(RustError, match="refused") as raised:
        rust_client.proxy(uri).call("add", 1, 2)
    assert raised.value.kind == "Communication"


# Conformance: POOL-12
def test_a_server_that_goes_while_a_call_runs(pyro, servers, peer_program):
    server = start_server(servers, peer_program)
    outcome = []

    def call():
        with pyro.api.Proxy(server.uri) as proxy:
            try:
                outcome.append(proxy.wait_at_gate())
            except Exception as error:
                outcome.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    with pyro.api.Proxy(uri_of_peer(server, "Pyro.Daemon")) as daemon:
        while "; 2 workers>" not in daemon.info():
            pass
        server.send_signal(9)
    caller.join(10)
    assert [type(one) for one in outcome] == [pyro.errors.ConnectionClosedError]


# Conformance: POOL-12
def test_a_python_server_that_goes(pyro, servers, rust_client):
    server = pyro.start_test_server(servers)
    proxy = rust_client.proxy(server.uri)
    assert proxy.call("add", 1, 2) == 3
    server.stop()
    with pytest.raises(RustError) as raised:
        proxy.call("add", 1, 2)
    assert raised.value.kind == "ConnectionClosed"
    with pytest.raises(RustError, match="refused") as raised:
        proxy.call("add", 1, 2)
    assert raised.value.kind == "Communication"


# Conformance: POOL-12
def test_no_answer_in_time_is_a_timeout_for_both_clients(pyro, rust_server, rust_client):
    pyro.api.config.COMMTIMEOUT = 0.5
    with pyro.api.Proxy(rust_server.uri) as proxy:
        with pytest.raises(pyro.errors.TimeoutError):
            proxy.wait_at_gate()
        proxy.open_gate()
        assert proxy.add(1, 2) == 3
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"PYRO:obj.test@127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(RustError) as raised:
            rust_client.proxy(uri, timeout=0.2).call("add", 1, 2)
    assert raised.value.kind == "Timeout"


# Conformance: POOL-08
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_an_idle_connection_ends_after_the_timeout_of_the_server(pyro, servers, peer_program, server_type):
    server = start_server(servers, peer_program, env={"PYRO_SERVERTYPE": server_type, "PYRO_COMMTIMEOUT": "0.5"})
    with pyro.api.Proxy(server.uri) as proxy:
        proxy._pyroBind()
        assert proxy._pyroConnection.sock.recv(1) == b""
        with pytest.raises(pyro.errors.ConnectionClosedError):
            proxy.add(1, 2)
        assert proxy.add(1, 2) == 3


def test_max_retries_connects_again_and_repeats_the_call(pyro, servers, peer_program):
    server = pyro.start_test_server(servers, config={"COMMTIMEOUT": 0.5})
    with RustClient(peer_program) as client:
        proxy = client.proxy(server.uri, config={"MAX_RETRIES": "1"})
        assert proxy.call("add", 1, 2) == 3
        with socket.create_connection(("127.0.0.1", server.port)) as idle:
            idle.recv(1000)  # this one is closed by the server after the same time, so that of the proxy is closed too
            while idle.recv(1000):
                pass
        assert proxy.call("add", 1, 2) == 3


# Conformance: POOL-08
def test_a_rust_client_learns_that_its_idle_connection_has_ended(pyro, servers, rust_client):
    server = pyro.start_test_server(servers, config={"COMMTIMEOUT": 0.5})
    files = held_by(server)["files"]
    proxy = rust_client.proxy(server.uri, dialect=pyro.protocol)
    assert proxy.call("add", 1, 2) == 3
    eventually(lambda: held_by(server)["files"], files)  # the server has closed its end
    with pytest.raises(RustError) as raised:
        proxy.call("add", 1, 2)
    assert raised.value.kind == "ConnectionClosed"
    assert proxy.call("add", 1, 2) == 3


# Conformance: POOL-02
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_call_blocks_others_on_a_multiplex_server_only(pyro, servers, peer_program, tmp_path, server_type):
    server = start_workshop(servers, peer_program, SERVERTYPE=server_type)
    path = tmp_path / "go_on"

    def wait():
        with proxy_for(pyro, server, "gate") as gate:
            gate.wait_for_file(str(path))

    def call():
        with proxy_for(pyro, server, "gate") as gate:
            gate.echo("x")

    waiting, calling = threading.Thread(target=wait), threading.Thread(target=call)
    waiting.start()
    eventually(path.with_suffix(".waiting").exists, True)
    calling.start()
    if server_type == "thread":
        calling.join()
        assert waiting.is_alive()
    else:
        calling.join(0.3)
        assert calling.is_alive()
    path.touch()
    waiting.join()
    calling.join()


# Conformance: POOL-07
def test_a_multiplex_server_has_room_for_any_number_of_idle_proxies(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, SERVERTYPE="multiplex", THREADPOOL_SIZE=4)
    statistics(pyro, server)  # all of its threads run when it has answered a call
    threads = held_by(server)["threads"]
    with ExitStack() as stack:
        proxies = [stack.enter_context(proxy_for(pyro, server, "gate")) for _ in range(501)]
        for proxy in proxies:
            proxy._pyroBind()
        assert [proxies[at].echo(at) for at in (0, 499, 500)] == [0, 499, 500]
        assert statistics(pyro, server)["connections"] == 502
        assert held_by(server)["threads"] == threads
    eventually(lambda: statistics(pyro, server)["connections"], 1)


@pytest.fixture
def client(peer_program):
    with RustClient(peer_program) as client:
        yield client


@pytest.fixture(params=["rust", "pyro4", "pyro5"])
def make_workshop(request, servers, peer_program):
    """Starts a workshop in Rust, or with one of the real Pyros."""
    if request.param == "rust":
        return lambda **settings: start_workshop(servers, peer_program, **settings)
    peer = {str(peer): peer for peer in PEERS}[request.param]
    return lambda **settings: start_python_workshop(servers, peer, **settings)


# Conformance: POOL-01, POOL-04
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_circle_of_calls_through_one_proxy_ends_with_a_timeout(make_workshop, client, server_type):
    server = make_workshop(SERVERTYPE=server_type)
    parts = client.proxy(uri_of(server, "parts"), timeout=0.5)
    with pytest.raises(RustError, match="receiving: timeout") as raised:
        parts.perform("call_back", method="call_back", **{"with": "bounce", "text": "ball"})
    assert raised.value.kind == "Timeout"
    # The server is free again, once the call in the circle has ended too, in whatever way.
    assert retried_call(parts) == "x"


def retried_call(proxy):
    while True:
        try:
            return proxy.call("echo", "x")
        except RustError as error:
            assert error.kind == "Timeout"


# Conformance: POOL-03
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_oneway_callback_breaks_the_circle(make_workshop, client, server_type):
    server = make_workshop(SERVERTYPE=server_type)
    parts = client.proxy(uri_of(server, "parts"))
    answer = parts.perform("call_back", method="call_back", **{"with": "bounce_unanswered", "text": "ball"})
    assert answer is None
    assert parts.perform("notebook", least=1) == ["ball"]


# Conformance: POOL-09
def test_a_rust_client_releases_its_connection_and_the_instance_that_belongs_to_it(pyro, python_servers, rust_client):
    proxy = rust_client.proxy(uri_of_peer(python_servers[pyro.name], "counter.session"))
    assert [proxy.call("inc"), proxy.call("inc")] == [1, 2]
    proxy.perform("release")
    proxy.perform("release")
    assert proxy.perform("connected") is False
    assert proxy.call("inc") == 1


# Conformance: POOL-10
def test_a_python_client_connects_again_to_a_server_that_was_killed_and_started_again(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program)
    with proxy_for(pyro, server, "gate") as gate:
        assert gate.echo(1) == 1
        server.stop(9)
        with pytest.raises(pyro.errors.ConnectionClosedError):
            gate.echo(2)
        again = start_workshop(servers, peer_program, port=server.port)
        gate._pyroReconnect(tries=3)
        assert gate.echo(3) == 3
        again.stop(9)
        with pytest.raises(pyro.errors.ConnectionClosedError):
            gate._pyroReconnect(tries=1)


# Conformance: POOL-10
def test_a_rust_client_connects_again_to_a_server_that_was_killed_and_started_again(make_workshop, client):
    server = make_workshop()
    gate = client.proxy(uri_of(server, "gate"))
    assert gate.call("echo", 1) == 1
    server.stop(9)
    with pytest.raises(RustError) as raised:
        gate.call("echo", 2)
    assert raised.value.kind == "ConnectionClosed"
    # It is not there yet when the client begins to try.
    gate._client.begin(op="reconnect", proxy=gate._name, tries=20)
    again = make_workshop(port=server.port)
    assert gate._client.answer() is None
    assert gate.call("echo", 3) == 3
    again.stop(9)
    with pytest.raises(RustError, match="failed to reconnect") as raised:
        gate.perform("reconnect", tries=1)
    assert raised.value.kind == "ConnectionClosed"


# Conformance: POOL-10
def test_a_name_leads_to_where_the_object_has_moved(pyro, servers, peer_program, client, ferropyro_ns):
    name = f"PYRONAME:the.gate@localhost:{ferropyro_ns.port}"
    rust, python = client.proxy(name), pyro.api.Proxy(name)
    with pyro.locate_ns("localhost", ferropyro_ns.port) as name_server, python:
        for place in ("here", "there"):
            server = start_workshop(servers, peer_program)
            name_server.register("the.gate", uri_of(server, "gate"))
            if place == "there":
                with pytest.raises(RustError):
                    rust.call("echo", "lost")
                rust.perform("reconnect", tries=1)
                python._pyroReconnect(tries=1)
            assert rust.call("echo", place) == place
            assert python.echo(place) == place
            server.stop(9)


def invocations(relay):
    """The payloads of the calls that a client has sent."""
    return [payload for (_, kind, _, _, _, payload) in split(relay.sent) if kind == INVOKE]


# Conformance: POOL-11
def test_a_hundred_calls_of_python_are_one_message(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program)
    with Relay(server.port) as relay, pyro.api.Proxy(f"PYRO:gate@localhost:{relay.port}") as gate:
        batch = pyro.api.batch(gate) if pyro.name == "pyro4" else pyro.api.BatchProxy(gate)
        for number in range(100):
            batch.echo(number)
        assert list(batch()) == list(range(100))
        assert len(invocations(relay)) == 1


# Conformance: POOL-11
@pytest.mark.parametrize("serializer", ["serpent", "json", "msgpack", "marshal"])
def test_a_hundred_calls_of_rust_are_one_message(pyro, servers, client, serializer):
    server = start_python_workshop(servers, pyro)
    with Relay(server.port) as relay:
        uri = f"PYRO:gate@localhost:{relay.port}"
        gate = client.proxy(uri, dialect=pyro.protocol, serializer=serializer)
        calls = [["echo", [tagged.describe(number)]] for number in range(100)]
        assert gate.perform("batch", calls=calls) == [[number] for number in range(100)]
        assert len(invocations(relay)) == 1


# Conformance: POOL-11
def test_an_error_stops_a_batch_of_rust(pyro, python_servers, rust_client):
    proxy = rust_client.proxy(python_servers[pyro.name].uri)
    calls = [["add", [1, 2]], ["raise_value", ["enough"]], ["oneway_log", ["never"]]]
    described = [[method, [tagged.describe(arg) for arg in args]] for method, args in calls]
    assert proxy.perform("batch", calls=described) == [[3], ["error", "ValueError: enough"]]
    with pytest.raises(RustError, match="attempt to access unexposed attribute 'unexposed'"):
        proxy.perform("batch", calls=[*described[:1], ["unexposed", []]])
    assert proxy.perform("batch", calls=[]) == []


# Conformance: POOL-11
def test_nobody_waits_for_a_oneway_batch(pyro, servers, rust_client):
    server = pyro.start_test_server(servers)
    proxy = rust_client.proxy(server.uri)
    calls = [["oneway_log", [tagged.describe(number)]] for number in range(3)]
    assert proxy.perform("batch", calls=calls, oneway=True) is None
    assert proxy.call("wait_for_log", 3) == [0, 1, 2]
