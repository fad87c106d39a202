"""The real serializers of Pyro4, and ours with the real libraries in the place of the Rust module."""

from __future__ import annotations

import datetime
import decimal
import json
import marshal
import uuid
from typing import Any

import msgpack
import Pyro4.util
import serpent

from ferropyro import util

NAMES = ("serpent", "json", "marshal", "msgpack")
SCALARS = (type(None), bool, int, float, complex, str, bytes, bytearray, memoryview)
OTHERS = (decimal.Decimal, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, uuid.UUID)
NOT_IN = {
    "serpent": (),
    "json": (complex, bytes, bytearray, memoryview, frozenset, datetime.time, datetime.timedelta),
    "marshal": (memoryview, datetime.datetime, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal),
    "msgpack": (frozenset, datetime.time, datetime.timedelta),
}


def plain(value: Any, serializer: str) -> Any:
    """The value as the Rust module sees it: everything that is no plain data was asked for."""
    kind = type(value)
    if kind in NOT_IN[serializer] or kind in util.overridden_types():
        return plain(util.object_to_wire(value, serializer), serializer)
    if kind in SCALARS or kind in OTHERS:
        return value
    if kind in (list, tuple, set, frozenset):
        return kind(plain(item, serializer) for item in value)
    if kind is dict:
        return {key: plain(item, serializer) for key, item in value.items()}
    return plain(util.object_to_wire(value, serializer), serializer)


def parsed(data: bytes, serializer: str) -> Any:
    """What the library makes of the data, without any class."""
    if serializer == "serpent":
        return serpent.loads(data)
    if serializer == "json":
        return json.loads(data)
    if serializer == "marshal":
        return marshal.loads(data)
    return msgpack.unpackb(data, raw=False, strict_map_key=False)


def dumps(value: Any, serializer: str) -> bytes:
    """Writes with our conversions and the real library."""
    data: bytes = Pyro4.util.get_serializer(serializer).dumps(plain(value, serializer))
    return data


def loads(data: bytes, serializer: str) -> Any:
    """Reads with the real library and our conversions."""
    if serializer != "msgpack":
        return util.get_serializer(serializer).recreate_classes(parsed(data, serializer))

    def hook(item: dict[Any, Any]) -> Any:
        return util.wire_to_object(item, "msgpack") if "__class__" in item else item

    return msgpack.unpackb(data, raw=False, object_hook=hook, strict_map_key=False)


def outcome(function: Any, *args: Any) -> Any:
    """What a function gives, or the class and text of what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__, str(error)
