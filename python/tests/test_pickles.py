"""pickle, cloudpickle and dill, for everything that a call can carry: with the real Pyro4 at either end, and with the package at both."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Thread
from typing import Any

import numpy
import Pyro4
import Pyro4.util
import pytest
from peers import objects
from pickle_things import OutOfStock, Point, Replaced

import ferropyro
from ferropyro import errors
from ferropyro.aio import AsyncProxy
from ferropyro.util import get_serializer

SERVER = Path(__file__).parent / "pickle_server.py"
PICKLES = ["pickle", "cloudpickle", "dill"]
APIS: dict[str, Any] = {"pyro4": Pyro4, "ferropyro": ferropyro}
# Who calls whom: one of the two is this package.
PAIRS = ["ferropyro pyro4", "ferropyro pyro4 multiplex", "pyro4 ferropyro", "pyro4 ferropyro multiplex", "ferropyro ferropyro", "ferropyro ferropyro multiplex"]

Servers = Callable[[str], dict[str, str]]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        running: dict[str, dict[str, str]] = {}

        def start(server: str) -> dict[str, str]:
            if server not in running:
                running[server] = stack.enter_context(objects(*server.split(), server=SERVER))
            return running[server]

        yield start


class Pair:
    """A client's library, the objects of a server, and how they talk."""

    def __init__(self, client: str, uris: dict[str, str], serializer: str, *, is_multiplex: bool) -> None:
        self.api, self.uris, self.serializer, self.is_multiplex = APIS[client], uris, serializer, is_multiplex

    def proxy(self, name: str = "lab") -> Any:
        proxy = self.api.Proxy(self.uris[name])
        proxy._pyroSerializer = self.serializer
        return proxy


@pytest.fixture(params=PICKLES)
def serializer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(pair.split()))
def pair(request: pytest.FixtureRequest, servers: Servers, serializer: str) -> Pair:
    client, _, server = request.param.partition(" ")
    return Pair(client, servers(server), serializer, is_multiplex="multiplex" in server)


# Conformance: NP-06
def test_arguments_and_results_are_any_objects(pair: Pair) -> None:
    with pair.proxy() as lab:
        for value in (Point(1, [Point(2, 3)]), range(3), frozenset("a"), complex, {Point: len}, bytearray(b"x")):
            assert lab.echo(value) == value and type(lab.echo(value)) is type(value)
        assert lab.moved(Point(1, 2), by=5) == Point(6, 2)
        shared = [1]
        assert lab.are_same(shared, shared)
        cycle: list[Any] = []
        cycle.append(cycle)
        back = lab.echo(cycle)
        assert back[0] is back
        array = numpy.arange(6).reshape(2, 3)
        back = lab.echo({"array": array, "scalar": numpy.float32(1.5)})
        assert numpy.array_equal(back["array"], array) and back["array"].dtype == array.dtype
        assert back["scalar"] == 1.5 and type(back["scalar"]) is numpy.float32


def test_functions_travel_with_cloudpickle_and_dill(pair: Pair) -> None:
    if pair.serializer == "pickle":
        pytest.skip("pickle has none")
    with pair.proxy() as lab:
        assert lab.run(lambda number: number + 1, 5) == 6
        assert lab.echo(lambda number: number * 2)(21) == 42


def test_batches_carry_any_objects(pair: Pair) -> None:
    with pair.proxy() as lab:
        batch = pair.api.batch(lab)
        batch.echo(Point(1, 2))
        batch.moved(Point(1, 2), by=3)
        batch.echo(numpy.arange(3))
        batch.fail("own")
        batch.echo("never")
        results = batch()
        assert next(results) == Point(1, 2) and next(results) == Point(4, 2)
        assert numpy.array_equal(next(results), [0, 1, 2])
        with pytest.raises(OutOfStock, match="only 2 of chair left") as caught:
            next(results)
        assert "in fail" in "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]
        assert list(results) == []
        batch.hidden()
        with pytest.raises(AttributeError, match="hidden"):
            list(batch())
        batch = pair.api.batch(lab)  # one that failed keeps its calls in the real Pyro4
        batch.later(Point("by", pair.serializer))
        assert batch(oneway=True) is None
        assert lab.wait_for(Point("by", pair.serializer))


def test_a_result_that_is_an_exception_is_not_raised_by_a_batch(pair: Pair) -> None:
    with pair.proxy() as lab:
        batch = pair.api.batch(lab)
        batch.echo(ValueError("a value"))
        (value,) = batch()
        assert type(value) is ValueError and value.args == ("a value",)


# Conformance: SER-05
def test_item_streams_carry_any_objects(pair: Pair) -> None:
    with pair.proxy() as lab:
        items = lab.points(2)
        assert [next(items), next(items)] == [Point(0, 0), Point(1, 1)]
        with pytest.raises(OutOfStock, match="only 2 of point left"):
            next(items)
        if pair.api is ferropyro:
            assert list(items) == []
        assert list(lab.numbers(3)) == [0, 1, 2]
        items = lab.numbers(1000)
        assert next(items) == 0
        items.close()
        assert lab.echo(1) == 1


# Conformance: BLOB-01, BLOB-02, BLOB-03
def test_blobs_stay_pickled_until_they_are_opened(pair: Pair) -> None:
    blob_of = pair.api.core.SerializedBlob
    with pair.proxy() as lab, pair.proxy("dispatcher") as dispatcher:
        # A multiplex server cannot be called by what it serves.
        for remote in [lab] if pair.is_multiplex else [lab, dispatcher]:
            for data in ([Point(1, 2), numpy.float64(2.5)], 3, {"a": Point}):
                info, opened = remote.opened(blob_of(("an", "info"), data))
                assert info == ("an", "info") and opened == data and type(opened) is type(data)


def test_attributes_are_any_objects(pair: Pair) -> None:
    with pair.proxy() as lab:
        lab.level = Point(3, 4)
        assert lab.level == Point(3, 4)
        lab.level = numpy.arange(4)
        assert numpy.array_equal(lab.level, [0, 1, 2, 3])
        with pytest.raises(OutOfStock):
            lab.level = None


# Conformance: HS-01
def test_handshakes_carry_any_objects_both_ways(pair: Pair) -> None:
    answers = []

    class Listening(pair.api.Proxy):  # type: ignore[misc, name-defined]
        def _pyroValidateHandshake(self, response: Any) -> None:
            answers.append(response)

    with Listening(pair.uris["lab"]) as lab:
        lab._pyroSerializer = pair.serializer
        lab._pyroHandshake = [Point("my", numpy.float32(0.5))]
        lab._pyroBind()
        assert answers == [{"told": [Point("my", 0.5)], "welcome": Point("come", "in")}]
        assert lab.echo(1) == 1
    with pair.proxy() as lab:
        lab._pyroHandshake = Point("nobody", 0)
        with pytest.raises(pair.api.errors.CommunicationError, match="nobody comes in"):
            lab._pyroBind()


def test_exceptions_travel_as_themselves(pair: Pair) -> None:
    with pair.proxy() as lab:
        with pytest.raises(OutOfStock) as caught:
            lab.fail("own")
        assert (caught.value.item, caught.value.left) == ("chair", 2)
        assert "in fail" in "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]
        with pytest.raises(ValueError) as value_error:
            lab.fail("value")
        assert value_error.value.args == ("it failed", 5)
        with pytest.raises(pair.api.errors.PyroError, match=r"Error serializing exception: never. Original exception: <class 'pickle_things.Stubborn'>: mule"):
            lab.fail("stubborn")
        with pytest.raises(TypeError, match="pickle"):
            lab.unpicklable()
        with pytest.raises(OutOfStock):
            lab.context_and_fail()
        assert lab.echo(1) == 1


def test_uris_and_proxies_travel_within_pickles(pair: Pair) -> None:
    with pair.proxy() as lab:
        uri = pair.api.URI(pair.uris["lab"])
        assert lab.echo([uri]) == [uri]
        (me,) = lab.itself()["me"]
        with me:
            assert type(me) is pair.api.Proxy
            me._pyroSerializer = pair.serializer
            assert me.echo(Point(1, 1)) == Point(1, 1)
        with lab.echo({"proxy": lab})["proxy"] as back:
            assert back == lab and back._pyroSerializer == pair.serializer and back.echo(Point(1, 1)) == Point(1, 1)


def test_the_context_and_annotations_are_there(pair: Pair) -> None:
    with pair.proxy() as lab:
        assert lab.context() == get_serializer(pair.serializer).serializer_id
        assert bytes(pair.api.current_context.response_annotations["ANSW"]) == b"an answer"


# Conformance: SER-12
def test_the_protocol_is_what_was_configured(pair: Pair) -> None:
    item = "DILL_PROTOCOL_VERSION" if pair.serializer == "dill" else "PICKLE_PROTOCOL_VERSION"
    before = getattr(pair.api.config, item)
    try:
        setattr(pair.api.config, item, 2)
        assert pair.api.util.get_serializer(pair.serializer).dumps(Point(1, 2))[:2] == b"\x80\x02"
        with pair.proxy() as lab:
            assert lab.echo(Point(1, 2)) == Point(1, 2)
    finally:
        setattr(pair.api.config, item, before)


def test_other_objects_are_sent_in_the_place_of_those_of_a_type(pair: Pair) -> None:
    with pair.proxy() as lab:
        assert lab.replaced() == [Point("in its", "place")]
        batch = pair.api.batch(lab)
        batch.replaced()
        assert list(batch()) == [[Point("in its", "place")]]
    kind = type(pair.api.util.get_serializer(pair.serializer))
    kind.register_type_replacement(Replaced, lambda _: Point("replaced", "here"))
    with pair.proxy() as lab:
        assert lab.echo({"a": Replaced()}) == {"a": Point("replaced", "here")}
        lab.level = Replaced()
        assert lab.level == Point("replaced", "here")


@pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning")  # of the real Pyro4
def test_oneway_calls_and_calls_in_the_background_carry_any_objects(pair: Pair) -> None:
    with pair.proxy() as lab:
        value = Point("oneway", (pair.serializer, pair.api.__name__))
        assert lab.later(value) is None
        assert lab.wait_for(value)
        pair.api.asyncproxy(lab)
        assert lab.echo(Point(1, 2)).value == Point(1, 2)
        failing = lab.fail("own")
        with pytest.raises(OutOfStock):
            failing.value  # noqa: B018


@pytest.mark.parametrize("server", ["pyro4", "ferropyro"])
def test_coroutines_carry_any_objects(servers: Servers, serializer: str, server: str) -> None:
    import asyncio

    async def run() -> None:
        async with AsyncProxy(servers(server)["lab"]) as lab:
            lab._pyroSerializer = serializer
            assert await lab.echo(Point(1, 2)) == Point(1, 2)
            with pytest.raises(OutOfStock):
                await lab.fail("own")
            points = []
            with pytest.raises(OutOfStock):
                async for point in lab.points(2):
                    points.append(point)
            assert points == [Point(0, 0), Point(1, 1)]

    asyncio.run(run())


class Back:
    """An object of the client's."""

    @ferropyro.expose
    @ferropyro.callback
    def call(self, value: Any) -> Any:
        if value is None:
            raise OutOfStock("value", 0)
        return [value, Point("called", "back")]


@pytest.mark.parametrize("server", ["pyro4", "ferropyro", "ferropyro multiplex"])
def test_objects_of_the_client_are_called_back(servers: Servers, serializer: str, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ferropyro.config.SERIALIZERS_ACCEPTED = {serializer}
    with ferropyro.Daemon(host="127.0.0.1") as daemon, ferropyro.Proxy(servers(server)["lab"]) as lab:
        back = Back()
        daemon.register(back)
        Thread(target=daemon.requestLoop, daemon=True).start()
        lab._pyroSerializer = serializer
        proxy = daemon.proxyFor(back)
        proxy._pyroSerializer = serializer
        assert lab.call_back(proxy, Point(1, 2)) == [Point(1, 2), Point("called", "back")]
        with pytest.raises(OutOfStock, match="0 of value"):
            lab.call_back(proxy, None)


# Conformance: NS-30
def test_a_name_server_is_used_with_pickles(serializer: str) -> None:
    ferropyro.config.SERIALIZERS_ACCEPTED = {"serpent", serializer}
    from ferropyro import naming

    uri, daemon, _ = naming.startNS(host="127.0.0.1", port=0, enableBroadcast=False)
    with daemon:
        Thread(target=daemon.requestLoop, daemon=True).start()
        for api in (ferropyro, Pyro4):
            names: Any
            with api.Proxy(str(uri)) as names:
                names._pyroSerializer = serializer
                names.register("a", "PYRO:obj@localhost:1", metadata={"tag"})
                assert names.lookup("a") == api.URI("PYRO:obj@localhost:1")
                assert set(names.lookup("a", return_metadata=True)[1]) == {"tag"}
                with pytest.raises(api.errors.NamingError):
                    names.lookup("b")


# Conformance: SOCK-05
def test_pickles_go_over_a_socket_that_was_connected_before(serializer: str) -> None:
    import socket

    ours, theirs = socket.socketpair()
    ferropyro.config.SERIALIZERS_ACCEPTED = {serializer}
    daemon = ferropyro.Daemon(connected_socket=theirs)
    daemon.register(Back(), "back")
    Thread(target=daemon.requestLoop, daemon=True).start()
    ferropyro.config.SERIALIZER = serializer
    with daemon, ferropyro.Proxy("back", connected_socket=ours) as back:
        assert back.call(Point(1, 2))[0] == Point(1, 2)
        with pytest.raises(OutOfStock):
            back.call(None)
    ours.close()
    theirs.close()


def test_a_callers_traceback_is_kept_from_it_where_that_was_asked_for(serializer: str) -> None:
    ferropyro.config.SERIALIZERS_ACCEPTED = {serializer}
    ferropyro.config.SEND_TRACEBACK = False
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = daemon.register(Back())
        Thread(target=daemon.requestLoop, daemon=True).start()
        with ferropyro.Proxy(uri) as back:
            back._pyroSerializer = serializer
            with pytest.raises(OutOfStock) as caught:
                back.call(None)
            assert caught.value._pyroTraceback == []  # type: ignore[attr-defined]


def test_pickles_of_the_serializers_are_pickles(serializer: str) -> None:
    assert pickle.loads(get_serializer(serializer).dumps(Point(1, 2))) == Point(1, 2)
    with pytest.raises(errors.SerializeError):
        get_serializer("pckle")
