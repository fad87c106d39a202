"""pickle, cloudpickle and dill, with the names that the classes of Pyro have in Pyro4.

Reading a pickle executes what it says: these serializers are used only where a program asks for them. A class of this package
is written under its name in Pyro4, so that real Pyro4 programs can read it, and what those write becomes ours.
"""

from __future__ import annotations

import importlib
import io
import pickle
from copyreg import _reconstructor  # type: ignore[attr-defined]
from typing import Any

from ._classes import registered, replacement_of
from ._ferropyro import PickleFile, ProxyBase
from ._ferropyro import contains as _contains
from .configuration import config

_OWN_MODULE = __name__.partition(".")[0].encode()


def dumps(obj: Any, serializer: str) -> bytes:
    """Writes an object with pickle, cloudpickle or dill, in the protocol that the configuration says."""
    buffer = io.BytesIO()
    if pickler := _quick_pickler(serializer, buffer):
        pickler.dump(obj)
        data = buffer.getvalue()
        if not _contains(data, _OWN_MODULE):
            return data
        buffer = io.BytesIO()
    _pickler(serializer, buffer).dump(obj)
    return buffer.getvalue()


def dump(obj: Any, serializer: str, file: PickleFile) -> None:
    """As `dumps`, into a message."""
    if pickler := _quick_pickler(serializer, file):
        pickler.dump(obj)
        if not file.names_contain(_OWN_MODULE):
            return
        file.clear()
    _pickler(serializer, file).dump(obj)


def loads(data: bytes, serializer: str, buffers: list[Any] | None = None) -> Any:
    """Reads what pickle, cloudpickle or dill has written, with the objects that were taken out of it."""
    data = bytes(data)
    if serializer == "dill":
        import dill

        class DillUnpickler(_OwnNames, dill.Unpickler):  # type: ignore[misc]
            pass

        class DillUriUnpickler(_LateUris, _NamesOf, pickle._Unpickler):
            names = dill.Unpickler(io.BytesIO())

        return (DillUriUnpickler if _contains(data, b"URI") else DillUnpickler)(io.BytesIO(data), buffers=buffers).load()
    if not _contains(data, b"Pyro"):
        return pickle.loads(data, buffers=buffers)
    # The one that is written in C is faster.
    unpickler = _UriUnpickler if _contains(data, b"URI") else _Unpickler
    return unpickler(io.BytesIO(data), buffers=buffers).load()


def _made_anew(cls: type, base: type, state: Any) -> Any:
    """What protocol 0 makes objects with; those of our classes that are derived from Rust's too."""
    return cls.__new__(cls) if issubclass(cls, ProxyBase) else _reconstructor(cls, base, state)


class _OwnNames:
    """Finds our classes under the names of Pyro4 and Pyro5."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("importlib", "import_module"):
            return _PyroModule.of_name
        if name == "_reconstructor" and module in ("copyreg", "copy_reg"):
            return _made_anew
        return registered.own_names.get(f"{module}.{name}") or super().find_class(module, name)  # type: ignore[misc]


class _Unpickler(_OwnNames, pickle.Unpickler):
    pass


class _LateUri:
    """A URI of the real Pyro4 while it is read: there an object is made first and gets its state then, which ours cannot."""

    def __new__(cls, *text: str) -> Any:
        return registered.own_names["Pyro4.core.URI"](*text) if text else super().__new__(cls)


class _LateUris(_OwnNames):
    """Reads the URIs of the real Pyro4, in an unpickler that is written in Python."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name)
        return _LateUri if hasattr(found, "_from_state") else found

    def load_build(self) -> None:
        """Gives an object its state: what is on top of the stack."""
        stack: list[Any] = self.stack  # type: ignore[attr-defined]
        if not isinstance(stack[-2], _LateUri):
            pickle._Unpickler.load_build(self)  # type: ignore[attr-defined]
            return
        protocol, name, *where = stack.pop()
        late = stack[-1]
        uri: Any = registered.own_names["Pyro4.core.URI"]
        # The tags of a PYROMETA are a set.
        stack[-1] = uri._from_state([protocol, name if isinstance(name, str) else sorted(name), *where])
        memo: dict[int, Any] = self.memo  # type: ignore[attr-defined]
        for key in [key for key, value in memo.items() if value is late]:
            memo[key] = stack[-1]

    dispatch: Any = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}


class _NamesOf:
    """Finds classes as another unpickler does."""

    names: Any

    def find_class(self, module: str, name: str) -> Any:
        return self.names.find_class(module, name)


class _UriUnpickler(_LateUris, pickle._Unpickler):
    pass


def _reduced(obj: Any) -> Any:
    """How an object is written in the place of another one: as protocol 0 has it, since from protocol 2 on picklers want the class to be that of the other one."""
    if isinstance(obj, ProxyBase):
        # Its base is written in Rust, of which protocol 0 does not know.
        return _reconstructor, (type(obj), object, None), obj.__getstate__()
    return obj.__reduce__()


class _Replacing:
    """Writes what is to be sent in the place of an object."""

    serializer = "pickle"

    def reducer_override(self, obj: Any) -> Any:
        replaced = replacement_of(obj, self.serializer)
        if replaced is not obj:
            return _reduced(replaced)
        inherited = getattr(super(), "reducer_override", None)
        return inherited(obj) if inherited else NotImplemented


class _ReplacingPickler(_Replacing, pickle.Pickler):
    pass


class _PyroNames(_Replacing):
    """Writes our classes under the names of Pyro4, in a pickler that is written in Python."""

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        name = _pyro_name(obj)
        if name is None or id(obj) in self.memo:  # type: ignore[attr-defined]
            super().save(obj, save_persistent_id)  # type: ignore[misc]
            return
        module, _, short = name.rpartition(".")
        self.write(pickle.GLOBAL + f"{module}\n{short}\n".encode("ascii"))  # type: ignore[attr-defined]
        self.memoize(obj)  # type: ignore[attr-defined]


class _Pickler(_PyroNames, pickle._Pickler):
    pass


class _PyroModule:
    """What a reference to one of Pyro's modules becomes here, see `_Module`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return registered.own_names.get(f"{self._name}.{name}") or getattr(importlib.import_module(self._name), name)

    @staticmethod
    def of_name(name: str) -> Any:
        return _PyroModule(name) if name.partition(".")[0] in ("Pyro4", "Pyro5") else importlib.import_module(name)


class _Module:
    """Stands for a module that is imported where the pickle is read.

    The pickler that is written in C names a class after its own module only; so a class goes as an attribute of a module.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> Any:
        return importlib.import_module, (self.name,)


def _quick_pickler(serializer: str, buffer: io.BytesIO | PickleFile) -> pickle.Pickler | None:
    """One that is written in C, and takes a small part of the time. It knows nothing of Pyro's names."""
    if serializer != "pickle":
        return None
    replacements = registered.replacements["pickle"]
    if not replacements:
        return pickle.Pickler(buffer, config.PICKLE_PROTOCOL_VERSION)
    if any(clazz.__module__ == "builtins" for clazz in replacements):
        return None  # it writes objects of Python's own types without asking
    return _ReplacingPickler(buffer, config.PICKLE_PROTOCOL_VERSION)


def _pickler(serializer: str, buffer: io.BytesIO | PickleFile) -> Any:
    if serializer == "pickle":
        return _Pickler(buffer, config.PICKLE_PROTOCOL_VERSION)
    if serializer == "dill":
        import dill

        class DillPickler(_PyroNames, dill.Pickler):  # type: ignore[misc]
            serializer = "dill"

        return DillPickler(buffer, None if config.DILL_PROTOCOL_VERSION < 0 else config.DILL_PROTOCOL_VERSION)
    import cloudpickle

    class CloudPickler(_Replacing, cloudpickle.Pickler):  # type: ignore[misc]
        serializer = "cloudpickle"

        def reducer_override(self, obj: Any) -> Any:
            name = _pyro_name(obj)
            if name is None:
                return super().reducer_override(obj)
            module, _, short = name.rpartition(".")
            return getattr, (_Module(module), short)

    return CloudPickler(buffer, config.PICKLE_PROTOCOL_VERSION)


def _pyro_name(obj: Any) -> str | None:
    return registered.pickled_as.get(obj) if isinstance(obj, type) else None
