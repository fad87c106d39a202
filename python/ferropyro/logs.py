"""The log: what PYRO_LOGLEVEL and PYRO_LOGFILE switch on when the package is imported.

Without PYRO_LOGLEVEL nothing is logged, unless the program has set a level for the logger ``Pyro4`` or one below it. A program
that has configured `logging` before is left alone.
"""

from __future__ import annotations

import logging
import os

from ._items import LEVELS

__all__ = ["configure", "logger", "use_family", "family"]

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


def logger(name: str = "") -> logging.Logger:
    """Gives the logger of a part of the library, such as ``"core"``, or of a target of the Rust module, such as ``"Pyro.core"``."""
    part = _part(name)
    part = _NAMES[_family].get(part, part)
    return logging.getLogger(f"{_family}.{part}" if part else _family)


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
