"""Which public names of the real Pyro4 and Pyro5 this package has under the same names: the table of the guide.

``python public_names.py`` prints the table, in the form of the guide, and ``python public_names.py --write docs/moving.md`` writes it
into the page, between two marks. It needs the real packages. `test_public_names.py` fails for a name that is neither there nor in the
table below, and for a page that is not current.
"""

from __future__ import annotations

import collections
import fnmatch
import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[1]

# Patterns of names that there are not, and why.
MISSING = {
    "Pyro4.socketserver*": "the servers are in Rust",
    "Pyro5.svr_*": "the servers are in Rust",
    "Pyro*.BroadcastServer.TransportServerAdapter": "`combine` takes the server itself",
    "Pyro*Daemon.sock": "the sockets are in Rust; `locationStr` says where it listens",
    "Pyro*Daemon.selector": "the sockets are in Rust; `events([])` serves what has come in",
    "Pyro*Daemon.handleRequest": "messages are read in Rust",
    "Pyro*.URI.uriRegEx": "URIs are read in Rust",
    "Pyro4.core.pyro_class_serpent_serializer": "the serializers are in Rust",
    "Pyro4.core.serialize_core_object_to_dict": "the serializers are in Rust",
    "Pyro5.serializers.pyro_class_serpent_serializer": "the serializers are in Rust",
    "Pyro5.serializers.serialize_pyro_object_to_dict": "the serializers are in Rust",
    "Pyro4.util.*Serializer.default": "the serializers are in Rust",
    "Pyro*Serializer.*_hook": "the serializers are in Rust",
    "Pyro*.convert_obj_into_marshallable": "the serializers are in Rust",
    "Pyro4.util.MarshalSerializer.marshalable_types": "the serializers are in Rust",
    "Pyro5.serializers.JsonSerializer.default": "the serializers are in Rust",
    "Pyro5.serializers.MsgpackSerializer.default": "the serializers are in Rust",
}

# Patterns of names that there are and that differ, and how.
DIFFERENT = {
    "Pyro4.configuration.Configuration": "wrong names and values are errors where they are set; SOCK_NODELAY is on; has the items of Pyro5 and of ferropyro too",
    "Pyro5.configure.Configuration": "as for Pyro4; SOCK_NODELAY is on",
    "Pyro4.util.SerializerBase": "conversions count for classes derived from builtin types, and for numpy's, with every serializer",
    "Pyro5.serializers.SerializerBase": "conversions count for classes derived from builtin types, and for numpy's, with every serializer",
    "Pyro4.util.MarshalSerializer": "objects of classes may stand anywhere in the data, not only at its top",
    "Pyro5.serializers.MarshalSerializer": "objects of classes may stand anywhere in the data, not only at its top",
    "Pyro4.util.JsonSerializer": "objects have the name of their class with Python 3.11 and later too, as with Pyro5",
    "Pyro4.util.MsgpackSerializer": "objects have the name of their class with Python 3.11 and later too, as with Pyro5",
    "Pyro4.util.PickleSerializer": "type replacements do not change how the rest of the program pickles",
    "Pyro4.util.fixIronPythonExceptionForPickle": "does nothing",
    "Pyro4.futures.Future": "`then` after the start raises RuntimeError; a failing error handler does not keep the result",
    "Pyro4.futures.FutureResult": "a failing chained call becomes the result; an error handler that is set late is called at once",
    "Pyro4.socketutil.getSSLcontext": "makes a new context each time",
    "Pyro5.socketutil.get_ssl_context": "makes a new context each time",
    "Pyro4.core.DaemonObject": "is for the program itself: clients get its answers from Rust, and `interface` takes no class that is derived from it",
    "Pyro5.server.DaemonObject": "as for Pyro4",
    "Pyro5.api.DaemonObject": "as for Pyro4",
    "Pyro4.naming.NameServer": "is the one that is written in Python; that of `startNS` is in Rust. `list` and `remove` find prefixes letter for letter, in every storage",
    "Pyro5.nameserver.NameServer": "as for Pyro4; `list` has the parameters of Pyro4's too",
    "Pyro*Daemon.sockets": "has one object for a daemon, which can be waited for; not on Windows",
    "Pyro*.NameServerDaemon": "`storage` may be an object too; with a text, `nameserver` reaches the one in Rust through its socket",
    "Pyro*.BroadcastServer": "answers in a thread when it is combined with a daemon; that of a name server in Rust answers with its daemon",
    "Pyro4.naming_storage.DbmStorage": "regular expressions need not match to the end of the name, as with the other storages",
    "Pyro*.SqlStorage": "prefixes are letter for letter; deleting a name that is not there is a KeyError",
    "Pyro4.utils.httpgateway.pyro_app": "takes nothing from the configuration and leaves it as it is; text is UTF-8; 404 for an unknown name; the correlation id comes with errors too; pages of other sites call nothing unless `cors` allows them",
    "Pyro5.utils.httpgateway.pyro_app": "as for Pyro4; forms are read too",
    "Pyro5.utils.httpgateway.cors_response_header": "adds nothing if no origin is allowed",
    "Pyro4.nsc.handleCommand": "gives whether it worked",
    "Pyro*.nsc.main": "gives the exit status, which is 1 after an error; has the commands of Pyro4 and Pyro5",
    "Pyro4.utils.flame.Flame": "code that is sent has names of its own, not those of the module",
    "Pyro4.utils.flame.connect": "the key is used for modules, builtins and consoles too",
    "Pyro4.message.Message": "annotations that are cut off, or too long for the header, are errors",
    "Pyro5.protocol.SendingMessage": "takes the correlation id as an argument",
    "Pyro5.protocol.ReceivingMessage": "a message that is too long raises MessageTooLargeError, which is a ProtocolError",
}

# Patterns of names that are still to be written. A line goes when they are there, or move to one of the tables above.
PENDING: tuple[str, ...] = ()


class Name(NamedTuple):
    """A public name of the real packages, and what became of it."""

    full_name: str
    status: str
    note: str


def real_names() -> list[str]:
    """All public names of the real packages: modules, what they define, and the members of their classes."""
    names: list[str] = []
    if sys.version_info >= (3, 13):
        # Python has no module cgi any more, which the gateway of Pyro4 imports.
        sys.modules.setdefault("cgi", ModuleType("cgi"))
    for package in ("Pyro4", "Pyro5"):
        module = importlib.import_module(package)
        names += [package, *_names_of(module, package)]
        for info in pkgutil.walk_packages(module.__path__, f"{package}."):
            if info.name.endswith(".Pyro4"):
                continue  # it takes the place of Pyro4 when it is imported; its names are those of Pyro4
            found = importlib.import_module(info.name)
            names += [info.name, *_names_of(found, info.name)]
    return names


def _names_of(module: ModuleType, name: str) -> list[str]:
    found = []
    for key, value in sorted(vars(module).items()):
        if key.startswith("_") or key in ("log", "config") and "." in name or isinstance(value, ModuleType):
            continue
        if _is_of(value, name, key):
            found.append(f"{name}.{key}")
            if isinstance(value, type) and value.__module__ == name:
                found += [f"{name}.{key}.{member}" for member in _members(value)]
    return found


def _is_of(value: Any, module: str, key: str) -> bool:
    """Whether a module defines the value, or is there to collect names."""
    home = getattr(value, "__module__", None)
    if module in ("Pyro4", "Pyro5.api"):
        return True
    if isinstance(value, type) or inspect.isroutine(value):
        return home == module
    if key == "current_context":
        return module in ("Pyro4.core", "Pyro5.callcontext")
    return key.isupper() or key in ("serializers", "serializers_by_id", "all_exceptions", "global_config")


def _members(cls: type) -> list[str]:
    # Slots are no members that a program names; those of a configuration are its items.
    return [name for name, value in sorted(vars(cls).items()) if name[0] != "_" and not inspect.ismemberdescriptor(value)]


_LOOK = """
import importlib, inspect, json, sys
from ferropyro import compat
compat.install("Pyro4"), compat.install("Pyro5")
found = {}
signatures = {}
for name in json.load(sys.stdin):
    parts = name.split(".")
    size = max(size for size in range(1, len(parts) + 1) if size == 1 or ".".join(parts[:size]) in compat.MODULES)
    try:
        value = importlib.import_module(".".join(parts[:size]))
        for part in parts[size:]:
            value = getattr(value, part)
        found[name] = "there"
        if callable(value):
            try:
                signatures[name] = list(inspect.signature(value).parameters)
            except (TypeError, ValueError):
                pass
    except ModuleNotFoundError:
        found[name] = "pending"
    except AttributeError:
        found[name] = "missing"
json.dump([found, signatures], sys.stdout)
"""


def look_up(names: list[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Says of each name whether it is ``there``, ``missing``, or ``pending`` in a module that was not written yet.

    Of what can be called it gives the names of the parameters as well.
    """
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYRO_")}
    environment["PYTHONPATH"] = str(PACKAGE)
    done = subprocess.run(
        [sys.executable, "-c", _LOOK], input=json.dumps(names), env=environment, capture_output=True, text=True, check=True
    )
    found, signatures = json.loads(done.stdout)
    return found, signatures


def real_signature(name: str) -> list[str] | None:
    """The names of the parameters of something real."""
    parts = name.split(".")
    size = max(size for size in range(1, len(parts) + 1) if ".".join(parts[:size]) in sys.modules)
    value: Any = sys.modules[".".join(parts[:size])]
    for part in parts[size:]:
        value = getattr(value, part)
    try:
        return list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return None


def table() -> list[Name]:
    """All names, with status: same, different, missing, pending (a module that was not written yet) or undecided."""
    rows = []
    names = real_names()
    for name, found in look_up(names)[0].items():
        if found == "there":
            note = _note(name, DIFFERENT)
            rows.append(Name(name, "different" if note else "same", note or ""))
        else:
            note = _note(name, MISSING)
            status = found if note is not None else "pending" if is_pending(name) or found == "pending" else "undecided"
            rows.append(Name(name, status, note or ""))
    return rows


def is_pending(name: str) -> bool:
    """Whether the name is still to be written, or its parameters are."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in PENDING)


def _note(name: str, table: dict[str, str]) -> str | None:
    return next((note for pattern, note in table.items() if fnmatch.fnmatchcase(name, pattern)), None)


def text() -> str:
    """The table, in the form of the guide: what is the same, module by module and class by class, then the rest."""
    rows = table()
    return "\n".join(_chapter(package, [row for row in rows if row.full_name.partition(".")[0] == package]) for package in ("Pyro4", "Pyro5"))


def _chapter(package: str, rows: list[Name]) -> str:
    counts = collections.Counter(row.status for row in rows)
    return f"""\
### {package}

Of {len(rows)} public names {counts["same"]} are there and mean the same, {counts["different"]} are there and differ, {counts["missing"]} are \
missing, and {counts["pending"]} are not there yet.

| in | the same |
|---|---|
{_same(rows)}

| name | | |
|---|---|---|
{_others(rows)}
"""


def _same(rows: list[Name]) -> str:
    groups: dict[str, list[str]] = {}
    for row in rows:
        home, _, name = row.full_name.rpartition(".")
        if home and row.status == "same":
            groups.setdefault(home, []).append(f"`{name}`")
    return "\n".join(f"| `{home}` | {', '.join(names)} |" for home, names in groups.items())


def _others(rows: list[Name]) -> str:
    lines = []
    told: set[tuple[str, str]] = set()
    for row in rows:
        if row.status == "same":
            continue
        # What a missing module or class contains goes without saying.
        is_told = row.status != "different" and (row.full_name.rpartition(".")[0], row.status) in told
        told.add((row.full_name, row.status))
        if not is_told:
            lines.append(f"| `{row.full_name}` | {'not yet' if row.status == 'pending' else row.status} | {row.note} |")
    return "\n".join(lines)


BEGIN = "<!-- names: written by python/tests/public_names.py -->\n"
END = "<!-- end of names -->\n"


def with_table(page: str) -> str:
    """A page of the guide, with the table as it is now between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n{text()}\n{end}{after}"


def main(arguments: list[str]) -> None:
    """Prints the table, or writes it into a page."""
    match arguments:
        case []:
            print(text())
        case ["--write", name]:
            page = Path(name)
            page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
        case _:
            sys.exit("usage: public_names.py [--write PAGE]")


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(sys.argv[1:])
