# -*- coding: utf-8 -*-
"""The core cases as a client of a Rust server: `python_client.py pyro4|pyro5 URI SERIALIZER`. Runs on Python 2.7 too.

Ends with status 0 and a last line `ok` when everything was as it should be.
"""

from __future__ import print_function, unicode_literals

import sys

GENERATION, URI, SERIALIZER = sys.argv[1:4]

if GENERATION == "pyro4":
    import Pyro4 as api
    from Pyro4 import errors
else:
    import Pyro5.api as api
    from Pyro5 import errors

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
    api.config.SERIALIZER = str(SERIALIZER)
    with api.Proxy(str(URI)) as proxy:
        for value in VALUES:
            echoed = proxy.echo(value)
            check(same(echoed, value), "%r became %r" % (value, echoed))
        check(proxy.add(1, b=2) == 3, "keyword arguments")
        check(proxy.typed_str("\u20ac") == "\u20ac", "typed text")
        check(proxy.typed_list([1, 2]) == [1, 2], "typed list")
        if sys.version_info[0] > 2 or SERIALIZER != "serpent":  # Python 2's serpent cannot read sets of Python 3
            check(set(proxy.typed_set(set([1, 2]))) == set([1, 2]), "typed set")
        error = raised(ValueError, proxy.raise_value, "the text")
        check(error.args[0] == "the text", "text of the exception")
        check("Thing.raise_value" in "".join(error._pyroTraceback), "traceback")
        error = raised(TypeError, proxy.three, 1)
        check("missing 2 required positional arguments: 'b' and 'c'" in str(error), "TypeError")
        raised(errors.NamingError, proxy.raise_pyro, "Pyro5.errors.NamingError")
        raised(AttributeError, getattr, proxy, "unexposed")
        check(isinstance(proxy.give_uri(), api.URI), "a URI")
        check(proxy.oneway_log("x") is None, "oneway")
        if SERIALIZER != "marshal":
            proxy.value = [1, "two"]
            check(proxy.value == [1, "two"], "attribute")
            batch = api.batch(proxy) if GENERATION == "pyro4" else api.BatchProxy(proxy)
            batch.add(1, 2)
            batch.echo("x")
            check(list(batch()) == [3, "x"], "batch")
    print("ok")


main()
