"""The real Pyro beside peers that do harm, and in front of servers whose limits it meets."""

import socket
from contextlib import ExitStack

import pytest

from rust_peer import start_server
from workshop import eventually

SERVERS = [
    pytest.param({"PYRO_SERVERTYPE": "thread"}, id="thread"),
    pytest.param({"PYRO_SERVERTYPE": "multiplex"}, id="multiplex"),
    pytest.param({"PYRO_SERVERTYPE": "multiplex", "PYRO_WORKERS": "4"}, id="workers"),
]
MULTIPLEX = SERVERS[1:]
SILENT = 1000


def bound(pyro, server):
    proxy = pyro.api.Proxy(server.uri)
    proxy._pyroBind()
    return proxy


def silent_connections(stack, server, count):
    """Connections that never send their handshake, every other one the beginning of it."""
    beginning = b"PYRO\x01\xf6\x01"
    for number in range(count):
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=20))
        connection.sendall(beginning[: number % 2 * len(beginning)])


@pytest.mark.parametrize("settings", SERVERS)
def test_a_thousand_silent_connections_keep_nobody_out(pyro, servers, peer_program, settings):
    server = start_server(servers, peer_program, env={**settings, "PYRO_HANDSHAKE_TIMEOUT": "60"})
    with ExitStack() as stack:
        silent_connections(stack, server, SILENT)
        pyro.api.config.COMMTIMEOUT = 10.0
        for _ in range(3):
            with bound(pyro, server) as proxy:
                assert [proxy.add(number, 1) for number in range(100)] == list(range(1, 101))


@pytest.mark.parametrize("settings", MULTIPLEX)
def test_one_connection_more_than_allowed_is_refused_in_words(pyro, servers, peer_program, settings):
    server = start_server(servers, peer_program, env={**settings, "PYRO_MAX_CONNECTIONS": "20"})
    with ExitStack() as stack:
        others = [stack.enter_context(bound(pyro, server)) for _ in range(20)]
        for _ in range(3):
            with pytest.raises(
                pyro.errors.CommunicationError, match="rejected: too many connections, increase server MAX_CONNECTIONS"
            ):
                bound(pyro, server)
        assert [proxy.add(1, 2) for proxy in others] == [3] * 20
        others[0]._pyroRelease()

        def gets_in():
            try:
                with bound(pyro, server) as proxy:
                    return proxy.add(1, 2)
            except pyro.errors.CommunicationError:
                return None

        eventually(gets_in, 3)


@pytest.mark.parametrize("settings", MULTIPLEX)
def test_where_few_files_may_be_open_connections_are_refused_in_words(pyro, servers, peer_program, settings):
    args = ["sh", "-c", 'ulimit -n 64; exec "$0" serve', peer_program]
    server = servers.start(args, ready=r"^URI = PYRO:", env=settings)
    with ExitStack() as stack:
        others = [stack.enter_context(bound(pyro, server)) for _ in range(16)]
        with pytest.raises(pyro.errors.CommunicationError, match=r"rejected: too many connections, .*\(ulimit -n\)"):
            bound(pyro, server)
        assert [proxy.add(1, 2) for proxy in others] == [3] * 16


@pytest.mark.parametrize("settings", SERVERS)
def test_a_batch_of_too_many_calls_is_an_exception(pyro, servers, peer_program, settings):
    server = start_server(servers, peer_program, env={**settings, "PYRO_MAX_BATCH_CALLS": "10"})
    with bound(pyro, server) as proxy:
        for count, is_allowed in [(10, True), (11, False)]:
            batch = pyro.api.BatchProxy(proxy) if pyro.name == "pyro5" else pyro.api.batch(proxy)
            for number in range(count):
                batch.add(number, 1)
            if is_allowed:
                assert list(batch()) == list(range(1, count + 1))
            else:
                with pytest.raises(Exception, match="MAX_BATCH_CALLS"):
                    list(batch())
        assert proxy.add(1, 2) == 3
