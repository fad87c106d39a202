"""Classes of a program's own, between Rust and the real Pyro: with converters on Python's side, and without."""

import json
import sys
from pathlib import Path

import pytest

import orders
from orders import Line, Order, OutOfStock, shown
from rust_peer import RustError, uri_of
from servers import Servers, run
from test_guide import blocks, run_python, shown_after

SERIALIZERS = ["serpent", "json", "marshal", "msgpack"]
PYRO4_IMPORTS = """
from Pyro4 import Proxy
from Pyro4.util import SerializerBase
register_class_to_dict = SerializerBase.register_class_to_dict
register_dict_to_class = SerializerBase.register_dict_to_class
"""
DOUBLE_UNDERSCORES = "refused to deserialize types with double underscores in their name: "


@pytest.fixture(params=SERIALIZERS)
def serializer(request, pyro):
    pyro.api.config.SERIALIZER = request.param
    return request.param


@pytest.fixture
def hooks(pyro):
    """The converters of orders.py, registered in this process."""
    base = serializer_base(pyro)
    orders.register(base)
    yield base
    orders.unregister(base)


@pytest.fixture
def rust_orders(pyro, rust_server):
    """The object obj.orders of the Rust server."""
    with pyro.api.Proxy(uri_of(rust_server, "obj.orders")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def python_orders():
    """python_orders("pyro4", "hooks"): the server orders.py, with converters or without."""
    running = {}
    with Servers() as servers:

        def start(generation, converters):
            if (generation, converters) not in running:
                args = [sys.executable, Path(__file__).parent / "orders.py", generation, converters]
                running[generation, converters] = servers.start(args, ready=r"^URI = PYRO:")
            return running[generation, converters]

        yield start


@pytest.fixture
def rust_steps(peer_program, serializer):
    """rust_steps(server, "echo", ...): what typed calls of a Rust client gave, one after the other over one proxy."""

    def perform(server, *steps):
        done = run([peer_program, "orders", server.uri, serializer, *steps])
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return perform


def serializer_base(pyro):
    return pyro.api.util.SerializerBase if pyro.name == "pyro4" else pyro.api.SerializerBase


def still_works(proxy):
    assert proxy.take("lamp", 3) == 3
    return True


# Conformance: SER-09
class TestPythonCallsRust:
    def test_an_object_goes_there_and_back(self, serializer, hooks, rust_orders):
        returned = rust_orders.echo(orders.order(7))
        assert type(returned) is Order
        assert shown(returned) == shown(orders.order(7))

    def test_an_object_made_in_rust_is_one_in_python(self, serializer, hooks, rust_orders):
        assert shown(rust_orders.make(8)) == shown(orders.order(8))
        several = rust_orders.make_several()
        assert [type(order) for order in several] == [Order, Order]
        assert [shown(order) for order in several] == [shown(orders.order(1)), shown(orders.order(2))]

    def test_objects_in_a_list_are_read(self, serializer, hooks, rust_orders):
        several = [orders.order(1), orders.order(2)]
        if serializer == "marshal":  # which Python converts at the top only
            several = list(map(orders.order_to_dict, several))
        assert rust_orders.count(several) == 10

    def test_without_converters_python_can_send_and_not_receive(self, pyro, serializer, rust_orders):
        plain = Order(7, [], "plain")
        # Pyro4 with Python 3.11 or newer writes no class name but with serpent: Rust takes that too, where it knows what belongs there.
        nameless = pyro.name == "pyro4" and sys.version_info >= (3, 11) and serializer != "serpent"
        assert rust_orders.class_of(plain) == ("dict" if nameless else "shop.Order")
        with pytest.raises(pyro.errors.SerializeError, match="^unsupported serialized class: shop.Order$"):
            rust_orders.echo(plain)
        assert still_works(rust_orders)

    def test_another_class_is_a_type_error(self, pyro, serializer, hooks, rust_orders):
        with pytest.raises(TypeError) as raised:
            rust_orders.echo(Line("lamp", 2))
        text = "an object of class shop.Line where one of class shop.Order belongs"
        assert str(raised.value) == f"Orders.echo() argument 'order': {text}"
        connection = rust_orders._pyroConnection
        assert still_works(rust_orders)
        assert rust_orders._pyroConnection is connection

    def test_a_missing_attribute_is_a_type_error(self, serializer, hooks, rust_orders):
        with pytest.raises(TypeError, match=r"^Orders\.echo\(\) argument 'order': an object of class shop\.Order without the attribute 'note'$"):
            rust_orders.echo({"__class__": "shop.Order", "number": 1, "items": []})

    def test_a_class_with_double_underscores_is_refused(self, pyro, serializer, rust_orders):
        rust_orders._pyroBind()
        connection = rust_orders._pyroConnection
        for hidden in [{"__class__": "__main__.Hidden", "x": 1}, [{"k": {"__class__": "__main__.Hidden"}}]]:
            with pytest.raises(pyro.errors.SecurityError) as raised:
                rust_orders.echo_any(hidden)
            assert str(raised.value) == DOUBLE_UNDERSCORES + "__main__.Hidden"
        assert still_works(rust_orders)
        assert rust_orders._pyroConnection is connection

    def test_an_unknown_class_is_data(self, serializer, rust_orders):
        assert rust_orders.class_of({"__class__": "shop.Customer", "name": "x"}) == "shop.Customer"

    def test_an_exception_of_rusts_own_is_the_registered_one(self, serializer, hooks, rust_orders):
        with pytest.raises(OutOfStock, match="^only 4 of lamp left$") as raised:
            rust_orders.take("lamp", 9)
        assert (raised.value.thing, raised.value.left) == ("lamp", 4)
        assert "Orders.take" in "".join(raised.value._pyroTraceback)
        assert still_works(rust_orders)

    def test_an_exception_can_be_an_argument(self, serializer, hooks, rust_orders):
        with pytest.raises(OutOfStock, match="^only 1 of bulb left$") as raised:
            rust_orders._pyroInvoke("raise", (OutOfStock("any text", "bulb", 1),), {})
        assert raised.value.left == 1

    def test_without_a_converter_the_exception_is_one_of_pyros(self, pyro, serializer, rust_orders):
        with pytest.raises(pyro.errors.SerializeError, match="^unsupported serialized class: shop.OutOfStock$"):
            rust_orders.take("lamp", 9)
        assert still_works(rust_orders)


def described(number, note=None, lines=(("lamp", 2), ("r\u00f6hre", 3))):
    items = [{"thing": thing, "count": count, "__class__": "shop.Line"} for thing, count in lines]
    return {"ok": {"number": number, "items": items, "note": note, "__class__": "shop.Order"}}


def refused(kind, text):
    return {"error": kind, "text": text}


# Conformance: SER-09
class TestRustCallsPython:
    def test_an_object_goes_there_and_back(self, pyro, python_orders, rust_steps):
        server = python_orders(pyro.name, "hooks")
        assert rust_steps(server, "echo", "make", "count") == [described(7), described(8), {"ok": 10}]

    def test_without_converters_python_refuses_and_the_proxy_goes_on(self, pyro, serializer, python_orders, rust_steps):
        server = python_orders(pyro.name, "none")
        # What is inside comes first in msgpack.
        met_first = "shop.Line" if serializer == "msgpack" else "shop.Order"
        unsupported = refused("Serialize", f"unsupported serialized class: {met_first}")
        # In a list the same, and after it a call that works.
        assert rust_steps(server, "echo", "take", "count", "take") == [unsupported, {"ok": ["taken", 3]}] * 2

    def test_without_converters_the_objects_of_python_are_read(self, pyro, python_orders, rust_steps):
        server = python_orders(pyro.name, "none")
        assert rust_steps(server, "make_plain") == [described(8, "plain", ())]

    def test_a_result_of_a_class_with_double_underscores_is_refused(self, pyro, python_orders, rust_steps):
        server = python_orders(pyro.name, "none")
        assert rust_steps(server, "make_hidden", "take") == [
            refused("Security", DOUBLE_UNDERSCORES + "__main__.Hidden"),
            {"ok": ["taken", 3]},
        ]

    def test_an_exception_of_pythons_own_is_caught_as_itself(self, pyro, python_orders, rust_steps):
        for converters in ["hooks", "none"]:
            server = python_orders(pyro.name, converters)
            assert rust_steps(server, "take_too_much", "take") == [{"ok": ["left", 4]}, {"ok": ["taken", 3]}]

    def test_an_exception_can_be_an_argument(self, pyro, python_orders, rust_steps):
        server = python_orders(pyro.name, "hooks")
        assert rust_steps(server, "raise_") == [{"ok": ["left", 1]}]


# Conformance: SER-09
@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_class_with_double_underscores_is_refused_by_python_too(pyro, serializer, rust_client, python_servers):
    proxy = rust_client.proxy(python_servers[pyro.name].uri, serializer=serializer)
    with pytest.raises(RustError) as raised:
        proxy.call("echo", {"__class__": "__main__.Hidden"})
    assert (raised.value.kind, raised.value.text) == ("Security", DOUBLE_UNDERSCORES + "__main__.Hidden")


# Conformance: SER-09
def test_the_converters_of_the_guide_do_what_it_shows(pyro, rust_server):
    code = next(code for code in blocks("types.md", "python") if "register_dict_to_class" in code)
    shown = shown_after("types.md", code)
    if pyro.name == "pyro4":
        code = code.replace("from Pyro5.api import Proxy, register_class_to_dict, register_dict_to_class", PYRO4_IMPORTS)
    printed = run_python(code, input=uri_of(rust_server, "obj.orders") + "\n")
    assert printed.replace("URI of the shop: ", "") == shown
