"""Classes of a program, which both ends of a connection know."""

from __future__ import annotations

from typing import Any


class Point:
    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]


class OutOfStock(Exception):
    """Not made of what it was made of."""

    def __init__(self, item: str, left: int) -> None:
        super().__init__(f"only {left} of {item} left")
        self.item, self.left = item, left

    def __reduce__(self) -> Any:
        return OutOfStock, (self.item, self.left), vars(self)


class Stubborn(Exception):
    """Cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("never")


class Coin:
    def __init__(self, cents: int) -> None:
        self.cents = cents


class Replaced:
    """Something else is sent in its place."""


class Rock:
    """Cannot be pickled, and is no exception."""

    def __reduce__(self) -> Any:
        raise TypeError("cannot pickle a rock")
