"""Values as the tagged descriptions of vectors/README.md, section 1, both ways."""

import datetime
import decimal
import json
import struct
import uuid


def describe(value):
    kind = type(value)
    if value is None:
        return {"t": "none"}
    if value is Ellipsis:
        return {"t": "ellipsis"}
    if kind is bool:
        return {"t": "bool", "v": value}
    if kind is int:
        return {"t": "int", "v": str(value)}
    if kind is float:
        return {"t": "float", "bits": _bits(value)}
    if kind is complex:
        return {"t": "complex", "re": _bits(value.real), "im": _bits(value.imag)}
    if kind is str:
        return _describe_text(value)
    if kind in (bytes, bytearray):
        return {"t": kind.__name__, "hex": value.hex()}
    if kind in (list, tuple):
        return {"t": kind.__name__, "v": [describe(item) for item in value]}
    if kind in (set, frozenset):
        return {"t": kind.__name__, "v": sorted(map(describe, value), key=json.dumps)}
    if kind is dict:
        return {"t": "dict", "v": [[describe(key), describe(item)] for key, item in value.items()]}
    if kind in (datetime.datetime, datetime.date, datetime.time):
        fold = {"fold": 1} if getattr(value, "fold", 0) else {}
        return {"t": kind.__name__, "v": value.isoformat(), **fold}
    if kind is datetime.timedelta:
        return {"t": "timedelta", "days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}
    if kind is decimal.Decimal:
        return {"t": "decimal", "v": str(value)}
    if kind is uuid.UUID:
        return {"t": "uuid", "v": str(value)}
    if isinstance(value, BaseException):
        attributes = sorted(vars(value).items())
        return {
            "t": "exc",
            "class": f"{kind.__module__}.{kind.__name__}",
            "args": [describe(arg) for arg in value.args],
            "attrs": [[name, describe(item)] for name, item in attributes],
        }
    raise TypeError(f"no description for {value!r}")


class Opaque(dict):
    """An instance of a class that only Rust knows by name: its attributes, and `cls`."""

    def __init__(self, cls, attributes):
        super().__init__(attributes)
        self.cls = cls


def value(described):
    kind, content = described["t"], described.get("v")
    if kind == "none":
        return None
    if kind == "ellipsis":
        return Ellipsis
    if kind in ("bool", "class", "str") and "wtf8" not in described:
        return content
    if kind == "str":
        return bytes.fromhex(described["wtf8"]).decode("utf-8", "surrogatepass")
    if kind == "int":
        return int(content)
    if kind == "float":
        return _float(described["bits"])
    if kind == "complex":
        return complex(_float(described["re"]), _float(described["im"]))
    if kind in ("bytes", "bytearray"):
        return {"bytes": bytes, "bytearray": bytearray}[kind](bytes.fromhex(described["hex"]))
    if kind in ("list", "tuple", "set", "frozenset"):
        container = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset}[kind]
        return container(map(value, content))
    if kind == "dict":
        return {value(key): value(item) for key, item in content}
    if kind in ("datetime", "date", "time"):
        parsed = getattr(datetime, kind).fromisoformat(content)
        return parsed.replace(fold=1) if described.get("fold") else parsed
    if kind == "timedelta":
        return datetime.timedelta(described["days"], described["seconds"], described["microseconds"])
    if kind == "decimal":
        return decimal.Decimal(content)
    if kind == "uuid":
        return uuid.UUID(content)
    if kind in ("obj", "exc"):
        attributes = {name: value(item) for name, item in described["attrs"]}
        if kind == "exc":
            attributes["args"] = tuple(map(value, described["args"]))
        return Opaque(described["class"], attributes)
    raise TypeError(f"no value for {described!r}")


def same(one, other):
    """Whether two values are of the same types throughout and equal; nan equals nan, -0.0 does not equal 0.0."""
    return describe(one) == describe(other)


def _describe_text(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"t": "str", "wtf8": text.encode("utf-8", "surrogatepass").hex()}
    return {"t": "str", "v": text}


def _bits(number):
    return struct.pack(">d", number).hex()


def _float(bits):
    return struct.unpack(">d", bytes.fromhex(bits))[0]
