"""Reads pickles from standard input and writes them to standard output again, each behind its length: `python pickle_copy.py PROTOCOL [--plain]`.

Runs under Python 2.7 and every Python 3. The module `shop`, whose classes some values are of, is made here.
With `--plain` it is Python's slow pickler, in Python, that writes.
"""

import pickle
import struct
import sys
import types

try:
    import cPickle as fast
except ImportError:
    fast = pickle


class Order(object):
    pass


Order.__module__ = "shop"
sys.modules["shop"] = types.ModuleType("shop")
sys.modules["shop"].Order = Order


def copy(source, target, protocol, dumps=fast.dumps):
    for data in frames(source):
        target.write(frame(dumps(fast.loads(data), protocol)))


def frames(source):
    while True:
        length = source.read(4)
        if not length:
            return
        yield source.read(struct.unpack(">I", length)[0])


def frame(data):
    return struct.pack(">I", len(data)) + data


if __name__ == "__main__":
    slow = getattr(pickle, "_dumps", pickle.dumps)
    copy(
        getattr(sys.stdin, "buffer", sys.stdin),
        getattr(sys.stdout, "buffer", sys.stdout),
        int(sys.argv[1]),
        slow if "--plain" in sys.argv else fast.dumps,
    )
