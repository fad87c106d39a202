"""Classes of a program's own, for both sides: a module for the tests, and `orders.py pyro4|pyro5 hooks|none`, a server with the object obj.orders."""

import importlib
import sys


class Order:
    __module__ = "shop"

    def __init__(self, number, items, note):
        self.number = number
        self.items = items
        self.note = note


class Line:
    __module__ = "shop"

    def __init__(self, thing, count):
        self.thing = thing
        self.count = count


class OutOfStock(Exception):
    __module__ = "shop"

    def __init__(self, text, thing=None, left=None):
        super().__init__(text)
        self.thing = thing
        self.left = left


class Hidden:
    """A class whose name nobody reads."""

    __module__ = "__main__"


def order(number):
    return Order(number, [Line("lamp", 2), Line("r\u00f6hre", 3)], None)


def shown(order):
    return [order.number, [[type(line).__name__, line.thing, line.count] for line in order.items], order.note]


def order_to_dict(order):
    # Converters get whole arguments and results only in marshal, so they convert what is inside by themselves.
    return {"__class__": "shop.Order", **vars(order), "items": [line_to_dict(line) for line in order.items]}


def line_to_dict(line):
    return {"__class__": "shop.Line", **vars(line)}


def dict_to_order(name, fields):
    # Class dicts inside of others stay dicts, except in msgpack.
    items = [item if isinstance(item, Line) else dict_to_line("shop.Line", item) for item in fields["items"]]
    return Order(fields["number"], items, fields["note"])


def dict_to_line(name, fields):
    return Line(fields["thing"], fields["count"])


def dict_to_error(name, fields):
    error = OutOfStock(*fields["args"])
    vars(error).update(fields["attributes"])
    return error


TO_DICT = {Order: order_to_dict, Line: line_to_dict}
FROM_DICT = {"shop.Order": dict_to_order, "shop.Line": dict_to_line, "shop.OutOfStock": dict_to_error}


def register(serializer_base):
    for cls, converter in TO_DICT.items():
        serializer_base.register_class_to_dict(cls, converter)
    for name, converter in FROM_DICT.items():
        serializer_base.register_dict_to_class(name, converter)


def unregister(serializer_base):
    for cls in TO_DICT:
        serializer_base.unregister_class_to_dict(cls)
    for name in FROM_DICT:
        serializer_base.unregister_dict_to_class(name)


def serve(generation, with_hooks):
    api = importlib.import_module("Pyro4" if generation == "pyro4" else "Pyro5.api")
    if generation == "pyro4":
        api.config.SERIALIZERS_ACCEPTED = {"serpent", "json", "marshal", "msgpack"}
    if with_hooks:
        register(api.util.SerializerBase if generation == "pyro4" else api.SerializerBase)

    class Orders:
        @api.expose
        def echo(self, order):
            assert not with_hooks or type(order) is Order
            return order

        @api.expose
        def make(self, number):
            return order(number)

        @api.expose
        def make_plain(self, number):
            """Without anything inside, which marshal could not convert."""
            return Order(number, [], "plain")

        @api.expose
        def make_hidden(self):
            return {"__class__": "__main__.Hidden"}

        @api.expose
        def count(self, orders):
            return sum(line.count for order in orders for line in order.items)

        @api.expose
        def take(self, thing, count):
            if count > 4:
                raise OutOfStock("only 4 of %s left" % thing, thing, 4)
            return count

        @api.expose
        def raise_(self, error):
            raise error

    daemon = api.Daemon(host="127.0.0.1")
    print("URI = %s" % daemon.register(Orders, "obj.orders"), flush=True)
    daemon.requestLoop()


if __name__ == "__main__":
    serve(sys.argv[1], with_hooks=sys.argv[2] == "hooks")
