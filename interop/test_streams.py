"""Iterators that travel: one item a round trip, and nothing left of them afterwards."""

from contextlib import ExitStack

import pytest

import tagged
from peers import PEERS
from rust_peer import RustClient, RustError
from servers import Servers
from workshop import (
    SERVER_TYPES,
    eventually,
    forget_peak,
    peak_memory,
    proxy_for,
    start_python_workshop,
    start_workshop,
    statistics,
    uri_of,
)

SERIALIZERS = ["serpent", "json", "marshal", "msgpack", "pickle"]
TERMINATED = "item stream terminated"
MIB = 1 << 20


@pytest.fixture(scope="module")
def workshop(peer_program):
    with Servers() as servers:
        yield start_workshop(servers, peer_program, POLLTIMEOUT=0.1)


@pytest.fixture
def streams(pyro, workshop):
    with proxy_for(pyro, workshop, "streams") as proxy:
        eventually(proxy.alive, 0)
        yield proxy


def alive(pyro, server):
    with proxy_for(pyro, server, "streams") as proxy:
        return proxy.alive()


# Conformance: SER-05
def test_items_are_made_when_they_are_asked_for(streams):
    made = streams.made()
    numbers = iter(streams.count(10**9))
    assert streams.made() == made
    for number in range(1, 4):
        assert next(numbers) == number
        assert streams.made() == made + number
    assert streams.alive() == 1
    numbers.close()
    eventually(streams.alive, 0)


# Conformance: SER-05
@pytest.mark.parametrize("serializer", SERIALIZERS)
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_stream_ends_and_nothing_of_it_stays(pyro, servers, peer_program, server_type, serializer):
    pyro.api.config.SERIALIZER = serializer
    server = start_workshop(servers, peer_program, SERVERTYPE=server_type)
    with proxy_for(pyro, server, "streams") as streams:
        assert list(streams.count(5)) == [1, 2, 3, 4, 5]
        assert list(streams.count(0)) == []
        assert streams.alive() == 0
    assert statistics(pyro, server)["streams"] == 0


def test_an_exhausted_stream_stays_exhausted(streams):
    numbers = streams.count(1)
    assert [next(numbers, "end") for _ in range(3)] == [1, "end", "end"]
    numbers.close()


# Conformance: SER-05
def test_an_error_in_the_middle_is_raised_and_is_the_end(pyro, streams):
    numbers = streams.count_and_fail(2)
    assert [next(numbers), next(numbers)] == [1, 2]
    with pytest.raises(ValueError, match="^no more than 2$"):
        next(numbers)
    assert streams.alive() == 0
    with pytest.raises(pyro.errors.PyroError, match=TERMINATED):
        next(numbers)
    assert list(streams.count(2)) == [1, 2]


def test_a_panic_in_the_middle_is_an_exception_and_the_end(pyro, streams):
    numbers = streams.count_and_panic(1)
    assert next(numbers) == 1
    with pytest.raises(RuntimeError, match="the method panicked: out of numbers"):
        next(numbers)
    assert streams.alive() == 0
    with pytest.raises(pyro.errors.PyroError, match=TERMINATED):
        next(numbers)


# Conformance: ANN-04
def test_each_item_brings_its_own_annotations(pyro, streams):
    seen = []
    for number in streams.annotated(3):
        seen.append((number, bytes(pyro.api.current_context.response_annotations["ITEM"])))
    assert seen == [(1, b"1"), (2, b"2"), (3, b"3")]
    assert "ITEM" not in pyro.api.current_context.response_annotations


def test_an_item_may_be_a_stream_itself(streams):
    assert [list(row) for row in streams.rows(3)] == [[1], [2, 4], [3, 6, 9]]
    assert streams.alive() == 0


def test_an_attribute_may_be_a_stream(streams):
    """Of the real servers only Pyro5's does that; its Pyro4 counterpart cannot serialize the iterator."""
    assert list(streams.numbers) == [1, 2, 3]
    assert streams.alive() == 0


def test_a_oneway_call_leaves_no_stream(streams):
    assert streams.for_nobody() is None
    assert list(streams.count(1)) == [1]
    eventually(streams.alive, 0)


def test_an_unknown_stream_is_closed_without_a_word(pyro, workshop):
    with proxy_for(pyro, workshop, "Pyro.Daemon") as daemon:
        daemon.close_stream("no such stream")
        with pytest.raises(pyro.errors.PyroError, match=f"^{TERMINATED}$"):
            daemon.get_next_stream_item("no such stream")


def test_a_stream_in_a_batch_is_refused_and_dropped(pyro, streams):
    batch = pyro.api.batch(streams) if pyro.name == "pyro4" else pyro.api.BatchProxy(streams)
    batch.made()
    batch.count(3)
    batch.made()
    results = batch()
    assert isinstance(next(results), int)
    with pytest.raises(TypeError, match="iterator"):
        next(results)
    assert streams.alive() == 0


# Conformance: SER-05
def test_two_connections_share_a_stream_and_none_gets_an_item_twice(pyro, workshop, streams):
    numbers = streams.count(100)
    with proxy_for(pyro, workshop, "Pyro.Daemon") as daemon:
        seen = []
        for _ in range(50):
            seen.append(next(numbers))
            seen.append(daemon.get_next_stream_item(numbers.streamId))
        assert seen == list(range(1, 101))
        with pytest.raises(StopIteration):
            daemon.get_next_stream_item(numbers.streamId)
    assert streams.alive() == 0


# Conformance: SER-05
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_stream_is_gone_with_its_connection_when_it_may_not_linger(pyro, servers, peer_program, server_type):
    server = start_workshop(servers, peer_program, ITER_STREAM_LINGER=0, SERVERTYPE=server_type)
    with proxy_for(pyro, server, "streams") as streams:
        numbers = streams.count(10)
        assert next(numbers) == 1
        streams._pyroRelease()
        eventually(lambda: alive(pyro, server), 0)
        streams._pyroReconnect()
        with pytest.raises(pyro.errors.PyroError, match=TERMINATED):
            next(numbers)
    assert statistics(pyro, server)["streams"] == 0


# Conformance: SER-05
def test_a_client_that_connects_again_goes_on_where_it_was(streams):
    numbers = streams.count(4)
    assert [next(numbers), next(numbers)] == [1, 2]
    streams._pyroRelease()
    streams._pyroReconnect()
    assert list(numbers) == [3, 4]


# Conformance: SER-05
def test_an_abandoned_stream_goes_after_a_while_and_an_adopted_one_stays(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, ITER_STREAM_LINGER=1, POLLTIMEOUT=0.05)
    with proxy_for(pyro, server, "streams") as streams, proxy_for(pyro, server, "Pyro.Daemon") as adopter:
        adopter._pyroBind()
        adopted, abandoned = streams.count(10), streams.count(10)
        assert [next(adopted), next(abandoned)] == [1, 1]
        streams._pyroRelease()
        assert adopter.get_next_stream_item(adopted.streamId) == 2
        # The other one went after its time; this one belongs to a connection that is still there.
        eventually(lambda: alive(pyro, server), 1)
        with pytest.raises(pyro.errors.PyroError, match=TERMINATED):
            adopter.get_next_stream_item(abandoned.streamId)
        assert adopter.get_next_stream_item(adopted.streamId) == 3
    eventually(lambda: alive(pyro, server), 0)
    assert statistics(pyro, server)["streams"] == 0


# Conformance: SER-05
def test_the_lifetime_of_a_stream_is_over_while_its_client_is_there(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, ITER_STREAM_LIFETIME=0.3, POLLTIMEOUT=0.05)
    with proxy_for(pyro, server, "streams") as streams:
        numbers = streams.count(10)
        eventually(streams.alive, 0)
        with pytest.raises(pyro.errors.PyroError, match=TERMINATED):
            next(numbers)


# Conformance: SER-05
def test_without_streaming_the_caller_is_told(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, ITER_STREAMING=0)
    text = "^result of call is an iterator, but the server is not configured to allow streaming$"
    with proxy_for(pyro, server, "streams") as streams:
        with pytest.raises(pyro.errors.ProtocolError, match=text):
            streams.count(3)
        assert streams.alive() == 0


def test_a_connection_may_have_so_many_streams(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, MAX_STREAMS=2)
    with proxy_for(pyro, server, "streams") as streams, proxy_for(pyro, server, "streams") as others:
        one, other = streams.count(1), streams.count(10)
        with pytest.raises(RuntimeError, match="MAX_STREAMS"):
            streams.count(10)
        assert streams.alive() == 2
        assert next(others.count(10)) == 1
        assert list(one) == [1]
        third = streams.count(10)
        other.close()
        eventually(streams.alive, 1)
        assert [next(third), next(streams.count(5))] == [1, 1]


# Conformance: SER-05
def test_the_streams_of_many_clients_that_vanish_do_not_leak(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, ITER_STREAM_LINGER=0.2, POLLTIMEOUT=0.05)
    with ExitStack() as stack:
        clients = [stack.enter_context(proxy_for(pyro, server, "streams")) for _ in range(20)]
        streams = [proxy.count(10) for proxy in clients for _ in range(10)]
        assert [next(stream) for stream in streams] == [1] * 200
        assert clients[0].alive() == 200
        for proxy in clients:
            proxy._pyroRelease()
        eventually(lambda: statistics(pyro, server)["streams"], 0)
        assert alive(pyro, server) == 0


# Conformance: SER-05
@pytest.mark.parametrize("serializer, count", [("marshal", 1024), ("serpent", 64)])
def test_a_long_stream_takes_the_memory_of_an_item(pyro, servers, peer_program, serializer, count):
    pyro.api.config.SERIALIZER = serializer
    server = start_workshop(servers, peer_program)
    with proxy_for(pyro, server, "streams") as streams:
        before = memory_after_one(server.pid, lambda: list(streams.chunks(1, 1000)))
        for chunk in streams.chunks(count, MIB):
            assert len(chunk if serializer != "serpent" else chunk["data"]) >= MIB
        # An item in serpent is a text a third longer.
        assert peak_memory(server.pid) - before < 3 * MIB * (1.4 if serializer == "serpent" else 1)


def memory_after_one(pid, call):
    """The memory of a server that has done something like it before."""
    call()
    forget_peak(pid)
    return peak_memory(pid)


@pytest.fixture(scope="module")
def python_workshops():
    with Servers() as servers:
        yield {peer.name: start_python_workshop(servers, peer) for peer in PEERS}


@pytest.fixture
def python_streams(pyro, python_workshops, rust_client):
    proxy = rust_client.proxy(uri_of(python_workshops[pyro.name], "streams"))
    yield proxy
    eventually(lambda: proxy.call("alive"), 0)
    proxy.perform("close")


# Conformance: SER-05
def test_rust_asks_python_for_one_item_at_a_time(python_streams):
    made = python_streams.call("made")
    numbers = python_streams.items("count", 10**6)
    assert python_streams.call("made") == made
    for number in range(1, 4):
        assert next(numbers) == number
        assert python_streams.call("made") == made + number
    assert python_streams.call("alive") == 1
    numbers.drop()


# Conformance: SER-05
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_rust_reads_a_generator_of_python_to_its_end(pyro, python_workshops, rust_client, serializer):
    proxy = rust_client.proxy(uri_of(python_workshops[pyro.name], "streams"), serializer=serializer)
    numbers = proxy.items("count", 3)
    assert list(numbers) == [1, 2, 3]
    assert next(numbers, "end") == "end"
    returning = proxy.items("count_and_return", 1, "the value")
    assert [next(returning), returning.returned(), next(returning, "end")] == [1, None, "end"]
    assert returning.returned() == "the value"
    assert proxy.call("alive") == 0


# Conformance: SER-05
def test_rust_sees_the_error_of_a_generator_and_its_end(python_streams):
    numbers = python_streams.items("count_and_fail", 2)
    assert [next(numbers), next(numbers)] == [1, 2]
    with pytest.raises(RustError, match="no more than 2") as raised:
        next(numbers)
    assert raised.value.class_name == "builtins.ValueError"
    assert next(numbers, "end") == "end"


# Conformance: SER-05
def test_rust_goes_on_with_a_stream_after_its_connection_was_lost(python_streams):
    numbers = python_streams.items("count", 4)
    assert [next(numbers), next(numbers)] == [1, 2]
    python_streams.perform("release")
    assert [next(numbers), next(numbers), next(numbers, "end")] == [3, 4, "end"]


def test_rust_learns_that_the_stream_did_not_linger(pyro, servers, rust_client):
    server = start_python_workshop(servers, pyro, ITER_STREAM_LINGER=0)
    proxy = rust_client.proxy(uri_of(server, "streams"))
    numbers = proxy.items("count", 4)
    proxy.perform("release")
    eventually(lambda: rust_client.proxy(uri_of(server, "streams")).call("alive"), 0)
    with pytest.raises(RustError, match=TERMINATED):
        next(numbers)
    assert next(numbers, "end") == "end"


def test_who_does_not_ask_for_items_is_told_to_and_the_stream_is_closed(python_streams):
    with pytest.raises(RustError, match="take it as `Items<...>`"):
        python_streams.call("count", 5)
    with pytest.raises(RustError, match="is no iterator"):
        python_streams.items("made")
    assert python_streams.call("alive") == 0


def test_rust_reads_an_attribute_that_is_a_stream(pyro, python_streams):
    if pyro.name == "pyro5":
        with pytest.raises(RustError, match="take it as `Items<...>`"):
            python_streams.get("numbers")
    else:
        with pytest.raises(RustError, match="don't know how to serialize class <class 'generator'>"):
            python_streams.get("numbers")


# Conformance: SER-05
def test_rust_is_told_when_python_does_not_stream(pyro, servers, rust_client):
    server = start_python_workshop(servers, pyro, ITER_STREAMING=False)
    text = "^result of call is an iterator, but the server is not configured to allow streaming$"
    with pytest.raises(RustError, match=text) as raised:
        rust_client.proxy(uri_of(server, "streams")).items("count", 3)
    assert raised.value.kind == "Protocol"


# Conformance: SER-05
@pytest.mark.parametrize("server", ["python", "rust"])
def test_a_long_stream_takes_the_memory_of_an_item_in_a_rust_client(pyro, servers, peer_program, server):
    if server == "python":
        workshop = start_python_workshop(servers, pyro)
    else:
        workshop = start_workshop(servers, peer_program)
    with RustClient(peer_program) as client:
        proxy = client.proxy(uri_of(workshop, "streams"), serializer="marshal", dialect=pyro.protocol)

        def drain(count, size):
            return proxy.perform("drain", method="chunks", args=[tagged.describe(arg) for arg in (count, size)])

        before = memory_after_one(client.pid, lambda: drain(1, 1000))
        assert drain(1024, MIB) == 1024 * MIB
        assert peak_memory(client.pid) - before < 3 * MIB
        assert proxy.call("alive") == 0
