from __future__ import annotations

from typing import Any

import pytest
import Pyro5.serializers

from ferropyro import _pyro5, errors, util
from ferropyro.configuration import config


class NameServer:
    """Knows the name after so many questions."""

    def __init__(self, questions: int) -> None:
        self.questions = questions

    def lookup(self, name: str, return_metadata: bool) -> Any:
        self.questions -= 1
        if self.questions >= 0:
            raise errors.NamingError(f"unknown name: {name}")
        return name, return_metadata

    def yplookup(self, meta_all: Any, meta_any: Any, return_metadata: bool) -> Any:
        self.questions -= 1
        return {} if self.questions >= 0 else {"name": (meta_all, meta_any, return_metadata)}


def test_a_name_is_waited_for() -> None:
    assert _pyro5.lookup(NameServer(0), "x") == ("x", False)
    assert _pyro5.lookup(NameServer(1), "x", True, delay_time=30) == ("x", True)
    assert _pyro5.yplookup(NameServer(1), {"a"}, delay_time=30) == {"name": ({"a"}, None, True)}
    config.NS_LOOKUP_DELAY = 30
    assert _pyro5.lookup(NameServer(1), "x") == ("x", False)


def test_the_wait_for_a_name_ends() -> None:
    with pytest.raises(errors.NamingError, match="unknown name: x"):
        _pyro5.lookup(NameServer(1), "x")
    with pytest.raises(errors.NamingError, match="unknown name: x"):
        _pyro5.lookup(NameServer(1000), "x", delay_time=0.01)
    assert _pyro5.yplookup(NameServer(1000), delay_time=0.01) == {}


def test_serializers_have_the_numbers_of_pyro5() -> None:
    theirs = {name: serializer.serializer_id for name, serializer in Pyro5.serializers.serializers.items()}
    assert {name: serializer.serializer_id for name, serializer in _pyro5.serializers.items()} == theirs
    assert {number: serializer.name for number, serializer in _pyro5.serializers_by_id.items()} == {
        number: name for name, number in theirs.items()
    }
    assert issubclass(_pyro5.JsonSerializer, util.JsonSerializer)
