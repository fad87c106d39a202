"""Exceptions: their classes, arguments, attributes and tracebacks, from Rust to Python and from Python to Rust."""

import pytest

from rust_peer import RustError

SERIALIZERS = ["serpent", "json", "marshal", "msgpack", "pickle"]
PYRO_ERRORS = [
    "PyroError",
    "CommunicationError",
    "ConnectionClosedError",
    "TimeoutError",
    "ProtocolError",
    "MessageTooLargeError",
    "SerializeError",
    "NamingError",
    "DaemonError",
    "SecurityError",
]
# A real server closes the connection without an answer when a method raises one of these.
SILENT_IN_PYTHON = PYRO_ERRORS[1:6]


@pytest.fixture(params=SERIALIZERS)
def serializer(request):
    return request.param


@pytest.fixture
def to_rust(pyro, serializer, rust_server):
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(rust_server.uri) as proxy:
        yield proxy


@pytest.fixture
def to_python(pyro, serializer, rust_client, python_servers):
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
    yield proxy
    proxy.perform("close")


def traceback_of(pyro, error):
    get = pyro.api.util.getPyroTraceback if pyro.name == "pyro4" else pyro.errors.get_pyro_traceback
    return "".join(get(type(error), error, error.__traceback__))


class TestRaisedByRust:
    def test_an_exception_has_its_class_text_and_remote_traceback(self, pyro, to_rust):
        with pytest.raises(ValueError, match="^the text$") as raised:
            to_rust.raise_value("the text")
        assert all(line.endswith("\n") for line in raised.value._pyroTraceback)
        assert raised.value._pyroTraceback[0] == "Traceback (most recent call last):\n"
        assert raised.value._pyroTraceback[-1] == "ValueError: the text\n"
        shown = traceback_of(pyro, raised.value)
        assert "Remote traceback" in shown
        assert "Thing.raise_value" in shown

    def test_arguments_and_attributes_come_along(self, to_rust):
        with pytest.raises(ValueError) as raised:
            to_rust.raise_attrs()
        assert raised.value.args == ("with attributes", 42)
        assert (raised.value.code, raised.value.info) == (7, {"k": [1, 2]})

    @pytest.mark.parametrize(
        "name, args",
        [
            ("ArithmeticError", ["x"]),
            ("AssertionError", []),
            ("EOFError", ["end"]),
            ("IndexError", ["list index out of range"]),
            ("KeyError", ["missing"]),
            ("NotImplementedError", []),
            ("OverflowError", ["too large"]),
            ("StopIteration", []),
            ("TimeoutError", ["late"]),
            ("UnicodeError", ["bad"]),
            ("ZeroDivisionError", ["division by zero", 1, [2]]),
        ],
    )
    def test_any_class_of_python_can_be_chosen(self, to_rust, name, args):
        with pytest.raises(Exception) as raised:
            to_rust.raise_class(name, args)
        assert (type(raised.value).__module__, type(raised.value).__name__) == ("builtins", name)
        assert raised.value.args == tuple(args)

    def test_python_chooses_the_subclass_of_an_os_error_by_its_number(self, to_rust):
        with pytest.raises(FileNotFoundError):
            to_rust.raise_class("OSError", [2, "No such file or directory"])

    # Conformance: API-01
    @pytest.mark.parametrize("name", PYRO_ERRORS)
    def test_pyros_own_errors_arrive_as_those_of_the_clients_generation(self, pyro, to_rust, name):
        with pytest.raises(pyro.errors.PyroError, match="^a pyro error$") as raised:
            to_rust.raise_pyro("Pyro5.errors." + name)
        assert type(raised.value) is getattr(pyro.errors, name)
        assert to_rust.add(1, 2) == 3

    def test_an_error_type_of_the_programs_own_becomes_what_it_says(self, to_rust):
        with pytest.raises(LookupError, match="^no spam left$") as raised:
            to_rust.raise_own()
        assert raised.value.item == "spam"

    def test_a_panic_is_an_exception_and_the_connection_goes_on(self, to_rust):
        with pytest.raises(RuntimeError, match="^the method panicked: oh no$"):
            to_rust.raise_panic("oh no")
        connection = to_rust._pyroConnection
        assert to_rust.add(1, 2) == 3
        assert to_rust._pyroConnection is connection

    def test_a_class_that_python_does_not_know_cannot_be_raised_there(self, pyro, to_rust, serializer):
        refusal = pyro.errors.SerializeError, "^unsupported serialized class: my.Error$"
        if serializer == "pickle":
            refusal = ModuleNotFoundError, "^No module named 'my'$"
        with pytest.raises(refusal[0], match=refusal[1]):
            to_rust.raise_class("my.Error", [])
        assert to_rust.add(1, 2) == 3

    def test_an_exception_can_be_a_result(self, to_rust):
        returned = to_rust.return_exception()
        assert (type(returned), returned.args) == (ValueError, ("as a value",))


def test_an_exception_that_the_serializer_cannot_carry_is_told_in_another(pyro, rust_server):
    pyro.api.config.SERIALIZER = "json"
    with pyro.api.Proxy(rust_server.uri) as proxy:
        with pytest.raises(pyro.errors.PyroError, match="^Error serializing exception: .*bytes.*Original exception: .*ValueError"):
            proxy.raise_bytes()
        assert proxy.add(1, 2) == 3


class TestRaisedByPython:
    def test_an_exception_has_its_class_text_and_remote_traceback(self, to_python):
        with pytest.raises(RustError) as raised:
            to_python.call("raise_value", "the text")
        assert (raised.value.kind, raised.value.class_name) == ("Remote", "builtins.ValueError")
        assert (raised.value.text, raised.value.args_) == ("the text", ["the text"])
        assert raised.value.traceback.startswith("Traceback (most recent call last):\n")
        assert "in raise_value" in raised.value.traceback
        assert raised.value.traceback.endswith("ValueError: the text\n")
        assert to_python.call("add", 1, 2) == 3

    def test_arguments_and_attributes_come_along(self, to_python):
        with pytest.raises(RustError) as raised:
            to_python.call("raise_attrs")
        assert raised.value.args_ == ["with attributes", 42]
        assert raised.value.attrs == {"code": 7, "info": {"k": [1, 2]}}

    def test_the_text_is_that_of_pythons_str(self, to_python):
        with pytest.raises(RustError) as raised:
            to_python.call("raise_nested")
        assert (raised.value.class_name, raised.value.text) == ("builtins.KeyError", "'missing'")

    def test_a_class_that_nobody_registered_keeps_its_name_and_arguments(self, to_python, serializer):
        with pytest.raises(RustError) as raised:
            to_python.call("raise_custom")
        if serializer == "pickle":  # which has classes of modules only
            assert "Can't pickle" in str(raised.value)
            return
        assert (raised.value.kind, raised.value.class_name) == ("Remote", "custom.Custom")
        assert raised.value.args_ == ["custom", 1]
        assert to_python.call("add", 1, 2) == 3

    # Conformance: API-01
    @pytest.mark.parametrize("name", PYRO_ERRORS)
    def test_pyros_own_errors_are_the_kinds_of_the_library(self, to_python, name):
        with pytest.raises(RustError) as raised:
            to_python.call("raise_pyro", name)
        if name in SILENT_IN_PYTHON:
            assert (raised.value.kind, raised.value.class_name) == ("ConnectionClosed", None)
            assert raised.value.text == "receiving: not enough data"
        else:
            assert raised.value.kind == name.removesuffix("Error")
            assert raised.value.text == "a pyro error"
        assert to_python.call("add", 1, 2) == 3

    def test_a_result_that_cannot_travel_is_an_error(self, to_python):
        with pytest.raises(RustError) as raised:
            to_python.call("return_lock")
        assert raised.value.class_name is not None
        assert to_python.call("add", 1, 2) == 3
