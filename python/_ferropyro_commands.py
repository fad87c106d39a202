"""The programs that come with the package: ``ferropyro``, ``pyro4-ns`` and the others. They are what the binary ``ferropyro`` is, with Python around it.

This is no part of the package, which would be imported first: the settings and the log of a command are not Python's business, and it shall start at once.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Any

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ferropyro")
"""The package."""


def main() -> int:
    """The program by whose name this one was called. Gives its exit status."""
    return run(sys.argv)


def run(arguments: list[str]) -> int:
    """Does what a command line says, its first word included, which is the program's name. Gives the exit status, unless the command has ended the process itself."""
    _give_signals_back()
    _open_streams()
    status: int = _rust_half().run_command(arguments, FOLDER)
    return status


def _give_signals_back() -> None:
    """Python's handlers wait for Python code to go on, which it does not while a command runs. What was ignored stays so; SIGPIPE is by the binary as well."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)


def _open_streams() -> None:
    """In the place of a closed standard stream there would soon be a socket or a file, and the lines of the command in it."""
    for stream in range(3):
        try:
            os.fstat(stream)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != stream:
                os.dup2(null, stream)
                os.close(null)
            os.set_inheritable(stream, True)


def _rust_half() -> Any:
    """The Rust module, without the package around it unless that is there already."""
    name = "ferropyro._ferropyro"
    if name in sys.modules:
        return sys.modules[name]
    spec = PathFinder.find_spec(name, [FOLDER])
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"{name} is not in {FOLDER}", name=name)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
