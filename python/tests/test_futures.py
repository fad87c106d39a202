from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from ferropyro.futures import Future, FutureResult, _ExceptionWrapper


def add(*numbers: float, times: float = 1) -> float:
    return sum(numbers) * times


def fail(*_: object) -> None:
    raise ZeroDivisionError("it failed")


class Gate:
    """A callable that waits until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:
        assert self.opened.wait(10)
        self.calls.append(args)
        return args[0] if args else None


# Conformance: FUT-01
def test_a_future_runs_in_the_background_and_only_once() -> None:
    assert Future(add)(4, 5).value == 9
    gate = Gate()
    future = Future(gate)
    result = future(1)
    assert not result.ready
    with pytest.raises(RuntimeError, match="the future has already been evaluated"):
        future(2)
    gate.opened.set()
    assert result.value == 1
    with pytest.raises(RuntimeError, match="the future has already been evaluated"):
        future(3)
    assert gate.calls == [(1,)]


# Conformance: FUT-02
def test_a_result_can_be_waited_for() -> None:
    gate = Gate()
    result = Future(gate)("value")
    assert isinstance(result, FutureResult)
    assert result.wait(0.01) is False
    assert result.ready is False
    gate.opened.set()
    assert result.wait() is True
    assert result.ready is True
    assert (result.value, result.get_value()) == ("value", "value")


# Conformance: FUT-02
def test_the_value_of_a_failed_call_raises_its_exception() -> None:
    result = Future(fail)()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError, match="it failed"):
            result.value  # noqa: B018


# Conformance: FUT-03
def test_calls_are_chained_before_and_after_the_result_is_there() -> None:
    future = Future(add)
    assert future.then(add, 10) is future
    result = future.then(add, 1, times=2)(4, 5)
    assert result.value == 40
    assert result.then(add, 2) is result
    assert result.value == 42
    with pytest.raises(RuntimeError, match="already been evaluated"):
        future.then(add, 1)


# Conformance: FUT-03
def test_calls_are_chained_to_a_result_that_is_not_there_yet() -> None:
    result = FutureResult()
    result.then(add, 10).then(add, 1, times=2)
    result.value = 9
    assert result.value == 40


def test_a_chained_call_may_use_the_result_object() -> None:
    result = FutureResult()
    seen = []

    def look(value: float) -> float:
        seen.append(result.ready)
        if len(seen) == 1:
            result.then(look)
        return value + 1

    result.then(look)
    result.value = 1
    assert result.value == 3
    assert seen == [False, False]


# Conformance: FUT-04
@pytest.mark.parametrize("kind", ["first", "chained", "on the result", "on the finished result"])
def test_a_failure_is_handled_once_and_ends_the_chain(kind: str) -> None:
    handled: list[BaseException] = []
    after: list[object] = []
    if kind == "first":
        result = Future(fail).then(after.append).iferror(handled.append)()
    elif kind == "chained":
        result = Future(add).then(fail).then(after.append).iferror(handled.append)(1)
    elif kind == "on the result":
        gate = Gate()
        result = Future(gate)(1).then(fail).then(after.append).iferror(handled.append)
        gate.opened.set()
    else:
        result = Future(add)(1)
        result.wait()
        result.iferror(handled.append).then(fail).then(after.append)
    with pytest.raises(ZeroDivisionError):
        result.value  # noqa: B018
    result.then(after.append)
    assert [str(error) for error in handled] == ["it failed"]
    assert after == []


# Conformance: FUT-04
def test_a_handler_is_called_for_a_failure_that_is_there_already() -> None:
    result = Future(fail)()
    result.wait()
    handled: list[BaseException] = []
    result.iferror(handled.append).iferror(handled.append)
    assert len(handled) == 1


def test_a_failing_handler_does_not_keep_the_result(caplog: pytest.LogCaptureFixture) -> None:
    result = Future(fail).iferror(fail)()
    with pytest.raises(ZeroDivisionError):
        result.value  # noqa: B018
    assert "handler of a failed future" in caplog.text


# Conformance: FUT-05
def test_a_delay_postpones_the_call() -> None:
    future = Future(time.monotonic)
    assert future.delay(0.2) is True
    start = time.monotonic()
    assert future().value - start >= 0.2
    assert future.delay(1) is False


def test_a_delay_can_be_changed_while_it_lasts() -> None:
    future = Future(add)
    future.delay(1000)
    result = future(1)
    assert future.delay(0) is True
    assert result.wait(10)
    assert result.value == 1


# Conformance: FUT-06
def test_a_call_can_be_cancelled_until_it_is_made() -> None:
    gate = Gate()
    gate.opened.set()
    future = Future(gate)
    future.delay(1000)
    result = future(1)
    assert future.cancel() is True
    with pytest.raises(RuntimeError, match="future has been cancelled"):
        result.value  # noqa: B018
    assert gate.calls == []

    future = Future(add)
    assert future.cancel() is True
    with pytest.raises(RuntimeError, match="the future has been cancelled"):
        future(1)

    future = Future(add)
    future(1).wait()
    assert future.cancel() is False


def test_many_results_are_waited_for_at_once() -> None:
    gate = Gate()
    results = [Future(gate)(number).then(add, 1) for number in range(50)]
    gate.opened.set()
    assert [result.value for result in results] == [number + 1 for number in range(50)]


def test_a_wrapper_raises_its_exception_and_has_the_dict_of_pyro() -> None:
    wrapper = _ExceptionWrapper(ValueError("x"))
    with pytest.raises(ValueError, match="x"):
        wrapper.raiseIt()
    assert wrapper.__serialized_dict__()["exception"] == {
        "__class__": "builtins.ValueError",
        "__exception__": True,
        "args": ("x",),
        "attributes": {},
    }
