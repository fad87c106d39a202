"""Objects that are called with pickles: `pickle_server.py pyro4|ferropyro [thread|multiplex]`. Prints the URI of each when it listens."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

if sys.argv[1] == "ferropyro":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    import ferropyro as api
else:
    import Pyro4 as api

from pickle_things import OutOfStock, Point, Replaced, Rock, Stubborn

PICKLES = {4: "pickle", 5: "dill", 7: "cloudpickle"}

api.config.SERVERTYPE = sys.argv[2] if len(sys.argv) > 2 else "thread"
api.config.SERIALIZERS_ACCEPTED = {"serpent", *PICKLES.values()}


@api.expose
@api.behavior(instance_mode="single")
class Lab:
    """One of everything."""

    def __init__(self) -> None:
        self._level: Any = Point(0, 0)
        self.calls: list[Any] = []
        self.called = threading.Condition()

    def echo(self, value: Any) -> Any:
        return value

    def are_same(self, first: Any, second: Any) -> bool:
        return first is second

    def moved(self, point: Point, *, by: int) -> Point:
        return Point(point.x + by, point.y)

    def run(self, function: Any, *args: Any) -> Any:
        return function(*args)

    def fail(self, kind: str) -> None:
        raise {"own": OutOfStock("chair", 2), "value": ValueError("it failed", 5), "stubborn": Stubborn("mule")}[kind]

    def points(self, count: int) -> Any:
        for number in range(count):
            yield Point(number, number)
        raise OutOfStock("point", count)

    def numbers(self, count: int) -> Any:
        yield from range(count)

    @api.oneway
    def later(self, value: Any) -> None:
        with self.called:
            self.calls.append(value)
            self.called.notify_all()

    def wait_for(self, value: Any) -> bool:
        with self.called:
            return self.called.wait_for(lambda: value in self.calls, 20)

    @property
    def level(self) -> Any:
        return self._level

    @level.setter
    def level(self, value: Any) -> None:
        if value is None:
            raise OutOfStock("level", 0)
        self._level = value

    def itself(self) -> Any:
        return {"me": [self]}

    def opened(self, blob: Any) -> Any:
        return blob.info, blob.deserialized()

    def call_back(self, function: Any, value: Any) -> Any:
        return function.call(value)

    def unpicklable(self) -> Any:
        return Rock()

    def replaced(self) -> Any:
        return [Replaced()]

    def context(self) -> int:
        api.current_context.response_annotations = {"ANSW": b"an answer"}
        return int(api.current_context.serializer_id)

    def context_and_fail(self) -> None:
        api.current_context.response_annotations = {"ANSW": b"an answer"}
        raise OutOfStock("answer", 0)


@api.expose
class Dispatcher:
    """Passes on what it does not open."""

    def opened(self, blob: Any) -> Any:
        with api.Proxy(daemon.uriFor("lab")) as lab:
            lab._pyroSerializer = PICKLES[api.current_context.serializer_id]
            return lab.opened(blob)


class Greeting(api.Daemon):  # type: ignore[misc]
    def validateHandshake(self, conn: Any, data: Any) -> Any:
        if data == Point("nobody", 0):
            raise ValueError("nobody comes in")
        return {"told": data, "welcome": Point("come", "in")}


with Greeting(host="127.0.0.1") as daemon:
    for cls, name in [(Lab, "lab"), (Dispatcher, "dispatcher")]:
        print(name, daemon.register(cls, name))
    for serializer in PICKLES.values():
        __import__(f"{api.__name__}.util").util.get_serializer(serializer).register_type_replacement(Replaced, lambda _: Point("in its", "place"))
    print("ready", flush=True)
    daemon.requestLoop()
