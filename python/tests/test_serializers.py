from __future__ import annotations

import array
import base64
import os
import pickle
import pickletools
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cloudpickle
import numpy
import pytest
import Pyro4.core
import Pyro4.errors
import Pyro4.util

import ferropyro
from ferropyro import errors, util
from ferropyro.configuration import config
from ferropyro.futures import _ExceptionWrapper

PICKLES = ("pickle", "cloudpickle", "dill")


# Conformance: SER-10
@pytest.mark.parametrize("name", ["serpent", "json", "marshal", "pickle", "cloudpickle", "dill", "msgpack"])
def test_serializers_have_the_names_and_numbers_of_pyro4(name: str) -> None:
    ours = util.get_serializer(name)
    theirs = Pyro4.util.get_serializer(name)
    assert (type(ours).__name__, ours.serializer_id) == (type(theirs).__name__, theirs.serializer_id)
    assert util.get_serializer_by_id(theirs.serializer_id) is ours


# Conformance: SER-10
def test_an_unknown_serializer_is_an_error_with_the_text_of_pyro4() -> None:
    with pytest.raises(errors.SerializeError, match="^serializer 'x' is unknown or not available$"):
        util.get_serializer("x")
    with pytest.raises(errors.SerializeError, match="^no serializer available for id 99$"):
        util.get_serializer_by_id(99)


def test_dill_is_not_imported_unless_it_is_used() -> None:
    code = "import sys, ferropyro.util; print([name for name in ('dill', 'cloudpickle', 'numpy', 'sqlite3') if name in sys.modules])"
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    assert subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True, check=True).stdout == "[]\n"
    assert set(util.pickle_serializers) == set(PICKLES)


# Conformance: SER-12
@pytest.mark.parametrize("name", PICKLES)
def test_the_protocol_of_pickles_is_configured(name: str) -> None:
    serializer = util.get_serializer(name)
    config.PICKLE_PROTOCOL_VERSION = config.DILL_PROTOCOL_VERSION = 3
    for value in ([1, 2], errors.NamingError("x")):
        data = serializer.dumps(value)
        assert data[:2] == b"\x80\x03"
        assert repr(pickle.loads(data)) == repr(value)
        highest = [opcode.proto for opcode, _, _ in pickletools.genops(data)]
        assert max(highest) <= 3


# Conformance: NP-04, NP-06
@pytest.mark.parametrize("name", PICKLES)
def test_pickles_carry_calls_of_any_objects(name: str) -> None:
    serializer = util.get_serializer(name)
    call = ("object", "method", (array.array("i", [1]), numpy.int64(5), numpy.array([1, 2])), {"k": {1, 2}})
    for reader in (serializer, Pyro4.util.get_serializer(name)):
        obj, method, vargs, kwargs = reader.loadsCall(serializer.dumpsCall(*call))
        assert (obj, method, kwargs) == ("object", "method", {"k": {1, 2}})
        assert type(vargs[0]) is array.array and type(vargs[1]) is numpy.int64 and vargs[2].tolist() == [1, 2]


@pytest.mark.parametrize("name", PICKLES)
@pytest.mark.parametrize("size", [10, 10_000])
def test_data_is_compressed_when_that_makes_it_shorter(name: str, size: int) -> None:
    serializer = util.get_serializer(name)
    data, compressed = serializer.serializeData("x" * size, compress=True)
    assert compressed == (size > 200)
    assert serializer.deserializeData(data, compressed) == "x" * size
    assert serializer.serializeData("x" * size) == (serializer.dumps("x" * size), False)
    data, compressed = serializer.serializeCall("o", "m", ("x" * size,), {}, compress=True)
    assert serializer.deserializeCall(data, compressed) == ("o", "m", ("x" * size,), {})
    noise = os.urandom(1000)
    assert serializer.serializeData(noise, compress=True)[1] is False
    assert zlib.decompress(zlib.compress(noise)) == noise


READ_WITH_PYRO4 = """
import sys, pickle, Pyro4.core, Pyro4.errors, Pyro4.futures
assert not any(name.startswith("ferropyro") for name in sys.modules)
first, second, kind, wrapper, uri = pickle.loads(sys.stdin.buffer.read())
assert type(first) is Pyro4.errors.NamingError and first is second and kind is Pyro4.errors.NamingError
assert (first.args, first.extra) == (("unknown name",), [1, "ferropyro"])
assert type(wrapper) is Pyro4.futures._ExceptionWrapper and type(wrapper.exception) is ValueError
assert type(uri) is Pyro4.core.URI and str(uri) == "PYRO:obj@host:5"
"""


class Address:
    """Stands for the class of URIs: with the state of Pyro4's."""

    def __init__(self, *state: Any) -> None:
        self.state = state

    def __getstate__(self) -> Any:
        return self.state

    def __setstate__(self, state: Any) -> None:
        self.state = state


@pytest.fixture
def own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    for table in ("own_to_wire", "pickled_as", "own_from_wire", "own_names"):
        monkeypatch.setattr(util.registered, table, dict(getattr(util.registered, table)))
    util.register_own_class(Address, lambda obj: {}, ["Pyro4.core.URI", "Pyro5.core.URI"], lambda data: None)


@pytest.mark.usefixtures("own_address")
@pytest.mark.parametrize("name", PICKLES)
def test_own_classes_are_pickled_for_programs_with_the_real_pyro4(name: str) -> None:
    error = errors.NamingError("unknown name")
    error.extra = [1, "ferropyro"]  # type: ignore[attr-defined]
    value = [error, error, errors.NamingError, _ExceptionWrapper(ValueError()), Address("PYRO", "obj", None, "host", 5)]
    data = util.get_serializer(name).dumps(value)
    reader = [sys.executable, "-W", "ignore", "-c", READ_WITH_PYRO4]
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONPATH"}
    read = subprocess.run(reader, input=data, env=environment, capture_output=True, check=False)
    assert read.returncode == 0, read.stderr.decode()
    back = util.get_serializer(name).loads(data)
    assert type(back[0]) is errors.NamingError and back[0] is back[1] and back[2] is errors.NamingError
    assert back[4].state == ("PYRO", "obj", None, "host", 5)


@pytest.mark.usefixtures("own_address")
@pytest.mark.parametrize("name", PICKLES)
def test_pickles_of_the_real_pyro4_become_ours(name: str) -> None:
    error = Pyro4.errors.TimeoutError("slow")
    error._pyroTraceback = ["line"]
    data = Pyro4.util.get_serializer(name).dumps([error, Pyro4.core.URI("PYRO:obj@host:5")])
    back, address = util.get_serializer(name).loads(data)
    assert type(back) is errors.TimeoutError
    assert (back.args, back._pyroTraceback) == (("slow",), ["line"])
    assert address.state == ("PYRO", "obj", None, "host", 5)


class Registered:
    def __init__(self, replacement: Any = None) -> None:
        self.replacement = replacement


@pytest.mark.parametrize("name", PICKLES)
def test_another_object_can_be_pickled_in_its_place(name: str) -> None:
    serializer = util.get_serializer(name)
    type(serializer).register_type_replacement(Registered, lambda obj: obj.replacement or obj)
    try:
        back = serializer.loads(serializer.dumps([Registered(errors.NamingError("n")), Registered(), 5]))
        assert type(back[0]) is errors.NamingError
        assert type(back[1]).__name__ == "Registered" and back[2] == 5
    finally:
        util.registered.replacements[name].clear()
    # Nothing of that has changed how the rest of the program pickles.
    assert pickle.loads(pickle.dumps(Registered(5))).replacement == 5
    assert cloudpickle.loads(cloudpickle.dumps(Registered(5))).replacement == 5


# Conformance: SER-02
def test_bytes_are_made_of_serpents_dict() -> None:
    assert util.tobytes({"data": "aXJtZW4gZGUgam9uZw==", "encoding": "base64"}) == b"irmen de jong"
    for text in ("", "AAE=", "AA\nE=", "AAE=AAE=", b"AAE="):
        assert util.tobytes({"data": text, "encoding": "base64"}) == base64.b64decode(text)
    for text in ("A", "AA", "AAE\xe9", "\udc80"):
        with pytest.raises(ValueError):
            util.tobytes({"data": text, "encoding": "base64"})
    for same in (b"x", bytearray(b"x"), memoryview(b"x")):
        assert util.tobytes(same) is same
    for wrong in ("text", {"data": "x"}, 5):
        with pytest.raises(TypeError, match="argument is neither bytes nor"):
            util.tobytes(wrong)


def test_serializers_travel_by_name() -> None:
    for serializer in util._serializers.values():
        wire = util.object_to_wire(serializer, "json")
        assert type(util.wire_to_object(wire, "json")) is type(serializer)
        theirs = Pyro4.util.SerializerBase.class_to_dict(Pyro4.util.get_serializer(serializer.name))
        named = {"__class__": f"Pyro4.util.{type(serializer).__name__}", **theirs}
        assert type(util.wire_to_object(named, "json")) is type(serializer)


@pytest.mark.parametrize("name", ["serpent", "json", "marshal", "msgpack"])
def test_data_is_written_by_the_rust_module(name: str) -> None:
    serializer = util.get_serializer(name)
    value = {"a": [1, None, True, "x"]}
    assert serializer.loads(serializer.dumps(value)) == value
    assert Pyro4.util.get_serializer(name).loads(serializer.dumps(value)) == value
    call = ("object", "method", [1], {"k": 2})
    assert list(serializer.loadsCall(serializer.dumpsCall(*call))) == list(call)


@pytest.mark.parametrize("name", PICKLES)
def test_uris_and_proxies_are_pickled_for_the_real_pyro4_and_read_from_it(name: str) -> None:
    for text in ("PYRO:obj@localhost:1234", "PYRO:obj@./u:path", "PYRO:obj@[::1]:5", "PYRONAME:name@host:1", "PYROMETA:a"):
        real, ours = Pyro4.core.URI(text), ferropyro.URI(text)
        kind = Pyro4.util.get_serializer(name)
        read = util.get_serializer(name).loads(kind.dumps([real, real, {"uri": real}]))
        assert read == [ours, ours, {"uri": ours}] and type(read[0]) is ferropyro.URI and read[0] is read[1]
        assert util.get_serializer(name).loads(util.get_serializer(name).dumps([ours, ours])) == [ours, ours]
        with Pyro4.Proxy(real) as proxy:
            proxy._pyroOneway.add("later")
            copy = util.get_serializer(name).loads(kind.dumps({"proxy": proxy}))["proxy"]
        assert type(copy) is ferropyro.Proxy and copy._pyroUri == ours and copy._pyroOneway == {"later"}
        code = f"import sys, pickle, Pyro4; p = pickle.load(sys.stdin.buffer); print(p._pyroUri.asString(), type(p._pyroOneway).__name__, type(p))"
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], input=util.get_serializer(name).dumps(ferropyro.Proxy(text)), capture_output=True)
        assert done.stdout.decode().split() == [ours.asString(), "set", "<class", "'Pyro4.core.Proxy'>"], done.stderr
