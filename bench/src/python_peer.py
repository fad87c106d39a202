"""An echo server or client with the real Pyro4 or Pyro5, or the package of this project: `server GENERATION [NAME=value...]`, `client GENERATION SERIALIZER URI MESSAGE`,
`bulk GENERATION SERIALIZER URI METHOD SIZE`, `kind GENERATION SERIALIZER URI KIND SIZE`, `both GENERATION SERIALIZER URI KIND SIZE`.
"""
import os
import sys
import threading
import time

role, generation = sys.argv[1:3]
if generation == "ferropyro":
    sys.path.insert(0, os.environ["FERROPYRO_PACKAGE"])
    import ferropyro as pyro
    from ferropyro import config
    config.SERIALIZERS_ACCEPTED = {"serpent", "marshal", "json", "msgpack", "pickle"}
elif generation == "pyro4":
    import Pyro4 as pyro
    from Pyro4 import config
    config.SERIALIZERS_ACCEPTED = {"serpent", "marshal", "json", "msgpack", "pickle"}
else:
    import Pyro5.api as pyro
    from Pyro5 import config


@pyro.expose
class Echo:
    def echo(self, message):
        return message

    def take(self, data):
        return len(bytes_of(data))

    def echo_bytes(self, data):
        return bytes_of(data)

    def echo_array(self, *sent):
        return sent_array(received_array(*sent))

    def give(self, size):
        if size not in DATA:
            DATA[size] = b"." * size
        return DATA[size]

    def stream(self, size):
        for _ in range(size // PIECE):
            yield bytearray(b".") * PIECE


PIECE = 64 << 10
DATA = {}


def bytes_of(data):
    """With serpent bytes arrive as a dict, of which each library has a function to make bytes again: Pyro the one in serpent."""
    if not isinstance(data, dict):
        return data
    if generation == "ferropyro":
        from ferropyro.util import tobytes
        return tobytes(data)
    import serpent
    return serpent.tobytes(data)


def sent_array(array):
    """What is sent for an array of numpy: Pyro5 knows none, so that its programs take it apart."""
    return [array.tobytes(), array.dtype.str, list(array.shape)] if generation == "pyro5" else [array]


def received_array(array, dtype=None, shape=None):
    """The array, of what has been received."""
    if generation != "pyro5":
        return array
    import numpy
    return numpy.frombuffer(bytes_of(array), dtype=numpy.dtype(dtype)).reshape(shape)


def know_arrays():
    if generation == "ferropyro":
        from ferropyro.util import register
        register("numpy")


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def listen(settings):
    """With config items, and `unixsocket=PATH`."""
    settings = dict(setting.split("=", 1) for setting in settings)
    unixsocket = settings.pop("unixsocket", None)
    for name, value in settings.items():
        setattr(config, name, int(value) if value.isdigit() else value)
    return pyro.Daemon(unixsocket=unixsocket) if unixsocket else pyro.Daemon(host="127.0.0.1")


def serve(*settings):
    daemon = listen(settings)
    try:
        know_arrays()
    except ImportError:
        pass  # then nobody will send one
    print(daemon.register(Echo(), "echo"), flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()
    daemon.requestLoop()


def call(serializer, uri, message):
    config.SERIALIZER = serializer
    proxy = pyro.Proxy(uri)
    assert proxy.echo(message) == message
    answer_samples(lambda: proxy.echo(message), batch=16)


def call_bulk(serializer, uri, method, size):
    config.SERIALIZER = serializer
    proxy = pyro.Proxy(uri)
    size = int(size)
    data = b"." * size
    if method == "take":
        measured = lambda: proxy.take(data)
        assert measured() == size
    else:
        measured = lambda: bytes_of(proxy.give(size))
        assert measured() == data
    answer_samples(measured, batch=1)


def call_kind(serializer, uri, kind, size):
    config.SERIALIZER = serializer
    proxy = pyro.Proxy(uri)
    size = int(size)
    if kind == "stream":
        measured = lambda: sum(len(bytes_of(piece)) for piece in proxy.stream(size))
    else:
        data = {"str": "." * size, "bytes": b"." * size, "bytearray": bytearray(b".") * size}[kind]
        measured = lambda: proxy.take(data)
    assert measured() == size
    answer_samples(measured, batch=1)


def call_both(serializer, uri, kind, size):
    """Sends bytes or an array, and gets them back."""
    config.SERIALIZER = serializer
    proxy = pyro.Proxy(uri)
    size = int(size)
    if kind == "bytes":
        data = b"." * size
        measured = lambda: bytes_of(proxy.echo_bytes(data))
        assert measured() == data
    else:
        import numpy
        know_arrays()
        data = numpy.arange(size // 8, dtype=numpy.float64).reshape(2, -1)
        measured = lambda: received_array(*proxy.echo_array(*sent_array(data)))
        again = measured()
        assert again.dtype == data.dtype and (again == data).all()
    answer_samples(measured, batch=1)


def answer_samples(measured, batch):
    """Each line of input says for how many seconds to measure."""
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = float(line)
        calls = 0
        start = time.perf_counter()
        passed = 0.0
        while calls == 0 or passed < wanted:
            for _ in range(batch):
                measured()
            calls += batch
            passed = time.perf_counter() - start
        print(calls, passed, flush=True)


if role == "server":
    serve(*sys.argv[3:])
elif role == "client":
    call(*sys.argv[3:])
elif role == "bulk":
    call_bulk(*sys.argv[3:])
elif role == "kind":
    call_kind(*sys.argv[3:])
else:
    call_both(*sys.argv[3:])
