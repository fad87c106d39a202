"""The real Pyro as a server for the Rust client: `python_server.py pyro4|pyro5 [OPTIONS AS JSON]`.

Runs on Python 2.7 too. Options: config ({ITEM: value}), hmac, unixsocket, host. Prints `URI = PYRO:obj.test@...` when it listens.
"""

from __future__ import print_function

import json
import sys
import threading

OPTIONS = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}

if sys.argv[1] == "pyro4":
    import Pyro4 as api
    from Pyro4 import errors
    from Pyro4.core import SerializedBlob  # noqa: F401
else:
    import Pyro5.api as api
    from Pyro5 import errors

for name, setting in OPTIONS.get("config", {}).items():
    setattr(api.config, name, set(setting) if name == "SERIALIZERS_ACCEPTED" else setting)


class Custom(Exception):
    """No Pyro knows this class. (Of the module __main__ it would be refused, for its underscores.)"""

    __module__ = "custom"


class Plain(object):
    def __init__(self):
        self.x = 1


class Helper(object):
    @api.expose
    def name(self):
        return "helper"


class Thing(object):
    def __init__(self):
        self._value = 1
        self.log = []
        self.logged = threading.Condition()

    @api.expose
    def echo(self, x):
        return x

    @api.expose
    def type_of(self, x):
        return type(x).__name__

    @api.expose
    def add(self, a, b=10):
        return a + b

    @api.expose
    def three(self, a, b, c):
        return [a, b, c]

    @api.expose
    def nothing(self):
        pass

    @api.expose
    def varargs(self, *args, **kwargs):
        return [list(args), sorted(kwargs.items())]

    @api.expose
    def raise_value(self, text):
        raise ValueError(text)

    @api.expose
    def raise_attrs(self):
        error = ValueError("with attributes", 42)
        error.code = 7
        error.info = {"k": [1, 2]}
        raise error

    @api.expose
    def raise_custom(self):
        raise Custom("custom", 1)

    @api.expose
    def raise_pyro(self, name):
        raise getattr(errors, name)("a pyro error")

    @api.expose
    def raise_nested(self):
        return {}["missing"]

    @api.expose
    def return_instance(self):
        return Plain()

    @api.expose
    def return_set(self):
        return set([1, 2, 3])

    @api.expose
    def return_bytes(self):
        return b"irmen de jong"

    @api.expose
    def return_lock(self):
        return threading.Lock()

    @api.expose
    def give_uri(self):
        return self._pyroDaemon.uriFor("helper")

    @api.expose
    @api.oneway
    def oneway_log(self, x):
        with self.logged:
            self.log.append(x)
            self.logged.notify_all()

    @api.expose
    def wait_for_log(self, count):
        with self.logged:
            while len(self.log) < count:
                self.logged.wait(10)
            return list(self.log)

    @api.expose
    def big(self, n):
        return "x" * n

    @api.expose
    def length(self, x):
        return len(x)

    @api.expose
    def seq(self):
        return api.current_context.seq

    @api.expose
    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = value

    @api.expose
    @property
    def readonly(self):
        return "read only"

    def unexposed(self):
        return "hidden"


class Counter(object):
    def __init__(self):
        self.calls = 0

    @api.expose
    def inc(self):
        self.calls += 1
        return self.calls


class Daemon(api.Daemon):
    def validateHandshake(self, conn, data):
        if data == "reject":
            raise ValueError("handshake refused by validator")
        return {"you-sent": data} if isinstance(data, dict) else "hello"


def main():
    if "unixsocket" in OPTIONS:
        daemon = Daemon(unixsocket=OPTIONS["unixsocket"])
    else:
        daemon = Daemon(host=OPTIONS.get("host", "127.0.0.1"))
    if "hmac" in OPTIONS:
        daemon._pyroHmacKey = OPTIONS["hmac"].encode("ascii")
    uri = daemon.register(Thing(), "obj.test")
    daemon.register(Helper(), "helper")
    daemon.register(Counter, "counter.session")
    print("URI = %s" % uri)
    sys.stdout.flush()
    daemon.requestLoop()


main()
