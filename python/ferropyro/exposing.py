"""What of a class others may use: ``expose``, ``behavior``, ``oneway``, ``callback``, and what follows from them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

from ._members import ExposedMembers, is_private_attribute, look
from .configuration import config

__all__ = ["expose", "behavior", "oneway", "callback", "is_private_attribute", "exposed_members", "ExposedMembers"]

_T = TypeVar("_T")
_Callable = TypeVar("_Callable", bound=Callable[..., Any])

INSTANCE_MODES = ("single", "session", "percall")


def expose(method_or_class: _T) -> _T:
    """Lets others use a method, a property, or all public members that a class itself defines."""
    if inspect.isdatadescriptor(method_or_class):
        accessor = _accessor(method_or_class)
        if accessor is None:
            raise AttributeError(f"cannot expose a descriptor without a getter, setter or deleter: {method_or_class!r}")
        if is_private_attribute(accessor.__name__):
            raise AttributeError("exposing private names (starting with _) is not allowed")
        accessor._pyroExposed = True
        return method_or_class
    name = getattr(method_or_class, "__name__", None)
    if name is None:
        raise AttributeError("@expose cannot determine what this is about: put it below @classmethod, @staticmethod and the like")
    if is_private_attribute(name):
        raise AttributeError("exposing private names (starting with _) is not allowed")
    if inspect.isclass(method_or_class):
        for member_name, member in list(vars(method_or_class).items()):
            if not is_private_attribute(member_name):
                _mark(member)
    cast(Any, method_or_class)._pyroExposed = True
    return method_or_class


def _mark(member: Any) -> None:
    """Marks a member of a class that is exposed as a whole."""
    if isinstance(member, (staticmethod, classmethod)):
        cast(Any, member.__func__)._pyroExposed = True
    elif inspect.isfunction(member) or (inspect.ismethoddescriptor(member) and hasattr(member, "__dict__")):
        cast(Any, member)._pyroExposed = True
    elif inspect.isdatadescriptor(member):
        for accessor in (getattr(member, kind, None) for kind in ("fget", "fset", "fdel")):
            if accessor is not None:
                accessor._pyroExposed = True


def _accessor(descriptor: Any) -> Any:
    accessors = (getattr(descriptor, kind, None) for kind in ("fget", "fset", "fdel"))
    return next((accessor for accessor in accessors if accessor is not None), None)


def oneway(method: _Callable) -> _Callable:
    """Makes callers of a method go on at once: they get neither its result nor its exception."""
    cast(Any, method)._pyroOneway = True
    return method


def callback(method: _Callable) -> _Callable:
    """Raises the exceptions of a method in this program too, not only at the caller."""
    cast(Any, method)._pyroCallback = True
    return method


def behavior(instance_mode: str = "session", instance_creator: Callable[[type], Any] | None = None) -> Callable[[type[_T]], type[_T]]:
    """Says when a daemon makes instances of a class: one for each ``session`` (connection), a ``single`` one, or one ``percall``.

    ``instance_creator`` makes them: it is given the class. Without one the class is called without arguments.
    """
    if not isinstance(instance_mode, str):
        raise SyntaxError("behavior decorator is missing argument(s)")
    if instance_mode not in INSTANCE_MODES:
        raise ValueError(f"invalid instance mode: {instance_mode}")
    if instance_creator is not None and not callable(instance_creator):
        raise TypeError("instance_creator must be a callable")

    def decorate(cls: type[_T]) -> type[_T]:
        if not inspect.isclass(cls):
            raise TypeError("behavior decorator can only be used on a class")
        cls._pyroInstancing = (instance_mode, instance_creator)  # type: ignore[attr-defined]
        return cls

    return decorate


def exposed_members(obj: Any, only_exposed: bool | None = None) -> ExposedMembers:
    """Gives the names that an object or class exposes.

    ``only_exposed``: whether all public names count, or those alone that were exposed; as REQUIRE_EXPOSE says unless it is given.
    """
    return look(obj, config.REQUIRE_EXPOSE if only_exposed is None else only_exposed)[0]


def wire_members(obj: Any, only_exposed: bool) -> Any:
    """What the Rust module wants to know of an object or class."""
    from . import _ferropyro

    cls = obj if inspect.isclass(obj) else type(obj)
    found, unexposed, callbacks, writable = look(obj, only_exposed)
    methods = [(name, name in found.oneway, name in callbacks) for name in sorted(found.methods)]
    attributes = [(name, name in writable) for name in sorted(found.attrs)]
    return _ferropyro.Members(cls.__name__, methods, attributes, unexposed)
