"""Objects of one Pyro for the tests of another: `peer_server.py pyro4|pyro5|ferropyro [thread|multiplex]`. Prints the URI of each when it listens."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

if sys.argv[1] == "ferropyro":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import ferropyro as api

    errors = api.errors
elif sys.argv[1] == "pyro4":
    import Pyro4 as api
    from Pyro4 import errors
else:
    import Pyro5.api as api
    from Pyro5 import errors

if len(sys.argv) > 2:
    api.config.SERVERTYPE = sys.argv[2]
if sys.argv[1] != "pyro5":
    api.config.SERIALIZERS_ACCEPTED = {"serpent", "json", "marshal", "msgpack"}


class Unexposed:
    def hidden(self) -> str:
        return "hidden"


@api.expose
@api.behavior(instance_mode="single")
class Lab(Unexposed):
    """One of everything."""

    def __init__(self) -> None:
        self._level = 1
        self.calls: list[Any] = []

    def echo(self, value: Any) -> Any:
        return value

    def text(self, *args: Any, **kwargs: Any) -> str:
        """What has arrived, in Python's words."""
        return repr((args, kwargs))

    def add(self, a: int, b: int = 10) -> int:
        return a + b

    def fail(self, kind: str) -> None:
        if kind == "naming":
            raise errors.NamingError("no such name")
        raise {"value": ValueError, "zero": ZeroDivisionError}[kind]("it failed", 5)

    def numbers(self, count: int) -> Any:
        yield from range(count)

    def broken(self) -> Any:
        yield 1
        raise ValueError("broken")

    @api.oneway
    def later(self, value: Any) -> None:
        time.sleep(0.2)
        self.calls.append(value)

    def process(self) -> int:
        return os.getpid()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def slow_numbers(self) -> Any:
        time.sleep(60)
        yield 1

    @property
    def slow_level(self) -> int:
        time.sleep(60)
        return 1

    def called(self) -> list[Any]:
        return self.calls

    def uri(self) -> Any:
        return self._pyroDaemon.uriFor("lab")

    def itself(self) -> Any:
        return self

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        if value < 0:
            raise ValueError("below zero")
        self._level = value

    def context(self) -> tuple[dict[str, str], str, str, int]:
        context = api.current_context
        context.response_annotations = {"ANSW": b"an answer"}
        given = {key: bytes(value).decode("latin-1") for key, value in context.annotations.items()}
        return given, str(context.correlation_id), context.client_sock_addr[0], context.msg_flags


@api.expose
class Counting:
    def __init__(self) -> None:
        self.count = 0

    def up(self) -> int:
        self.count += 1
        return self.count


class Session(Counting):
    """One for each connection, as nothing else is said."""


@api.behavior(instance_mode="percall")
class PerCall(Counting):
    pass


@api.behavior(instance_mode="single", instance_creator=lambda cls: cls.starting_at(100))
class Single(Counting):
    @classmethod
    def starting_at(cls, count: int) -> Single:
        made = cls()
        made.count = count
        return made


def main() -> None:
    with api.Daemon(host="127.0.0.1") as daemon:
        for cls, name in [(Lab, "lab"), (Session, "session"), (PerCall, "percall"), (Single, "single")]:
            print(name, daemon.register(cls, name))
        print("ready", flush=True)
        daemon.requestLoop()


main()
