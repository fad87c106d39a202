"""Pickle, cloudpickle and dill as serializers of calls: Pyro4's, off unless both ends ask for them. Here they are data; Python runs them."""

import os
import re
import threading

import numpy
import pytest

import nameservers
from peers import ACCEPT_ALL, PICKLES, PYRO4, SERIALIZERS
from rust_peer import RustError, start_server
from servers import run
from workshop import start_workshop
from workshop import uri_of as workshop_uri

VALUES = [None, True, -(10**30), 1.5, "ünï", b"\x00\xff", bytearray(b"ab"), (1, (2,)), [[], {}], {1: {"a": (None,)}}, {1, 2}, frozenset({3}), 2 + 3j]


@pytest.fixture(params=PICKLES)
def serializer(request):
    PYRO4.api.config.SERIALIZER = request.param
    return request.param


@pytest.fixture
def to_rust(serializer, rust_server):
    with PYRO4.api.Proxy(rust_server.uri) as proxy:
        yield proxy


def warned(server):
    """What the operator sees of pickles that are accepted."""
    return server.wait_for("(?i)warning: SERIALIZERS_ACCEPTED has (.*): pickles are data here", stream="stderr").group(1)


# Conformance: SER-10
def test_values_keep_their_types_on_the_way_through_rust(to_rust):
    for value in VALUES:
        returned = to_rust.echo(value)
        assert (type(returned), returned) == (type(value), value)
    with pytest.raises(ValueError, match="^it was me$") as raised:
        to_rust.raise_value("it was me")
    assert "raise_value" in "".join(raised.value._pyroTraceback)


# Conformance: SER-10
def test_rust_calls_a_python_server(serializer, rust_client, python_servers):
    proxy = rust_client.proxy(python_servers["pyro4"].uri, serializer=serializer)
    for value in VALUES:
        assert proxy.call("echo", value) == value
    assert proxy.call("type_of", frozenset({1})) == "frozenset"
    with pytest.raises(RustError) as raised:
        proxy.call("raise_attrs")
    assert (raised.value.class_name, raised.value.attrs) == ("builtins.ValueError", {"code": 7, "info": {"k": [1, 2]}})
    assert proxy.call("give_uri").cls == "Pyro4.core.URI"


def test_servers_that_accept_nothing_else_are_called_both_ways(servers, peer_program, rust_client):
    server = start_server(servers, peer_program, env={"PYRO_SERIALIZERS_ACCEPTED": "pickle"})
    PYRO4.api.config.SERIALIZER = "pickle"
    with PYRO4.api.Proxy(server.uri) as proxy:
        assert proxy.add(1, b=2) == 3
    python = PYRO4.start_test_server(servers, config={"SERIALIZERS_ACCEPTED": ["pickle"]})
    assert rust_client.proxy(python.uri, serializer="pickle").call("add", 1, b=2) == 3
    with pytest.raises(RustError, match="rejected: .*serializer that is not accepted: 1$"):
        rust_client.proxy(python.uri).call("add", 1, 2)


@pytest.mark.parametrize("serializer", ["cloudpickle", "dill"], indirect=True)
def test_a_function_goes_through_rust_and_works_when_it_is_back(to_rust):
    scope = {"__name__": "__main__"}
    exec("def fact(n): return 1 if n < 2 else n * fact(n - 1)", scope)
    there_and_back = to_rust.echo([scope["fact"], "beside it"])
    assert there_and_back[0](5) == 120
    assert there_and_back[1] == "beside it"


class Store:
    """A Python server of this process that opens blobs."""

    def __init__(self):
        self.seen = []

    @PYRO4.api.expose
    def dispatch(self, blob):
        self.seen.append(blob.deserialized())
        return blob.info


@pytest.fixture
def store(serializer):
    PYRO4.api.config.SERIALIZERS_ACCEPTED = set(SERIALIZERS)
    daemon = PYRO4.api.Daemon(host="127.0.0.1")
    thread = threading.Thread(target=daemon.requestLoop, daemon=True)
    store = Store()
    store.uri = daemon.register(store)
    thread.start()
    yield store
    daemon.shutdown()
    thread.join()
    daemon.close()


# Conformance: NP-06
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_arrays_of_numpy_go_through_a_dispatcher_of_rust_as_they_are(servers, peer_program, store):
    server = start_workshop(servers, peer_program)
    array = numpy.arange(12, dtype="float32").reshape(3, 4)
    values = [array, numpy.float64(1.5), numpy.array(["a", "bc"]), numpy.array([(1, 2.5)], dtype=[("n", "i4"), ("x", "f8")])]
    with PYRO4.api.Proxy(workshop_uri(server, "blobs.first")) as dispatcher:
        dispatcher.connect(str(store.uri))
        for value in values:
            assert dispatcher.dispatch(PYRO4.api.core.SerializedBlob("an array", value)) == "an array"
            arrived = store.seen.pop()
            assert type(arrived) is type(value)
            assert arrived.dtype == value.dtype
            numpy.testing.assert_array_equal(arrived, value)


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


# Conformance: SEC-04
def test_a_malicious_pickle_is_an_inert_value_of_a_call(servers, peer_program, tmp_path):
    server = start_server(servers, peer_program, env=ACCEPT_ALL)
    PYRO4.api.config.SERIALIZER = "pickle"
    trace = tmp_path / "trace"
    with PYRO4.api.Proxy(server.uri) as proxy:
        evil = Evil(os.mkdir, (str(trace),))
        assert "posix.mkdir" in str(proxy.describe(evil))
        with pytest.raises(TypeError):
            proxy.typed_int(evil)
        assert not trace.exists()
        assert proxy.add(1, 2) == 3


# Conformance: SER-12
@pytest.mark.parametrize("item, serializer", [("PICKLE_PROTOCOL_VERSION", "pickle"), ("DILL_PROTOCOL_VERSION", "dill")])
def test_the_setting_says_the_protocol_of_what_is_written(servers, peer_program, rust_client, python_servers, seen_pickles, item, serializer):
    server = start_server(servers, peer_program, env={**ACCEPT_ALL, f"PYRO_{item}": "3"})
    PYRO4.api.config.SERIALIZER = serializer
    with PYRO4.api.Proxy(server.uri) as proxy:
        assert proxy.echo("x" * 300) == "x" * 300
        assert seen_pickles.pop()[:2] == b"\x80\x03"
    proxy = rust_client.proxy(python_servers["pyro4"].uri, serializer=serializer, config={item: "3"})
    assert proxy.call("echo", [1, "a"]) == [1, "a"]


def test_rust_answers_in_a_protocol_that_the_client_reads(rust_server, seen_pickles):
    api = PYRO4.api
    api.config.SERIALIZER = "pickle"
    for protocol in (5, 4, 3, 2):
        api.config.PICKLE_PROTOCOL_VERSION = protocol
        with api.Proxy(rust_server.uri) as proxy:
            proxy.echo("a")
            assert seen_pickles.pop()[1] == protocol


@pytest.fixture
def seen_pickles(monkeypatch):
    """The answers that a proxy of this process has read."""
    seen = []
    for name in ("PickleSerializer", "DillSerializer"):
        loads = getattr(PYRO4.api.util, name).loads
        monkeypatch.setattr(f"Pyro4.util.{name}.loads", lambda self, data, loads=loads: (seen.append(bytes(data)), loads(self, data))[1])
    return seen


# Conformance: SER-13, SEC-01
def test_who_accepts_pickles_is_warned_and_nobody_else(servers, peer_program):
    server = start_server(servers, peer_program, env={"PYRO_SERIALIZERS_ACCEPTED": "serpent,pickle,dill"})
    assert warned(server) == "pickle, dill"
    server = start_server(servers, peer_program)
    PYRO4.api.config.SERIALIZER = "pickle"
    with PYRO4.api.Proxy(server.uri) as proxy, pytest.raises(PYRO4.errors.CommunicationError, match="not accepted: 4$"):
        proxy.add(1, 2)
    assert not any("pickles are data" in line for line in server.stderr)


# Conformance: SEC-01
@pytest.mark.parametrize("name", PICKLES)
def test_pyro5_is_never_sent_a_pickle(rust_client, python_servers, rust_server, name):
    for uri, options in [(python_servers["pyro5"].uri, {}), (rust_server.uri, {"dialect": 502})]:
        with pytest.raises(RustError, match=f"Pyro5 has no {name}, .*: use serpent, json, marshal or msgpack$") as raised:
            rust_client.proxy(uri, serializer=name, **options).call("add", 1, 2)
        assert raised.value.kind in ("Communication", "Serialize")


# Conformance: NS-32, NS-30
class TestNameServer:
    def test_with_all_six_it_serves_clients_with_pickle_and_the_log_lists_them(self, ferropyro, servers, tmp_path, serializer):
        log = tmp_path / "log"
        env = {"PYRO_LOGFILE": str(log), "PYRO_LOGLEVEL": "DEBUG", "PYRO_SERIALIZERS_ACCEPTED": "serpent,json,marshal,pickle,cloudpickle,dill"}
        server = nameservers.start(servers, [ferropyro, "ns"], env=env)
        assert warned(server) == "pickle, dill, cloudpickle"
        with PYRO4.api.locateNS("127.0.0.1", server.port) as ns:
            ns.register("spam", "PYRO:spam@localhost:1", metadata={"a", "b"})
            uri, metadata = ns.lookup("spam", return_metadata=True)
            assert (type(uri), str(uri), sorted(metadata)) == (PYRO4.api.URI, "PYRO:spam@localhost:1", ["a", "b"])
            assert ns.list(prefix="sp") == {"spam": "PYRO:spam@localhost:1"}
            with pytest.raises(PYRO4.errors.NamingError, match="^unknown name: eggs$"):
                ns.lookup("eggs")
        logged = re.findall(r"accepted serializers: {(.*)}", log.read_text())[-1]
        assert set(re.findall(r"'(\w+)'", logged)) == set(SERIALIZERS) - {"msgpack"}
        found = run([ferropyro, "nsc", "-p", server.port, "lookup", "spam"], env={"PYRO_SERIALIZER": serializer})
        assert "PYRO:spam@localhost:1" in found.stdout

    def test_ferropyro_asks_the_real_one_with_pickle(self, ferropyro, servers, serializer):
        names = PYRO4.start_name_server(servers, env=ACCEPT_ALL)
        ask = [ferropyro, "nsc", "-p", names.port]
        env = {"PYRO_SERIALIZER": serializer}
        run([*ask, "register", "spam", "PYRO:spam@localhost:1"], env=env)
        assert "PYRO:spam@localhost:1" in run([*ask, "lookup", "spam"], env=env).stdout

    def test_a_real_one_that_does_not_accept_pickle_is_not_found(self, ferropyro, servers, serializer):
        names = PYRO4.start_name_server(servers)
        done = run([ferropyro, "nsc", "-p", names.port, "list"], env={"PYRO_SERIALIZER": serializer})
        assert done.returncode != 0
        assert "Failed to locate the nameserver" in done.stdout
        assert "serializer that is not accepted" in done.stderr
