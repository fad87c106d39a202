from __future__ import annotations

import dataclasses
import enum
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import numpy
import pytest
import real

from ferropyro import errors, util


@pytest.fixture(autouse=True)
def nothing_stays_registered() -> Iterator[None]:
    before = dict(util.registered.to_wire), dict(util.registered.from_wire)
    yield
    util.registered.to_wire, util.registered.from_wire = before


def sent(value: Any, serializer: str) -> Any:
    return real.loads(real.dumps(value, serializer), serializer)


@dataclasses.dataclass(frozen=True)
class Line:
    text: str
    count: int = 1
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Order:
    lines: list[Line]
    ready: bool = False

    def __post_init__(self) -> None:
        raise AssertionError("no code runs when an object arrives")


class Colour(enum.Enum):
    RED = 1
    MIXED = (1, 2)


class Box:
    __slots__ = ("content", "note")

    def __init__(self, content: object) -> None:
        self.content = content


@pytest.mark.parametrize("serializer", real.NAMES)
def test_dataclasses_travel_with_what_they_contain(serializer: str) -> None:
    util.register(Line)
    util.register(Order, "shop.Order")
    order = Order.__new__(Order)
    order.lines, order.ready = [Line("tea", 2, ["hot"])], True
    assert sent({"order": order}, serializer) == {"order": order}
    assert util.object_to_wire(order, serializer)["__class__"] == "shop.Order"


def test_fields_are_checked_and_defaults_filled_in() -> None:
    util.register(Line, "Line")
    line = util.wire_to_object({"__class__": "Line", "text": "tea"}, "json")
    assert line == Line("tea", 1, [])
    with pytest.raises(errors.SerializeError, match="cannot make an object of Line .TypeError: missing field text"):
        util.wire_to_object({"__class__": "Line"}, "json")
    with pytest.raises(errors.SerializeError, match="unknown field extra"):
        util.wire_to_object({"__class__": "Line", "text": "tea", "extra": 1}, "json")


@pytest.mark.parametrize("serializer", real.NAMES)
def test_enums_travel_as_members(serializer: str) -> None:
    @util.register
    class Level(enum.IntEnum):
        HIGH = 3

    util.register(Colour)
    for member in (Colour.RED, Colour.MIXED, Level.HIGH):
        assert sent([member], serializer)[0] is member
    with pytest.raises(errors.SerializeError, match="ValueError: 7 is not a valid"):
        util.wire_to_object({"__class__": f"{__name__}.Colour", "value": 7}, "json")


@pytest.mark.parametrize("serializer", real.NAMES)
def test_other_classes_travel_with_their_attributes(serializer: str) -> None:
    util.register(Box)
    back = sent(Box([Box(1)]), serializer)
    assert type(back) is Box and back.content[0].content == 1 and not hasattr(back, "note")
    with pytest.raises(errors.SerializeError, match="no attribute for the network: __class__x"):
        util.wire_to_object({"__class__": f"{__name__}.Box", "__class__x": 1}, "json")


@pytest.mark.parametrize("serializer", real.NAMES)
def test_paths_travel(serializer: str) -> None:
    util.register("pathlib")
    for path in (pathlib.Path("/a/b"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath(r"c:\a\b")):
        back = sent([path], serializer)[0]
        assert (type(back), back) == (type(path), path)
    foreign = util.wire_to_object({"__class__": "pathlib.WindowsPath", "path": r"c:\a"}, "json")
    if sys.platform != "win32":
        assert type(foreign) is pathlib.PureWindowsPath


@pytest.mark.parametrize("serializer", real.NAMES)
def test_numpy_travels(serializer: str) -> None:
    util.register("numpy")
    for array in (numpy.arange(6, dtype="<i4").reshape(2, 3), numpy.array(1.5), numpy.array(["ab", "c"]), numpy.zeros((0, 2))):
        back = sent([array], serializer)[0]
        assert (back.dtype, back.shape) == (array.dtype, array.shape)
        assert (back == array).all()
        assert back.flags.writeable
    assert sent([numpy.int64(3), numpy.float32(1.5), numpy.bool_(True)], serializer) == [3, 1.5, True]
    with pytest.raises(errors.SerializeError, match="an array of object cannot be sent"):
        real.dumps(numpy.array([object()]), serializer)
    for wrong in ({"dtype": "O"}, {"dtype": "nonsense"}, {"shape": [5]}, {"data": 5}, {}):
        data = {"__class__": "numpy.ndarray", "dtype": "<i4", "shape": [1], "data": b"\1\0\0\0", **wrong}
        if wrong:
            with pytest.raises(errors.SerializeError, match="cannot make an object of numpy.ndarray"):
                util.wire_to_object(data, serializer)
        else:
            assert util.wire_to_object(data, serializer).tolist() == [1]


class Model:
    """Has what pydantic's models have."""

    def __init__(self, size: int) -> None:
        self.size = size

    def model_dump(self, mode: str) -> dict[str, Any]:
        assert mode == "json"
        return {"size": self.size}

    @classmethod
    def model_validate(cls, data: dict[str, Any]) -> Model:
        if not isinstance(data["size"], int):
            raise ValueError("size is no number")
        return cls(data["size"])


@pytest.mark.parametrize("serializer", real.NAMES)
def test_models_are_validated_when_they_arrive(serializer: str) -> None:
    util.register(Model, "Model")
    assert sent(Model(5), serializer).size == 5
    with pytest.raises(errors.SerializeError, match="ValueError: size is no number"):
        util.wire_to_object({"__class__": "Model", "size": "x"}, serializer)


def test_a_class_is_taken_back() -> None:
    util.register(Box, "Box")
    util.unregister(Box)
    assert util.object_to_wire(Box(1), "json")["__class__"] == f"{__name__}.Box"
    with pytest.raises(errors.SerializeError, match="unsupported serialized class: Box"):
        util.wire_to_object({"__class__": "Box"}, "json")


def test_what_cannot_be_registered_is_an_error() -> None:
    with pytest.raises(TypeError, match="no class and no name that is known: 'os'"):
        util.register("os")
    with pytest.raises(TypeError, match="a class is needed"):
        util.register(5)  # type: ignore[call-overload]
