"""The package's proxies with objects of everybody, and everybody's proxies with the package's objects."""

from __future__ import annotations

import copy
import pickle
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import Pyro4
import Pyro5.api
import pytest
from peers import PEERS, objects

import ferropyro

APIS: dict[str, Any] = {"pyro4": Pyro4, "pyro5": Pyro5.api, "ferropyro": ferropyro}
# Who calls whom: one of the two is this package.
PAIRS = [(client, server) for client in PEERS for server in PEERS if "ferropyro" in (client, server)]
PAIRS += [(client, "ferropyro multiplex") for client in PEERS]


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[str], dict[str, str]]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        running: dict[str, dict[str, str]] = {}

        def start(server: str) -> dict[str, str]:
            if server not in running:
                running[server] = stack.enter_context(objects(*server.split()))
            return running[server]

        yield start


class Pair:
    """A client's library, and the objects of a server."""

    def __init__(self, client: str, uris: dict[str, str]) -> None:
        self.client = client
        self.api = APIS[client]
        self.uris = uris

    def proxy(self, name: str = "lab") -> Any:
        return self.api.Proxy(self.uris[name])


@pytest.fixture(params=PAIRS, ids=lambda pair: f"{pair[0]}-to-{pair[1].replace(' ', '-')}")
def pair(request: pytest.FixtureRequest, servers: Callable[[str], dict[str, str]]) -> Pair:
    client, server = request.param
    return Pair(client, servers(server))


VALUES = [None, True, -5, 2**80, 1.5, "héllo \u20ac \U0001f600", [1, [2]], {"a": {"b": None}}, (), (1, (2,)), {1, 2}, 1 + 2j]


def test_values_go_there_and_back(pair: Pair) -> None:
    with pair.proxy() as lab:
        for value in VALUES:
            assert lab.echo(value) == value and type(lab.echo(value)) is type(value)


def test_arguments_arrive_as_they_were_given(pair: Pair) -> None:
    with pair.proxy() as lab:
        assert lab.text(1, "two", three=[3]) == "((1, 'two'), {'three': [3]})"
        assert lab.add(1) == 11 and lab.add(1, b=2) == 3
        with pytest.raises(TypeError, match="add"):
            lab.add(1, 2, 3)


def test_exceptions_are_raised_with_their_remote_traceback(pair: Pair) -> None:
    with pair.proxy() as lab:
        with pytest.raises(ValueError, match="it failed") as caught:
            lab.fail("value")
        assert caught.value.args == ("it failed", 5)
        traceback = "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]
        assert "peer_server.py" in traceback and "in fail" in traceback
        with pytest.raises(ZeroDivisionError):
            lab.fail("zero")
        naming_error = (pair.api.errors if pair.client != "pyro5" else Pyro5.errors).NamingError
        with pytest.raises(naming_error, match="no such name"):
            lab.fail("naming")


def test_attributes_are_read_and_set(pair: Pair) -> None:
    with pair.proxy() as lab:
        lab.level = 5
        assert lab.level == 5
        with pytest.raises(ValueError, match="below zero"):
            lab.level = -1
        with pytest.raises(AttributeError):
            lab.nothing  # noqa: B018
        with pytest.raises(AttributeError):
            lab.hidden()


def test_iterators_are_streamed(pair: Pair) -> None:
    with pair.proxy() as lab:
        assert list(lab.numbers(5)) == [0, 1, 2, 3, 4]
        items = lab.broken()
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)
        items = lab.numbers(1_000_000)
        assert [next(items), next(items)] == [0, 1]
        items.close()
        assert lab.echo(1) == 1


def test_oneway_calls_return_at_once_and_are_made(pair: Pair) -> None:
    with pair.proxy() as lab:
        value = str(uuid.uuid4())
        assert lab.later(value) is None
        assert value not in lab.called()
        deadline = time.monotonic() + 20
        while value not in lab.called():
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_uris_and_proxies_travel(pair: Pair) -> None:
    with pair.proxy() as lab:
        uri = lab.uri()
        assert isinstance(uri, pair.api.URI) and str(uri) == pair.uris["lab"]
        assert str(lab.echo(uri)) == pair.uris["lab"]
        with lab.itself() as itself:
            assert isinstance(itself, pair.api.Proxy)
            assert itself.add(1, 2) == 3
        with lab.echo(lab) as itself:
            assert itself.add(1, 2) == 3


def test_annotations_and_correlation_ids_go_both_ways(pair: Pair) -> None:
    context = pair.api.current_context
    with pair.proxy() as lab:
        lab.echo(1)
        context.annotations = {"XYZZ": b"magic"}
        context.correlation_id = uuid.uuid4()
        try:
            given, correlation_id, address, _flags = lab.context()
        finally:
            sent, context.correlation_id = context.correlation_id, None
        assert given["XYZZ"] == "magic" and address == "127.0.0.1"
        assert correlation_id == str(sent)
        assert bytes(context.response_annotations["ANSW"]) == b"an answer"
        if pair.client != "pyro5":
            # They went along with that call alone. Pyro5 sends them again and again.
            assert "XYZZ" not in lab.context()[0]
        context.annotations = {}


def test_instances_are_made_as_their_class_says(pair: Pair) -> None:
    for name, expected in [("session", [1, 2, 1]), ("percall", [1, 1, 1])]:
        counts = []
        with pair.proxy(name) as counter:
            counts += [counter.up(), counter.up()]
        with pair.proxy(name) as counter:
            counts.append(counter.up())
        assert counts == expected
    with pair.proxy("single") as counter:
        first = counter.up()
    with pair.proxy("single") as counter:
        assert first > 100 and counter.up() == first + 1


def test_batches_give_their_results_and_stop_at_the_first_exception(pair: Pair) -> None:
    batch_of = Pyro5.api.BatchProxy if pair.client == "pyro5" else pair.api.batch
    with pair.proxy() as lab:
        batch = batch_of(lab)
        batch.add(1, 2)
        batch.fail("value")
        batch.add(3, 4)
        results = batch()
        assert next(results) == 3
        with pytest.raises(ValueError, match="it failed"):
            next(results)
        batch.add(5)
        assert list(batch()) == [15]
        batch.later("by batch")
        assert batch(oneway=True) is None


@pytest.mark.parametrize("serializer", ["serpent", "json", "marshal", "msgpack"])
def test_every_serializer_carries_calls(pair: Pair, serializer: str) -> None:
    if pair.client == "pyro5":
        # Its serializer is a setting of the program's.
        pair.api.config.SERIALIZER = serializer
    lab = pair.proxy()
    if pair.client != "pyro5":
        lab._pyroSerializer = serializer
    try:
        with lab:
            value = {"list": [1, 2.5, None, True], "text": "ä"}
            assert lab.echo(value) == value
            with pytest.raises(ValueError, match="it failed"):
                lab.fail("value")
            assert list(lab.numbers(2)) == [0, 1]
            assert str(lab.uri()) == pair.uris["lab"]
    finally:
        Pyro5.api.config.SERIALIZER = "serpent"


@pytest.mark.parametrize("server", PEERS)
def test_calls_can_be_made_in_the_background(servers: Callable[[str], dict[str, str]], server: str) -> None:
    with ferropyro.Proxy(servers(server)["lab"]) as lab:
        ferropyro.asyncproxy(lab)
        results = [lab.add(number) for number in range(5)]
        assert [result.value for result in results] == [10, 11, 12, 13, 14]
        failing = lab.fail("zero")
        assert failing.wait(20)
        with pytest.raises(ZeroDivisionError):
            failing.value  # noqa: B018
        assert lab.add(1).then(lambda sum, more: sum + more, 100).value == 111
        ferropyro.asyncproxy(lab, False)
        assert lab.add(1) == 11


@pytest.mark.parametrize("server", PEERS)
def test_a_copied_or_pickled_proxy_calls_the_same_object(servers: Callable[[str], dict[str, str]], server: str) -> None:
    with ferropyro.Proxy(servers(server)["lab"]) as lab:
        lab.echo(1)
        for another in (copy.copy(lab), pickle.loads(pickle.dumps(lab))):
            with another:
                assert another == lab and hash(another) == hash(lab)
                assert another._pyroMethods == lab._pyroMethods
                assert another.add(1) == 11


@pytest.mark.parametrize("server", PEERS)
def test_a_proxy_may_be_used_by_any_thread(servers: Callable[[str], dict[str, str]], server: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ferropyro.Proxy(servers(server)["lab"]) as lab, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lab.echo, range(400))) == list(range(400))
