"""pickle, cloudpickle and dill, with the names that the classes of Pyro have in Pyro4.

Reading a pickle executes what it says: these serializers are used only where a program asks for them. A class of this package
is written under its name in Pyro4, so that real Pyro4 programs can read it, and what those write becomes ours.
"""

from __future__ import annotations

import importlib
import io
import pickle
from typing import Any

from ._classes import registered, replacement_of
from .configuration import config

_OWN_MODULE = __name__.partition(".")[0].encode()


def dumps(obj: Any, serializer: str) -> bytes:
    """Writes an object with pickle, cloudpickle or dill, in the protocol that the configuration says."""
    if serializer == "pickle" and not registered.replacements["pickle"]:
        data = pickle.dumps(obj, config.PICKLE_PROTOCOL_VERSION)
        if _OWN_MODULE not in data:
            return data
    buffer = io.BytesIO()
    _pickler(serializer, buffer).dump(obj)
    return buffer.getvalue()


def loads(data: bytes, serializer: str) -> Any:
    """Reads what pickle, cloudpickle or dill has written."""
    if serializer == "dill":
        import dill

        class DillUnpickler(_OwnNames, dill.Unpickler):  # type: ignore[misc]
            pass

        return DillUnpickler(io.BytesIO(data)).load()
    if b"Pyro" not in bytes(data):
        return pickle.loads(data)
    return _Unpickler(io.BytesIO(data)).load()


class _OwnNames:
    """Finds our classes under the names of Pyro4 and Pyro5."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("importlib", "import_module"):
            return _PyroModule.of_name
        return registered.own_names.get(f"{module}.{name}") or super().find_class(module, name)  # type: ignore[misc]


class _Unpickler(_OwnNames, pickle.Unpickler):
    pass


class _Replacing:
    """Writes what is to be sent in the place of an object."""

    serializer = "pickle"

    def reducer_override(self, obj: Any) -> Any:
        replaced = replacement_of(obj, self.serializer)
        if replaced is not obj:
            return replaced.__reduce_ex__(2)
        inherited = getattr(super(), "reducer_override", None)
        return inherited(obj) if inherited else NotImplemented


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


def _pickler(serializer: str, buffer: io.BytesIO) -> Any:
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
