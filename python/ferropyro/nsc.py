"""The control tool for name servers: ``python -m ferropyro.nsc``, with the commands and the output of ``pyro4-nsc``."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from . import naming
from .errors import PyroError

__all__ = ["handleCommand", "handle_command", "main"]


class Command(NamedTuple):
    """What a command does with a name server and its arguments, how many there must be, and what is said otherwise."""

    run: Callable[[Any, Sequence[str]], None]
    fewest: int = 0
    most: int | None = None
    needs: str = ""


def handleCommand(nameserver: Any, options: Any, args: Sequence[str]) -> bool:
    """Does what a command line says: ``args`` are a command and its arguments. ``nameserver`` is a name server or a proxy for one.

    Prints what comes of it, also when the name server refuses it. Gives whether it worked. Raises SystemExit if arguments are missing.
    """
    try:
        _run(nameserver, args[0], args[1:])
    except Exception as error:
        _print_error(error)
        return False
    return True


def handle_command(namesrv: Any, cmd: str, args: Sequence[str]) -> None:
    """As :func:`handleCommand`, as Pyro5 has it: what the name server refuses is printed and raised."""
    try:
        _run(namesrv, cmd, args)
    except Exception as error:
        _print_error(error)
        raise


def _print_error(error: Exception) -> None:
    print(f"Error: {type(error).__name__} - {error}")


def _run(nameserver: Any, name: str, args: Sequence[str]) -> None:
    command = COMMANDS[name]
    if len(args) < command.fewest or command.most is not None and len(args) > command.most:
        raise SystemExit(f"requires {command.needs}")
    command.run(nameserver, args)


def _ping(nameserver: Any, args: Sequence[str]) -> None:
    nameserver.ping()
    print("Name server ping ok.")


def _list(nameserver: Any, args: Sequence[str]) -> None:
    if args:
        _print_list(nameserver.list(prefix=args[0], return_metadata=True), f"- prefix '{args[0]}'")
    else:
        _print_list(nameserver.list(return_metadata=True), "")


def _list_matching(nameserver: Any, args: Sequence[str]) -> None:
    _print_list(nameserver.list(regex=args[0], return_metadata=True), f"- regex '{args[0]}'")


def _list_meta_all(nameserver: Any, args: Sequence[str]) -> None:
    _print_list(nameserver.list(metadata_all=set(args), return_metadata=True), " - searched by metadata")


def _list_meta_any(nameserver: Any, args: Sequence[str]) -> None:
    _print_list(nameserver.list(metadata_any=set(args), return_metadata=True), " - searched by metadata")


def _yplookup_all(nameserver: Any, args: Sequence[str]) -> None:
    _print_list(nameserver.yplookup(meta_all=list(args), return_metadata=True), " - searched by metadata")


def _yplookup_any(nameserver: Any, args: Sequence[str]) -> None:
    _print_list(nameserver.yplookup(meta_any=list(args), return_metadata=True), " - searched by metadata")


def _print_list(found: dict[str, Any], title: str) -> None:
    print(f"--------START LIST {title}")
    for name, (uri, metadata) in sorted(found.items()):
        print(f"{name} --> {uri}")
        if metadata:
            print("    metadata:", sorted(metadata))
    print(f"--------END LIST {title}")


def _lookup(nameserver: Any, args: Sequence[str]) -> None:
    uri, metadata = nameserver.lookup(args[0], return_metadata=True)
    print(uri)
    if metadata:
        print("metadata:", sorted(metadata))


def _register(nameserver: Any, args: Sequence[str]) -> None:
    nameserver.register(args[0], args[1], safe=True)
    print(f"Registered {args[0]}")


def _remove(nameserver: Any, args: Sequence[str]) -> None:
    print(f"Removed {args[0]}" if nameserver.remove(args[0]) else "Nothing removed")


def _remove_matching(nameserver: Any, args: Sequence[str]) -> None:
    if input("Potentially removing lots of items from the Name server. Are you sure (y/n)?").strip() in ("y", "Y"):
        print(f"{nameserver.remove(regex=args[0])} items removed.")


def _set_meta(nameserver: Any, args: Sequence[str]) -> None:
    nameserver.set_metadata(args[0], set(args[1:]))
    print("Metadata updated" if args[1:] else "Metadata cleared")


_A_TAG = "at least one metadata tag argument"
COMMANDS = {
    "register": Command(_register, 2, 2, "two arguments: name uri"),
    "remove": Command(_remove, 1, 1, "one argument: name"),
    "removematching": Command(_remove_matching, 1, 1, "one argument: pattern"),
    "lookup": Command(_lookup, 1, 1, "one argument: name"),
    "list": Command(_list),
    "listmatching": Command(_list_matching, 1, 1, "one argument: pattern"),
    "listmeta_all": Command(_list_meta_all, 1, None, _A_TAG),
    "listmeta_any": Command(_list_meta_any, 1, None, _A_TAG),
    "yplookup_all": Command(_yplookup_all, 1, None, _A_TAG),
    "yplookup_any": Command(_yplookup_any, 1, None, _A_TAG),
    "setmeta": Command(_set_meta, 1, None, "at least 2 arguments: uri and zero or more meta tags"),
    "ping": Command(_ping),
}
"""The commands of Pyro4's tool, and those of Pyro5's."""


def main(args: Sequence[str] | None = None) -> int:
    """Does what a command line says. Gives the exit status: 0, or 1 if there is no name server or it refused."""
    parser = argparse.ArgumentParser(
        prog="python -m ferropyro.nsc",
        usage="%(prog)s [options] command [arguments]",
        description="Looks after a name server.",
        epilog=f"Commands: {' '.join(COMMANDS)}",
    )
    parser.add_argument("-n", "--host", help="the host of the name server; without it the name server is searched")
    parser.add_argument("-p", "--port", type=int, help="the port of the name server, or for the search when no host is given")
    parser.add_argument("-u", "--unixsocket", help="the path of the name server's Unix domain socket")
    parser.add_argument("-k", "--key", help="the HMAC key; better is the environment variable PYRO_HMAC_KEY")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    parser.add_argument("words", nargs="*", metavar="command", help="the command and its arguments")
    options = parser.parse_intermixed_args(args)
    if not options.words or options.words[0] not in COMMANDS:
        parser.error("invalid or missing command")
    key = hmac_key(options.key)
    host = f"./u:{options.unixsocket}" if options.unixsocket else options.host
    if options.verbose:
        print("Locating name server...")
    try:
        nameserver = naming.locateNS(host, options.port, hmac_key=key)
    except PyroError as error:
        print(f"Error: {error}")
        return 1
    with nameserver:
        if options.verbose:
            print(f"Name server found: {nameserver._pyroUri}")
        is_done = handleCommand(nameserver, options, options.words)
    if options.verbose:
        print("Done.")
    return 0 if is_done else 1


def hmac_key(option: str | None, variable: str = "PYRO_HMAC_KEY", switch: str = "-k") -> str | None:
    """Gives the key of a command line, or that of the environment. Both are an error; the command line, which others can read, is a warning."""
    if option:
        warnings.warn(f"others can see a key on the command line ({switch}): use the environment variable {variable}", stacklevel=3)
    if variable not in os.environ:
        return option
    if option:
        raise SystemExit(f"error: don't use {switch} and {variable} at the same time")
    return os.environ[variable]


if __name__ == "__main__":
    sys.exit(main())
