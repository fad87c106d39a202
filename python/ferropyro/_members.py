"""Which members of an object can be called by clients."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

from .configuration import config

# Names with double underscores are public, but not those that Python itself needs.
_PRIVATE_DUNDER_NAMES = frozenset(
    """
    __init__ __init_subclass__ __class__ __module__ __weakref__ __call__ __new__ __del__ __repr__ __unicode__ __str__
    __format__ __nonzero__ __bool__ __coerce__ __cmp__ __eq__ __ne__ __hash__ __ge__ __gt__ __le__ __lt__ __dir__
    __enter__ __exit__ __copy__ __deepcopy__ __sizeof__ __getattr__ __setattr__ __hasattr__ __getattribute__ __delattr__
    __instancecheck__ __subclasscheck__ __getinitargs__ __getnewargs__ __getstate__ __setstate__ __reduce__ __reduce_ex__
    __getstate_for_dict__ __setstate_from_dict__ __subclasshook__
    """.split()
)

class ExposedMembers(NamedTuple):
    """The names that a class exposes."""

    methods: set[str]
    oneway: set[str]
    attrs: set[str]


_cache: dict[tuple[type, bool, bool], dict[str, Any]] = {}


def is_private_attribute(attr_name: str) -> bool:
    """Whether a name is private, so that no client can use it."""
    if attr_name in _PRIVATE_DUNDER_NAMES:
        return True
    is_dunder = len(attr_name) > 4 and attr_name.startswith("__") and attr_name.endswith("__")
    return attr_name.startswith("_") and not is_dunder


def getAttribute(obj: Any, attr: str) -> Any:
    """Gives a public, exposed member of an object, or raises AttributeError."""
    if is_private_attribute(attr):
        raise AttributeError(f"attempt to access private attribute '{attr}'")
    member = getattr(obj, attr)
    if config.REQUIRE_EXPOSE and not getattr(member, "_pyroExposed", False):
        raise AttributeError(f"attempt to access unexposed attribute '{attr}'")
    return member


def get_exposed_members(
    obj: Any, only_exposed: bool = True, as_lists: bool = False, use_cache: bool = True
) -> dict[str, Any]:
    """Gives the names of an object's (or class's) public ``methods``, those that are ``oneway``, and its ``attrs``.

    With ``only_exposed`` they are the ones with the decorator @expose; with ``as_lists`` they come as lists, not sets.
    """
    clazz = obj if inspect.isclass(obj) else type(obj)
    key = (clazz, only_exposed, as_lists)
    if use_cache and key in _cache:
        return _cache[key]
    found = look(clazz, only_exposed)[0]
    kind = list if as_lists else set
    _cache[key] = {name: kind(names) for name, names in found._asdict().items()}
    return _cache[key]


def look(obj: Any, only_exposed: bool) -> tuple[ExposedMembers, list[str], set[str], set[str]]:
    """The exposed names, the public ones that are not exposed, the callbacks, and the attributes that can be set."""
    cls = obj if inspect.isclass(obj) else type(obj)
    found = ExposedMembers(set(), set(), set())
    unexposed: list[str] = []
    callbacks: set[str] = set()
    writable: set[str] = set()
    for name in dir(cls):
        if is_private_attribute(name):
            continue
        member = getattr(cls, name)
        # Not what is built in, such as a function of the operating system that happens to be an attribute of the class.
        if inspect.ismethod(member) or inspect.isfunction(member) or inspect.ismethoddescriptor(member):
            if not getattr(member, "_pyroExposed", not only_exposed):
                unexposed.append(name)
                continue
            found.methods.add(name)
            if getattr(member, "_pyroOneway", False):
                found.oneway.add(name)
            if getattr(member, "_pyroCallback", False):
                callbacks.add(name)
        elif inspect.isdatadescriptor(member):
            accessor = _property_function(member, "fget", "fset", "fdel")
            if accessor is None or not getattr(accessor, "_pyroExposed", not only_exposed):
                unexposed.append(name)
                continue
            found.attrs.add(name)
            if getattr(member, "fset", None) is not None:
                writable.add(name)
        else:
            unexposed.append(name)
    return found, unexposed, callbacks, writable


def reset_exposed_members(obj: Any, only_exposed: bool = True, as_lists: bool = False) -> None:
    """Forgets what is known of the members of an object or class, after they were changed."""
    _cache.pop((obj if inspect.isclass(obj) else type(obj), only_exposed, as_lists), None)


def get_exposed_property_value(obj: Any, propname: str, only_exposed: bool = True) -> Any:
    """Gives the value of an exposed property, or raises AttributeError."""
    member = _property(obj, propname)
    getter = _property_function(member, "fget")
    if getter is None or not getattr(getter, "_pyroExposed", not only_exposed):
        raise AttributeError(f"attempt to access unexposed or unknown remote attribute '{propname}'")
    return getter(obj)


def set_exposed_property_value(obj: Any, propname: str, value: Any, only_exposed: bool = True) -> Any:
    """Sets the value of an exposed property, or raises AttributeError."""
    member = _property(obj, propname)
    setter = _property_function(member, "fset")
    exposed = _property_function(member, "fget", "fset", "fdel")
    if setter is None or not getattr(exposed, "_pyroExposed", not only_exposed):
        raise AttributeError(f"attempt to access unexposed or unknown remote attribute '{propname}'")
    return setter(obj, value)


def _property(obj: Any, name: str) -> Any:
    if is_private_attribute(name):
        raise AttributeError(f"attempt to access private attribute '{name}'")
    member = getattr(type(obj), name)
    return member if inspect.isdatadescriptor(member) else None


def _property_function(member: Any, *kinds: str) -> Any:
    functions = (getattr(member, kind, None) for kind in kinds)
    return next((function for function in functions if function is not None), None)
