"""Objects with ``async def`` methods, called by everybody."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import Pyro4
import Pyro5.api
import pytest

import ferropyro
from ferropyro import current_context, errors

APIS: dict[str, Any] = {"pyro4": Pyro4, "pyro5": Pyro5.api, "ferropyro": ferropyro}


@ferropyro.expose
class Lab:
    def __init__(self) -> None:
        self.loops: set[Any] = set()
        self.two = 0
        self.both = asyncio.Event()
        self.was_later = threading.Event()
        self.is_closed = threading.Event()
        self._level = 1

    async def double(self, x: int, *, times: int = 2) -> int:
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return x * times

    def plain(self, x: int) -> int:
        return x + 1

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("it failed", 5)

    async def meet(self) -> str:
        """Ends when two calls are here."""
        self.two += 1
        if self.two == 2:
            self.both.set()
        await self.both.wait()
        return "met"

    async def context(self) -> tuple[str, str, int, dict[str, str]]:
        before = current_context.correlation_id
        await asyncio.sleep(0.01)
        assert current_context.correlation_id == before and current_context.client is not None
        current_context.response_annotations = {"ANSW": b"an answer"}
        annotations = {key: bytes(value).decode("latin-1") for key, value in current_context.annotations.items() if key != "CORR"}
        return str(before), current_context.client_sock_addr[0], current_context.serializer_id, annotations

    async def numbers(self, count: int) -> AsyncIterator[int]:
        try:
            for number in range(count):
                await asyncio.sleep(0)
                yield number
        finally:
            self.is_closed.set()

    async def broken(self) -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    @ferropyro.oneway
    async def later(self) -> None:
        await asyncio.sleep(0)
        self.was_later.set()

    async def for_ever(self) -> None:
        await asyncio.get_running_loop().create_future()

    @property
    def level(self) -> int:
        return self._level

    @level.setter
    def level(self, value: int) -> None:
        self._level = value


@ferropyro.expose
class Session:
    def __init__(self) -> None:
        self.count = 0

    async def up(self) -> int:
        self.count += 1
        return self.count


class Server:
    def __init__(self) -> None:
        self.lab = Lab()
        self.daemon = ferropyro.Daemon(host="127.0.0.1")
        self.uri = str(self.daemon.register(self.lab, "lab"))
        self.session = str(self.daemon.register(Session, "session", force=True))
        self.thread = threading.Thread(target=self.daemon.requestLoop)
        self.thread.start()


@pytest.fixture(params=["thread", "multiplex"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    ferropyro.config.SERVERTYPE = request.param
    server = Server()
    yield server
    server.daemon.close()
    server.thread.join()


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Any:
    return APIS[request.param]


def test_coroutines_are_called_as_any_method_and_run_in_one_event_loop(server: Server, api: Any) -> None:
    with api.Proxy(server.uri) as lab, api.Proxy(server.uri) as other:
        assert lab.double(4) == 8 and lab.double(4, times=3) == 12 and lab.plain(4) == 5 and other.double(1) == 2
        assert len(server.lab.loops) == 1
        lab.level = 7
        assert lab.level == 7 == server.lab.level
        with pytest.raises(ValueError, match="it failed") as caught:
            lab.fail()
        assert caught.value.args == ("it failed", 5) and "in fail" in "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]
        with pytest.raises(TypeError):
            lab.double()


def test_a_class_has_an_instance_for_each_connection(server: Server, api: Any) -> None:
    for _ in range(2):
        with api.Proxy(server.session) as session:
            assert session.up() == 1 and session.up() == 2


def test_the_call_context_is_that_of_the_call(server: Server, api: Any) -> None:
    id, sent = uuid.uuid4(), {"TEST": b"sent"}
    try:
        with api.Proxy(server.uri) as lab:
            # The connection of Pyro4 takes the annotations away.
            lab._pyroBind()
            api.current_context.correlation_id, api.current_context.annotations = id, sent
            correlation, address, serializer, annotations = lab.context()
            assert (correlation, address) == (str(id), "127.0.0.1") and serializer > 0 and annotations == {"TEST": "sent"}
            assert bytes(api.current_context.response_annotations["ANSW"]) == b"an answer"
    finally:
        api.current_context.correlation_id, api.current_context.annotations = None, {}


def test_items_of_asynchronous_generators_are_streamed(server: Server, api: Any) -> None:
    with api.Proxy(server.uri) as lab:
        assert list(lab.numbers(4)) == [0, 1, 2, 3]
        items = lab.broken()
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)
        server.lab.is_closed.clear()
        items = lab.numbers(1_000_000)
        assert next(items) == 0
        items.close()
        assert lab.plain(1) == 2
    assert server.lab.is_closed.wait(10)


def test_oneway_coroutines_run(server: Server, api: Any) -> None:
    with api.Proxy(server.uri) as lab:
        assert lab.later() is None
        assert server.lab.was_later.wait(10)


@pytest.mark.parametrize("server", ["thread"], indirect=True)
def test_coroutines_of_several_clients_run_at_the_same_time(server: Server) -> None:
    met: list[str] = []

    def meet() -> None:
        with Pyro4.Proxy(server.uri) as lab:
            met.append(lab.meet())

    threads = [threading.Thread(target=meet) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == ["met", "met"]


def test_a_daemon_that_is_closed_cancels_what_runs(server: Server) -> None:
    failed: list[Exception] = []

    def wait() -> None:
        with ferropyro.Proxy(server.uri) as lab:
            try:
                lab.for_ever()
            except Exception as error:
                failed.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while not any(task.get_coro().__name__ == "_wait" for task in _tasks(server)):
        pass
    server.daemon.close()
    thread.join()
    assert isinstance(failed[0], errors.PyroError)


def _tasks(server: Server) -> set[Any]:
    loop = server.daemon._pyroCoroutines._loop
    return set() if loop is None else asyncio.all_tasks(loop)
