"""The log: what PYRO_LOGLEVEL and PYRO_LOGFILE switch on when the package is imported.

Without PYRO_LOGLEVEL nothing is logged, unless the program has set a level for the logger ``Pyro4`` or one below it. A program
that has configured `logging` before is left alone.

The Rust module asks before each message whether anybody wants it, and must not ask Python: so it is told the levels. When one of
our loggers is given a level it is told at once (:func:`_watch`). What else decides, such as the level of the root logger, is looked
at whenever a daemon or a proxy is made, five times a second while a daemon serves, and by :func:`refresh`. A thread hands what it
says to the loggers; it is there as long as anybody wants to hear something.
"""

from __future__ import annotations

import atexit
import functools
import logging
import os
import sys
import threading
import traceback
from typing import Any

from . import _ferropyro
from ._items import LEVELS

__all__ = ["configure", "logger", "use_family", "family", "refresh"]

SILENT = 9999
"""A level that no message has."""

DEFAULT_FILES = {"Pyro4": "pyro.log", "Pyro5": "pyro5.log"}

# Loggers are named after the modules of Pyro. The Rust module has one set of names for both generations.
_NAMES = {
    "Pyro4": {"client": "core", "server": "core", "protocol": "message", "serializers": "util"},
    "Pyro5": {
        "naming_storage": "naming",
        "message": "protocol",
        "util": "serializers",
        "futures": "core",
    },
}

_family = "Pyro4"
# The levels as the Rust module counts them.
_COUNTED = ((4, logging.DEBUG), (3, logging.INFO), (2, logging.WARNING), (1, logging.ERROR))
_PYTHONS = {count: level for count, level in _COUNTED}
# Seconds that the program's end waits for the last lines.
_LAST_WAIT = 2.0

_own_handler: logging.Handler | None = None
_configured_for = ""


def configure(variables: dict[str, str] | None = None) -> bool:
    """Sets the log up as the environment says (or ``variables`` in its place). Gives whether it was switched on.

    Raises ValueError for a level that Python does not have.
    """
    global _own_handler, _configured_for
    environment = os.environ if variables is None else variables
    text = environment.get("PYRO_LOGLEVEL", "")
    parent = logging.getLogger(_family)
    if not any(isinstance(handler, logging.NullHandler) for handler in parent.handlers):
        parent.addHandler(logging.NullHandler())  # else Python prints warnings that nobody asked for
    if not text:
        if parent.level == logging.NOTSET:
            parent.setLevel(SILENT)
        return False
    if parent.level == SILENT:
        parent.setLevel(logging.NOTSET)  # from when there was no text
    level, loggers = _levels(text)
    if _own_handler is not None and _configured_for != _family and logging.root.handlers == [_own_handler]:
        # For programs that choose their generation after the import.
        logging.root.removeHandler(_own_handler)
        _own_handler.close()
    if logging.root.handlers:
        return False
    name = environment.get("PYRO_LOGFILE") or DEFAULT_FILES[_family]
    handler, problem = _handler(name)
    _own_handler, _configured_for = handler, _family
    handler.setFormatter(
        logging.Formatter("[%(asctime)s.%(msecs)03d,%(name)s,%(levelname)s] %(message)s", "%Y-%m-%d %H:%M:%S")
    )
    logging.basicConfig(level=SILENT if level is None else level, handlers=[handler])
    if level is None:
        parent.setLevel(SILENT)
    for name, own_level in loggers.items():
        logging.getLogger(name).setLevel(own_level)
    if problem:
        parent.warning("unable to write to the desired logfile (access rights?), falling back to console logger")
    parent.info("Pyro log configured using built-in defaults, level=%s", text)
    return True


def family() -> str:
    """Gives ``"Pyro4"`` or ``"Pyro5"``, after which the loggers are named."""
    return _family


def use_family(name: str) -> None:
    """Names the loggers after Pyro4 (as they are) or Pyro5 from now on."""
    global _family
    if name not in _NAMES:
        raise ValueError(f"no generation of Pyro: {name!r}")
    _family = name
    _watch()
    refresh()


@functools.cache
def _named(family: str, name: str) -> logging.Logger:
    part = _part(name)
    part = _NAMES[family].get(part, part)
    return logging.getLogger(f"{family}.{part}" if part else family)


def logger(name: str = "") -> logging.Logger:
    """Gives the logger of a part of the library, such as ``"core"``, or of a target of the Rust module, such as ``"Pyro.core"``."""
    return _named(_family, name)


def _part(name: str) -> str:
    head, _, rest = name.replace("::", ".").partition(".")
    return rest if head in ("Pyro", "Pyro4", "Pyro5") else name


def _levels(text: str) -> tuple[int | None, dict[str, int]]:
    """The level for all, and those of single loggers, of a text such as ``INFO,Pyro4.naming=DEBUG``."""
    level = None
    loggers = {}
    for item in text.split(","):
        name, is_single, word = item.rpartition("=")
        word = word.strip()
        if word not in LEVELS:
            raise ValueError(f"invalid PYRO_LOGLEVEL: unknown log level '{word}': DEBUG, INFO, WARNING, ERROR or CRITICAL")
        value = int(getattr(logging, word))
        if is_single:
            own = name.strip()
            is_ours = own.partition(".")[0] in ("Pyro", "Pyro4", "Pyro5")
            loggers[logger(own).name if is_ours else own] = value
        else:
            level = value
    return level, loggers


def _handler(name: str) -> tuple[logging.Handler, bool]:
    """What writes the log to a file, or to standard error; and whether the file cannot be written."""
    if name == "{stderr}":
        return logging.StreamHandler(), False
    try:
        return logging.FileHandler(os.path.expanduser(name), encoding="utf-8"), False
    except OSError:
        return logging.StreamHandler(), True


# What the Rust module logs.

_is_used = False
_starting = threading.Lock()
_writer: threading.Thread | None = None
_told: list[int] = []


def refresh() -> None:
    """Looks anew at the levels of the loggers, which the Rust module keeps to.

    To be called after a change of what is not seen by itself, such as the level of the root logger, when there is neither a new proxy nor a daemon that serves.
    """
    global _told
    levels = [_wanted(logger(name)) for name in _ferropyro.log_names()]
    if levels != _told:
        _told = levels
        _ferropyro.set_log_levels(levels)
    if _is_used and _writer is None and any(levels):
        _start()


def _wanted(own: logging.Logger) -> int:
    return next((count for count, level in _COUNTED if own.isEnabledFor(level)), 0)


def in_use() -> None:
    """Tells that there is a proxy or a daemon from now on. Programs that only import the package get no thread."""
    global _is_used
    _is_used = True
    refresh()


def _watch() -> None:
    """Lets the loggers of the Rust module tell when they are given another level."""
    for name in _ferropyro.log_names():
        own = logger(name)
        if "setLevel" not in own.__dict__:
            own.setLevel = _telling(own.setLevel)  # type: ignore[method-assign]


def _telling(set_level: Any) -> Any:
    @functools.wraps(set_level)
    def setLevel(level: int | str) -> None:
        set_level(level)
        refresh()

    return setLevel


def _start() -> None:
    global _writer
    with _starting:
        if _writer is None:
            _writer = threading.Thread(target=_write, name="pyro-log", daemon=True)
            _writer.start()
    _end_with_process()


def _write() -> None:
    """Hands over what the Rust module says, until there will be nothing more."""
    names = _ferropyro.log_names()
    while (lines := _ferropyro.take_log()) is not None:
        for number, count, created, thread, place, text in lines:
            own = logger(names[number])
            try:
                # The level has been looked at when this was said.
                own.handle(_record(own, _PYTHONS[count], created, thread, place, text))
            except Exception:  # of a filter, or of a handler that does not look after its own
                if logging.raiseExceptions:
                    traceback.print_exc()


def _record(own: logging.Logger, level: int, created: float, thread: tuple[str, int], place: tuple[str, int], text: str) -> logging.LogRecord:
    record = own.makeRecord(own.name, level, place[0], place[1], text, (), None)
    record.relativeCreated += (created - record.created) * 1000
    record.created = created
    record.msecs = int(created % 1 * 1000) + 0.0
    record.threadName = thread[0]
    record.thread = thread[1] or None
    return record


@atexit.register
def _end() -> None:
    """Writes what has been said so far. Nothing is logged after that."""
    _ferropyro.end_log()
    if _writer is None:
        _write()
    else:
        _writer.join(_LAST_WAIT)


def _end_with_process(_: object = None) -> None:
    """Has the last lines written of a process that is one of multiprocessing, which does not come to what `atexit` has."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, _end_of_process, exitpriority=-100)


def _end_of_process() -> None:
    from multiprocessing.process import parent_process

    if parent_process() is not None:
        _end()


def _after_fork_in_child() -> None:
    global _starting, _writer
    _ferropyro.release_log(True)
    _starting = threading.Lock()
    if _writer is not None:
        _writer = None
        _start()
        util: Any = sys.modules.get("multiprocessing.util")
        if util is not None:
            # It begins with forgetting what is to be done at the end.
            util.register_after_fork(_end_with_process, _end_with_process)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_ferropyro.hold_log, after_in_parent=lambda: _ferropyro.release_log(False), after_in_child=_after_fork_in_child)

_watch()
