"""Calculations and calls in the background: examples/futures.rs, and asynchronous proxies of Rust with the real Pyro's servers."""

import re
import sys
from pathlib import Path

import pytest

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


# Conformance: EX-11, FUT-07
@pytest.mark.parametrize("package", ["Pyro4", "Pyro5"])
def test_calls_are_made_in_the_background_of_a_python_server(example, servers, package):
    office = servers.start([sys.executable, EXAMPLES / "python" / "futures_server.py", package], ready="^URI = ")
    for _ in range(2):  # the barrier at which the calls meet takes ten again
        done = run([example("futures_proxy"), office.uri])
        assert (done.stdout.splitlines(), done.stderr) == (shown("futures_proxy"), "")
    assert shown("futures_proxy")[0] == f"ten calls at once: {list(range(10))}"
