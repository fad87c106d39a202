"""Pickles between Rust and Python, without a connection: interop/peer/src/pickles.rs and pickle_copy.py."""

import _compat_pickle
import collections
import io
import json
import pickle
import pickletools
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import pickle_copy
import tagged
import test_values
from pickle_copy import frame, frames

COPY = Path(__file__).parent / "pickle_copy.py"
PROTOCOLS = range(6)


def peer(program, *args, input=b"", **options):
    """What `interop_peer pickle` writes; its last line of standard error is the failure."""
    done = subprocess.run([program, "pickle", *map(str, args)], input=input, capture_output=True, **options)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout


def through_rust(program, values, protocol, pickled_as=4):
    """The values, after Rust has read and written their pickles."""
    sent = b"".join(frame(pickle.dumps(value, pickled_as)) for value in values)
    return [pickle.loads(data) for data in frames(io.BytesIO(peer(program, "copy", protocol, input=sent)))]


def described(program, pickles):
    output = peer(program, "describe", input=b"".join(map(frame, pickles)))
    return [json.loads(line) for line in output.splitlines()]


# Conformance: SER-11, SER-12
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_generated_values_of_rust_survive_python(peer_program, values_count, protocol):
    sent = peer(peer_program, "generate", 1, values_count, protocol)
    returned = io.BytesIO()
    pickle_copy.copy(io.BytesIO(sent), returned, protocol)
    peer(peer_program, "compare", 1, values_count, input=returned.getvalue())


# Conformance: SER-11, SER-12
def test_generated_values_of_rust_survive_every_python(peer_program, other_python, values_count):
    highest = {2: 2}.get(other_python.major, 4 if other_python.version < "3.8" and other_python.version[3] != "1" else 5)
    options = ["--python2"] if other_python.major == 2 else []
    for protocol in range(highest + 1):
        sent = peer(peer_program, "generate", 7, values_count, protocol, *options)
        for plain in [[], ["--plain"]]:
            done = subprocess.run([other_python.executable, COPY, str(protocol), *plain], input=sent, capture_output=True)
            assert done.returncode == 0, done.stderr.decode()[-2000:]
            peer(peer_program, "compare", 7, values_count, *options, input=done.stdout)


# Conformance: SER-06, SER-12
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_generated_values_of_python_survive_rust(peer_program, values_count, protocol):
    generator = test_values.Generator(protocol, "marshal")
    values = [generator.value() for _ in range(values_count)]
    returned = through_rust(peer_program, values, protocol, pickled_as=protocol)
    for before, after in zip(values, returned, strict=True):
        assert tagged.same(before, after)
    sent = [pickle.dumps(value, protocol) for value in values]
    for value, description in zip(values, described(peer_program, sent), strict=True):
        assert tagged.same(tagged.value(description), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_pickletools_takes_what_rust_writes_for_a_pickle_of_that_protocol(peer_program, protocol):
    for data in frames(io.BytesIO(peer(peer_program, "generate", 3, 200, protocol))):
        opcodes = [opcode for opcode, _, _ in pickletools.genops(data)]
        assert max(opcode.proto for opcode in opcodes) <= protocol
        pickletools.dis(data, out=io.StringIO())


# Conformance: SER-06
def test_bytes_of_a_million_take_little_more(peer_program):
    for protocol in PROTOCOLS:
        sent = frame(pickle.dumps(bytes(range(256)) * 4096, 4))
        (data,) = frames(io.BytesIO(peer(peer_program, "copy", protocol, input=sent)))
        assert pickle.loads(data) == bytes(range(256)) * 4096
        if protocol >= 3:
            assert len(data) < 1.0001 * 2**20


# Conformance: MP-17
def test_the_example_of_the_manual_comes_back(peer_program):
    for protocol in PROTOCOLS:
        for pickled_as in PROTOCOLS:
            assert through_rust(peer_program, [[2.25, None, "junk", float]], protocol, pickled_as) == [[2.25, None, "junk", float]]


def test_names_of_python_2_are_those_that_python_knows(peer_program):
    old = [*_compat_pickle.NAME_MAPPING, *((module, "X") for module in _compat_pickle.IMPORT_MAPPING)]
    new = [*_compat_pickle.NAME_MAPPING.values(), *((module, "X") for module in _compat_pickle.IMPORT_MAPPING.values())]
    read = described(peer_program, [f"c{module}\n{name}\n.".encode() for module, name in old])
    assert [value["v"] for value in read] == [".".join(name) for name in new]
    new = [*_compat_pickle.REVERSE_NAME_MAPPING, *((module, "X") for module in _compat_pickle.REVERSE_IMPORT_MAPPING)]
    old = [*_compat_pickle.REVERSE_NAME_MAPPING.values(), *((module, "X") for module in _compat_pickle.REVERSE_IMPORT_MAPPING.values())]
    sent = b"".join(frame(f"\x80\x03c{module}\n{name}\n.".encode("latin-1")) for module, name in new)
    written = [data[2:].split(b"\n")[:2] for data in frames(io.BytesIO(peer(peer_program, "copy", 2, input=sent)))]
    assert written == [[b"c" + module.encode(), name.encode()] for module, name in old]


class Named(collections.namedtuple("Named", "x y")):
    pass


class Slotted:
    __slots__ = ("a", "b")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_objects_that_only_python_can_make_go_through_rust(peer_program, protocol):
    slotted = Slotted()
    slotted.a, slotted.b = 1, [slotted]
    recursive = collections.UserList()
    recursive.append(recursive)
    values = [Named(1, "two"), Path("a/b"), slotted, frozenset({Named(1, 2)}), range(0, 10, 3), slice(1, None), {"a": [Named(0, 0)]}]
    returned = through_rust(peer_program, [*values, collections.OrderedDict(a=1)], protocol)
    assert returned[:2] == values[:2]
    assert (type(returned[2]), returned[2].a, returned[2].b) == (Slotted, 1, [returned[2]])
    assert returned[3:-1] == values[3:]
    assert (type(returned[-1]), returned[-1]) == (dict, {"a": 1})


@pytest.mark.parametrize("library", ["cloudpickle", "dill"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_functions_by_value_go_through_rust_and_still_work(peer_program, library, protocol):
    library = pytest.importorskip(library)
    scope = {"__name__": "__main__", "offset": 10}
    source = """
def fact(n):
    "Calls itself."
    return 1 if n < 2 else n * fact(n - 1)

def adder(a, b=2, *, c=offset):
    inner = lambda x: x + a + b + c
    return inner

class Local:
    kind = "local"
    def __init__(self, v):
        self.v = v
    def twice(self):
        return self.v * 2 + offset
"""
    exec(source, scope)
    sent = [scope["fact"], scope["adder"](1), scope["Local"](3), lambda: offset]
    options = {"recurse": True} if library.__name__ == "dill" else {}  # with the globals that a function uses, and no others
    data = b"".join(frame(library.dumps(value, protocol, **options)) for value in sent)
    copied = peer(peer_program, "copy", protocol, input=data)
    fact, add, local, _ = (library.loads(data) for data in frames(io.BytesIO(copied)))
    assert fact(10) == 3628800
    assert fact.__doc__ == "Calls itself."
    assert add(5) == 18
    assert (local.v, local.twice(), type(local).kind) == (3, 16, "local")


class Evil:
    def __init__(self, *call):
        self._call = call

    def __reduce__(self):
        return self._call


# Conformance: SEC-04
def test_malicious_pickles_do_nothing(peer_program, tmp_path):
    mark = tmp_path / "mark"
    import os

    calls = [
        Evil(os.system, (f"touch {mark}",)),
        Evil(eval, (f"open({str(mark)!r}, 'w')",)),
        Evil(exec, (f"open({str(mark)!r}, 'w')",)),
        Evil(open, (str(mark), "w")),
        Evil(subprocess.getoutput, (f"touch {mark}",)),
    ]
    pickles = [pickle.dumps(call, protocol) for call in calls for protocol in PROTOCOLS]
    old = f"(S'touch {mark}'\nios\nsystem\n.(cos\nsystem\nS'touch {mark}'\no.".encode()
    pickles += [data + b"." for data in old.split(b".") if data]
    assert {value["t"] for value in described(peer_program, pickles)} == {"other"}
    copied = peer(peer_program, "copy", 4, input=b"".join(map(frame, pickles)))
    assert all(b"STACK_GLOBAL" in disassembled(data) for data in frames(io.BytesIO(copied)))
    assert not mark.exists()


def disassembled(data):
    text = io.StringIO()
    pickletools.dis(data, out=text)
    return text.getvalue().encode()


# Conformance: SEC-04
def test_bombs_end_in_an_error_and_take_little_memory(peer_program):
    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))

    lists = b"\x80\x04]\x94" + b"".join(b"]\x94(h%ch%ce" % (nr, nr) for nr in range(60)) + b"."
    bombs = {
        "depth": b"]" * 1_000_000 + b"a" * 999_999 + b".",
        "tuples": b"N" + b"\x85" * 1_000_000 + b".",
        "announced": b"X\xff\xff\xff\x7fabc.",
        "announced 8": b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7fabc.",
        "memo": b"N" + b"r\xff\xff\xff\xff" * 100_000 + b"j\xfe\xff\xff\xff.",
        "number": b"L" + b"9" * 1_000_000 + b"L\n.",
    }
    for name, bomb in bombs.items():
        (answer,) = described_limited(peer_program, bomb, limited)
        assert "error" in answer, name
    # What is doubled sixty times stops at the limit of values, some gigabytes of them: here it must be the memory that ends, and not the machine's.
    (answer,) = described(peer_program, [lists[:60] + b"."])
    assert answer["t"] == "list" or "error" in answer


def described_limited(program, bomb, limited):
    output = peer(program, "describe", input=frame(bomb), preexec_fn=limited, timeout=60)
    return [json.loads(line) for line in output.splitlines()]


if sys.platform == "win32":
    pytestmark = pytest.mark.skip(reason="pipes of bytes and limits of memory are those of Unix here")
