"""Serializers, and how objects of classes travel; tracebacks of remote exceptions."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import zlib
from collections.abc import Callable
from types import TracebackType
from typing import Any

from . import _classes, _converters, _ferropyro, _pickles, errors
from ._classes import (
    ALL_EXCEPTIONS as all_exceptions,
)
from ._classes import (
    SERIALIZER_CLASSES,
    object_to_wire,
    overridden_types,
    register_own_class,
    registered,
    wire_to_object,
)
from ._converters import register, unregister
from ._members import (
    get_exposed_members,
    get_exposed_property_value,
    getAttribute,
    is_private_attribute,
    reset_exposed_members,
    set_exposed_property_value,
)
from .errors import format_traceback as formatTraceback

__all__ = [
    "SerializerBase",
    "SerpentSerializer",
    "JsonSerializer",
    "MarshalSerializer",
    "MsgpackSerializer",
    "PickleSerializer",
    "CloudpickleSerializer",
    "DillSerializer",
    "get_serializer",
    "get_serializer_by_id",
    "pickle_serializers",
    "object_to_wire",
    "wire_to_object",
    "overridden_types",
    "register",
    "unregister",
    "register_own_class",
    "tobytes",
    "all_exceptions",
    "getPyroTraceback",
    "formatTraceback",
    "excepthook",
    "getAttribute",
    "is_private_attribute",
    "get_exposed_members",
    "reset_exposed_members",
    "get_exposed_property_value",
    "set_exposed_property_value",
]

# Shorter data is not worth the time.
_LEAST_TO_COMPRESS = 200


# Programs look for it in what they print, so it is spelled as in Pyro4.
_REMOTE_TITLE = "This exception occured remotely (Pyro) - Remote traceback:"


def getPyroTraceback(
    ex_type: type[BaseException] | None = None,
    ex_value: BaseException | None = None,
    ex_tb: TracebackType | None = None,
) -> list[str]:
    """Gives the lines of an exception's traceback, followed by those of the remote one if it carries one.

    Without arguments it is the exception that is being handled.
    """
    return errors.get_pyro_traceback(ex_type, ex_value, ex_tb, _REMOTE_TITLE)


def excepthook(ex_type: type[BaseException], ex_value: BaseException | None, ex_tb: TracebackType | None) -> None:
    """For ``sys.excepthook``: prints an uncaught exception with its remote traceback."""
    sys.stderr.write("".join(getPyroTraceback(ex_type, ex_value, ex_tb)))


class SerializerBase:
    """A serializer, and the conversions of classes, which all serializers have in common."""

    name = "json"
    serializer_id = 0

    @classmethod
    def register_class_to_dict(
        cls, clazz: type, converter: Callable[[Any], Any], serpent_too: bool = True
    ) -> None:
        """Registers what makes a dict of an object of the class or of one that is derived from it."""
        _classes.register_class_to_dict(clazz, lambda obj, _: converter(obj), serpent_too)

    @classmethod
    def unregister_class_to_dict(cls, clazz: type) -> None:
        """Takes back what was registered for the class, if there was something."""
        _classes.unregister_class_to_dict(clazz)

    @classmethod
    def register_dict_to_class(cls, classname: str, converter: Callable[[str, dict[str, Any]], Any]) -> None:
        """Registers what makes an object of the name and a dict that has this name under ``__class__``.

        Serializers other than msgpack give the dict as it arrived: dicts in it were not made objects.
        """
        registered.from_wire[classname] = converter

    @classmethod
    def unregister_dict_to_class(cls, classname: str) -> None:
        """Takes back what was registered for the name, if there was something."""
        registered.from_wire.pop(classname, None)

    @classmethod
    def register_type_replacement(cls, object_type: type, replacement_function: Callable[[Any], Any]) -> None:
        """Registers what gives the object that this serializer sends in the place of one of the type, or that object itself.

        Raises ValueError for what is no type.
        """
        if cls is SerializerBase:
            raise NotImplementedError("implement in subclass")
        if object_type is type or not inspect.isclass(object_type):
            raise ValueError("refusing to register replacement for a non-type or the type 'type' itself")
        _classes.register_replacement(cls.name, object_type, replacement_function)

    @classmethod
    def class_to_dict(cls, obj: Any) -> Any:
        """Gives an object as a dict with the name of its class."""
        return _classes.class_to_dict(obj, cls.__name__)

    @classmethod
    def dict_to_class(cls, data: dict[str, Any]) -> Any:
        """Gives the object that a dict with the name of a class stands for.

        Raises SerializeError for a class that nobody registered.
        """
        return wire_to_object({"__class__": "<unknown>", **data}, cls.name)

    @staticmethod
    def make_exception(exceptiontype: type[BaseException], data: dict[str, Any]) -> BaseException:
        """Makes an exception of the dict of one."""
        return _classes.make_exception(exceptiontype, data)

    def recreate_classes(self, literal: Any) -> Any:
        """Gives the data with every dict that stands for an object made that object."""
        return _classes.recreate(literal, self.name)

    def dumps(self, data: Any) -> bytes:
        """Writes a value."""
        raise NotImplementedError("implement in subclass")

    def loads(self, data: bytes) -> Any:
        """Reads a value."""
        raise NotImplementedError("implement in subclass")

    def dumpsCall(self, obj: Any, method: str, vargs: Any, kwargs: dict[str, Any]) -> bytes:
        """Writes a call: the name of the object, of the method, and the arguments."""
        raise NotImplementedError("implement in subclass")

    def loadsCall(self, data: bytes) -> tuple[Any, str, Any, dict[str, Any]]:
        """Reads a call."""
        raise NotImplementedError("implement in subclass")

    def serializeData(self, data: Any, compress: bool = False) -> tuple[bytes, bool]:
        """Writes a value, compressed if that is wanted and makes it shorter. Gives the bytes and whether they are compressed."""
        return _compressed(self.dumps(data), compress)

    def deserializeData(self, data: bytes, compressed: bool = False) -> Any:
        """Reads a value that may be compressed."""
        return self.loads(zlib.decompress(data) if compressed else data)

    def serializeCall(
        self, obj: Any, method: str, vargs: Any, kwargs: dict[str, Any], compress: bool = False
    ) -> tuple[bytes, bool]:
        """As `serializeData`, for a call."""
        return _compressed(self.dumpsCall(obj, method, vargs, kwargs), compress)

    def deserializeCall(self, data: bytes, compressed: bool = False) -> tuple[Any, str, Any, dict[str, Any]]:
        """As `deserializeData`, for a call."""
        return self.loadsCall(zlib.decompress(data) if compressed else data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SerializerBase) and vars(self) == vars(other)

    __hash__ = object.__hash__


class _DataSerializer(SerializerBase):
    """A serializer of data: the Rust module does the work."""

    def dumps(self, data: Any) -> bytes:
        written: bytes = _ferropyro.dumps(data, self.name)
        return written

    def loads(self, data: bytes) -> Any:
        return _ferropyro.loads(data, self.name)

    def dumpsCall(self, obj: Any, method: str, vargs: Any, kwargs: dict[str, Any]) -> bytes:
        written: bytes = _ferropyro.dumps_call(obj, method, vargs, kwargs, self.name)
        return written

    def loadsCall(self, data: bytes) -> tuple[Any, str, Any, dict[str, Any]]:
        call: tuple[Any, str, Any, dict[str, Any]] = _ferropyro.loads_call(data, self.name)
        return call


class SerpentSerializer(_DataSerializer):
    """Python literals as text."""

    name = "serpent"
    serializer_id = 1


class JsonSerializer(_DataSerializer):
    """JSON. It has no bytes; tuples and sets become lists."""

    name = "json"
    serializer_id = 2


class MarshalSerializer(_DataSerializer):
    """The format of Python's module marshal."""

    name = "marshal"
    serializer_id = 3


class MsgpackSerializer(_DataSerializer):
    """MessagePack."""

    name = "msgpack"
    serializer_id = 6


class PickleSerializer(SerializerBase):
    """Python's pickle. Who reads it executes what it says."""

    name = "pickle"
    serializer_id = 4

    def dumps(self, data: Any) -> bytes:
        return _pickles.dumps(data, self.name)

    def loads(self, data: bytes) -> Any:
        return _pickles.loads(data, self.name)

    def _dump(self, data: Any, file: _ferropyro.PickleFile) -> None:
        _pickles.dump(data, self.name, file)

    def _load(self, data: bytes, buffers: list[Any] | None) -> Any:
        return _pickles.loads(data, self.name, buffers)

    def dumpsCall(self, obj: Any, method: str, vargs: Any, kwargs: dict[str, Any]) -> bytes:
        return self.dumps((obj, method, vargs, kwargs))

    def loadsCall(self, data: bytes) -> tuple[Any, str, Any, dict[str, Any]]:
        call: tuple[Any, str, Any, dict[str, Any]] = self.loads(data)
        return call


class CloudpickleSerializer(PickleSerializer):
    """cloudpickle, which writes functions and classes as well. Who reads it executes what it says."""

    name = "cloudpickle"
    serializer_id = 7


class DillSerializer(PickleSerializer):
    """dill, which writes nearly everything. Who reads it executes what it says."""

    name = "dill"
    serializer_id = 5


_ALL = (
    SerpentSerializer(),
    JsonSerializer(),
    MarshalSerializer(),
    PickleSerializer(),
    DillSerializer(),
    MsgpackSerializer(),
    CloudpickleSerializer(),
)
# Only looked for, not imported: dill changes how Python's own pickle works.
_NEED_A_PACKAGE = ("dill", "cloudpickle")
_serializers: dict[str, SerializerBase] = {
    serializer.name: serializer
    for serializer in _ALL
    if serializer.name not in _NEED_A_PACKAGE or importlib.util.find_spec(serializer.name)
}
_serializers_by_id = {serializer.serializer_id: serializer for serializer in _serializers.values()}

pickle_serializers = {name: _serializers[name] for name in ("pickle", "cloudpickle", "dill") if name in _serializers}
"""Those of the pickle family that this Python has, by name."""


def get_serializer(name: str) -> SerializerBase:
    """Gives the serializer of this name, or raises SerializeError."""
    if name not in _serializers:
        raise errors.SerializeError(f"serializer '{name}' is unknown or not available")
    return _serializers[name]


def get_serializer_by_id(sid: int) -> SerializerBase:
    """Gives the serializer that has this number in Pyro4, or raises SerializeError."""
    if sid not in _serializers_by_id:
        raise errors.SerializeError(f"no serializer available for id {sid}")
    return _serializers_by_id[sid]


def tobytes(obj: Any) -> Any:
    """Gives the bytes of what serpent made of bytes; what is bytes already is given back. Raises TypeError for anything else."""
    if isinstance(obj, (bytes, bytearray, memoryview)):
        return obj
    if isinstance(obj, dict) and "data" in obj and obj.get("encoding") == "base64":
        return _converters.from_base64(obj["data"])
    raise TypeError("argument is neither bytes nor serpent base64 encoded bytes dict")


def fixIronPythonExceptionForPickle(exceptionObject: BaseException, addAttributes: bool) -> None:
    """Does nothing. IronPython needs it in Pyro4."""


def _compressed(data: bytes, compress: bool) -> tuple[bytes, bool]:
    if compress and len(data) >= _LEAST_TO_COMPRESS:
        smaller = zlib.compress(data)
        if len(smaller) < len(data):
            return smaller, True
    return data, False


def _register_serializers() -> None:
    """Serializers travel by name."""
    for serializer in _ALL:
        kind = type(serializer)
        names = [f"{package}.util.{kind.__name__}" for package in ("Pyro4", "Pyro5")]
        register_own_class(kind, _serializer_to_wire, names, _serializer_from_wire)


def _serializer_to_wire(serializer: SerializerBase) -> dict[str, Any]:
    return {"__class__": f"Pyro5.util.{SERIALIZER_CLASSES[serializer.name]}"}


def _serializer_from_wire(data: dict[str, Any]) -> SerializerBase:
    name = str(data["__class__"]).rpartition(".")[2]
    return next(type(serializer)() for serializer in _ALL if type(serializer).__name__ == name)


_register_serializers()
