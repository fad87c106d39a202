"""A cable that is pulled out: nobody says goodbye, and nothing tells either end that the other one is gone."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

import peers
from frames import hello, invoke, read_message
from networks import TwoMachines
from relay import Relay
from rust_peer import RustClient, RustError
from workshop import SERVER_TYPES, eventually, held_by, proxy_for, start_python_workshop, start_workshop, uri_of

# COMMTIMEOUT of the clients in seconds.
TIMEOUT = 1
# What such a client may see: Pyro's classes, and what Rust calls them.
LOST = {"TimeoutError", "CommunicationError", "Timeout", "Communication"}
# So large that no buffer of the system takes it.
LARGE = 20_000_000
CLIENTS = ["pyro4", "pyro5", "blocking", "async"]
SERVERS = [*SERVER_TYPES, "pyro5"]


@pytest.fixture
def machines():
    """Two machines; the test is on that of the server."""
    with TwoMachines() as machines, machines.on_server():
        yield machines


def start(servers, program, machines, kind, **settings):
    """A workshop: the Rust one of a server type, or that of the real Pyro5."""
    host = machines.server_address
    if kind == "pyro5":
        return start_python_workshop(servers, peers.PYRO5, HOST=host)
    return start_workshop(servers, program, HOST=host, SERVERTYPE=kind, WORKERS=10, **settings)


def clients_for(kind):
    """The clients that understand a server of this kind. What the real Pyro does with itself is not tested."""
    return CLIENTS if kind in SERVER_TYPES else CLIENTS[2:]


class Client:
    """A client on the other machine, in a thread of its own: one of the real Pyro, or of Rust."""

    def __init__(self, machines, kind, uri, program, max_retries=0):
        self._thread = ThreadPoolExecutor(1, initializer=machines.enter_client)
        self._stack = ExitStack()
        self._call, self._oneway = self._run(self._open, kind, uri, program, max_retries)
        assert self.call("echo", "hello") == "hello"

    def call(self, method, *args):
        return self._run(self._call, method, *args)

    def oneway(self, method):
        return self._run(self._oneway, method)

    def begin(self, method, *args):
        """What comes of a call that is begun, as a future: its failure."""
        return self._thread.submit(failure, self._call, method, *args)

    def gets_through(self):
        try:
            return self.call("echo", "again") == "again"
        except (RustError, peers.PYRO4.errors.CommunicationError, peers.PYRO5.errors.CommunicationError):
            return False

    def close(self):
        self._run(self._stack.close)
        self._thread.shutdown()

    def _run(self, function, *args):
        return self._thread.submit(function, *args).result()

    def _open(self, kind, uri, program, max_retries):
        if kind in ("blocking", "async"):
            client = self._stack.enter_context(RustClient(program, *["--async"] * (kind == "async")))
            proxy = client.proxy(uri, timeout=TIMEOUT, config={"MAX_RETRIES": str(max_retries)})
            return proxy.call, proxy.oneway
        (pyro,) = (peer for peer in peers.PEERS if peer.name == kind)
        proxy = self._stack.enter_context(pyro.api.Proxy(uri))
        proxy._pyroTimeout, proxy._pyroMaxRetries = TIMEOUT, max_retries

        def call(method, *args):
            return getattr(proxy, method)(*args)

        return call, call


def failure(call, *args):
    """How a call failed, and when it had begun and ended."""
    begun = time.monotonic()
    try:
        call(*args)
    except RustError as error:
        return error.kind, begun, time.monotonic()
    except Exception as error:
        return type(error).__name__, begun, time.monotonic()
    raise AssertionError("there was an answer")


@contextmanager
def clients_of(machines, kinds, uri, program, **options):
    with ExitStack() as stack:
        clients = []
        for kind in kinds:
            clients.append(Client(machines, kind, uri, program, **options))
            stack.callback(clients[-1].close)
        yield clients


@contextmanager
def in_the_midst_of_an_answer(machines, kinds, server, program):
    """Clients that have got a piece of a long answer, and go on to get it after this: their calls."""
    host = machines.server_address
    with ExitStack() as stack:
        relays = [stack.enter_context(Relay(server.port, host)) for _ in kinds]
        clients = []
        for relay, kind in zip(relays, kinds):
            (client,) = stack.enter_context(clients_of(machines, [kind], f"PYRO:gate@{host}:{relay.port}", program))
            relay.hold_after(100_000)
            clients.append(client)
        calls = [client.begin("big", 1_000_000) for client in clients]
        for relay in relays:
            relay.wait_until_held()
        yield calls, relays


def check_that_all_fail_in_time(pulled, calls):
    for call in calls:
        kind, begun, ended = call.result()
        assert kind in LOST
        assert ended - max(pulled, begun) <= TIMEOUT + 1


@pytest.mark.parametrize("kind", SERVERS)
def test_clients_learn_within_their_time_limit_that_the_cable_was_pulled(machines, servers, peer_program, kind):
    server = start(servers, peer_program, machines, kind)
    kinds, uri = clients_for(kind), uri_of(server, "gate")
    with (
        proxy_for(peers.PYRO5, server, "gate") as gate,
        clients_of(machines, kinds, uri, peer_program) as idle,
        clients_of(machines, kinds, uri, peer_program) as waiting,
        in_the_midst_of_an_answer(machines, kinds, server, peer_program) as (calls, relays),
    ):
        calls += [client.begin("wait") for client in waiting]
        gate.await_waiting(len(waiting))
        machines.pull_out("server")
        pulled = time.monotonic()
        for relay in relays:
            relay.go_on()
        calls += [client.begin("echo", "hello") for client in idle]
        check_that_all_fail_in_time(pulled, calls)
        # So do their attempts to connect anew.
        check_that_all_fail_in_time(pulled, [client.begin("echo", "hello") for client in idle])
        machines.plug_in("server")
        gate.open()
        for client in idle + waiting:
            eventually(client.gets_through, True)


@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_server_keeps_nothing_for_clients_that_have_vanished(machines, servers, peer_program, server_type):
    # Silent connections are given up soon, and so are answers that nobody takes or acknowledges.
    server = start(servers, peer_program, machines, server_type, TCP_KEEPALIVE=1, WRITE_TIMEOUT=2)
    uri = uri_of(server, "gate")
    with proxy_for(peers.PYRO5, server, "gate") as gate, proxy_for(peers.PYRO5, server, "house") as house:
        assert gate.echo("here") == "here"
        connection = gate._pyroConnection

        def holds():
            return house.statistics()["connections"], held_by(server)["files"]

        before = holds()
        with (
            clients_of(machines, CLIENTS, uri, peer_program),
            clients_of(machines, CLIENTS, uri, peer_program) as waiting,
            greedy_connection(machines, server),
        ):
            calls = [client.begin("wait") for client in waiting]
            gate.await_waiting(len(waiting))
            assert house.statistics()["connections"] > before[0] + len(CLIENTS)
            machines.pull_out("client")
            # These answers are sent, and never acknowledged.
            gate.open()
            eventually(holds, before)
            # Who is connected over another cable has noticed nothing.
            assert gate.echo("still here") == "still here"
            assert gate._pyroConnection is connection
            assert {call.result()[0] for call in calls} <= LOST


@contextmanager
def greedy_connection(machines, server):
    """The other machine has asked for a long answer, and takes no more than its beginning."""
    with ThreadPoolExecutor(1, initializer=machines.enter_client) as thread:
        address = (machines.server_address, server.port)
        connection = thread.submit(socket.create_connection, address, timeout=20).result()
    with connection:
        connection.sendall(hello(502, "gate"))
        assert read_message(connection)
        connection.sendall(invoke(502, "big", f"({LARGE},)", object_id="gate", seq=1))
        assert connection.recv(1000)
        yield


@pytest.mark.parametrize("kind", SERVERS)
def test_a_oneway_call_is_not_sent_twice_when_the_cable_was_pulled(machines, servers, peer_program, kind):
    server = start(servers, peer_program, machines, kind)
    kinds = clients_for(kind)
    with proxy_for(peers.PYRO5, server, "gate") as gate:
        assert gate.waiting() == 0
        before = held_by(server)
        with clients_of(machines, kinds, uri_of(server, "gate"), peer_program, max_retries=2) as clients:
            machines.pull_out("server")
            # These wait in the system until they can be sent.
            for client in clients:
                client.oneway("wait_unanswered")
            # Nobody knows of these whether they have arrived: they are repeated, on connections that cannot be made.
            calls = [client.begin("echo", "hello") for client in clients]
            assert {call.result()[0] for call in calls} <= LOST
            machines.plug_in("server")
            gate.await_waiting(len(clients))
            for client in clients:
                client.oneway("wait_unanswered")
            gate.await_waiting(2 * len(clients))
            assert [client.call("echo", "again") for client in clients] == ["again"] * len(clients)
        eventually(lambda: held_by(server)["files"], before["files"])
        assert gate.waiting() == 2 * len(clients)
