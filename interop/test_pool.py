"""Workers and connections: a full pool, release, and connections that are lost, refused or silent."""

import socket
import threading
from contextlib import ExitStack

import pytest

from rust_peer import RustClient, RustError, start_server, uri_of
from servers import free_port

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
    with ExitStack() as stack:
        proxies = [stack.enter_context(bound(pyro, server)) for _ in range(99)]
        assert [proxy.add(number, 1) for number, proxy in enumerate(proxies)] == list(range(1, 100))
        with pyro.api.Proxy(uri_of(server, "Pyro.Daemon")) as daemon:
            assert "; 100 workers>" in daemon.info()
            with pytest.raises(pyro.errors.CommunicationError, match=NO_FREE_WORKERS):
                bound(pyro, server)
    with retried_daemon(pyro, server) as daemon:
        while "; 3 workers>" not in daemon.info():
            pass


def retried_daemon(pyro, server):
    while True:
        proxy = pyro.api.Proxy(uri_of(server, "Pyro.Daemon"))
        try:
            proxy._pyroBind()
            return proxy
        except pyro.errors.CommunicationError as error:
            assert NO_FREE_WORKERS in str(error)


# Conformance: POOL-09
def test_the_server_notices_a_release_at_once(pyro, rust_server):
    uri = uri_of(rust_server, "counter.session")
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
    with pyro.api.Proxy(uri_of(server, "Pyro.Daemon")) as daemon:
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


def test_an_idle_connection_ends_after_the_timeout_of_the_server(pyro, servers, peer_program):
    server = start_server(servers, peer_program, env={"PYRO_COMMTIMEOUT": "0.5"})
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
