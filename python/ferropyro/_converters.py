"""Ready conversions of classes that programs often send, for those that ask for them."""

from __future__ import annotations

import base64
import dataclasses
import enum
import importlib
import inspect
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar, overload

from . import _ferropyro, errors
from ._classes import (
    class_name,
    object_state,
    recreate,
    register_class_to_dict,
    registered,
    unregister_class_to_dict,
)

Class = TypeVar("Class", bound=type)


@overload
def register(cls_or_name: Class, name: str | None = None) -> Class: ...


@overload
def register(cls_or_name: str, name: None = None) -> None: ...


def register(cls_or_name: Any, name: str | None = None) -> Any:
    """Lets objects of a class travel both ways: they are sent as a dict, and such a dict becomes an object again.

    It takes a dataclass, an enum, a pydantic model or any other class with attributes, or one of the names ``"pathlib"`` and
    ``"numpy"``. It can be used as a decorator. Both sides must register the class under the same ``name``, which is that of
    the module and the class unless it is given; give one for a class of the main program.

    Objects of the class are made without a call of ``__init__`` (dataclasses and other classes), with the attributes that were sent; a
    pydantic model validates them. Raises TypeError for what cannot be registered.
    """
    if isinstance(cls_or_name, str):
        if cls_or_name not in _GROUPS:
            raise TypeError(f"no class and no name that is known: {cls_or_name!r} (known are {', '.join(_GROUPS)})")
        _GROUPS[cls_or_name]()
        return None
    if not inspect.isclass(cls_or_name):
        raise TypeError(f"a class is needed: {cls_or_name!r}")
    clazz: Any = cls_or_name
    name = name or f"{clazz.__module__}.{clazz.__name__}"
    if issubclass(clazz, enum.Enum):
        _both_ways(clazz, name, lambda obj, _: {"value": obj.value}, lambda data: clazz(_tuples(recreate(data["value"], "json"))))
    elif hasattr(clazz, "model_dump") and hasattr(clazz, "model_validate"):
        _both_ways(clazz, name, lambda obj, _: obj.model_dump(mode="json"), lambda data: clazz.model_validate(_attributes(data)))
    else:
        _both_ways(clazz, name, lambda obj, _: _state(obj), lambda data: _instance(clazz, _attributes(data)))
    return clazz


def unregister(cls: type) -> None:
    """Takes a class back that was given to `register`."""
    unregister_class_to_dict(cls)
    for name, converter in list(registered.from_wire.items()):
        if getattr(converter, "of_class", None) is cls:
            del registered.from_wire[name]


def _both_ways(
    clazz: type,
    name: str,
    to_dict: Callable[[Any, str], dict[str, Any]],
    from_dict: Callable[[dict[str, Any]], Any],
) -> None:
    def converter(_: str, data: dict[str, Any]) -> Any:
        try:
            return from_dict(data)
        except errors.PyroError:
            raise
        except Exception as error:
            raise errors.SerializeError(f"cannot make an object of {name} ({type(error).__name__}: {error})") from error

    converter.of_class = clazz  # type: ignore[attr-defined]
    register_class_to_dict(clazz, lambda obj, serializer: {"__class__": name, **to_dict(obj, serializer)})
    registered.from_wire[name] = converter


def _state(obj: Any) -> dict[str, Any]:
    state = object_state(obj)
    if state is None:
        raise errors.SerializeError(f"objects of {class_name(obj)} have no attributes")
    return state


def _attributes(data: dict[str, Any]) -> dict[str, Any]:
    # The serializer does not matter: what is read is the same with all of them.
    return {name: recreate(value, "json") for name, value in data.items() if name != "__class__"}


def _instance(clazz: Any, attributes: dict[str, Any]) -> Any:
    if dataclasses.is_dataclass(clazz):
        _check_fields(clazz, attributes)
    obj = clazz.__new__(clazz)
    for name, value in attributes.items():
        if name.startswith("__"):
            raise ValueError(f"no attribute for the network: {name}")
        object.__setattr__(obj, name, value)  # frozen classes have another __setattr__
    return obj


def _check_fields(clazz: Any, attributes: dict[str, Any]) -> None:
    names = {field.name for field in dataclasses.fields(clazz)}
    unknown = attributes.keys() - names
    if unknown:
        raise TypeError(f"unknown field {min(unknown)}")
    for field in dataclasses.fields(clazz):
        if field.name in attributes:
            continue
        if field.default is not dataclasses.MISSING:
            attributes[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            attributes[field.name] = field.default_factory()
        else:
            raise TypeError(f"missing field {field.name}")


def _tuples(value: Any) -> Any:
    """Values of an enum can be tuples, which json and msgpack make lists."""
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _register_pathlib() -> None:
    for clazz in (pathlib.PurePosixPath, pathlib.PureWindowsPath):
        # A path of another kind of system is no path of this one.
        native = pathlib.Path if issubclass(pathlib.Path(".").__class__, clazz) else clazz
        for name, target in ((clazz.__name__, clazz), (clazz.__name__.removeprefix("Pure"), native)):
            _both_ways(clazz, f"pathlib.{name}", _path_to_dict, _path_of(target))
        register_class_to_dict(clazz, lambda path, _: {"__class__": _path_name(path), **_path_to_dict(path)})


def _path_to_dict(path: pathlib.PurePath, _: str = "") -> dict[str, Any]:
    return {"path": str(path)}


def _path_of(clazz: type[pathlib.PurePath]) -> Callable[[dict[str, Any]], pathlib.PurePath]:
    return lambda data: clazz(data["path"])


def _path_name(path: pathlib.PurePath) -> str:
    flavour = "PosixPath" if isinstance(path, pathlib.PurePosixPath) else "WindowsPath"
    return f"pathlib.{flavour}" if isinstance(path, pathlib.Path) else f"pathlib.Pure{flavour}"


def _register_numpy() -> None:
    numpy = importlib.import_module("numpy")

    def array_to_dict(array: Any, serializer: str) -> dict[str, Any]:
        if array.dtype.hasobject or array.dtype.fields:
            raise errors.SerializeError(f"an array of {array.dtype} cannot be sent: its elements are no numbers")
        data = array.tobytes()
        text = base64.b64encode(data).decode("ascii") if serializer == "json" else data
        return {"dtype": array.dtype.str, "shape": list(array.shape), "data": text}

    def array_from_dict(data: dict[str, Any]) -> Any:
        # The copy can be written to, which the bytes cannot.
        return numpy.frombuffer(_bytes(data["data"]), dtype=numpy.dtype(str(data["dtype"]))).reshape(data["shape"]).copy()

    _both_ways(numpy.ndarray, "numpy.ndarray", array_to_dict, array_from_dict)
    register_class_to_dict(numpy.generic, lambda scalar, _: scalar.item())


def _bytes(data: Any) -> bytes:
    """Bytes as each of the serializers brings them."""
    if isinstance(data, dict):
        data = data["data"]
    return from_base64(data) if isinstance(data, str) else bytes(data)


def from_base64(text: str | bytes) -> bytes:
    """As Python's own function, which takes many times as long."""
    quick = _ferropyro.from_base64(text) if isinstance(text, str) else None
    return base64.b64decode(text) if quick is None else quick


_GROUPS: dict[str, Callable[[], None]] = {"pathlib": _register_pathlib, "numpy": _register_numpy}
