"""Objects of classes on the wire: as a dict with the name of the class, and back.

The Rust module writes and reads plain data by itself. Every other object it gives to `object_to_wire`, every dict with the
key ``__class__`` that arrives to `wire_to_object`. Nothing is imported or called by a name that came over the network: a
name is looked up in fixed tables and in what the program registered.
"""

from __future__ import annotations

import array
import builtins
import collections
import datetime
import decimal
import enum
import numbers
import socket
import struct
import types
import uuid
from collections.abc import Callable, ItemsView, Iterable, KeysView, Mapping, ValuesView
from typing import Any

from . import errors, logs
from .futures import _ExceptionWrapper

ToWire = Callable[[Any], Any]
FromWire = Callable[[str, dict[str, Any]], Any]

SERIALIZER_CLASSES = {
    "serpent": "SerpentSerializer",
    "json": "JsonSerializer",
    "marshal": "MarshalSerializer",
    "msgpack": "MsgpackSerializer",
    "pickle": "PickleSerializer",
    "cloudpickle": "CloudpickleSerializer",
    "dill": "DillSerializer",
}
"""The names of the serializers, and those of their classes in Pyro4."""

PICKLES = frozenset({"pickle", "cloudpickle", "dill"})
"""Those that execute what they read, unless they are read as data."""


class _Registered:
    """What the program registered, and the own classes of this package.

    The tables that are walked through are replaced, not changed: other threads may be walking.
    """

    def __init__(self) -> None:
        self.to_wire: dict[type, tuple[Callable[[Any, str], Any], bool]] = {}
        self.from_wire: dict[str, FromWire] = {}
        self.own_to_wire: dict[type, ToWire] = {}
        self.own_from_wire: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.own_exceptions: dict[type, str] = {}
        self.pickled_as: dict[type, str] = {}
        self.own_names: dict[str, type] = {}
        self.replacements: dict[str, dict[type, Callable[[Any], Any]]] = {name: {} for name in SERIALIZER_CLASSES}


registered = _Registered()


def register_class_to_dict(
    clazz: type, converter: Callable[[Any, str], Any], serpent_too: bool = True
) -> None:
    """Registers what makes a dict of an object of the class and the name of the serializer."""
    registered.to_wire = {**registered.to_wire, clazz: (converter, serpent_too)}


def unregister_class_to_dict(clazz: type) -> None:
    """Takes back what was registered for the class, if there was something."""
    registered.to_wire = {other: entry for other, entry in registered.to_wire.items() if other is not clazz}


def register_own_class(
    cls: type,
    to_wire: ToWire,
    wire_names: Iterable[str],
    from_wire: Callable[[dict[str, Any]], Any],
) -> None:
    """Registers a class of this package.

    ``to_wire`` gives the dict of an object, with the name of Pyro5; ``from_wire`` makes an object of a dict with one of
    ``wire_names``. The first of these is the name by which pickle refers to the class, so it is the one of Pyro4.
    """
    names = list(wire_names)
    registered.own_to_wire = {**registered.own_to_wire, cls: to_wire}
    registered.pickled_as[cls] = names[0]
    for name in names:
        registered.own_from_wire[name] = from_wire
        registered.own_names[name] = cls


def register_pickled(cls: type, name: str) -> None:
    """Registers a class of this package that only pickle carries, by its name in Pyro4."""
    registered.pickled_as[cls] = name
    registered.own_names[name] = cls


def register_replacement(serializer: str, clazz: type, replacement: Callable[[Any], Any]) -> None:
    """Registers what gives the object to send in the place of an object of the class, or that object itself."""
    registered.replacements[serializer][clazz] = replacement


def overridden_types() -> frozenset[type]:
    """Gives the types of plain data that a program wants to write by itself.

    The Rust module must give objects of them to `object_to_wire` although it knows how to write them. Builtin types cannot be
    overridden, in Pyro they cannot be either.
    """
    return frozenset(registered.to_wire) & OVERRIDABLE


OVERRIDABLE = frozenset({decimal.Decimal, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, uuid.UUID})


def object_to_wire(obj: Any, serializer: str) -> Any:
    """Gives what is written in the place of an object that is no plain data, for one of the four serializers of data.

    That may contain such objects again. Raises TypeError (serpent) or SerializeError (the others) for an object that cannot
    be written.
    """
    replaced = replacement_of(obj, serializer)
    if replaced is not obj:
        return replaced
    for clazz, (converter, serpent_too) in registered.to_wire.items():
        if isinstance(obj, clazz) and (serpent_too or serializer != "serpent"):
            return converter(obj, serializer)
    own = _own_to_wire(obj)
    if own is not None:
        return own(obj)
    if isinstance(obj, BaseException):
        return exception_to_dict(obj)
    data = _plain_data(obj, serializer)
    if data is not obj:
        return data
    return _class_dict(obj, serializer)


def wire_to_object(data: dict[str, Any], serializer: str) -> Any:
    """Gives the object that a dict with the key ``__class__`` stands for.

    Serializers other than msgpack give the dict as it arrived: what it contains was not made objects yet. Raises SerializeError for
    a class that nobody registered, or SecurityError for a name with double underscores.
    """
    name = data.get("__class__")
    if isinstance(name, bytes):
        name = name.decode("utf-8", "replace")
        data = {**data, "__class__": name}
    if not isinstance(name, str):
        raise errors.SerializeError(f"unsupported serialized class: {name!r}")
    converter = registered.from_wire.get(name)
    if converter is not None:
        return converter(name, data)
    if "__" in name and serializer not in PICKLES:
        raise errors.SecurityError(f"refused to deserialize types with double underscores in their name: {name}")
    try:
        return _known_object(name, data, serializer)
    except errors.PyroError:
        raise
    except Exception as error:
        # The data is not what belongs to the class. The peer's mistake must not look like one of the program.
        raise errors.SerializeError(f"malformed serialized class: {name} ({type(error).__name__}: {error})") from error


def recreate(value: Any, serializer: str) -> Any:
    """Gives the value with every dict that stands for an object made that object."""
    kind = type(value)
    if kind in (list, tuple, set):
        return kind(recreate(item, serializer) for item in value)
    if kind is dict:
        if "__class__" in value:
            return wire_to_object(value, serializer)
        return {key: recreate(item, serializer) for key, item in value.items()}
    return value


def replacement_of(obj: Any, serializer: str) -> Any:
    """Gives what is to be sent in the place of the object, mostly the object itself."""
    replacements = registered.replacements[serializer]
    if replacements:
        for clazz in type(obj).__mro__:
            if clazz in replacements:
                return replacements[clazz](obj)
    return obj


def exception_to_dict(error: BaseException) -> dict[str, Any]:
    """Gives an exception as a dict with its name, arguments and attributes."""
    return {
        "__class__": registered.own_exceptions.get(type(error)) or class_name(error),
        "__exception__": True,
        "args": error.args,
        "attributes": dict(vars(error)),
    }


def make_exception(kind: type[BaseException], data: dict[str, Any]) -> BaseException:
    """Makes an exception of the dict of one. What would change how Python treats the exception is left out."""
    error = kind(*data["args"])
    for name, value in (data.get("attributes") or {}).items():
        if not name.startswith("__") or name == "__notes__" and _are_texts(value):
            setattr(error, name, value)
    return error


def class_name(obj: object) -> str:
    """Gives the name under which an object's class is known on the wire."""
    return f"{type(obj).__module__}.{type(obj).__name__}"


def class_to_dict(obj: Any, serializer_class: str) -> Any:
    """Gives an object that is no plain data as a dict, as `object_to_wire` does for json."""
    for clazz, (converter, _) in registered.to_wire.items():
        if isinstance(obj, clazz):
            return converter(obj, "json")
    own = _own_to_wire(obj)
    if own is not None:
        return own(obj)
    if type(obj) in (set, dict, tuple, list):
        raise ValueError(f"can't serialize type {type(obj)} into a dict")
    if isinstance(obj, BaseException):
        return exception_to_dict(obj)
    return _class_dict(obj, "json", serializer_class)


def object_state(obj: Any) -> dict[str, Any] | None:
    """Gives the attributes of an object; None if it is of a kind that has none."""
    if isinstance(obj, _NO_DATA):
        return None
    state = dict(getattr(obj, "__dict__", ())) if hasattr(obj, "__dict__") else None
    for clazz in type(obj).__mro__:
        slots = clazz.__dict__.get("__slots__")
        if slots is None:
            continue
        state = {} if state is None else state
        for slot in (slots,) if isinstance(slots, str) else slots:
            name = f"_{clazz.__name__.lstrip('_')}{slot}" if slot.startswith("__") and not slot.endswith("__") else slot
            if slot not in ("__dict__", "__weakref__") and hasattr(obj, name):
                state[name] = getattr(obj, name)
    if state is not None and "_pyroDaemon" in state:
        state["_pyroDaemon"] = None  # the object belongs to a daemon here, not over there
    return state


_NO_DATA = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.ModuleType,
    types.GeneratorType,
)


def _class_dict(obj: Any, serializer: str, serializer_class: str | None = None) -> Any:
    """An object as its own ``__getstate__`` gives it, or as a dict with its attributes and the name of its class."""
    # Since Python 3.11 every object has the method; it counts if a class of the object's defines it.
    if getattr(type(obj), "__getstate__", None) is not getattr(object, "__getstate__", None):
        state = obj.__getstate__()
        if serializer == "serpent":
            is_nameless = isinstance(state, dict) and "__class__" not in state
            return {**state, "__class__": class_name(obj)} if is_nameless else state
        if isinstance(state, dict):
            return state
    attributes = object_state(obj)
    if attributes is None:
        raise cannot_serialize(obj, serializer, serializer_class)
    return {**attributes, "__class__": class_name(obj)}


def cannot_serialize(obj: object, serializer: str, serializer_class: str | None = None) -> Exception:
    """Gives the error of a serializer for an object that it cannot write."""
    text = f"don't know how to serialize class {type(obj)}"
    advice = ". Give it vars() or an appropriate __getstate__"
    if serializer == "serpent":
        return TypeError(text + advice)
    return errors.SerializeError(f"{text} using serializer {serializer_class or SERIALIZER_CLASSES[serializer]}{advice}")


def _own_to_wire(obj: object) -> ToWire | None:
    for clazz, to_wire in registered.own_to_wire.items():
        if isinstance(obj, clazz):
            return to_wire
    return None


def _plain_data(obj: Any, serializer: str) -> Any:
    """The plain data that an object is written as, or the object itself if it is not."""
    kind = type(obj)
    if isinstance(obj, enum.Enum):
        return obj.value
    if serializer == "serpent":
        if isinstance(obj, collections.OrderedDict):
            return {"__class__": "collections.OrderedDict", "items": list(obj.items())}
        if isinstance(obj, (KeysView, ValuesView, ItemsView)):
            return list(obj)
        if kind in _COLLECTIONS:
            return _COLLECTIONS[kind](obj)
    if isinstance(obj, array.array):
        # Of letters: 'u', and 'w' since Python 3.13.
        return obj.tounicode() if obj.typecode in "uw" else obj.tolist()
    if kind in _BASES:
        return obj  # the serializer has no form for it, or it would have been written
    for clazz in kind.__mro__:
        if clazz in _BASES:
            return _BASES[clazz](obj)
    if serializer == "msgpack" and isinstance(obj, numbers.Integral):
        return int(obj)
    return obj


def _datetime(value: datetime.datetime) -> datetime.datetime:
    return datetime.datetime.combine(_date(value), _time(value.timetz()))


def _date(value: datetime.date) -> datetime.date:
    return datetime.date(value.year, value.month, value.day)


def _time(value: datetime.time) -> datetime.time:
    return datetime.time(value.hour, value.minute, value.second, value.microsecond, value.tzinfo, fold=value.fold)


_COLLECTIONS: dict[type, Callable[[Any], Any]] = {
    collections.deque: list,
    collections.UserDict: dict,
    collections.UserList: list,
    collections.UserString: str,
}

# Types of plain data, and what makes plain data of an object of a class that was derived from one. The order of the
# classes of such an object decides, so that what is derived from datetime is not taken for a date.
_BASES: dict[type, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    complex: complex,
    str: str.__str__,
    bytes: bytes,
    bytearray: bytearray,
    memoryview: bytes,
    list: list,
    tuple: tuple,
    dict: dict,
    set: set,
    frozenset: frozenset,
    decimal.Decimal: decimal.Decimal,
    datetime.datetime: _datetime,
    datetime.date: _date,
    datetime.time: _time,
    datetime.timedelta: lambda value: datetime.timedelta(value.days, value.seconds, value.microseconds),
    uuid.UUID: lambda value: uuid.UUID(int=value.int),
}


def _known_object(name: str, data: dict[str, Any], serializer: str) -> Any:
    """An object of a class that needs no registration."""
    own = registered.own_from_wire.get(name)
    if own is not None:
        return own(data)
    if name == "float":
        return float(data["value"])
    if name == "complex":
        return complex(recreate(data["real"], serializer), recreate(data["imag"], serializer))
    if name in ("collections.OrderedDict", "OrderedDict"):
        return collections.OrderedDict((key, recreate(value, serializer)) for key, value in data["items"])
    if name.startswith(("Pyro4.errors.", "Pyro5.errors.")):
        exception = OWN_EXCEPTIONS.get(name.split(".", 2)[2])
    else:
        exception = _exception_type(name) if data.get("__exception__") or name == "struct.error" else None
    if exception is None and serializer in PICKLES:
        return _unknown_exception(name, data) if data.get("__exception__") else data
    if exception is None:
        logs.logger("util").warning("unsupported serialized class: %s", name)
        raise errors.SerializeError(f"unsupported serialized class: {name}")
    return make_exception(exception, data)


def _unknown_exception(name: str, data: dict[str, Any]) -> BaseException:
    """An exception of a class that nobody knows, that came in a pickle: there it may be any class of the other program."""
    args = data["args"]
    text = f"{name}: {args[0] if len(args) == 1 else args}" if args else name
    return make_exception(errors.PyroError, {**data, "args": (text,)})


def _exception_type(name: str) -> type[BaseException] | None:
    namespace, _, short = name.rpartition(".")
    if namespace == "sqlite3" and short in _SQLITE_ERRORS:
        import sqlite3

        return getattr(sqlite3, short, None)
    if namespace in ("builtins", "exceptions"):
        return BUILTIN_EXCEPTIONS.get(short)
    return ALL_EXCEPTIONS.get(name) or OTHER_EXCEPTIONS.get(name)


def _exceptions_of(names: Mapping[str, Any], base: type[BaseException]) -> dict[str, type[BaseException]]:
    return {name: value for name, value in names.items() if isinstance(value, type) and issubclass(value, base)}


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


OWN_EXCEPTIONS = _exceptions_of(vars(errors), errors.PyroError)

# Python 2 has one that Python 3 has not.
BUILTIN_EXCEPTIONS = {**_exceptions_of(vars(builtins), BaseException), "StandardError": Exception}

ALL_EXCEPTIONS = {**_exceptions_of(vars(builtins), BaseException), **OWN_EXCEPTIONS}

OTHER_EXCEPTIONS: dict[str, type[BaseException]] = {
    "struct.error": struct.error,
    "socket.error": OSError,
    "socket.timeout": socket.timeout,
    "socket.gaierror": socket.gaierror,
    "socket.herror": socket.herror,
    "decimal.InvalidOperation": decimal.InvalidOperation,
    "decimal.DivisionByZero": decimal.DivisionByZero,
}

_SQLITE_ERRORS = (
    "Error",
    "DatabaseError",
    "DataError",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
)


def _exception_of_wrapper(data: dict[str, Any]) -> _ExceptionWrapper:
    error = data["exception"]
    if isinstance(error, dict) and "__class__" in error:
        error = wire_to_object(error, "json")
    if not isinstance(error, BaseException):
        raise TypeError("no exception")
    return _ExceptionWrapper(error)


def _wrapper_to_wire(wrapper: _ExceptionWrapper) -> dict[str, Any]:
    # Written here already: in Pyro a program's own conversion of the exception's class counts here as well.
    return {"__class__": "Pyro5.core._ExceptionWrapper", "exception": class_to_dict(wrapper.exception, "SerializerBase")}


registered.own_exceptions = {value: f"Pyro5.errors.{name}" for name, value in OWN_EXCEPTIONS.items()}
registered.pickled_as.update({value: f"Pyro4.errors.{name}" for name, value in OWN_EXCEPTIONS.items()})
for _name, _value in OWN_EXCEPTIONS.items():
    registered.own_names[f"Pyro4.errors.{_name}"] = registered.own_names[f"Pyro5.errors.{_name}"] = _value
register_own_class(
    _ExceptionWrapper,
    _wrapper_to_wire,
    ["Pyro4.futures._ExceptionWrapper", "Pyro5.core._ExceptionWrapper"],
    _exception_of_wrapper,
)
