"""An old Pyro4 as a server: `old_server.py [KEY] [ITEM=VALUE]...`. Runs with every Pyro4 from 4.22 on, and with Python 2.7 too.

Prints `URI = PYRO:obj.test@...` when it listens. A KEY signs the messages.
"""

from __future__ import print_function

import sys
import threading

import Pyro4

KEYS = [arg for arg in sys.argv[1:] if "=" not in arg]
for arg in sys.argv[1:]:
    if "=" in arg:
        name, value = arg.split("=")
        setattr(Pyro4.config, name, int(value) if value.isdigit() else value)
if hasattr(Pyro4.config, "HMAC_KEY"):  # up to 4.26; the key of one proxy or daemon later on
    Pyro4.config.HMAC_KEY = KEYS[0].encode("ascii") if KEYS else None

oneway = getattr(Pyro4, "oneway", lambda method: method)


class Plain(object):
    def __init__(self):
        self.x = 1


class Thing(object):
    def __init__(self):
        self._value = 1
        self.log = []
        self.logged = threading.Condition()

    def echo(self, x):
        return x

    def type_of(self, x):
        return type(x).__name__

    def add(self, a, b=10):
        return a + b

    def length(self, x):
        return len(x)

    def big(self, n):
        return "x" * n

    def raise_value(self, text):
        raise ValueError(text)

    def raise_attrs(self):
        error = ValueError("with attributes", 42)
        error.code = 7
        raise error

    def raise_naming(self):
        raise Pyro4.errors.NamingError("a pyro error")

    def return_instance(self):
        return Plain()

    def return_generator(self):
        return (item for item in [1, 2])

    def give_uri(self):
        return self._pyroDaemon.uriFor(self)

    def give_proxy(self):
        return Pyro4.Proxy(self._pyroDaemon.uriFor(self))

    def call_proxy(self, proxy, x):
        return proxy.echo(x)

    @oneway
    def oneway_log(self, x):
        with self.logged:
            self.log.append(x)
            self.logged.notify_all()

    def wait_for_log(self, count):
        with self.logged:
            while len(self.log) < count:
                self.logged.wait(10)
            return list(self.log)

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        self._value = value


def main():
    daemon = Pyro4.Daemon(host="localhost")
    for key in KEYS:
        daemon._pyroHmacKey = key.encode("ascii")
    print("URI = %s" % daemon.register(Thing(), "obj.test"))
    sys.stdout.flush()
    daemon.requestLoop()


main()
