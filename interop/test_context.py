"""The call context: who calls, with which request, and the correlation id that follows a chain of calls."""

import threading
import uuid

import pytest

import desks
import peers
from servers import Servers

SERIALIZERS = ("serpent", "json", "marshal", "msgpack", "pickle")
# The numbers of the serializers, in the order above.
NUMBERS = {"pyro4": (1, 2, 3, 6, 4), "pyro5": (1, 3, 2, 4)}
ONEWAY, BATCH, COMPRESSED, CORR_ID = 4, 8, 2, 64
CLIENTS = 50


@pytest.fixture(scope="module")
def rust_desk(peer_program):
    with Servers() as servers:
        yield desks.start_rust_desk(servers, peer_program, env={"PYRO_THREADPOOL_SIZE": str(CLIENTS + 10)})


def new_id():
    return str(uuid.uuid4())


# Conformance: CTX-02
def test_a_rust_method_knows_the_address_of_its_caller(pyro, rust_desk):
    with pyro.api.Proxy(rust_desk.uri) as proxy:
        report = proxy.report()
        assert report["address"] == list(proxy._pyroConnection.sock.getsockname())


# Conformance: CTX-01, CTX-11
def test_calls_at_the_same_time_have_contexts_of_their_own(pyro, rust_desk):
    together = threading.Barrier(CLIENTS)
    failures = []

    def client(number):
        try:
            with pyro.api.Proxy(rust_desk.uri) as proxy:
                proxy._pyroBind()
                together.wait(20)
                for _ in range(5):
                    id = uuid.uuid4()
                    pyro.api.current_context.correlation_id = id
                    pyro.api.current_context.annotations = {"WHO_": b"%d" % number}
                    report = proxy.report()
                    assert report["correlation_id"] == str(id)
                    assert desks.unhex(report["annotations"])["WHO_"] == b"%d" % number
                    assert report["address"] == list(proxy._pyroConnection.sock.getsockname())
                    proxy.answer_with("YOU_", "%02x" % number)
                    assert bytes(pyro.api.current_context.response_annotations["YOU_"]) == bytes([number])
        except Exception as error:
            together.abort()
            failures.append(error)

    threads = [threading.Thread(target=client, args=[number]) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# Conformance: CTX-03
def test_a_oneway_call_knows_its_caller_even_when_that_has_gone(pyro, rust_desk):
    with pyro.api.Proxy(rust_desk.uri) as proxy:
        proxy.log_when_gone()
        address = list(proxy._pyroConnection.sock.getsockname())
    with pyro.api.Proxy(rust_desk.uri) as proxy:
        logged = proxy.logged()
        assert (logged["address"], logged["seq"]) == (address, 1)
        assert logged["flags"] & ONEWAY


# Conformance: CTX-03
def test_clients_of_a_unix_socket_have_no_address(pyro, servers, peer_program, tmp_path):
    desk = desks.start_rust_desk(servers, peer_program, "--unix", str(tmp_path / "desk.sock"))
    with pyro.api.Proxy(desk.uri) as proxy:
        assert proxy.report()["address"] is None
        proxy.log_when_gone()
    with pyro.api.Proxy(desk.uri) as proxy:
        assert proxy.logged()["address"] is None


# Conformance: CTX-04
def test_the_sequence_number_counts_the_calls(pair):
    caller = pair.caller()
    assert [caller.call("report")["seq"] for _ in range(3)] == [1, 2, 3]
    caller.release()
    assert caller.call("report")["seq"] == 4
    caller.call("log_report")
    assert caller.call("logged")["seq"] == 5
    assert caller.call("report")["seq"] == 7


# Conformance: CTX-05
def test_a_method_knows_the_flags_of_the_request(pair):
    caller = pair.caller()
    assert caller.call("report")["flags"] == 0
    caller.call("log_report")
    assert caller.call("logged")["flags"] == ONEWAY
    caller.set_id(new_id())
    with_id = 0 if pair.peer.name == "pyro4" else CORR_ID
    assert caller.call("report")["flags"] == with_id
    caller.call("log_report")
    assert caller.call("logged")["flags"] == ONEWAY | with_id
    caller.set_id(None)
    compressing = pair.caller(compression=True)
    assert compressing.call("report")["flags"] == 0, "too short to be worth it"
    # The server of Pyro5 takes this flag away.
    compressed = 0 if pair.rust_calls and pair.peer.name == "pyro5" else COMPRESSED
    assert compressing.call("report_with", "x" * 1000)["flags"] == compressed
    caller = pair.caller(compression=False)
    assert caller.call("report_with", "x" * 1000)["flags"] == 0


# Conformance: CTX-05
def test_a_rust_method_knows_that_it_is_part_of_a_batch(pyro, rust_desk):
    with pyro.api.Proxy(rust_desk.uri) as proxy:
        batch = pyro.api.batch(proxy) if pyro.name == "pyro4" else pyro.api.BatchProxy(proxy)
        batch.report()
        batch.report()
        assert [report["flags"] for report in batch()] == [BATCH, BATCH]
        batch.log_report()
        batch(oneway=True)
        assert proxy.logged()["flags"] == BATCH | ONEWAY


# Conformance: CTX-05
@pytest.mark.parametrize("name", SERIALIZERS)
def test_a_method_knows_the_serializer_of_the_request(pair, name):
    number = NUMBERS[pair.peer.name][SERIALIZERS.index(name)]
    assert pair.caller(serializer=name).call("report")["serializer"] == number


# Conformance: CTX-06
def test_there_are_no_annotations_at_first(pair):
    caller = pair.caller()
    assert caller.internal() == {}
    assert caller.call("report")["annotations"] == {}


# Conformance: CTX-07, CTX-08
def test_a_correlation_id_goes_along_until_it_is_changed(pair):
    caller = pair.caller()
    made = [caller.call("report")["correlation_id"] for _ in range(2)]
    assert made[0] != made[1] and desks.NO_ID not in made
    one, other = new_id(), new_id()
    caller.set_id(one)
    assert [caller.call("report")["correlation_id"] for _ in range(2)] == [one, one]
    caller.call("log_report")
    assert caller.call("logged")["correlation_id"] == one
    caller.set_id(other)
    assert caller.call("report")["correlation_id"] == other
    caller.release()
    report = caller.call("report")
    assert report["correlation_id"] == other
    corr = {"CORR": uuid.UUID(other).bytes} if pair.peer.name == "pyro4" else {}
    assert desks.unhex(report["annotations"]) == corr
    caller.set_id(None)
    assert caller.call("report")["correlation_id"] not in (one, other)


# Conformance: CTX-07
def test_the_answer_tells_the_id_of_the_call(pair):
    caller = pair.caller()
    for id in (None, new_id()):
        caller.set_id(id)
        seen = caller.call("report")["correlation_id"]
        corr = {"CORR": uuid.UUID(seen).bytes} if pair.peer.name == "pyro4" else {}
        assert caller.internal() == corr


# Conformance: CTX-09
@pytest.mark.parametrize("method", ["hand_on", "hand_on_unanswered"])
@pytest.mark.parametrize("last", peers.PEERS, ids=str)
def test_the_correlation_id_follows_a_chain_of_servers(pair, last, method, rust_desk, python_desks):
    end = python_desks[last.name] if pair.desk is rust_desk else rust_desk
    caller = pair.caller()
    for called in ("report", "log_report"):
        id = new_id()
        caller.set_id(id)
        caller.annotate("MINE", b"for the first server")
        report = caller.call(method, end.uri, called)
        if method == "hand_on_unanswered" and called == "report":
            continue  # nobody hears of it
        if called == "log_report":
            with last.api.Proxy(end.uri) as proxy:
                report = proxy.logged()
        assert report["correlation_id"] == id
        if pair.desk is rust_desk:
            assert "MINE" not in report["annotations"]


# Conformance: CTX-11
@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
def test_a_client_sees_nothing_of_the_one_before(pyro, servers, peer_program, servertype):
    env = {"PYRO_SERVERTYPE": servertype, "PYRO_THREADPOOL_SIZE": "1", "PYRO_THREADPOOL_SIZE_MIN": "1", "PYRO_ONEWAY_THREADED": "0"}
    desk = desks.start_rust_desk(servers, peer_program, env=env)
    id = new_id()
    context = pyro.api.current_context
    for stranger in peers.PEERS:
        with pyro.api.Proxy(desk.uri) as proxy:
            context.correlation_id = uuid.UUID(id)
            context.annotations = {"MINE": b"private"}
            assert "MINE" in proxy.report()["annotations"]
            context.annotations = {"MINE": b"private"}
            proxy.log_report()
            proxy.logged()
            with pytest.raises(ValueError, match="nope"):
                proxy.annotate_and_raise()
        peers.reset_settings()
        with stranger.api.Proxy(desk.uri) as proxy:
            connect_when_free(proxy, stranger)
            report = proxy.report()
            assert report["annotations"] == {}
            assert report["correlation_id"] not in (id, desks.NO_ID)
            assert desks.users(stranger.api.current_context.response_annotations) == {}
        peers.reset_settings()


def connect_when_free(proxy, peer):
    """The server has one worker, and it may not have noticed yet that its client has gone."""
    while True:
        try:
            return proxy._pyroBind()
        except peer.errors.CommunicationError as error:
            if "no free workers" not in str(error):
                raise
