"""Pickles that are data: nobody's code is executed by a program that has not asked for it, whatever the other end sends."""

from __future__ import annotations

import collections
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import cloudpickle
import Pyro4
import Pyro4.message
import Pyro4.socketutil
import Pyro4.util
import pytest
from pickle_things import Coin, OutOfStock, Point

import ferropyro
from ferropyro import errors
from ferropyro.aio import AsyncProxy
from ferropyro.util import SerializerBase

PICKLES = ["pickle", "cloudpickle", "dill"]
IDS = {"serpent": 1, "pickle": 4, "dill": 5, "cloudpickle": 7}


class Evil:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return open, (str(self.path), "w")

    def __bool__(self) -> bool:
        """Pyro4's client looks into what are no arguments unless they are empty."""
        return False


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Path]:
    """The file that must not come to be."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists()


@pytest.fixture(params=PICKLES)
def serializer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_trap_is_one(tmp_path: Path, serializer: str) -> None:
    Pyro4.util.get_serializer(serializer).loads(cloudpickle.dumps(Evil(tmp_path / "executed"))).close()
    assert (tmp_path / "executed").exists()


# A server that is hostile.


class Script:
    """What a server answers: the handshake, and then calls, each with (serializer, value, flags)."""

    def __init__(self, welcome: tuple[str, Any] | None = None, *answers: tuple[str, Any, int], annotations: dict[str, bytes] | None = None) -> None:
        self.welcome, self.answers, self.annotations = welcome, list(answers), annotations or {}


@contextmanager
def answering(script: Script) -> Iterator[str]:
    """Serves one client after the other as the script says; gives a URI."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends = False

    def serve() -> None:
        while not ends:
            try:
                connection = Pyro4.socketutil.SocketConnection(listener.accept()[0])
            except OSError:
                return
            try:
                talk(connection, script)
            except Exception:
                pass  # the client has had enough
            finally:
                connection.close()

    thread = Thread(target=serve)
    thread.start()
    try:
        yield f"PYRO:evil@127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ends = True
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def talk(connection: Any, script: Script) -> None:
    message = Pyro4.message
    first = message.Message.recv(connection, [message.MSG_CONNECT])
    by_id = {number: name for name, number in IDS.items()}
    metadata = {"methods": ["get", "items"], "oneway": [], "attrs": ["level"]}
    serializer, told = script.welcome or (by_id[first.serializer_id], "hello")
    data = Pyro4.util.get_serializer(serializer).dumps({"handshake": told, "meta": metadata})
    connection.send(message.Message(message.MSG_CONNECTOK, data, IDS[serializer], message.FLAGS_META_ON_CONNECT, first.seq).to_bytes())
    answers = list(script.answers)
    while True:
        call = message.Message.recv(connection, [message.MSG_INVOKE])
        serializer, value, flags = answers.pop(0) if len(answers) > 1 else answers[0]
        data = Pyro4.util.get_serializer(serializer).dumps(value)
        connection.send(message.Message(message.MSG_RESULT, data, IDS[serializer], flags, call.seq, annotations=script.annotations).to_bytes())


EXCEPTION = Pyro4.message.FLAGS_EXCEPTION
STREAM = EXCEPTION | Pyro4.message.FLAGS_ITEMSTREAMRESULT


def calls(uri: str, **settings: Any) -> list[Callable[[], Any]]:
    """All that a client can do with the object."""

    def proxy() -> Any:
        made = ferropyro.Proxy(uri)
        for name, value in settings.items():
            setattr(made, name, value)
        return made

    def with_proxy(act: Callable[[Any], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with proxy() as made:
                return act(made)

        return run

    def batch(made: Any) -> Any:
        collected = ferropyro.batch(made)
        collected.get()
        return list(collected())

    class Judging(ferropyro.Proxy):
        def _pyroValidateHandshake(self, response: Any) -> None:
            assert type(response) is str or isinstance(response, dict)

    def judging() -> Any:
        with Judging(uri) as made:
            for name, value in settings.items():
                setattr(made, name, value)
            made._pyroBind()
            return made.get()

    return [
        with_proxy(lambda made: made.get(1)),
        with_proxy(lambda made: made.level),
        with_proxy(lambda made: setattr(made, "level", 1)),
        with_proxy(lambda made: made.get(ferropyro.core.SerializedBlob("info", [1]))),
        with_proxy(lambda made: list(made.items())),
        with_proxy(lambda made: made._pyroBind() and made._pyroCore().handshake_answer()),
        with_proxy(batch),
        judging,
    ]


def test_a_client_without_pickle_reads_none(trap: Path, serializer: str) -> None:
    evil = Evil(trap)
    for script in [
        Script((serializer, evil)),
        Script(None, (serializer, evil, 0)),
        Script(None, (serializer, evil, EXCEPTION)),
        Script(None, (serializer, [evil], EXCEPTION | Pyro4.message.FLAGS_BATCH)),
    ]:
        with answering(script) as uri:
            for call in calls(uri)[:5]:
                with pytest.raises(errors.PyroError, match="serializer"):
                    call()


def test_a_client_of_one_pickle_reads_no_other(trap: Path, serializer: str) -> None:
    other = PICKLES[PICKLES.index(serializer) - 1]
    with answering(Script(None, (other, Evil(trap), 0))) as uri:
        with pytest.raises(errors.SerializeError, match="invalid serializer"):
            calls(uri, _pyroSerializer=serializer)[0]()


def test_a_safe_client_executes_nothing(trap: Path, serializer: str) -> None:
    evil = Evil(trap)
    stream = (serializer, ValueError("an iterator"), STREAM)
    for script in [
        Script((serializer, evil), (serializer, 1, 0)),
        Script(None, (serializer, evil, 0)),
        Script(None, (serializer, [evil], 0)),
        Script(None, (serializer, evil, EXCEPTION)),
        Script(None, (serializer, ValueError(evil), EXCEPTION)),
        Script(None, stream, (serializer, evil, 0), annotations={"STRM": b"x"}),
        Script(None, stream, (serializer, evil, EXCEPTION), annotations={"STRM": b"x"}),
    ]:
        with answering(script) as uri:
            for call in calls(uri, _pyroSerializer=serializer, _pyroPickleSafe=True):
                try:
                    call()
                except (errors.PyroError, ValueError, TypeError, AssertionError):
                    pass


def test_what_a_safe_client_is_told_of_code(trap: Path, serializer: str) -> None:
    with answering(Script(None, (serializer, {"a": [Evil(trap)]}, 0))) as uri:
        with pytest.raises(errors.SerializeError, match=r"refused to read .*open.*pickles are data here \(PICKLE_SAFE\)"):
            calls(uri, _pyroSerializer=serializer, _pyroPickleSafe=True)[0]()


def test_the_configuration_makes_all_proxies_safe(trap: Path, serializer: str) -> None:
    ferropyro.config.PICKLE_SAFE = True
    ferropyro.config.SERIALIZER = serializer
    with answering(Script(None, (serializer, Evil(trap), 0))) as uri:
        with pytest.raises(errors.SerializeError, match="PICKLE_SAFE"):
            calls(uri)[0]()

        async def by_coroutine() -> None:
            async with AsyncProxy(uri) as proxy:
                await proxy.get()

        import asyncio

        with pytest.raises(errors.SerializeError, match="PICKLE_SAFE"):
            asyncio.run(by_coroutine())


def test_what_a_name_server_says_is_data_for_a_program_that_uses_pickle(trap: Path, serializer: str) -> None:
    ferropyro.config.SERIALIZER = serializer
    with answering(Script(None, (serializer, Evil(trap), 0))) as uri:
        names = ferropyro.Proxy(uri)
        where = names._pyroUri
        try:
            found: Any = ferropyro.locateNS(where.host, where.port)
        except errors.PyroError:
            return  # it was found out before
        with found, pytest.raises(errors.PyroError):
            found.lookup("a")


# A client that is hostile.


@ferropyro.expose
class Lab:
    def __init__(self) -> None:
        self._level: Any = 0

    def echo(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    def opened(self, blob: Any) -> Any:
        return blob.deserialized()

    def forward(self, blob: Any) -> Any:
        worker = ferropyro.Proxy(blob.info)
        with worker:
            return worker.get(blob)

    def call(self, proxy: Any) -> Any:
        with proxy:
            return proxy.get()

    def copied(self, proxy: Any) -> Any:
        import copy

        return [self.call(copied) for copied in (copy.copy(proxy), copy.deepcopy(proxy))]

    def point(self) -> Any:
        return Point(1, 2)

    def points(self) -> Any:
        yield Point(1, 2)
        raise OutOfStock("point", 1)

    @property
    def level(self) -> Any:
        return self._level

    @level.setter
    def level(self, value: Any) -> None:
        self._level = value


@contextmanager
def lab(**settings: Any) -> Iterator[str]:
    """The URI of an object in a daemon with these settings."""
    for name, value in settings.items():
        setattr(ferropyro.config, name, value)

    class Judging(ferropyro.Daemon):
        def validateHandshake(self, conn: Any, data: Any) -> Any:
            return data

    with Judging(host="127.0.0.1") as daemon:
        uri = daemon.register(Lab())
        thread = Thread(target=daemon.requestLoop)
        thread.start()
        yield str(uri)
        daemon.shutdown()
        thread.join()


@contextmanager
def real(uri: str, serializer: str) -> Iterator[Any]:
    """The real Pyro4's proxy."""
    with Pyro4.Proxy(uri) as proxy:
        proxy._pyroSerializer = serializer
        yield proxy


# Conformance: SEC-04
def test_a_safe_daemon_executes_nothing(trap: Path, serializer: str) -> None:
    evil = Evil(trap)
    refused = pytest.raises(Pyro4.errors.PyroError, match="PICKLE_SAFE")
    with lab(PICKLE_SAFE=True, SERIALIZERS_ACCEPTED={serializer}) as uri:
        for act in [
            lambda proxy: proxy.echo(evil),
            lambda proxy: proxy.echo(a=[evil]),
            lambda proxy: proxy.echo({evil: 1}),
            lambda proxy: proxy.opened(Pyro4.core.SerializedBlob("info", evil)),
            lambda proxy: setattr(proxy, "level", evil),
            lambda proxy: proxy._pyroInvokeBatch([("echo", (evil,), {})]),
            lambda proxy: proxy._pyroInvokeBatch(evil),
            lambda proxy: proxy._pyroInvoke("echo", evil, {}),
        ]:
            with real(uri, serializer) as proxy, refused:
                act(proxy)
        with real(uri, serializer) as proxy:
            proxy._pyroHandshake = {"password": evil}
            with pytest.raises(Pyro4.errors.CommunicationError, match="PICKLE_SAFE"):
                proxy._pyroBind()
        with real(uri, serializer) as proxy:
            proxy._pyroBind()
            proxy._pyroOneway.add("echo")
            proxy.echo(evil)
            proxy._pyroOneway.clear()
            assert proxy.echo(1) == ((1,), {})


def test_a_daemon_without_pickle_reads_none(trap: Path, serializer: str) -> None:
    with lab() as uri:
        with real(uri, serializer) as proxy:
            proxy._pyroHandshake = Evil(trap)
            with pytest.raises(Pyro4.errors.CommunicationError, match="not accepted"):
                proxy._pyroBind()
        # After a handshake with another serializer too.
        with real(uri, "serpent") as proxy:
            proxy._pyroBind()
            proxy._pyroSerializer = serializer
            with pytest.raises(Pyro4.errors.PyroError):
                proxy.echo(Evil(trap))
        with real(uri, "serpent") as proxy:
            proxy._pyroBind()
            proxy._pyroSerializer = serializer
            with pytest.raises(Pyro4.errors.PyroError):
                proxy.opened(Pyro4.core.SerializedBlob("info", Evil(trap)))


def test_a_key_does_not_make_pickles_welcome(trap: Path, serializer: str) -> None:
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        daemon._pyroHmacKey = b"secret"
        uri = daemon.register(Lab())
        Thread(target=daemon.requestLoop, daemon=True).start()
        for key in (b"secret", b"guessed", None):
            with real(str(uri), serializer) as proxy:
                proxy._pyroHmacKey = key
                proxy._pyroHandshake = Evil(trap)
                with pytest.raises(Pyro4.errors.CommunicationError):
                    proxy.echo(Evil(trap))


@pytest.mark.parametrize("program", [{}, {"SERIALIZER": "pickle"}, {"SERIALIZERS_ACCEPTED": {"serpent", "pickle"}}], ids=["serpent", "pickle-client", "pickle-server"])
def test_a_proxy_that_came_as_data_brings_no_code(trap: Path, serializer: str, program: dict[str, Any]) -> None:
    with answering(Script(None, (serializer, Evil(trap), 0))) as evil, lab(**program) as uri, real(uri, "serpent") as proxy:
        sent = Pyro4.Proxy(evil)
        sent._pyroSerializer = serializer
        for call in (proxy.call, proxy.copied):
            with pytest.raises(Pyro4.errors.PyroError):
                call(sent)


def test_a_program_can_trust_a_proxy_that_came_as_data(tmp_path: Path) -> None:
    path = tmp_path / "executed"

    @ferropyro.expose
    class Trusting:
        def call(self, proxy: Any) -> Any:
            proxy._pyroPickleSafe = False
            with proxy:
                with proxy.get() as found:
                    return type(found).__name__

    with answering(Script(None, ("pickle", Evil(path), 0))) as evil, ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = daemon.register(Trusting())
        Thread(target=daemon.requestLoop, daemon=True).start()
        with real(str(uri), "serpent") as proxy, Pyro4.Proxy(evil) as sent:
            sent._pyroSerializer = "pickle"
            assert proxy.call(sent) == "TextIOWrapper" and path.exists()


def test_who_passes_a_pickled_blob_on_reads_the_answer_as_data(trap: Path, serializer: str) -> None:
    with answering(Script(None, (serializer, Evil(trap), 0))) as evil, lab(SERIALIZERS_ACCEPTED={"serpent", serializer}) as uri:
        with real(uri, serializer) as proxy, pytest.raises(Pyro4.errors.PyroError, match="PICKLE_SAFE"):
            proxy.forward(Pyro4.core.SerializedBlob(evil, [1]))


def test_a_daemon_can_be_made_safe_by_itself(trap: Path, serializer: str) -> None:
    ferropyro.config.SERIALIZERS_ACCEPTED = {serializer}
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        assert not daemon._pyroPickleSafe
        daemon._pyroPickleSafe = True
        daemon._pyroHmacKey = b"key"
        assert daemon._pyroPickleSafe
        uri = daemon.register(Lab())
        Thread(target=daemon.requestLoop, daemon=True).start()
        with real(str(uri), serializer) as proxy:
            proxy._pyroHmacKey = b"key"
            with pytest.raises(Pyro4.errors.PyroError, match="PICKLE_SAFE"):
                proxy.echo(Evil(trap))


# What arrives, and what goes out.


def test_what_arrives_at_a_safe_daemon_is_data(serializer: str) -> None:
    received: list[Any] = []

    @ferropyro.expose
    class Receiver:
        def take(self, *args: Any, **kwargs: Any) -> None:
            received[:] = [args, kwargs]

    ferropyro.config.PICKLE_SAFE = True
    ferropyro.config.SERIALIZERS_ACCEPTED = {serializer}
    SerializerBase.register_dict_to_class("pickle_things.Coin", lambda name, data: (name, data["cents"]))
    try:
        with ferropyro.Daemon(host="127.0.0.1") as daemon:
            uri = daemon.register(Receiver())
            Thread(target=daemon.requestLoop, daemon=True).start()
            with real(str(uri), serializer) as proxy:
                plain = [None, True, 2**80, 1.5, 1j, "ä", b"b", bytearray(b"c"), (1, {2}), frozenset([3]), {"k": [4]}]
                proxy.take(*plain, named=plain)
                assert received == [tuple(plain), {"named": plain}]
                assert [type(value) for value in received[0]] == [type(value) for value in plain]
                point = {"__class__": "pickle_things.Point", "x": 1, "y": {"__class__": "pickle_things.Point", "x": 2, "y": 3}}
                proxy.take(Point(1, Point(2, 3)))
                assert received == [(point,), {}]
                batch = Pyro4.batch(proxy)
                batch.take(Point(1, Point(2, 3)))
                list(batch())
                assert received == [(point,), {}]
                proxy.take(Coin(5), ValueError("a", 1), Pyro4.URI("PYRO:a@b:1"), proxy)
                converted, error, arrived, other = received[0]
                assert converted == ("pickle_things.Coin", 5)
                assert type(error) is ValueError and error.args == ("a", 1)
                assert type(arrived) is ferropyro.URI and type(other) is ferropyro.Proxy and str(other._pyroUri) == str(uri)
                proxy.take(collections.OrderedDict(a=1), collections.deque([1]), range(3).start)
                assert received == [({"a": 1}, [1], 0), {}]
                # What is no data is refused, and the next call is served.
                for value in (len, Point, OutOfStock("chair", 1), re.compile("a")):
                    with pytest.raises(Pyro4.errors.SerializeError, match="PICKLE_SAFE"):
                        proxy.take(value)
                    proxy._pyroRelease()
                    proxy.take(1)
                if serializer != "pickle":
                    with pytest.raises(Pyro4.errors.SerializeError, match="PICKLE_SAFE"):
                        proxy.take(lambda: 1)
    finally:
        SerializerBase.unregister_dict_to_class("pickle_things.Coin")


def test_a_safe_daemon_serves_real_pyro4_with_objects_of_its_own(serializer: str) -> None:
    with lab(PICKLE_SAFE=True, SERIALIZERS_ACCEPTED={serializer}) as uri, real(uri, serializer) as proxy:
        assert proxy.point() == Point(1, 2)
        batch = Pyro4.batch(proxy)
        batch.point()
        batch.echo(1)
        assert list(batch()) == [Point(1, 2), ((1,), {})]
        points = proxy.points()
        assert next(points) == Point(1, 2)
        with pytest.raises(OutOfStock):
            next(points)
        proxy.level = {"a": [1]}
        assert proxy.level == {"a": [1]}
        assert proxy.opened(Pyro4.core.SerializedBlob("info", [1, 2])) == [1, 2]


def test_an_exception_that_nobody_knows_is_still_told_to_a_safe_client(serializer: str) -> None:
    with lab(SERIALIZERS_ACCEPTED={serializer}) as uri, ferropyro.Proxy(uri) as proxy:
        proxy._pyroSerializer = serializer
        proxy._pyroPickleSafe = True
        points = proxy.points()
        assert next(points) == {"__class__": "pickle_things.Point", "x": 1, "y": 2}
        with pytest.raises(errors.PyroError, match="OutOfStock") as caught:
            next(points)
        assert "in points" in "".join(caught.value._pyroTraceback)  # type: ignore[attr-defined]
