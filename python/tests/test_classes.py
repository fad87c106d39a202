from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import sys
import types
import uuid
from typing import Any

import numpy
import pytest
import Pyro4.errors
import Pyro4.util
import real

from ferropyro import errors, util
from ferropyro.util import SerializerBase

# The names of the classes below: with one of two underscores a receiver would refuse them all.
MODULE = __name__


class Text(str):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Items(list):  # type: ignore[type-arg]
    pass


class Table(dict):  # type: ignore[type-arg]
    pass


class Group(set):  # type: ignore[type-arg]
    pass


class Raw(bytes):
    pass


class Moment(datetime.datetime):
    pass


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 3


class Word(str, enum.Enum):
    YES = "yes"


class Point(collections.namedtuple("Point", "x y")):
    pass


class Plain:
    def __init__(self) -> None:
        self.x = 1
        self.inner = [Slotted()]


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self) -> None:
        self.a = 1
        self.b = "two"


class DictState:
    def __getstate__(self) -> Any:
        return {"q": 1}


class TupleState:
    def __getstate__(self) -> Any:
        return (1, 2)


@dataclasses.dataclass
class Data:
    x: int = 1


class OwnError(Exception):
    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.code = 5


def error_with_attributes() -> Exception:
    error = ValueError("text", 3)
    error._pyroTraceback = ["line 1\n", "line 2\n"]  # type: ignore[attr-defined]
    return error


WRITTEN_AS_IN_PYRO = [
    Items([1]),
    Table(a=1),
    Group([1]),
    Real(1.5),
    Point(1, 2),
    Level.HIGH,
    Word.YES,
    Slotted(),
    DictState(),
    TupleState(),
    OwnError("m", 3),
    error_with_attributes(),
    KeyError(),
    OSError(2, "no such file"),
    array.array("i", [1, 2]),
    array.array("d", [1.5]),
    collections.OrderedDict(a=1),
    collections.Counter("aa"),
    collections.defaultdict(int, a=1),
    collections.deque([1]),
    {"a": 1}.keys(),
    {"a": 1}.values(),
    {"a": 1}.items(),
    range(3),
    fractions.Fraction(1, 2),
    object(),
    Ellipsis,
    iter([1]),
    frozenset([1]),
    1 + 2j,
    b"bytes",
    datetime.time(1, 2, 3),
    datetime.timedelta(seconds=1.5),
    decimal.Decimal("1.50"),
    uuid.UUID(int=5),
    datetime.date(2020, 1, 2),
    numpy.array([1, 2]),
    numpy.int64(3),
    numpy.float32(1.5),
    numpy.bool_(True),
    [numpy.int64(1)],
]

# Kind of value and serializer: what we do on purpose, where the real one loses data, or breaks off, or writes what nobody can read.
ON_PURPOSE = {
    # Plain data of derived types can be written by marshal as by all others.
    **{(kind, "marshal"): "data" for kind in (Items, Table, Group, Real, Point, Level, Word, collections.OrderedDict)},
    **{(kind, "marshal"): "data" for kind in (collections.Counter, collections.defaultdict)},
    # An own __getstate__ apart, an object has the name of its class, as in Pyro5 and in Pyro4 before Python 3.11.
    **{(Plain, name): "named" for name in ("json", "marshal", "msgpack")},
    # Real msgpack writes a number that no reader understands.
    (fractions.Fraction, "msgpack"): "named",
    (numpy.float32, "msgpack"): "refused",
    (numpy.int64, "msgpack"): "data",
    # Real marshal writes the memory of the number.
    (list, "marshal"): "refused",
    (list, "msgpack"): "data",
}


@pytest.mark.parametrize("serializer", real.NAMES)
@pytest.mark.parametrize("value", WRITTEN_AS_IN_PYRO, ids=lambda value: type(value).__name__)
def test_objects_are_written_as_by_pyro4(value: object, serializer: str) -> None:
    theirs = real.outcome(Pyro4.util.get_serializer(serializer).dumps, value)
    ours = real.outcome(real.dumps, value, serializer)
    purpose = ON_PURPOSE.get((type(value), serializer))
    if purpose == "refused":
        assert ours[0] == "SerializeError" and "numpy." in ours[1]
    elif purpose is not None:
        assert isinstance(ours, bytes) and ours != theirs
    elif isinstance(theirs, bytes):
        assert real.parsed(ours, serializer) == real.parsed(theirs, serializer)
    else:
        assert ours == theirs


# The Rust module knows the ellipsis by itself, for marshal.
GIVEN = [value for value in WRITTEN_AS_IN_PYRO if value is not Ellipsis]


@pytest.mark.parametrize("serializer", real.NAMES)
@pytest.mark.parametrize("value", GIVEN, ids=lambda value: type(value).__name__)
def test_the_rust_module_writes_what_it_is_given(value: object, serializer: str) -> None:
    expected = real.outcome(real.dumps, value, serializer)
    ours = real.outcome(util.get_serializer(serializer).dumps, value)
    if isinstance(expected, bytes):
        assert real.parsed(ours, serializer) == real.parsed(expected, serializer)
    else:
        # It refuses by itself, in the words of marshal, what it knows and marshal has no form for.
        assert ours in (expected, ("SerializeError", "unmarshallable object"))


# Conformance: SER-09
@pytest.mark.parametrize("serializer", real.NAMES)
def test_an_object_without_hooks_is_a_dict_that_the_receiver_refuses(serializer: str) -> None:
    data = real.dumps(Plain(), serializer)
    slotted = {"a": 1, "b": "two", "__class__": f"{MODULE}.Slotted"}
    assert real.parsed(data, serializer) == {"x": 1, "inner": [slotted], "__class__": f"{MODULE}.Plain"}
    inner = "Slotted" if serializer == "msgpack" else "Plain"  # which is met first
    with pytest.raises(errors.SerializeError, match=f"unsupported serialized class: {MODULE}.{inner}"):
        real.loads(data, serializer)
    with pytest.raises(errors.SecurityError, match="double underscores in their name: __main__.Plain"):
        util.wire_to_object({"__class__": "__main__.Plain"}, serializer)


# Conformance: SER-09
@pytest.mark.parametrize("serializer", real.NAMES)
def test_hooks_carry_an_object_both_ways(serializer: str) -> None:
    SerializerBase.register_class_to_dict(Slotted, lambda obj: {"__class__": "wire.Slotted", "ab": [obj.a, obj.b]})
    SerializerBase.register_dict_to_class("wire.Slotted", lambda name, data: (name, data["ab"]))
    try:
        data = real.dumps([Slotted()], serializer)
        assert real.parsed(data, serializer) == [{"__class__": "wire.Slotted", "ab": [1, "two"]}]
        assert real.loads(data, serializer) == [("wire.Slotted", [1, "two"])]
    finally:
        SerializerBase.unregister_class_to_dict(Slotted)
        SerializerBase.unregister_dict_to_class("wire.Slotted")
    SerializerBase.unregister_class_to_dict(Slotted)
    with pytest.raises(errors.SerializeError):
        real.loads(data, serializer)


def test_hooks_count_for_derived_classes_and_can_leave_out_serpent() -> None:
    class Derived(Slotted):
        pass

    SerializerBase.register_class_to_dict(Slotted, lambda obj: {"__class__": "wire.Slotted"}, serpent_too=False)
    try:
        assert util.object_to_wire(Derived(), "json") == {"__class__": "wire.Slotted"}
        assert util.object_to_wire(Slotted(), "serpent") == {"a": 1, "b": "two", "__class__": f"{MODULE}.Slotted"}
        assert SerializerBase.class_to_dict(Slotted()) == {"__class__": "wire.Slotted"}
    finally:
        SerializerBase.unregister_class_to_dict(Slotted)


def test_types_of_plain_data_can_be_overridden() -> None:
    assert util.overridden_types() == frozenset()
    SerializerBase.register_class_to_dict(uuid.UUID, lambda obj: {"__class__": "wire.uuid", "hex": obj.hex})
    try:
        assert util.overridden_types() == {uuid.UUID}
        assert real.parsed(real.dumps([uuid.UUID(int=5)], "json"), "json")[0]["__class__"] == "wire.uuid"
    finally:
        SerializerBase.unregister_class_to_dict(uuid.UUID)


@pytest.mark.parametrize("serializer", real.NAMES)
def test_another_object_can_be_sent_in_its_place(serializer: str) -> None:
    def replacement(obj: Plain) -> Any:
        return obj if obj.x == 1 else ["replaced"]

    kind = type(util.get_serializer(serializer))
    kind.register_type_replacement(Plain, replacement)
    try:
        obj = Plain()
        assert util.object_to_wire(obj, serializer)["x"] == 1
        obj.x = 2
        assert real.parsed(real.dumps([obj], serializer), serializer) == [["replaced"]]
    finally:
        util.registered.replacements[serializer].clear()
    with pytest.raises(ValueError, match="refusing to register replacement"):
        kind.register_type_replacement(type, replacement)
    with pytest.raises(ValueError, match="refusing to register replacement"):
        kind.register_type_replacement(replacement, replacement)  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        SerializerBase.register_type_replacement(Plain, replacement)


@pytest.mark.parametrize("serializer", real.NAMES)
def test_derived_types_travel_as_what_they_are_derived_from(serializer: str) -> None:
    values = {"text": Text("t"), "number": Number(3), "enum": Colour.RED, "float": numpy.float64(1.5), "str": numpy.str_("q")}
    assert real.parsed(real.dumps(values, serializer), serializer) == {
        "text": "t",
        "number": 3,
        "enum": 1,
        "float": 1.5,
        "str": "q",
    }
    moment = util.object_to_wire(Moment(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc), serializer)
    assert type(moment) is datetime.datetime
    assert moment == datetime.datetime(2020, 1, 2, 3, 4, 5, 6, datetime.timezone.utc)
    assert type(util.object_to_wire(Raw(b"x"), serializer)) is bytes


@pytest.mark.parametrize("serializer", real.NAMES)
@pytest.mark.parametrize("value", [int, Plain, len, lambda: 1, types, (item for item in [])], ids=lambda value: type(value).__name__)
def test_what_is_no_data_is_refused_by_the_sender(value: object, serializer: str) -> None:
    kind = TypeError if serializer == "serpent" else errors.SerializeError
    with pytest.raises(kind, match="don't know how to serialize class <class '(type|function|builtin|module|generator)"):
        real.dumps([value], serializer)


def test_attributes_in_slots_are_found_in_all_classes() -> None:
    class Base:
        __slots__ = ("a", "__hidden", "unset")

        def __init__(self) -> None:
            self.a = 1
            self.__hidden = 2

    class Derived(Base):
        __slots__ = "b"

    class WithDict(Derived):
        pass

    obj = WithDict()
    obj.b = 3
    obj.c = 4  # type: ignore[attr-defined]
    state = util.object_to_wire(obj, "json")
    assert state == {"a": 1, "_Base__hidden": 2, "b": 3, "c": 4, "__class__": f"{MODULE}.WithDict"}
    assert "__weakref__" not in util.object_to_wire(ipaddress.ip_address("1.2.3.4"), "json")


def test_the_daemon_of_an_object_stays_here() -> None:
    obj = Plain()
    obj._pyroDaemon = daemon = object()  # type: ignore[attr-defined]
    assert util.object_to_wire(obj, "serpent")["_pyroDaemon"] is None
    assert obj._pyroDaemon is daemon  # type: ignore[attr-defined]


# Conformance: NP-01, NP-02
@pytest.mark.parametrize("serializer", ["serpent", "json", "marshal"])
def test_numpy_objects_are_refused_with_the_errors_of_pyro4(serializer: str) -> None:
    for value in (numpy.array([1, 2]), numpy.int64(3)):
        theirs = real.outcome(Pyro4.util.get_serializer(serializer).dumps, value)
        assert real.outcome(real.dumps, value, serializer) == theirs
        assert f"numpy.{type(value).__name__}" in theirs[1]


# Conformance: NP-03
@pytest.mark.parametrize("serializer", real.NAMES)
def test_lists_of_numpy_arrays_pass(serializer: str) -> None:
    value = [numpy.array([1, 2]).tolist(), numpy.array([[1.5], [2.5]]).tolist()]
    assert real.loads(real.dumps(value, serializer), serializer) == value


# Conformance: NP-04
@pytest.mark.parametrize("serializer", real.NAMES)
def test_arrays_arrive_as_lists_and_those_of_letters_as_text(serializer: str) -> None:
    assert real.loads(real.dumps(array.array("i", [1, 2]), serializer), serializer) == [1, 2]
    letters = "w" if sys.version_info >= (3, 13) else "u"
    assert real.loads(real.dumps(array.array(letters, "ab"), serializer), serializer) == "ab"


# Conformance: NP-05
@pytest.mark.parametrize("serializer", ["serpent", "json"])
def test_a_list_of_numpy_scalars_is_refused(serializer: str) -> None:
    text = "numpy.int64"
    with pytest.raises((TypeError, errors.SerializeError), match=text):
        real.dumps(list(numpy.array([1, 2, 3])), serializer)
    matrix = numpy.array([[1, 2], [3, 4]])
    shape, flat = real.loads(real.dumps((matrix.shape, matrix.flatten().tolist()), serializer), serializer)
    assert (numpy.array(flat).reshape(shape) == matrix).all()


# Conformance: API-01
@pytest.mark.parametrize("serializer", real.NAMES)
@pytest.mark.parametrize("name", [name for name, value in vars(Pyro4.errors).items() if isinstance(value, type)])
def test_our_exceptions_travel_as_themselves(name: str, serializer: str) -> None:
    error = getattr(errors, name)("text", 5)
    error.extra = [1]
    wire = real.parsed(real.dumps(error, serializer), serializer)
    assert wire["__class__"] == f"Pyro5.errors.{name}"
    for spelled in (f"Pyro4.errors.{name}", f"Pyro5.errors.{name}", name):
        back = util.wire_to_object({**wire, "__class__": spelled}, serializer)
        if spelled != "TimeoutError":  # also one of Python's
            assert type(back) is type(error)
        assert (back.args, back.extra) == (error.args, [1])


def exception_dict(name: str, *args: object, **attributes: object) -> dict[str, Any]:
    return {"__class__": name, "__exception__": True, "args": list(args), "attributes": attributes}


EXCEPTIONS = """ValueError builtins.ValueError exceptions.ValueError KeyError OSError builtins.KeyboardInterrupt SystemExit
    sqlite3.OperationalError PyroError NamingError Pyro4.errors.NamingError builtins.TimeoutError foo.Bar sqlite3.NoError2
    Pyro4.core.Nope Pyro4.util.Nope __main__.Own a__b""".split()


@pytest.mark.parametrize("serializer", real.NAMES)
@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_read_as_by_pyro4(name: str, serializer: str) -> None:
    data = exception_dict(name, 1, "x", _pyroTraceback=["line"], code=7)
    theirs = real.outcome(Pyro4.util.get_serializer(serializer).dict_to_class, data)
    ours = real.outcome(util.wire_to_object, data, serializer)
    if isinstance(theirs, Exception):
        assert type(ours).__name__ == type(theirs).__name__
        assert (ours.args, vars(ours)) == (theirs.args, vars(theirs))
    elif isinstance(theirs, BaseException):
        assert type(ours) is type(theirs)
    else:
        assert ours == theirs


@pytest.mark.parametrize(
    "data",
    [
        {"__class__": 5},
        {"__class__": None},
        {"__class__": "ValueError"},
        {"__class__": "Pyro4.errors.NamingError"},
        {"__class__": "Pyro4.errors.Nope", "__exception__": True, "args": []},
        {"__class__": "Pyro5.errors.PyroError.x", "__exception__": True, "args": []},
        {"__class__": "Pyro5.errors.sys", "__exception__": True, "args": []},
        {"__class__": "Pyro4.errors.get_pyro_traceback", "__exception__": True, "args": []},
        {"__class__": "foo", "__exception__": True, "args": []},
        {"__class__": "builtins.eval", "__exception__": True, "args": ["1"]},
        {"__class__": "exceptions.open", "__exception__": True, "args": ["/x", "w"]},
        {"__class__": "sqlite3.connect", "__exception__": True, "args": ["x"]},
        {"__class__": "sqlite3.MyError", "__exception__": True, "args": ["x"]},
        {"__class__": "UnicodeDecodeError", "__exception__": True, "args": [1]},
        {"__class__": "ValueError", "__exception__": True, "args": 5},
        {"__class__": "ValueError", "__exception__": True, "args": [], "attributes": [1]},
        {"__class__": "ValueError", "__exception__": True, "args": [], "attributes": {5: 1}},
        {"__class__": "float"},
        {"__class__": "complex", "real": "x", "imag": 0},
        {"__class__": "collections.OrderedDict", "items": 5},
        {"__class__": "Pyro5.core._ExceptionWrapper", "exception": {"__class__": "Nope"}},
        {"__class__": "Pyro5.core._ExceptionWrapper", "exception": "text"},
        {"__class__": "os.system", "args": ["ls"]},
    ],
    ids=lambda data: str(data["__class__"]),
)
def test_a_dict_that_fits_no_class_is_a_serialize_error(data: dict[str, Any]) -> None:
    for serializer in real.NAMES:
        with pytest.raises(errors.SerializeError, match="(unsupported|malformed) serialized class: "):
            util.wire_to_object(data, serializer)


def test_attributes_that_change_an_exception_itself_are_left_out() -> None:
    data = exception_dict("ValueError", 1, __class__="x", __cause__=ValueError(), __notes__=["a note"], code=1)
    error = util.wire_to_object(data, "json")
    assert type(error) is ValueError
    assert error.__cause__ is None
    assert vars(error) == {"__notes__": ["a note"], "code": 1}
    assert vars(util.wire_to_object(exception_dict("ValueError", __notes__=5), "json")) == {}


def test_a_name_in_bytes_is_read_too() -> None:
    assert type(util.wire_to_object({"__class__": b"ValueError", "__exception__": True, "args": ()}, "msgpack")) is ValueError
    assert type(util.wire_to_object({"__class__": b"Pyro4.util.JsonSerializer"}, "msgpack")) is util.JsonSerializer


def test_serpents_own_dicts_are_read() -> None:
    assert str(util.wire_to_object({"__class__": "float", "value": "nan"}, "serpent")) == "nan"
    nan = {"__class__": "float", "value": "nan"}
    assert str(util.wire_to_object({"__class__": "complex", "real": nan, "imag": 1.0}, "serpent")) == "(nan+1j)"
    ordered = collections.OrderedDict(b=1, a=[2])
    assert real.loads(real.dumps(ordered, "serpent"), "serpent") == ordered


def test_a_wrapped_exception_of_either_pyro_is_read() -> None:
    for name in ("Pyro4.futures._ExceptionWrapper", "Pyro5.core._ExceptionWrapper"):
        wrapper = util.wire_to_object({"__class__": name, "exception": exception_dict("ValueError", "x")}, "serpent")
        with pytest.raises(ValueError, match="x"):
            wrapper.raiseIt()


def test_dicts_within_a_registered_class_arrive_as_they_are() -> None:
    SerializerBase.register_dict_to_class("wire.Box", lambda _, data: data["inner"])
    try:
        inner = exception_dict("ValueError", 1)
        serializer = util.get_serializer("json")
        assert serializer.recreate_classes({"a": [{"__class__": "wire.Box", "inner": inner}]}) == {"a": [inner]}
        assert type(serializer.recreate_classes((inner,))[0]) is ValueError
    finally:
        SerializerBase.unregister_dict_to_class("wire.Box")


def test_the_base_class_has_the_rest_of_pyro4s_methods() -> None:
    base = SerializerBase()
    with pytest.raises(ValueError, match="can't serialize type <class 'set'> into a dict"):
        base.class_to_dict(set())
    with pytest.raises(errors.SerializeError, match="using serializer SerializerBase"):
        base.class_to_dict(object())
    with pytest.raises(errors.SerializeError, match="unsupported serialized class: <unknown>"):
        base.dict_to_class({})
    assert isinstance(base.make_exception(ValueError, {"args": [1]}), ValueError)
    for call in (lambda: base.dumps(1), lambda: base.loads(b""), lambda: base.loadsCall(b"")):
        with pytest.raises(NotImplementedError):
            call()
    assert util.JsonSerializer() == util.JsonSerializer()


def test_own_classes_are_registered_with_all_their_names() -> None:
    class Place:
        def __init__(self, state: Any) -> None:
            self.state = state

    util.register_own_class(
        Place,
        lambda obj: {"__class__": "Pyro5.core.Place", "state": obj.state},
        ["Pyro4.core.Place", "Pyro5.core.Place"],
        lambda data: Place(data["state"]),
    )
    try:
        assert util.object_to_wire(Place((1, 2)), "serpent") == {"__class__": "Pyro5.core.Place", "state": (1, 2)}
        for name in ("Pyro4.core.Place", "Pyro5.core.Place"):
            assert util.wire_to_object({"__class__": name, "state": 5}, "serpent").state == 5
        with pytest.raises(errors.SerializeError, match="malformed serialized class: Pyro4.core.Place .KeyError"):
            util.wire_to_object({"__class__": "Pyro4.core.Place"}, "serpent")
    finally:
        for table in (util.registered.own_to_wire, util.registered.pickled_as):
            del table[Place]
        for name in ("Pyro4.core.Place", "Pyro5.core.Place"):
            del util.registered.own_from_wire[name], util.registered.own_names[name]
