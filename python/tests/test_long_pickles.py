"""Pickles with long objects in them: those are copied once on their way, and arrive as they were."""

from __future__ import annotations

import gc
import pickle
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
from peers import objects
from pickle_things import Point

import ferropyro
from ferropyro import _ferropyro
from ferropyro._classes import registered
from ferropyro.util import PickleSerializer
from test_pickles import PAIRS, PICKLES, SERVER, Pair

LONG = 64 << 10
PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)
BYTES = bytes(range(256)) * (LONG // 128)


def long_values() -> Iterator[Any]:
    """With more, less and exactly as much as a pickler leaves where it is."""
    array = numpy.arange(4 * LONG, dtype=numpy.float64)
    yield from (BYTES[:LONG], BYTES[: LONG - 1], BYTES[: LONG + 1], bytearray(BYTES), "é" * LONG, "\udc80" + "x" * LONG)
    yield [BYTES, BYTES + b"1", None, bytearray(BYTES), "x" * LONG, {"key": Point(1, BYTES)}, BYTES]
    yield from (array, array.reshape(2, -1).T, array[::2], numpy.asarray(memoryview(BYTES)))
    yield list(range(LONG))
    yield ferropyro.URI("PYRO:long@localhost:1"), BYTES
    yield b"Pyro4.core\nURI" * LONG


def is_same(value: Any, other: Any) -> bool:
    if isinstance(value, numpy.ndarray):
        return bool(value.dtype == other.dtype and numpy.array_equal(value, other))
    return type(value) is type(other) and bool(value == other)


@pytest.mark.parametrize("serializer", PICKLES)
@pytest.mark.parametrize("server", [pair.partition(" ")[2] for pair in PAIRS if pair.startswith("ferropyro")])
def test_long_objects_arrive_as_they_were(server: str, serializer: str) -> None:
    with objects(*server.split(), server=SERVER) as uris:
        pair = Pair("ferropyro", uris, serializer, is_multiplex=False)
        with pair.proxy() as lab:
            for value in long_values():
                assert is_same(value, lab.echo(value))
            assert lab.are_same(BYTES, BYTES)
            lab.level = BYTES
            assert lab.level == BYTES
            batch = ferropyro.batch(lab)
            for length in (LONG, 1, 2 * LONG):
                batch.echo(BYTES[:length])
            assert [len(result) for result in batch()] == [LONG, 1, 2 * LONG]
            blob = ferropyro.core.SerializedBlob("info", [BYTES])
            assert lab.opened(blob) == ("info", [BYTES])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_taken_out_of_a_pickle_is_put_in_again_by_the_unpickler(protocol: int) -> None:
    for value in long_values():
        for written in (pickle.dumps(value, protocol), python_dumps(value, protocol)):
            rest, buffers = _ferropyro.take_apart(written)
            made, expected = pickle.loads(rest, buffers=buffers), pickle.loads(written)
            assert is_same(expected, made) and getattr(made, "flags", 0) == getattr(expected, "flags", 0)
    taken = _ferropyro.take_apart(pickle.dumps([BYTES, 1, "x" * LONG], protocol))
    # Protocol 2 has no bytes: there they are a text, and a function that makes bytes of it.
    assert [type(buffer) for buffer in taken[1] or []] == ([bytes, str] if protocol > 2 else [])
    assert protocol == 2 or len(taken[0]) < 100
    shared = pickle.loads(*_ferropyro.take_apart(pickle.dumps([BYTES, BYTES], protocol))[:1], buffers=[BYTES])
    assert shared[0] is shared[1]


def python_dumps(value: Any, protocol: int) -> bytes:
    """By the pickler that is written in Python."""
    dumps: Any = pickle._dumps  # type: ignore[attr-defined]
    return bytes(dumps(value, protocol))


@pytest.mark.parametrize("protocol", [3, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_that_is_cut_off_or_lies_is_an_error_as_it_would_be_whole(protocol: int) -> None:
    written = pickle.dumps([BYTES, "x" * LONG, Point(1, bytearray(BYTES))], protocol)
    places = [*range(100), *range(100, len(written), 997), *range(len(written) - 100, len(written))]
    for place in places:
        with pytest.raises((EOFError, pickle.UnpicklingError)):
            rest, buffers = _ferropyro.take_apart(written[:place])
            pickle.loads(rest, buffers=buffers)
    for opcode, length in (("B", 2**32 - 1), ("\x8e", 2**63), ("\x8e", 2**64 - 1), ("\x96", LONG + 10), ("\x8d", 2**40), ("\x95", 2**64 - 1)):
        number = struct.pack("<I" if opcode == "B" else "<Q", length)
        announced = b"\x80\x05" + opcode.encode("latin-1") + number + BYTES[:LONG]
        rest, buffers = _ferropyro.take_apart(announced)
        assert (rest, buffers) == (announced, None)


def test_what_follows_something_unknown_stays_where_it_is() -> None:
    for unknown in (b"cbuiltins\nlen\n", b"\x97", b"V1\n", b"."):
        written = b"\x80\x05" + unknown + b"B" + struct.pack("<I", LONG) + BYTES[:LONG] + b"."
        assert _ferropyro.take_apart(written) == (written, None)


@ferropyro.expose
class Keeper:
    def echo(self, value: Any) -> Any:
        return value


@pytest.fixture
def keeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A proxy of an object in this process."""
    monkeypatch.setattr(ferropyro.config, "SERIALIZERS_ACCEPTED", {"pickle"})
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        proxy: Any = ferropyro.Proxy(daemon.register(Keeper(), "keeper"))
        proxy._pyroSerializer = "pickle"
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        with proxy:
            yield proxy
        daemon.shutdown()
        thread.join()


class KeepsTheFile:
    """Keeps the file that it is written to, and the picklers of those that are written in Python."""

    files: list[Any] = []
    slow: list[Any] = []

    def __reduce__(self) -> Any:
        self.files.extend(found for found in gc.get_objects() if isinstance(found, _ferropyro.PickleFile))
        self.slow.extend(found for found in gc.get_objects() if isinstance(found, pickle._Pickler))  # type: ignore[attr-defined]
        return int, (1,)


def test_the_file_of_a_pickler_is_closed_when_the_pickle_is_written(keeper: Any) -> None:
    assert keeper.echo(KeepsTheFile()) == 1
    # What is registered in a daemon is replaced in pickles, which the pickler in C can do as well.
    assert registered.replacements["pickle"] and not KeepsTheFile.slow
    (file,) = KeepsTheFile.files
    for use in (lambda: file.write(BYTES), lambda: file.write(bytearray(BYTES)), lambda: file.names_contain(b"x"), file.clear):
        with pytest.raises(ValueError, match="the pickle has been written"):
            use()
    assert keeper.echo(BYTES) == BYTES


def test_objects_of_pythons_own_types_can_be_replaced_too(keeper: Any) -> None:
    PickleSerializer.register_type_replacement(bytearray, lambda data: Point(len(data), "bytes"))
    try:
        assert keeper.echo([bytearray(BYTES), BYTES]) == [Point(len(BYTES), "bytes"), BYTES]
    finally:
        del registered.replacements["pickle"][bytearray]


class Fails:
    def __reduce__(self) -> Any:
        raise KeyError("it cannot be written")


def test_what_cannot_be_written_to_its_end_leaves_nothing_in_the_message(keeper: Any) -> None:
    for value in ([BYTES, Fails()], [bytearray(BYTES), BYTES, Fails()]):
        with pytest.raises(KeyError, match="it cannot be written"):
            keeper.echo(value)
        assert keeper.echo(BYTES) == BYTES


@pytest.mark.parametrize("kind", [bytes, bytearray, numpy.frombuffer])
def test_a_long_object_is_in_pythons_memory_once_at_each_end(keeper: Any, kind: Any) -> None:
    size = 16 << 20
    data = kind(bytes(size))
    keeper.echo(data)
    tracemalloc.start()
    try:
        keeper.echo(data)
        # The argument in the server, and the result here.
        assert tracemalloc.get_traced_memory()[1] < 2.25 * size
    finally:
        tracemalloc.stop()
