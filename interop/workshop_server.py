"""The workshop in Python: `workshop_server.py pyro4|pyro5 PORT CONFIGURATION_ITEMS_AS_JSON`. Prints `URI = PYRO:streams@...` when it listens."""

import hashlib
import json
import sys
import threading
import time
import zlib
from pathlib import Path

if sys.argv[1] == "pyro4":
    import Pyro4 as api
    from Pyro4.util import SerializerBase as base
else:
    import Pyro5.api as api
    from Pyro5.serializers import SerializerBase as base

settings = json.loads(sys.argv[3])
for name, setting in settings.items():
    setattr(api.config, name, set(setting) if name == "SERIALIZERS_ACCEPTED" else setting)


class Streams:
    """Generators that tell how far they are and when they end."""

    def __init__(self):
        self._made = 0
        self._alive = 0

    @api.expose
    def made(self):
        return self._made

    @api.expose
    def alive(self):
        return self._alive

    @api.expose
    def count(self, to):
        return self._iterate(range(1, to + 1))

    @api.expose
    def count_and_return(self, to, value):
        yield from range(1, to + 1)
        return value

    @api.expose
    def count_and_fail(self, to):
        yield from range(1, to + 1)
        raise ValueError("no more than %d" % to)

    @api.expose
    def chunks(self, count, size):
        return self._iterate(b"x" * size for _ in range(count))

    @api.expose
    @property
    def numbers(self):
        return self._iterate([1, 2, 3])

    def _iterate(self, items):
        generator = self._generate(items)
        next(generator)  # one that is closed before it has begun would not count itself out
        return generator

    def _generate(self, items):
        self._alive += 1
        try:
            yield
            for item in items:
                self._made += 1
                yield item
        finally:
            self._alive -= 1


class Gate:
    """Calls that take as long as somebody wants them to."""

    def __init__(self):
        self._changed = threading.Condition()
        self._waiting = 0
        self._opened = 0

    @api.expose
    def wait(self):
        with self._changed:
            opened = self._opened
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._opened != opened)
            self._waiting -= 1
        return "through"

    @api.expose
    @api.oneway
    def wait_unanswered(self):
        self.wait()

    @api.expose
    def wait_for_file(self, path):
        path = Path(path)
        path.with_suffix(".waiting").touch()
        while not path.exists():
            time.sleep(0.001)

    @api.expose
    def await_waiting(self, count):
        with self._changed:
            self._changed.wait_for(lambda: self._waiting >= count)

    @api.expose
    def waiting(self):
        return self._waiting

    @api.expose
    def open(self):
        with self._changed:
            self._opened += 1
            self._changed.notify_all()

    @api.expose
    def big(self, size):
        return "x" * size

    @api.expose
    def echo(self, value):
        return value


class Part:
    def __init__(self, name):
        self._name = name

    @api.expose
    def name(self):
        return self._name


class Parts:
    """Objects that travel as proxies, both ways."""

    def __init__(self, daemon):
        self._lasting, self._other = Part("lasting"), Part("other")
        daemon.register(self._lasting)
        daemon.register(self._other)

    @api.expose
    def lasting(self):
        return self._lasting

    @api.expose
    def catalogue(self):
        return {"all": [self._lasting, self._other], "none": []}

    @api.expose
    def call_back(self, proxy, method, text):
        """Calls a method of the caller's own object."""
        with proxy:
            return getattr(proxy, method)(text)

    @api.expose
    def call_all_back(self, proxies, method, text):
        return [self.call_back(proxy, method, text) for proxy in proxies]

    @api.expose
    def pass_on(self, proxy):
        return proxy

    @api.expose
    def echo(self, text):
        return text


class Parcel:
    """What a listener knows, and a dispatcher does not."""

    def __init__(self, number, words):
        self.number = number
        self.words = words


class Blobs:
    """Gets blobs, and passes them on."""

    def __init__(self):
        self._uri = None

    @api.expose
    def connect(self, uri):
        self._uri = uri

    @api.expose
    def dispatch(self, blob):
        """Passes the blob on; the last one opens it."""
        if self._uri is None:
            return self._receive(blob)
        with api.Proxy(self._uri) as proxy:
            return proxy.dispatch(blob)

    def _receive(self, blob):
        """The label, the contents of parcels, and a hash of the message that it came in."""
        message = blob._data
        payload = bytes(message.data)
        if message.flags & 2:
            payload = zlib.decompress(payload)
        base.register_dict_to_class("shop.Parcel", lambda name, state: Parcel(state["number"], state["words"]))
        try:
            contents = [[parcel.number, " ".join(parcel.words)] for parcel in blob.deserialized()]
        finally:
            base.unregister_dict_to_class("shop.Parcel")
        return [blob.info, contents, hashlib.sha256(payload).hexdigest()]


def main():
    daemon = api.Daemon(host=settings.get("HOST", "127.0.0.1"), port=int(sys.argv[2]))
    uri = daemon.register(Streams(), "streams")
    daemon.register(Gate(), "gate")
    daemon.register(Parts(daemon), "parts")
    for name in ("blobs.first", "blobs.second"):
        daemon.register(Blobs(), name)
    print("URI = %s" % uri, flush=True)
    daemon.requestLoop()


main()
