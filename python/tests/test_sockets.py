"""Daemons in the program's own event loop: `sockets` are waited for, `events` serves."""

from __future__ import annotations

import os
import select
import selectors
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import Pyro4
import Pyro5.api
import pytest

import ferropyro
from ferropyro import naming

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has nothing that all can wait for")
# So long a loop waits before it is known that it was not woken.
PATIENCE = 20.0
CLIENTS: list[Callable[[Any], Any]] = [lambda uri: Pyro4.Proxy(str(uri)), lambda uri: Pyro5.api.Proxy(str(uri)), lambda uri: ferropyro.Proxy(uri)]


@ferropyro.expose
class Multiplier:
    def multiply(self, x: Any, y: Any) -> Any:
        return x * y

    def thread(self) -> int:
        return threading.get_ident()


@pytest.fixture(params=["thread", "multiplex"])
def daemon(request: pytest.FixtureRequest) -> Any:
    ferropyro.config.SERVERTYPE = request.param
    with ferropyro.Daemon() as made:
        yield made


def serve_until(done: Future[Any], *daemons: ferropyro.Daemon) -> Any:
    """What a program does that waits for other things too. A daemon that has something to serve has to wake it."""
    reader, writer = os.pipe()
    done.add_done_callback(lambda _: os.write(writer, b"."))
    try:
        while not done.done():
            ready, _, _ = select.select([reader, *(each for daemon in daemons for each in daemon.sockets)], [], [], PATIENCE)
            assert ready, "the loop was not woken"
            for daemon in daemons:
                if set(daemon.sockets) & set(ready):
                    daemon.events([each for each in ready if each in daemon.sockets])
        return done.result()
    finally:
        os.close(reader)
        os.close(writer)


def becomes_quiet(daemon: ferropyro.Daemon) -> bool:
    """Whether there is an end of what is to be served."""
    for _ in range(100):
        if not select.select(daemon.sockets, [], [], 0.1)[0]:
            return True
        daemon.events(daemon.sockets)
    return False


# Conformance: NS-22
@pytest.mark.parametrize("client", CLIENTS, ids=["Pyro4", "Pyro5", "ferropyro"])
def test_a_loop_with_select_serves_clients_and_rests_when_there_is_nothing(daemon: ferropyro.Daemon, client: Callable[[Any], Any]) -> None:
    uri = daemon.register(Multiplier())
    connected = threading.Event()
    go_on = threading.Event()

    def calls() -> list[Any]:
        with client(uri) as proxy:
            first = proxy.multiply(5, 11)
            connected.set()
            assert go_on.wait(PATIENCE)
            return [first, *(proxy.multiply("x", count) for count in range(20))]

    with ThreadPoolExecutor() as pool:
        both = pool.submit(calls)
        first: Future[Any] = Future()
        pool.submit(lambda: first.set_result(connected.wait(PATIENCE)))
        assert serve_until(first, daemon)
        # The client is connected, and silent.
        assert becomes_quiet(daemon)
        go_on.set()
        assert serve_until(both, daemon) == [55, *("x" * count for count in range(20))]
    assert becomes_quiet(daemon)


def test_methods_run_in_the_thread_that_calls_events() -> None:
    ferropyro.config.SERVERTYPE = "multiplex"
    with ferropyro.Daemon() as daemon, ThreadPoolExecutor() as pool:
        with ferropyro.Proxy(daemon.register(Multiplier())) as proxy:
            assert serve_until(pool.submit(lambda: proxy.thread()), daemon) == threading.get_ident()


def test_a_long_answer_goes_on_when_the_client_takes_it(daemon: ferropyro.Daemon) -> None:
    with ThreadPoolExecutor() as pool, ferropyro.Proxy(daemon.register(Multiplier())) as proxy:
        proxy._pyroSerializer = "marshal"
        answer = serve_until(pool.submit(lambda: proxy.multiply(b"x", 30_000_000)), daemon)
        assert len(answer) == 30_000_000


def test_many_clients_at_a_time_are_all_served(daemon: ferropyro.Daemon) -> None:
    uri = daemon.register(Multiplier())

    def calls(number: int) -> int:
        total = 0
        for _ in range(5):
            with ferropyro.Proxy(uri) as proxy:
                total += sum(proxy.multiply(number, factor) for factor in range(10))
        return total

    with ThreadPoolExecutor(20) as pool:
        results = [pool.submit(calls, number) for number in range(20)]
        assert [serve_until(result, daemon) for result in results] == [225 * number for number in range(20)]


def test_what_is_registered_once_with_a_selector_stays_good(daemon: ferropyro.Daemon) -> None:
    uri = daemon.register(Multiplier())
    with selectors.DefaultSelector() as selector, ThreadPoolExecutor() as pool:
        for each in daemon.sockets:
            selector.register(each, selectors.EVENT_READ)
        assert daemon.sockets == daemon.sockets
        for _ in range(3):
            with ferropyro.Proxy(uri) as proxy:
                result = pool.submit(lambda: proxy.multiply(6, 7))
                while not result.done():
                    for _key, _ in selector.select(0.05):
                        daemon.events([])
                assert result.result() == 42


def test_a_shutdown_in_another_thread_wakes_the_loop(daemon: ferropyro.Daemon) -> None:
    daemon.events([])
    assert becomes_quiet(daemon)
    threading.Timer(0.05, daemon.shutdown).start()
    assert select.select(daemon.sockets, [], [], PATIENCE)[0]


# Conformance: NS-22
def test_a_name_server_and_a_daemon_share_a_loop_written_by_hand(daemon: ferropyro.Daemon) -> None:
    uri, names, broadcasts = naming.startNS("127.0.0.1", 0)
    with names, ThreadPoolExecutor() as pool:
        assert broadcasts is None
        names.nameserver.register("example", daemon.register(Multiplier()))

        def calls() -> Any:
            with Pyro4.Proxy(str(uri)) as nameserver, Pyro4.Proxy(nameserver.lookup("example")) as proxy:
                return proxy.multiply(5, 11)

        assert serve_until(pool.submit(calls), names, daemon) == 55


# Conformance: NS-22
def test_the_sockets_of_combined_daemons_are_those_of_the_one_that_serves() -> None:
    ferropyro.config.SERVERTYPE = "multiplex"
    with ferropyro.Daemon() as one, ferropyro.Daemon() as other, ThreadPoolExecutor() as pool:
        one.combine(other)
        assert set(other.sockets) < set(one.sockets)
        with ferropyro.Proxy(other.register(Multiplier())) as proxy:
            assert serve_until(pool.submit(lambda: proxy.multiply(3, 4)), one) == 12


def test_broadcasts_are_answered_by_a_loop_that_waits_for_them() -> None:
    import socket

    uri, names, broadcasts = naming.startNS("0.0.0.0", 0, bchost="127.0.0.1", bcport=0)
    assert broadcasts is not None
    with names, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE)
        asking.sendto(b"GET_NSURI", ("127.0.0.1", broadcasts.getPort()))
        assert select.select([broadcasts], [], [], PATIENCE)[0] == [broadcasts]
        broadcasts.processRequest()
        assert b"Pyro.NameServer" in asking.recv(100)
        assert not select.select([broadcasts], [], [], 0)[0]
        broadcasts.close()
        assert broadcasts.fileno() == -1


def test_what_workers_have_done_wakes_the_loop() -> None:
    ferropyro.config.SERVERTYPE = "multiplex"
    ferropyro.config.WORKERS = 2
    with ferropyro.Daemon() as daemon, ThreadPoolExecutor() as pool:
        with ferropyro.Proxy(daemon.register(Multiplier())) as proxy:
            assert serve_until(pool.submit(lambda: [proxy.multiply(3, each) for each in range(50)]), daemon) == [3 * each for each in range(50)]
        assert becomes_quiet(daemon)
