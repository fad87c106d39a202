"""Proxies for asyncio, with objects of everybody."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from peers import PEERS, objects

import ferropyro
from ferropyro import aio, errors
from ferropyro.aio import AsyncProxy
from ferropyro.naming import startNS


@pytest.fixture(scope="module", params=[*PEERS, "ferropyro multiplex"], ids=lambda server: server.replace(" ", "-"))
def uris(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    with objects(*request.param.split()) as found:
        yield found


def test_methods_are_called_and_attributes_read_and_set(uris: dict[str, str]) -> None:
    async def main() -> None:
        async with AsyncProxy(uris["lab"]) as lab:
            assert await lab.add(1) == 11 and await lab.add(1, b=2) == 3
            assert await lab.text(1, two=[2]) == "((1,), {'two': [2]})"
            await lab._pyroSet("level", 5)
            assert await lab.level == 5
            with pytest.raises(AttributeError, match="_pyroSet"):
                lab.level = 6
            with pytest.raises(AttributeError):
                await lab.nothing()
            with pytest.raises(ValueError, match="it failed") as caught:
                await lab.fail("value")
            assert "in fail" in "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]

    asyncio.run(main())


def test_the_event_loop_goes_on_while_calls_are_made(uris: dict[str, str]) -> None:
    async def main() -> None:
        async with AsyncProxy(uris["lab"]) as lab, AsyncProxy(uris["lab"]) as other:
            assert await asyncio.gather(*(lab.add(number) for number in range(20))) == [number + 10 for number in range(20)]
            tasks = [asyncio.create_task(each.add(1)) for each in (lab, other)]
            assert [await task for task in tasks] == [11, 11]
            assert await asyncio.wait_for(lab.echo("text"), 60) == "text"

    asyncio.run(main())


def test_items_are_iterated_over(uris: dict[str, str]) -> None:
    async def main() -> None:
        async with AsyncProxy(uris["lab"]) as lab:
            assert [item async for item in lab.numbers(5)] == [0, 1, 2, 3, 4]
            items = await lab.numbers(3)
            assert [item async for item in items] == [0, 1, 2]
            got = []
            with pytest.raises(ValueError, match="broken"):
                async for item in lab.broken():
                    got.append(item)
            assert got == [1]
            endless = await lab.numbers(1_000_000)
            assert await endless.__anext__() == 0
            await endless.aclose()
            async for item in lab.numbers(1_000_000):
                break
            with pytest.raises(TypeError, match="no iterator"):
                async for item in lab.add(1):
                    pass
            assert await lab.add(1) == 11
        assert [item async for item in items] == []

    asyncio.run(main())


def test_a_session_lasts_until_the_connection_ends(uris: dict[str, str]) -> None:
    async def main() -> None:
        async with AsyncProxy(uris["session"]) as session:
            assert [await session.up(), await session.up()] == [1, 2]
            await session._pyroRelease()
            assert await session.up() == 1
        other = AsyncProxy(ferropyro.Proxy(uris["session"]))
        assert await other._pyroBind() and await other.up() == 1 and other._pyroUri == ferropyro.URI(uris["session"])
        assert other == session and hash(other) == hash(session) and uris["session"] in repr(other)
        await other._pyroRelease()

    asyncio.run(main())


def test_the_context_goes_along(uris: dict[str, str]) -> None:
    async def main() -> None:
        async with AsyncProxy(uris["lab"]) as lab:
            await lab._pyroBind()
            id = uuid.uuid4()
            ferropyro.current_context.correlation_id = id
            ferropyro.current_context.annotations = {"TEST": b"sent"}
            try:
                given, correlation, *_ = await lab.context()
                assert correlation == str(id) and given["TEST"] == "sent"
                assert bytes(ferropyro.current_context.response_annotations["ANSW"]) == b"an answer"
                assert "TEST" not in (await lab.context())[0]
            finally:
                ferropyro.current_context.correlation_id = None

    asyncio.run(main())


@ferropyro.expose
@ferropyro.behavior(instance_mode="single")
class Slow:
    started = threading.Event()
    release = threading.Event()
    calls: list[int] = []

    def wait(self) -> str:
        self.started.set()
        self.release.wait(30)
        return "done"

    def call(self, number: int) -> int:
        self.calls.append(number)
        return number


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.started.clear(), Slow.release.clear(), Slow.calls.clear()
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = str(daemon.register(Slow, force=True))
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        yield uri
        Slow.release.set()
        daemon.shutdown()
        thread.join()


def test_a_call_that_is_cancelled_does_not_disturb_the_next_one(slow: str) -> None:
    async def main() -> None:
        async with AsyncProxy(slow) as proxy:
            proxy._pyroSerializer = "json"
            waiting = asyncio.create_task(proxy.wait())
            await asyncio.to_thread(Slow.started.wait)
            queued = asyncio.create_task(proxy.call(1))
            await asyncio.sleep(0)
            for task in (queued, waiting):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert await proxy.call(2) == 2 and proxy._pyroSerializer == "json"
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(proxy.wait(), 0.05)
            assert await proxy.call(3) == 3
        # What was cancelled before its turn was not called.
        assert Slow.calls == [2, 3]

    asyncio.run(main())


def test_the_timeout_of_a_proxy_counts(slow: str) -> None:
    async def main() -> None:
        async with AsyncProxy(slow) as proxy:
            proxy._pyroTimeout = 0.1
            with pytest.raises(errors.TimeoutError):
                await proxy.wait()

    asyncio.run(main())


def test_threads_end_with_their_proxies(slow: str) -> None:
    def threads() -> int:
        return sum(thread.name == "ferropyro-aio" for thread in threading.enumerate())

    async def main() -> None:
        proxies = [AsyncProxy(slow) for _ in range(5)]
        assert await asyncio.gather(*(proxy.call(1) for proxy in proxies)) == [1] * 5
        assert threads() >= 5

    asyncio.run(main())
    gc.collect()
    while threads():
        time.sleep(0.01)


def test_names_are_looked_up() -> None:
    uri, daemon, _ = startNS("127.0.0.1", 0)
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()

    async def main() -> None:
        async with await aio.locateNS(uri.host, uri.port) as names:
            await names.register("obj", "PYRO:obj@localhost:1")
            found = await aio.resolve(f"PYRONAME:obj@{uri.host}:{uri.port}")
            assert found == ferropyro.URI("PYRO:obj@localhost:1") == await names.lookup("obj")

    asyncio.run(main())
    daemon.close()
    thread.join()


def test_a_coroutine_of_an_object_calls_other_objects(slow: str) -> None:
    @ferropyro.expose
    class Middle:
        async def call(self) -> tuple[int, str]:
            async with AsyncProxy(slow) as proxy:
                number = await proxy.call(7)
            return number, str(ferropyro.current_context.correlation_id)

    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = daemon.register(Middle())
        thread = threading.Thread(target=daemon.requestLoop)
        thread.start()
        id = uuid.uuid4()
        ferropyro.current_context.correlation_id = id
        try:
            with ferropyro.Proxy(uri) as middle:
                assert middle.call() == (7, str(id))
        finally:
            ferropyro.current_context.correlation_id = None
        daemon.shutdown()
        thread.join()
