"""Calculations and calls in the background: examples/futures.rs, and asynchronous proxies of Rust with the real Pyro's servers."""

import re
from pathlib import Path

from servers import run

EXAMPLES = Path(__file__).parent.parent / "examples"


def shown(name):
    """The output that the head of an example promises."""
    text = (EXAMPLES / f"{name}.rs").read_text(encoding="utf-8")
    block = re.search(r"^//! ```text\n(.*?)^//! ```", text, re.M | re.S).group(1)
    return [line.removeprefix("//!").removeprefix(" ") for line in block.splitlines()]


# Conformance: EX-11
def test_the_example_of_futures_calculates_in_the_background(example):
    done = run([example("futures")])
    lines = done.stdout.splitlines()
    assert (lines, done.stderr) == (shown("futures"), "")
    assert "single: the value is 11" in lines
    assert "chain: the value is 41" in lines
