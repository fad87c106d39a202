"""Calls, attributes, batches, oneway calls, metadata: Python clients of a Rust server, and a Rust client of Python servers."""

import uuid

import pytest

from peers import ACCEPT_ALL
from rust_peer import RustError, start_server, uri_of

SERIALIZERS = ["serpent", "json", "marshal", "msgpack", "pickle"]
# Python's marshal serializer cannot write the None that stands for the keyword arguments of a batch or an attribute.
WITHOUT_MARSHAL = ["serpent", "json", "msgpack", "pickle"]
METHODS = {"add", "echo", "raise_value", "oneway_log", "varargs"}


@pytest.fixture(params=SERIALIZERS)
def serializer(request):
    return request.param


@pytest.fixture
def to_rust(pyro, serializer, rust_server):
    """A Python proxy for the Rust object, of each generation and with each serializer."""
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(rust_server.uri) as proxy:
        yield proxy


@pytest.fixture
def to_python(pyro, serializer, rust_client, python_servers):
    """A Rust proxy for the Python object, of each generation and with each serializer."""
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
    yield proxy
    proxy.perform("close")


class TestPythonClientOfRustServer:
    def test_positional_keyword_and_default_arguments(self, to_rust):
        assert to_rust.add(1, 2) == 3
        assert to_rust.add(1) == 11
        assert to_rust.add(1, b=5) == 6
        assert to_rust.add(b=1, a=2) == 3
        assert to_rust.nothing() is None
        assert list(to_rust.three(1, c=3, b=2)) == [1, 2, 3]

    def test_methods_that_take_anything_get_it_all(self, to_rust):
        args, kwargs = to_rust.varargs(1, "two", z=[3], a=None)
        assert list(args) == [1, "two"]
        assert [list(pair) for pair in kwargs] == [["a", None], ["z", [3]]]

    @pytest.mark.parametrize(
        "method, args, kwargs, text",
        [
            ("add", (), {}, "missing 1 required positional argument: 'a'"),
            ("three", (), {}, "missing 3 required positional arguments: 'a', 'b', and 'c'"),
            ("three", (1,), {}, "missing 2 required positional arguments: 'b' and 'c'"),
            ("three", (1,), {"c": 1}, "missing 1 required positional argument: 'b'"),
            ("three", (1, 2, 3, 4), {}, "takes 4 positional arguments but 5 were given"),
            ("add", (1, 2, 3), {}, "takes from 2 to 3 positional arguments but 4 were given"),
            ("nothing", (1,), {}, "takes 1 positional argument but 2 were given"),
            ("add", (1,), {"c": 1}, "got an unexpected keyword argument 'c'"),
            ("add", (1,), {"a": 1}, "got multiple values for argument 'a'"),
        ],
    )
    def test_arguments_that_do_not_fit_raise_the_type_error_of_python(self, to_rust, method, args, kwargs, text):
        with pytest.raises(TypeError) as raised:
            getattr(to_rust, method)(*args, **kwargs)
        assert str(raised.value) == f"Thing.{method}() {text}"
        assert to_rust.add(1, 1) == 2  # on the same connection

    @pytest.mark.parametrize(
        "method, argument",
        [
            ("typed_int", "text"),
            ("typed_int", 1.5),
            ("typed_int", 2**70),
            ("typed_small", 256),
            ("typed_small", -1),
            ("typed_str", 1),
            ("typed_bool", 1),
            ("typed_list", ["text"]),
            ("typed_struct", {"x": 1}),
            ("typed_tuple", [1]),
        ],
    )
    def test_an_argument_of_a_wrong_type_raises_a_type_error_that_names_it(self, to_rust, method, argument):
        with pytest.raises(TypeError, match=rf"^Thing\.{method}\(\) argument 'x': "):
            getattr(to_rust, method)(argument)
        assert to_rust.add(1, 1) == 2

    @pytest.mark.parametrize(
        "method, argument",
        [
            ("typed_int", -(2**63)),
            ("typed_small", 255),
            ("typed_float", 1.5),
            ("typed_bool", True),
            ("typed_str", "ünï \U0001f600"),
            ("typed_list", [1, 2]),
            ("typed_dict", {"a": 1}),
            ("typed_option", None),
            ("typed_option", 5),
            ("typed_struct", {"x": 1, "y": 2.5}),
        ],
    )
    def test_typed_parameters_take_and_give_their_type(self, to_rust, method, argument):
        result = getattr(to_rust, method)(argument)
        assert (result, type(result)) == (argument, type(argument))

    def test_an_int_does_for_a_float(self, to_rust):
        assert to_rust.typed_float(2) == 2.0

    def test_tuples_sets_and_bytes_reach_typed_parameters_whatever_they_travel_as(self, to_rust, serializer):
        assert tuple(to_rust.typed_tuple((1, "x"))) == (1, "x")
        assert set(to_rust.typed_set({1, 2})) == {1, 2}
        if serializer != "json":
            to_rust.typed_bytes(b"irmen de jong")

    def test_oneway_calls_give_none_at_once_and_are_executed(self, pyro, serializer, servers, peer_program):
        server = start_server(servers, peer_program, env=ACCEPT_ALL)
        pyro.api.config.SERIALIZER = serializer
        with pyro.api.Proxy(server.uri) as proxy:
            assert proxy.oneway_log("first") is None
            assert proxy.oneway_error() is None
            assert proxy.oneway_log("second") is None
            assert sorted(proxy.wait_for_log(2)) == ["first", "second"]

    def test_the_context_knows_the_call(self, pyro, serializer, to_rust):
        to_rust.nothing()
        seq, flags, name, dialect, peer = to_rust.context()
        assert (seq, flags & 0x0F, name) == (2, 0, serializer)
        assert str(pyro.protocol) in dialect
        assert peer == "%s:%d" % to_rust._pyroConnection.sock.getsockname()

    def test_the_correlation_id_of_the_client_reaches_the_method(self, pyro, to_rust):
        pyro.api.current_context.correlation_id = uuid.UUID("12345678-1234-4234-8234-123456789012")
        assert to_rust.corr() == "12345678-1234-4234-8234-123456789012"

    def test_special_method_names_can_be_exposed(self, to_rust):
        assert to_rust.__dunder__() == "dunder"

    # Conformance: HS-01
    def test_the_handshake_brings_the_metadata(self, pyro, to_rust):
        to_rust._pyroBind()
        assert METHODS <= to_rust._pyroMethods
        assert to_rust._pyroOneway == {"oneway_log", "oneway_error"}
        assert to_rust._pyroAttrs == {"value", "readonly"}
        assert to_rust.context()[0] == 1  # no request before this one

    # Conformance: HS-01
    def test_the_daemon_object_gives_the_same_metadata(self, pyro, serializer, rust_server):
        pyro.api.config.SERIALIZER = serializer
        with pyro.api.Proxy(uri_of(rust_server, "Pyro.Daemon")) as daemon:
            metadata = daemon.get_metadata("obj.test")
            assert METHODS <= set(metadata["methods"])
            assert set(metadata["oneway"]) == {"oneway_log", "oneway_error"}
            assert set(metadata["attrs"]) == {"value", "readonly"}
            assert list(daemon.registered())[:2] == ["Pyro.Daemon", "obj.test"]
            assert daemon.ping() is None
            assert "Pyro.Daemon bound on localhost" in daemon.info()
            with pytest.raises(pyro.errors.DaemonError, match="^unknown object$"):
                daemon.get_metadata("unknown")

    # Conformance: URI-08
    def test_a_uri_arrives_as_a_uri_of_the_generation(self, pyro, rust_server, to_rust):
        given = to_rust.give_uri()
        assert type(given) is pyro.api.URI
        assert given == pyro.api.URI(uri_of(rust_server, "helper"))
        assert to_rust.take_uri(given) == str(given)


class TestPythonClientOfRustAttributes:
    @pytest.fixture(params=WITHOUT_MARSHAL)
    def serializer(self, request):
        return request.param

    def test_attributes_are_read_and_set(self, to_rust):
        to_rust.value = 42
        assert to_rust.value == 42
        to_rust.value = {"a": [1, "x"]}
        assert to_rust.value == {"a": [1, "x"]}
        assert to_rust.readonly == "read only"

    def test_an_attribute_without_setter_cannot_be_set(self, to_rust):
        with pytest.raises(AttributeError, match="property 'readonly' of 'Thing' object has no setter"):
            to_rust.readonly = 1
        assert to_rust.readonly == "read only"

    def test_an_attribute_that_is_not_exposed_is_refused_by_the_server_too(self, to_rust):
        to_rust._pyroBind()
        for name in ["unexposed_prop", "no_such", "echo"]:
            with pytest.raises(AttributeError, match=f"attempt to access unexposed or unknown remote attribute '{name}'"):
                to_rust._pyroInvoke("__getattr__", (name,), None)

    def test_a_batch_gives_its_results_in_order(self, pyro, to_rust):
        batch = batch_of(pyro, to_rust)
        batch.add(1, 2)
        batch.add(1, b=5)
        batch.echo("x")
        assert list(batch()) == [3, 6, "x"]
        assert list(batch_of(pyro, to_rust)()) == []

    def test_a_batch_stops_at_the_first_exception_and_raises_it_there(self, pyro, to_rust):
        batch = batch_of(pyro, to_rust)
        batch.add(1, 2)
        batch.raise_value("in the batch")
        batch.echo("never")
        results = batch()
        assert next(results) == 3
        with pytest.raises(ValueError, match="^in the batch$"):
            next(results)

    def test_a_private_or_unexposed_name_in_a_batch_fails_the_whole(self, pyro, to_rust):
        for name in ["_private", "unexposed", "no_such"]:
            batch = batch_of(pyro, to_rust)
            batch.add(1, 2)
            getattr(batch, name)()
            with pytest.raises(AttributeError, match=name):
                batch()

    def test_a_oneway_batch_is_executed_without_an_answer(self, pyro, serializer, servers, peer_program):
        pyro.api.config.SERIALIZER = serializer
        with pyro.api.Proxy(start_server(servers, peer_program, env=ACCEPT_ALL).uri) as proxy:
            batch = batch_of(pyro, proxy)
            batch.oneway_log(1)
            batch.oneway_log(2)
            assert batch(oneway=True) is None
            assert list(proxy.wait_for_log(2)) == [1, 2]


class TestInstancesOfClasses:
    """Registered classes, seen from Python."""

    # Conformance: REG-05
    def test_a_class_has_an_instance_for_each_connection(self, pyro, rust_server):
        uri = uri_of(rust_server, "counter.session")
        with pyro.api.Proxy(uri) as one, pyro.api.Proxy(uri) as other:
            assert [one.inc(), one.inc(), other.inc(), one.inc()] == [1, 2, 1, 3]
        with pyro.api.Proxy(uri) as again:
            assert again.inc() == 1

    # Conformance: REG-05
    def test_a_registered_object_is_shared_by_all_connections(self, pyro, rust_server):
        pyro.api.config.SERIALIZER = "json"
        with pyro.api.Proxy(rust_server.uri) as one, pyro.api.Proxy(rust_server.uri) as other:
            one.value = 5
            assert other.value == 5

    def test_single_instances_are_shared_and_percall_ones_are_always_new(self, pyro, rust_server):
        single, percall = uri_of(rust_server, "counter.single"), uri_of(rust_server, "counter.percall")
        with pyro.api.Proxy(single) as one, pyro.api.Proxy(single) as other:
            count = one.inc()
            assert [other.inc(), one.inc()] == [count + 1, count + 2]
        with pyro.api.Proxy(percall) as proxy:
            assert [proxy.inc(), proxy.inc()] == [1, 1]

    def test_a_batch_is_one_call(self, pyro, rust_server):
        with pyro.api.Proxy(uri_of(rust_server, "counter.percall")) as proxy:
            batch = batch_of(pyro, proxy)
            batch.inc()
            batch.inc()
            assert list(batch()) == [1, 2]


class TestRustClientOfPythonServer:
    def test_positional_keyword_and_default_arguments(self, to_python):
        assert to_python.call("add", 1, 2) == 3
        assert to_python.call("add", 1) == 11
        assert to_python.call("add", 1, b=5) == 6
        assert to_python.call("nothing") is None
        args, kwargs = to_python.call("varargs", 1, "two", z=[3], a=None)
        assert list(args) == [1, "two"]
        assert [list(pair) for pair in kwargs] == [["a", None], ["z", [3]]]

    def test_a_missing_argument_is_a_type_error_of_the_server(self, to_python):
        with pytest.raises(RustError) as raised:
            to_python.call("three", 1)
        assert raised.value.class_name == "builtins.TypeError"
        assert raised.value.text == "Thing.three() missing 2 required positional arguments: 'b' and 'c'"
        assert to_python.call("add", 1, 2) == 3

    def test_finds_out_the_generation_by_itself(self, pyro, to_python):
        assert str(pyro.protocol) in to_python.perform("dialect")

    # Conformance: HS-01
    def test_the_handshake_brings_the_metadata(self, to_python):
        methods, oneway, attributes = to_python.perform("metadata")
        assert METHODS <= set(methods)
        assert (oneway, attributes) == (["oneway_log"], ["readonly", "value"])
        assert to_python.call("seq") == 1  # no request before this one

    def test_a_name_that_is_not_exposed_does_not_reach_the_wire(self, to_python):
        for name in ["unexposed", "no_such", "_private"]:
            with pytest.raises(RustError, match=f"has no exposed attribute or method '{name}'") as raised:
                to_python.call(name)
            assert raised.value.kind == "Attribute"
        assert to_python.call("seq") == 1

    def test_oneway_calls_give_none_at_once_and_are_executed(self, pyro, serializer, servers, rust_client):
        proxy = rust_client.proxy(pyro.start_test_server(servers).uri, serializer=serializer)
        assert proxy.call("oneway_log", "declared") is None
        assert proxy.oneway("echo", "asked for") is None
        assert proxy.call("wait_for_log", 1) == ["declared"]

    def test_attributes_are_read_and_set(self, to_python):
        to_python.set("value", [1, "x"])
        assert to_python.get("value") == [1, "x"]
        assert to_python.get("readonly") == "read only"
        with pytest.raises(RustError) as raised:
            to_python.set("readonly", 1)
        assert raised.value.class_name == "builtins.AttributeError"

    # Conformance: URI-08
    def test_a_uri_arrives_as_an_object_of_its_class(self, pyro, to_python, python_servers):
        given = to_python.call("give_uri")
        assert given.cls in ("Pyro4.core.URI", "Pyro5.core.URI")
        assert list(given["state"][:2]) == ["PYRO", "helper"]

    # Conformance: POOL-09, REG-05
    def test_a_released_proxy_connects_again_and_meets_a_new_instance(self, pyro, rust_client, python_servers):
        proxy = rust_client.proxy(uri_of(python_servers[pyro.name], "counter.session"))
        assert [proxy.call("inc"), proxy.call("inc")] == [1, 2]
        proxy.perform("release")
        proxy.perform("release")
        assert proxy.perform("connected") is False
        assert proxy.call("inc") == 1


def test_compressed_messages_are_understood_both_ways(pyro, servers, peer_program, rust_client):
    server = start_server(servers, peer_program, env={"PYRO_COMPRESSION": "1"})
    pyro.api.config.COMPRESSION = True
    with pyro.api.Proxy(server.uri) as proxy:
        assert proxy.echo("x" * 100_000) == "x" * 100_000
        with pytest.raises(ValueError, match="^y{1000}$"):
            proxy.raise_value("y" * 1000)
    python = pyro.start_test_server(servers, config={"COMPRESSION": True})
    proxy = rust_client.proxy(python.uri, config={"COMPRESSION": "1"})
    assert proxy.call("echo", "x" * 100_000) == "x" * 100_000


def test_a_unix_socket_serves_both_generations(pyro, servers, peer_program, rust_client, tmp_path):
    path = str(tmp_path / "socket")
    server = start_server(servers, peer_program, "--unix", path)
    assert server.uri == f"PYRO:obj.test@./u:{path}"
    with pyro.api.Proxy(server.uri) as proxy:
        assert proxy.echo("over a file") == "over a file"
    assert rust_client.proxy(server.uri).call("echo", 1) == 1
    python = pyro.start_test_server(servers, unixsocket=str(tmp_path / "python"))
    assert rust_client.proxy(python.uri).call("add", 1, 2) == 3


def batch_of(pyro, proxy):
    return pyro.api.batch(proxy) if pyro.name == "pyro4" else pyro.api.BatchProxy(proxy)

