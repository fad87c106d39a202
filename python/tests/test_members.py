from __future__ import annotations

from typing import Any

import pytest
import Pyro4.core
import Pyro4.util

from ferropyro import util
from ferropyro.configuration import config


@Pyro4.core.expose
class Exposed:
    attribute = 5

    def __init__(self) -> None:
        self._value = 1

    def method(self) -> None:
        pass

    @Pyro4.core.oneway
    def notify(self) -> None:
        pass

    @staticmethod
    def static() -> None:
        pass

    @classmethod
    def of_class(cls) -> None:
        pass

    @property
    def value(self) -> int:
        return self._value

    @value.setter
    def value(self, value: int) -> None:
        self._value = value

    def _private(self) -> None:
        pass

    def __len__(self) -> int:
        return 1


class Partly:
    @Pyro4.core.expose
    def yes(self) -> None:
        pass

    def no(self) -> None:
        pass

    @property
    def hidden(self) -> int:
        return 1


class Derived(Exposed, Partly):
    def more(self) -> None:
        pass


@pytest.mark.parametrize("obj", [Exposed, Exposed(), Partly, Derived, Derived(), int])
@pytest.mark.parametrize("only_exposed", [True, False])
def test_the_members_are_those_of_pyro4(obj: object, only_exposed: bool) -> None:
    ours = util.get_exposed_members(obj, only_exposed)
    assert ours == Pyro4.util.get_exposed_members(obj, only_exposed)
    assert util.get_exposed_members(obj, only_exposed) is ours
    lists = util.get_exposed_members(obj, only_exposed, as_lists=True)
    assert {key: set(names) for key, names in lists.items()} == ours
    util.reset_exposed_members(obj, only_exposed)
    assert util.get_exposed_members(obj, only_exposed) is not ours


NAMES = ["x", "_x", "__x", "__x__", "__", "____", "__len__", "__init__", "__reduce__", "__call__", "_pyroId", "__dict__"]


@pytest.mark.parametrize("name", NAMES)
def test_private_names_are_those_of_pyro4(name: str) -> None:
    assert util.is_private_attribute(name) is Pyro4.util.is_private_attribute(name)


def outcome(function: Any, *args: Any) -> Any:
    try:
        return function(*args)
    except Exception as error:
        return type(error), str(error)


@pytest.mark.parametrize("name", ["method", "no", "yes", "_private", "missing", "value", "__len__"])
def test_attributes_are_given_as_by_pyro4(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    obj = Derived()
    for require in (True, False):
        config.REQUIRE_EXPOSE = require
        monkeypatch.setattr(Pyro4.config, "REQUIRE_EXPOSE", require)
        assert outcome(util.getAttribute, obj, name) == outcome(Pyro4.util.getAttribute, obj, name)


def test_properties_are_read_and_set_if_they_are_exposed() -> None:
    obj = Derived()
    assert util.get_exposed_property_value(obj, "value") == 1
    util.set_exposed_property_value(obj, "value", 2)
    assert obj.value == 2
    assert util.get_exposed_property_value(obj, "hidden", only_exposed=False) == 1
    for name in ("hidden", "attribute", "method", "missing", "__class__", "__dict__", "_value"):
        with pytest.raises(AttributeError):
            util.get_exposed_property_value(obj, name)
        with pytest.raises(AttributeError):
            util.set_exposed_property_value(obj, name, 5)
    with pytest.raises(AttributeError, match="unexposed or unknown remote attribute 'hidden'"):
        util.set_exposed_property_value(obj, "hidden", 5, only_exposed=False)
