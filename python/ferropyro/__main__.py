"""``python -m ferropyro run program.py``: runs a program for Pyro4, Pyro5 or processing, unchanged, with this package. Other words are a command, as ``ferropyro`` has them."""

from __future__ import annotations

import importlib
import io
import os
import runpy
import sys
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any

import _ferropyro_commands

from . import compat, constants

USAGE = """\
usage: python -m ferropyro run PROGRAM.py [ARGUMENT...]
       python -m ferropyro run -m MODULE [ARGUMENT...]
       python -m ferropyro COMMAND [ARGUMENT...]
       python -m ferropyro --help | --version

run        run a Python program that imports Pyro4 or Pyro5: it gets ferropyro under these names.
           The real packages need not be installed, and are not used if they are.
           It gets processing.connection, too, if it has no other module named processing.
-m MODULE  run a module, also one of Pyro's own: run -m Pyro4.naming
COMMAND    a command of the program ferropyro, such as ns, nsc, call or doctor; `help` lists them all
"""


def main(arguments: list[str]) -> int:
    """Does what the command line says. Gives the exit code, if the program has not ended the process itself."""
    if arguments in (["-h"], ["--help"]):
        print(USAGE, end="")
        return 0
    if arguments == ["--version"]:
        print(f"ferropyro {constants.VERSION} (Pyro4 {constants.PYRO4_VERSION}, Pyro5 {constants.PYRO5_VERSION})")
        return 0
    if arguments and arguments[0] != "run":
        return _ferropyro_commands.run(["python -m ferropyro", *arguments])
    program = arguments[1:]
    if not program or program == ["-m"]:
        print(USAGE, end="", file=sys.stderr)
        return 2
    compat.install("Pyro4")
    compat.install("Pyro5")
    compat.install("processing", unless_there=True)
    if program[0] == "-m":
        return _run_module(program[1], program[2:])
    return _run_program(program[0], program[1:])


def _run_module(name: str, arguments: list[str]) -> int:
    sys.argv = [name, *arguments]
    sys.path[0] = os.getcwd()
    if name in compat.MODULES:
        # It is imported already, or will be by others: run a second time it would be another module.
        module = importlib.import_module(name)
        run = getattr(module, "main", None) or getattr(module, "dump", None)
        if run is None:
            print(f"ferropyro: {name} is no program", file=sys.stderr)
            return 2
        return run() or 0
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    return 0


def _run_program(path: str, arguments: list[str]) -> int:
    if not os.path.exists(path):
        print(f"ferropyro: can't open file '{path}': no such file", file=sys.stderr)
        return 2
    sys.argv = [path, *arguments]
    if not os.path.isfile(path):
        runpy.run_path(path, run_name="__main__")
        return 0
    path = os.path.abspath(path)
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    # As Python itself does it: the module stays, for threads and exit handlers that need its names afterwards.
    module: Any = ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__
    module.__loader__ = SourceFileLoader("__main__", path)
    sys.modules["__main__"] = module
    with io.open_code(path) as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, module.__dict__)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
