"""Async methods of a Rust server: Python's clients call them as any others, on every server."""

import threading
import uuid

import pytest

from peers import ACCEPT_ALL
from rust_peer import start_server, uri_of
from servers import Servers

SERVERS = {
    "thread": {"PYRO_SERVERTYPE": "thread"},
    "multiplex": {"PYRO_SERVERTYPE": "multiplex"},
    "workers": {"PYRO_SERVERTYPE": "multiplex", "PYRO_WORKERS": "4"},
}
# Those that run several calls at a time.
CONCURRENT = ["thread", "workers"]


@pytest.fixture(scope="module")
def uris(peer_program):
    """The URI of obj.waiting on each server."""
    with Servers() as servers:
        yield {name: uri_of(start_server(servers, peer_program, env={**ACCEPT_ALL, **env}), "obj.waiting") for name, env in SERVERS.items()}


@pytest.fixture(params=list(SERVERS))
def uri(request, uris):
    return uris[request.param]


@pytest.fixture(params=CONCURRENT)
def concurrent_uri(request, uris):
    return uris[request.param]


@pytest.fixture
def waiting(pyro, uri):
    with pyro.api.Proxy(uri) as proxy:
        yield proxy


@pytest.mark.parametrize("serializer", ["serpent", "json", "marshal", "msgpack", "pickle"])
def test_arguments_arrive_and_results_go_back(pyro, uri, serializer):
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(uri) as waiting:
        assert waiting.add(1, 2) == 3
        assert waiting.add(1) == 11
        assert waiting.add(b=1, a=2) == 3
        assert waiting.add_at_once(3, 4) == 7
        assert waiting.echo({"text": ["\u20ac", 1.5, None]}) == {"text": ["\u20ac", 1.5, None]}
        args, kwargs = waiting.anything(1, "two", three=3)
        assert (list(args), kwargs) == ([1, "two"], {"three": 3})


def test_errors_are_raised_and_the_connection_stays(waiting):
    with pytest.raises(ValueError, match="^of no use$"):
        waiting.fail("of no use")
    with pytest.raises(TypeError, match=r"Waiting.add\(\) missing 1 required positional argument: 'a'"):
        waiting.add()
    with pytest.raises(RuntimeError, match="the method panicked: of an async method"):
        waiting.panic()
    assert waiting.add(1, 2) == 3
    assert waiting._pyroConnection is not None


def test_async_and_plain_methods_stand_in_one_batch(pyro, waiting):
    batch = pyro.api.BatchProxy(waiting) if pyro.name == "pyro5" else pyro.api.batch(waiting)
    for number in range(10):
        batch.add(number, 1)
        batch.add_at_once(number, 2)
    expected = [number + more for number in range(10) for more in (1, 2)]
    assert list(batch()) == expected
    batch.add(1, 1)
    batch.fail("enough")
    batch.add(2, 2)
    results = batch()
    assert next(results) == 2
    with pytest.raises(ValueError, match="^enough$"):
        next(results)


def test_oneway_methods_run_after_the_caller_has_gone_on(pyro, waiting):
    for text in ["one", "two", "three"]:
        assert waiting.note(text) is None
    assert sorted(waiting.noted(3)) == ["one", "three", "two"]
    batch = pyro.api.BatchProxy(waiting) if pyro.name == "pyro5" else pyro.api.batch(waiting)
    batch.note("four")
    batch.note("five")
    batch(oneway=True)
    assert list(waiting.noted(2)) == ["four", "five"]


def test_items_come_one_by_one(waiting):
    assert list(waiting.numbers(5)) == [0, 1, 2, 3, 4]
    assert waiting.add(1, 2) == 3


def test_annotations_of_before_and_after_a_wait_come_with_the_answer(pyro, waiting):
    waiting.answer_with("one", "two")
    answered = pyro.api.current_context.response_annotations
    assert (bytes(answered["FRST"]), bytes(answered["SCND"])) == (b"one", b"two")


def test_calls_that_wait_for_each_other_keep_their_correlation_ids(pyro, concurrent_uri):
    seen = {}

    def meet():
        own = uuid.uuid4()
        pyro.api.current_context.correlation_id = own
        with pyro.api.Proxy(concurrent_uri) as waiting:
            seen[str(own)] = list(waiting.meet())

    threads = [threading.Thread(target=meet) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 2
    assert seen == {own: [own] * 3 for own in seen}


@pytest.mark.parametrize("generation", ["pyro4", "pyro5"])
def test_the_correlation_id_follows_a_call_through_rust_to_python(pyro, waiting, python_desks, generation):
    own = uuid.uuid4()
    pyro.api.current_context.correlation_id = own
    report = waiting.hand_on(python_desks[generation].uri, "report", [])
    assert report["correlation_id"] == str(own)


@pytest.mark.parametrize("generation", ["pyro4", "pyro5"])
def test_errors_of_a_python_server_come_back_through_rust(waiting, python_desks, generation):
    with pytest.raises(ValueError, match="^nope$"):
        waiting.hand_on(python_desks[generation].uri, "annotate_and_raise", [])
