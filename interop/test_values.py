"""What becomes of Python's types on their way: the table of each serializer, and generated values there and back."""

import datetime
import decimal
import json
import random
import uuid

import pytest

import peers
import tagged
from rust_peer import RustError

SERIALIZERS = ["serpent", "json", "marshal", "msgpack"]
SAME = object()
REFUSED = object()
BYTES = b"irmen de jong"
BYTES_DICT = {"data": "aXJtZW4gZGUgam9uZw==", "encoding": "base64"}
NAN, INF = float("nan"), float("inf")

# What arrives at the other side, by serializer; the same value where nothing is said.
TABLE = {
    "none": (None, {}),
    "true": (True, {}),
    "false": (False, {}),
    "zero": (0, {}),
    "minus one": (-1, {}),
    "32 bits": (2**31, {}),
    "largest of 64 bits": (2**63 - 1, {}),
    "smallest of 64 bits": (-(2**63), {}),
    "unsigned 64 bits": (2**64 - 1, {}),
    "beyond 64 bits": (2**64, {}),
    "large negative": (-(10**50), {}),
    "float": (1.5, {}),
    "negative zero": (-0.0, {}),
    "large float": (1e300, {}),
    "smallest float": (5e-324, {}),
    "infinity": (INF, {}),
    "negative infinity": (-INF, {}),
    "nan": (NAN, {}),
    "complex": (3 - 2j, {"json": REFUSED}),
    "empty text": ("", {}),
    "text": ("abc ünï € \U0001f600 'single' \"double\" \\ \n\r\t\0\x7f\x85\u2028", {}),
    "long text": ("x" * 5000, {}),
    "bytes": (BYTES, {"serpent": BYTES_DICT, "json": REFUSED}),
    "bytearray": (bytearray(BYTES), {"serpent": BYTES_DICT, "json": REFUSED, "marshal": BYTES, "msgpack": BYTES}),
    "list": ([1, [2, [3]], []], {}),
    "tuple": ((1, (2,)), {"json": [1, [2]], "msgpack": [1, [2]]}),
    "empty tuple": ((), {"json": [], "msgpack": []}),
    "set": ({7}, {"json": [7], "msgpack": [7]}),
    "set of several": ({7, "seven", (7,)}, {"json": None, "msgpack": None}),
    "empty set": (set(), {"serpent": (), "json": [], "msgpack": []}),
    "frozenset": (frozenset({7}), {"serpent": {7}, "json": REFUSED, "msgpack": REFUSED}),
    "dict": ({"a": {"b": [1, None]}, "": {}}, {}),
    "dict in order": ({"z": 1, "a": 2, "m": 3}, {}),
    "dict with int keys": ({1: "one", -2: "two"}, {"json": {"1": "one", "-2": "two"}, "msgpack": None}),
    "dict with tuple keys": ({(1, "x"): 1}, {"json": REFUSED, "msgpack": None}),
    "dict with bool keys": ({True: 1}, {"json": {"true": 1}, "msgpack": None}),
    "dict with none as key": ({None: 2}, {"serpent": None, "json": {"null": 2}, "msgpack": None}),
    "datetime": (
        datetime.datetime(2020, 1, 2, 3, 4, 5, 678),
        {"serpent": "2020-01-02T03:04:05.000678", "json": "2020-01-02T03:04:05.000678", "marshal": REFUSED, "msgpack": None},
    ),
    "date": (
        datetime.date(2020, 1, 2),
        {"serpent": "2020-01-02", "json": "2020-01-02", "marshal": REFUSED, "msgpack": None},
    ),
    "time": (
        datetime.time(3, 4, 5, 678),
        {"serpent": "03:04:05.000678", "json": REFUSED, "marshal": REFUSED, "msgpack": REFUSED},
    ),
    "timedelta": (
        datetime.timedelta(1, 2, 500000),
        {"serpent": 86402.5, "json": REFUSED, "marshal": REFUSED, "msgpack": REFUSED},
    ),
    "decimal": (
        decimal.Decimal("1.50"),
        {"serpent": "1.50", "json": "1.50", "marshal": REFUSED, "msgpack": "1.50"},
    ),
    "uuid": (
        uuid.UUID("12345678-1234-4234-8234-123456789012"),
        dict.fromkeys(SERIALIZERS, "12345678-1234-4234-8234-123456789012"),
    ),
    "nested": (
        {"list": [1, 2.5, "x", None, True], "dict": {"deep": [{"er": []}]}, "big": [2**100]},
        {},
    ),
}
CASES = [
    pytest.param(serializer, value, changes.get(serializer, SAME), id=f"{name}-{serializer}")
    for name, (value, changes) in TABLE.items()
    for serializer in SERIALIZERS
    if changes.get(serializer, SAME) is not None  # what None stands for has a test of its own below
]
SENT_BY_PYTHON = [case for case in CASES if case.values[2] is not REFUSED]


# Conformance: SER-01, SER-08
@pytest.mark.parametrize("serializer, value, change", SENT_BY_PYTHON)
def test_rust_sees_what_python_would_see_and_gives_it_back(pyro, rust_server, serializer, value, change):
    expected = value if change is SAME else change
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(rust_server.uri) as proxy:
        assert json.loads(proxy.describe(value)) == tagged.describe(expected)
        assert tagged.same(proxy.echo(value), expected)
        if not (serializer == "marshal" and isinstance(value, uuid.UUID)):  # which Python converts at the top only
            assert tagged.same(proxy.echo([value, {"k": value}]), [expected, {"k": expected}])


# Conformance: SER-01, SER-03, SER-08
@pytest.mark.parametrize("serializer, value, change", CASES)
def test_python_gets_from_rust_what_it_would_get_from_python(pyro, rust_client, python_servers, serializer, value, change):
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
    try:
        if change is REFUSED:
            with pytest.raises(RustError) as raised:
                proxy.call("echo", value)
            assert raised.value.kind == "Serialize"
            assert raised.value.class_name is None  # nothing was sent
            assert proxy.call("echo", "still there") == "still there"
            return
        expected = value if change is SAME else change
        # A Pyro4 server leaves msgpack's extensions in arguments undecoded.
        assert proxy.call("type_of", value) in (type(expected).__name__, "ExtType" if pyro.name == "pyro4" else None)
        assert tagged.same(proxy.call("echo", value), expected)
    finally:
        proxy.perform("close")


@pytest.mark.parametrize("serializer", ["json", "msgpack"])
def test_a_set_of_several_members_arrives_as_a_list_of_them(pyro, rust_server, serializer):
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(rust_server.uri) as proxy:
        assert sorted(proxy.echo({3, 1, 2})) == [1, 2, 3]


def test_msgpack_refuses_dict_keys_that_are_no_text(pyro, rust_server, rust_client, python_servers):
    pyro.api.config.SERIALIZER = "msgpack"
    with pyro.api.Proxy(rust_server.uri) as proxy:
        with pytest.raises(Exception, match="int is not allowed for map key"):
            proxy.echo({1: 2})
        assert proxy.echo({"1": 2}) == {"1": 2}
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer="msgpack")
    with pytest.raises(RustError, match="int is not allowed for map key"):
        proxy.call("echo", {1: 2})


@pytest.mark.parametrize("value", [datetime.datetime(2020, 1, 2, 3, 4, 5, 678), datetime.date(2020, 1, 2)])
def test_msgpack_dates_arrive_as_dates(rust_server, rust_client, python_servers, value):
    peers.PYRO5.api.config.SERIALIZER = "msgpack"
    with peers.PYRO5.api.Proxy(rust_server.uri) as proxy:
        assert proxy.echo(value) == value
        assert json.loads(proxy.describe(value)) == tagged.describe(value)
    proxy = rust_client.proxy(python_servers["pyro5"].uri, serializer="msgpack")
    assert proxy.call("echo", value) == value


# Conformance: SER-02
def test_bytes_parameters_take_the_dict_that_serpent_makes_of_bytes(pyro, rust_server):
    with pyro.api.Proxy(rust_server.uri) as proxy:
        assert proxy.typed_bytes(BYTES) == BYTES_DICT
        assert proxy.typed_bytes(BYTES_DICT) == BYTES_DICT
        with pytest.raises(TypeError):
            proxy.typed_bytes("text")
        with pytest.raises(TypeError):
            proxy.typed_bytes({"data": BYTES_DICT["data"], "encoding": "rot13"})
    pyro.api.config.SERIALIZER = "marshal"
    with pyro.api.Proxy(rust_server.uri) as proxy:
        assert proxy.typed_bytes(BYTES) == BYTES


# Conformance: SER-03
def test_bytes_as_a_result_over_json_are_an_error_at_the_caller(pyro, rust_server, rust_client, python_servers):
    pyro.api.config.SERIALIZER = "json"
    with pyro.api.Proxy(rust_server.uri) as proxy:
        with pytest.raises(TypeError, match="^don't know how to serialize class <class 'bytes'> using serializer JsonSerializer"):
            proxy.return_bytes()
        connection = proxy._pyroConnection
        assert proxy.add(1, 2) == 3
        assert proxy._pyroConnection is connection
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer="json")
    with pytest.raises(RustError) as raised:
        proxy.call("return_bytes")
    assert raised.value.class_name is not None  # the server says so
    assert proxy.call("add", 1, 2) == 3


# Conformance: SER-09
class TestClassesOfPrograms:
    """Both sides may have classes that the other one does not know."""

    @pytest.fixture(params=SERIALIZERS)
    def serializer(self, request, pyro):
        pyro.api.config.SERIALIZER = request.param
        return request.param

    def test_a_class_with_hooks_goes_to_rust_and_back(self, pyro, serializer, rust_server):
        hooks = serializer_base(pyro)
        hooks.register_class_to_dict(Colour, lambda colour: {"__class__": "my.Colour", "name": colour.name})
        hooks.register_dict_to_class("my.Colour", lambda name, dict: Colour(dict["name"]))
        try:
            with pyro.api.Proxy(rust_server.uri) as proxy:
                returned = proxy.echo(Colour("red"))
                assert (type(returned), returned.name) == (Colour, "red")
        finally:
            hooks.unregister_class_to_dict(Colour)
            hooks.unregister_dict_to_class("my.Colour")

    def test_an_instance_without_hooks_is_data_to_rust(self, pyro, serializer, rust_server):
        # Pyro4 with Python 3.11 or newer writes no class name but with serpent.
        hooks = serializer_base(pyro)
        hooks.register_class_to_dict(Colour, lambda colour: {"__class__": "my.Colour", "name": colour.name})
        try:
            with pyro.api.Proxy(rust_server.uri) as proxy:
                described = json.loads(proxy.describe(Colour("red")))
            assert described == {"t": "obj", "class": "my.Colour", "attrs": [["name", {"t": "str", "v": "red"}]]}
        finally:
            hooks.unregister_class_to_dict(Colour)

    def test_a_class_that_python_does_not_know_is_refused_there(self, pyro, serializer, rust_client, python_servers):
        proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
        with pytest.raises(RustError) as raised:
            proxy.call("echo", {"__class__": "my.Colour", "name": "red"})
        assert raised.value.kind == "Serialize"
        assert raised.value.text == "unsupported serialized class: my.Colour"
        with pytest.raises(RustError) as raised:
            proxy.call("echo", {"__class__": "my.__Colour__", "name": "red"})
        assert raised.value.kind == "Security"
        assert "refused to deserialize types with double underscores" in raised.value.text

    def test_python_calls_again_after_a_result_of_an_unknown_class(self, pyro, serializer, rust_server):
        with pyro.api.Proxy(rust_server.uri) as proxy:
            # Told that it is a value of its own, the client's hook makes the dict, and refuses to read it back.
            hooks = serializer_base(pyro)
            hooks.register_class_to_dict(Colour, lambda colour: {"__class__": "my.Colour", "name": colour.name})
            try:
                with pytest.raises(pyro.errors.SerializeError, match="^unsupported serialized class: my.Colour$"):
                    proxy.echo(Colour("red"))
            finally:
                hooks.unregister_class_to_dict(Colour)
            assert proxy.add(1, 2) == 3


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_objects_of_pyro_go_through_rust_and_back(pyro, rust_server, serializer):
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(rust_server.uri) as proxy:
        proxy._pyroBind()
        uri = pyro.api.URI("PYRO:thing@example:1")
        assert proxy.echo(uri) == uri
        returned = proxy.echo(proxy)
        assert (type(returned), returned) == (pyro.api.Proxy, proxy)
        error = pyro.errors.NamingError("lost", 1)
        error.code = [7]
        returned = proxy.echo(error)
        assert (type(returned), returned.args, returned.code) == (type(error), error.args, [7])
        if serializer != "marshal":  # which Python converts at the top only
            (returned,) = proxy.echo([{"k": ValueError("inside")}])
            assert (type(returned["k"]), returned["k"].args) == (ValueError, ("inside",))


def test_a_method_that_wants_no_blob_says_so_and_the_connection_goes_on(pyro, rust_server):
    blob = pyro.api.core.SerializedBlob if pyro.name == "pyro4" else pyro.api.SerializedBlob
    with pyro.api.Proxy(rust_server.uri) as proxy:
        with pytest.raises(TypeError, match="SerializedBlob"):
            proxy.echo(blob("info", [1, 2]))
        assert proxy.add(1, 2) == 3


class TestGeneratedValues:
    """Values of every kind that the serializer keeps: there and back without a difference. `--values N` says how many."""

    @pytest.fixture(params=SERIALIZERS)
    def serializer(self, request):
        return request.param

    # Conformance: SER-08
    def test_from_rust_to_python_and_back(self, pyro, serializer, rust_client, python_servers, values_count):
        proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
        assert proxy.perform("values", count=values_count, seed=values_count) == values_count

    # Conformance: SER-08
    def test_from_python_to_rust_and_back(self, pyro, serializer, rust_server, values_count):
        pyro.api.config.SERIALIZER = serializer
        generator = Generator(values_count, serializer)
        with pyro.api.Proxy(rust_server.uri) as proxy:
            for start in range(0, values_count, 200):
                sent = [generator.value() for _ in range(min(200, values_count - start))]
                received = proxy.echo(sent)
                different = [pair for pair in zip(sent, received) if not tagged.same(*pair)]
                assert not different, different[0]
                assert len(received) == len(sent)


class Colour:
    def __init__(self, name):
        self.name = name


def serializer_base(pyro):
    return pyro.api.util.SerializerBase if pyro.name == "pyro4" else pyro.api.SerializerBase


class Generator:
    """Random values that a serializer keeps as they are."""

    def __init__(self, seed, serializer):
        self._random = random.Random(seed)
        self._leaves = [self._nothing, self._bool, self._int, self._big_int, self._float, self._text, self._text]
        self._containers = [self._list, self._dict]
        self._rich = serializer in ("serpent", "marshal")
        if self._rich:
            self._leaves.append(self._complex)
            self._containers += [self._tuple, self._set]
        if serializer in ("marshal", "msgpack"):
            self._leaves.append(self._bytes)
        if serializer == "marshal":
            self._containers.append(self._frozenset)

    def value(self, depth=4):
        if depth == 0 or self._random.random() < 0.5:
            return self._random.choice(self._leaves)()
        return self._random.choice(self._containers)(depth - 1)

    def _nothing(self):
        return None

    def _bool(self):
        return self._random.random() < 0.5

    def _int(self):
        return self._random.getrandbits(self._random.randint(1, 63)) * self._random.choice([1, -1])

    def _big_int(self):
        return self._random.getrandbits(self._random.randint(60, 300)) * self._random.choice([1, -1])

    def _float(self):
        special = [0.0, -0.0, INF, -INF, NAN, 0.1, 1e22, 5e-324]
        return self._random.choice([*special, self._random.uniform(-1e6, 1e6), self._random.gauss(0, 1) * 10.0 ** self._random.randint(-300, 300)])

    def _complex(self):
        return complex(self._random.uniform(-1e3, 1e3), self._random.uniform(0, 1e3))

    def _text(self):
        alphabet = "abcXYZ 09'\"\\\n\r\t\0\x1b\x7f\x85\xff\u2028\ufeff\u20ac\U0001f600{}[](),:"
        return "".join(self._random.choices(alphabet, k=self._random.randint(0, 12)))

    def _bytes(self):
        return self._random.randbytes(self._random.randint(0, 40))

    def _hashable(self):
        choice = self._random.randint(0, 3)
        if choice == 0:
            return self._int() * 4 + 2  # not 0 or 1, which are the same as False and True
        if choice == 1:
            return (self._int(), self._text())
        return self._text()

    def _several(self, make, least=0):
        return [make() for _ in range(self._random.randint(least, 4))]

    def _list(self, depth):
        return self._several(lambda: self.value(depth))

    def _tuple(self, depth):
        return tuple(self._list(depth))

    def _set(self, depth):
        return set(self._several(self._hashable, least=1))  # serpent has no empty sets

    def _frozenset(self, depth):
        return frozenset(self._several(self._hashable))

    def _dict(self, depth):
        key = self._hashable if self._rich else self._text
        return {key(): self.value(depth) for _ in range(self._random.randint(0, 4))}
