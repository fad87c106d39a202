"""Python's own serializers: `FORMAT [package]`, with the document on the first line of input, in JSON, or bytes in hex behind `bytes `.

With `package` it is the serializer of this project's package. Each further line says what to do, and for how many seconds: `write 0.1`, `read 0.1`, `both 0.1`.
"""
import json
import marshal
import os
import pickle
import platform
import sys
import time

import msgpack
import serpent


def about():
    c_modules = {
        "msgpack": msgpack.Packer.__module__ == "msgpack._cmsgpack",
        "pickle": pickle.Pickler.__module__ == "_pickle",
        "json": json.encoder.c_make_encoder is not None,
    }
    slow = [name for name, in_c in c_modules.items() if not in_c]
    missing = f" ({', '.join(slow)} WITHOUT the C module)" if slow else ", all of them in C"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{python} with its marshal, pickle and json and msgpack {'.'.join(map(str, msgpack.version))}{missing}; serpent {serpent.__version__}"


def codec(name, package):
    """As Pyro uses them, but for what it does with classes."""
    if package:
        sys.path.insert(0, os.environ["FERROPYRO_PACKAGE"])
        import ferropyro.util
        serializer = ferropyro.util.get_serializer(name)
        return serializer.dumps, serializer.loads
    return {
        "serpent": (serpent.dumps, serpent.loads),
        "json": (lambda data: json.dumps(data, ensure_ascii=False).encode(), lambda data: json.loads(data.decode())),
        "marshal": (marshal.dumps, marshal.loads),
        "msgpack": (lambda data: msgpack.packb(data, use_bin_type=True), lambda data: msgpack.unpackb(data, raw=False)),
        "pickle": (lambda data: pickle.dumps(data, pickle.HIGHEST_PROTOCOL), pickle.loads),
    }[name]


def document(line):
    kind, _, rest = line.partition(" ")
    return bytes.fromhex(rest) if kind == "bytes" else json.loads(line)


def measure(work, wanted):
    calls = 0
    start = time.perf_counter()
    passed = 0.0
    while calls == 0 or passed < wanted:
        work()
        calls += 1
        passed = time.perf_counter() - start
    return calls, passed


def main(name, package=None):
    data = document(sys.stdin.readline())
    write, read = codec(name, package)
    written = write(data)
    again = read(written)
    if isinstance(again, dict) and isinstance(data, bytes):
        again = serpent.tobytes(again)
    assert again == data
    works = {"write": lambda: write(data), "read": lambda: read(written), "both": lambda: read(write(data))}
    print(about(), flush=True)
    for line in sys.stdin:
        what, wanted = line.split()
        print(*measure(works[what], float(wanted)), flush=True)


main(*sys.argv[1:])
