"""The kinds of values that config items have: how each is read from a text, checked, and written as a text.

The texts are those of the environment variables. The Rust side has the same items and reads and writes the same texts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

__all__ = ["Item", "Kind", "BOTH", "PYRO4", "PYRO5", "OURS"]

MOST = (1 << 63) - 1
LEVELS = ("NOTSET", "DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL", "FATAL")
SERIALIZERS = ("serpent", "json", "marshal", "pickle", "dill", "msgpack", "cloudpickle")


class Kind:
    """A kind of values. This one takes any text."""

    def parse(self, text: str) -> Any:
        """Gives the value that the text of an environment variable stands for, or raises ValueError with the reason."""
        return self.check(text)

    def check(self, value: Any) -> Any:
        """Gives the value in the form in which it is kept, or raises ValueError with what would be allowed."""
        return _text(value)

    def text(self, value: Any) -> str:
        """Writes the value so that ``parse`` reads it again."""
        return str(value)

    def show(self, value: Any) -> str:
        """Writes the value as the dump shows it."""
        return str(value)


class Text(Kind):
    pass


class Secret(Kind):
    """A password: the dump does not show it."""

    def show(self, value: Any) -> str:
        return "<not shown>" if value else ""


class OptionalText(Kind):
    """A text or None, which the empty text also means."""

    def check(self, value: Any) -> str | None:
        return None if value is None or value == "" else _text(value)

    def text(self, value: Any) -> str:
        return value or ""


class Flag(Kind):
    def parse(self, text: str) -> bool:
        return _flag(text)

    def check(self, value: Any) -> bool:
        # Programs give 0 and 1 as well, as Pyro takes whatever is true or false.
        return _flag(value) if isinstance(value, str) else bool(value)


class Whole(Kind):
    """A whole number within limits."""

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most

    def parse(self, text: str) -> int:
        return self.check(_number(text, int, self.allowed()))

    def check(self, value: Any) -> int:
        if value is None and self.least == 0:
            return 0
        whole = hasattr(value, "__index__") or isinstance(value, float) and value.is_integer()
        if isinstance(value, bool) or not whole or not self.least <= value <= self.most:
            raise ValueError(self.allowed())
        return int(value)

    def allowed(self) -> str:
        return f"a whole number from {self.least} to {self.most}"


class Size(Whole):
    """How many of something, at least one."""

    def allowed(self) -> str:
        return "it must be a whole number greater than zero"


class Seconds(Kind):
    def parse(self, text: str) -> float:
        return self.check(_number(text, float, "a number of seconds, zero or more"))

    def check(self, value: Any) -> float:
        """None is Pyro's 0, "no limit"."""
        seconds = _number(0.0 if value is None else value, float, "a number of seconds, zero or more")
        if isinstance(value, str) or not math.isfinite(seconds) or seconds < 0:
            raise ValueError("a number of seconds, zero or more")
        return float(seconds)


class Addresses(Kind):
    """Addresses separated by commas; a list of them is taken too, as Pyro5 has it."""

    def check(self, value: Any) -> str:
        return _text(value) if isinstance(value, str) else ", ".join(_text(item) or "''" for item in _several(value))


class OneOf(Kind):
    choices: tuple[Any, ...] = ()
    refusal = ""

    def check(self, value: Any) -> Any:
        if isinstance(value, bool) or value not in self.choices:
            raise ValueError(self.refusal.format(value))
        return value


class ServerType(OneOf):
    choices = ("thread", "multiplex")
    refusal = "invalid server type '{}': thread or multiplex"


class IpVersion(OneOf):
    choices = (0, 4, 6)
    refusal = "4, 6, or 0 to let the operating system choose"

    def parse(self, text: str) -> int:
        return int(self.check(_number(text, int, self.refusal)))

    def check(self, value: Any) -> int:
        return int(super().check(0 if value is None else value))


class Serializer(OneOf):
    choices = SERIALIZERS
    refusal = "serializer '{}' is unknown or not available"


class Serializers(Kind):
    """A set of serializer names. It is a set of the program's own, which may be changed in place."""

    def parse(self, text: str) -> set[str]:
        return self.check({name.strip() for name in text.split(",")})

    def check(self, value: Any) -> set[str]:
        if isinstance(value, str):
            return self.parse(value)
        names = _several(value)
        for name in names:
            Serializer().check(name)
        return set(names)

    def text(self, value: Any) -> str:
        self.check(value)  # the set may have been changed in place
        return ",".join(name for name in SERIALIZERS if name in value)


class Protocols(Kind):
    """A set of the numbers of wire protocols."""

    def parse(self, text: str) -> set[int]:
        return self.check([_number(number, int, f"'{number.strip()}' is no protocol: 46, 47, 48 or 502") for number in text.split(",")])

    def check(self, value: Any) -> set[int]:
        if isinstance(value, str):
            return self.parse(value)
        numbers = set(_several([value] if isinstance(value, int) else value))
        for number in numbers:
            if number not in (46, 47, 48, 502):
                raise ValueError(f"'{number}' is no protocol: 46, 47, 48 or 502")
        if not numbers:
            raise ValueError("at least one protocol is needed")
        if {46, 47} <= numbers:
            raise ValueError("46 and 47 exclude each other: the server speaks first there, and names its protocol")
        return numbers

    def text(self, value: Any) -> str:
        return ",".join(str(number) for number in sorted(self.check(value)))


class Levels(OptionalText):
    """A level of the log, and levels of single loggers: ``INFO,Pyro4.naming=DEBUG``."""

    def check(self, value: Any) -> str | None:
        text = super().check(value)
        for part in (text or "INFO").split(","):
            level = part.rpartition("=")[2].strip()
            if level not in LEVELS:
                raise ValueError(f"unknown log level '{level}': DEBUG, INFO, WARNING, ERROR or CRITICAL")
        return text


class Item(NamedTuple):
    """A config item: the kind of its values, its default, who has it, and the default of Pyro5 if that is another."""

    kind: Kind
    default: Any
    origin: str
    default_of_pyro5: Any = None


BOTH, PYRO4, PYRO5, OURS = "both", "Pyro4", "Pyro5", "ferropyro"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        if not hasattr(value, "__fspath__") and type(value).__module__ != "ipaddress":
            raise ValueError("a text")
    return str(value)


def _flag(text: str) -> bool:
    if text.lower() in ("0", "off", "no", "false"):
        return False
    if text.lower() in ("1", "on", "yes", "true"):
        return True
    raise ValueError("on or off")


def _number(value: Any, kind: type[int] | type[float], allowed: str) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(allowed) from None


def _several(values: Any) -> list[Any]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ValueError("several values: a set or a list")
    return list(values)
