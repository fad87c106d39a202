# -*- coding: utf-8 -*-
"""An old Pyro4 as a client of a Rust server: `old_client.py URI SERIALIZER [KEY] [ITEM=VALUE]...`. Runs with every Pyro4 from 4.22 on, and with Python 2.7 too.

Ends with status 0 and a last line `ok` when everything was as it should be.
"""

from __future__ import print_function, unicode_literals

import sys

import Pyro4
from Pyro4 import errors

URI, SERIALIZER = sys.argv[1:3]
KEYS = [arg for arg in sys.argv[3:] if "=" not in arg]
for arg in sys.argv[3:]:
    if "=" in arg:
        name, value = arg.split("=")
        setattr(Pyro4.config, name, int(value) if value.isdigit() else value)
if hasattr(Pyro4.config, "HMAC_KEY"):  # up to 4.26; the key of one proxy or daemon later on
    Pyro4.config.HMAC_KEY = KEYS[0].encode("ascii") if KEYS else None

VALUES = [
    None,
    True,
    0,
    -1,
    2 ** 31,
    2 ** 63,
    -(10 ** 30),
    1.5,
    "text",
    "\u00fcn\u00ef \u20ac 'quoted' \"twice\" \\ \n",
    [1, [2, "x"]],
    {"a": {"b": [None, False]}},
    "x" * 1000,
]


def same(one, other):
    return one == other and (type(one) is type(other) or sys.version_info[0] == 2)


def raised(expected, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except expected as error:
        return error
    raise AssertionError("%r was not raised" % expected)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def main():
    Pyro4.config.SERIALIZER = str(SERIALIZER)
    proxy = Pyro4.Proxy(str(URI))
    for key in KEYS:
        proxy._pyroHmacKey = key.encode("ascii")
    has_metadata = "_pyroMethods" in vars(proxy)
    if not has_metadata:
        proxy._pyroOneway.add("oneway_log")
    for value in VALUES:
        echoed = proxy.echo(value)
        check(same(echoed, value), "%r became %r" % (value, echoed))
    check(proxy.add(1, b=2) == 3, "keyword arguments")
    check(proxy.typed_str("\u20ac") == "\u20ac", "typed text")
    check(proxy.typed_list([1, 2]) == [1, 2], "typed list")
    error = raised(ValueError, proxy.raise_value, "the text")
    check(error.args[0] == "the text", "text of the exception")
    check("Thing.raise_value" in "".join(error._pyroTraceback), "traceback")
    error = raised(TypeError, proxy.three, 1)
    check("missing 2 required positional arguments: 'b' and 'c'" in str(error), "TypeError")
    raised(errors.NamingError, proxy.raise_pyro, "Pyro5.errors.NamingError")
    if has_metadata:
        check({"echo", "add"} <= proxy._pyroMethods, "methods %r" % proxy._pyroMethods)
        check("oneway_log" in proxy._pyroOneway, "oneway %r" % proxy._pyroOneway)
        check("value" in proxy._pyroAttrs, "attributes %r" % proxy._pyroAttrs)
        error = raised(AttributeError, getattr, proxy, "unexposed")
        check("has no exposed attribute or method" in str(error), "an unexposed name")
    else:
        error = raised(AttributeError, proxy.unexposed)
        check(str(error) == "attempt to access unexposed attribute 'unexposed'", "an unexposed name: %s" % error)
    error = raised(AttributeError, proxy._pyroInvoke, "_private", (), {})
    check(str(error) == "attempt to access private attribute '_private'", "a private name: %s" % error)
    check(isinstance(proxy.give_uri(), Pyro4.URI), "a URI")
    check(proxy.oneway_log("x") is None, "oneway")
    check("x" in proxy.wait_for_log(1), "what the oneway call has done")
    if SERIALIZER != "marshal":
        if has_metadata:
            proxy.value = [1, "two"]
            check(proxy.value == [1, "two"], "attribute")
        batch = Pyro4.batch(proxy)
        batch.add(1, 2)
        batch.echo("x")
        batch.raise_value("in a batch")
        batch.echo("never")
        results = batch()
        check(next(results) == 3 and next(results) == "x", "batch")
        error = raised(ValueError, next, results)
        check(error.args[0] == "in a batch", "the exception in a batch: %r" % error)
    proxy._pyroRelease()
    print("ok")


main()
