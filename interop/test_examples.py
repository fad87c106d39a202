"""The programs in examples/, as a reader of the README starts them."""

import sys
from pathlib import Path

import pytest

from servers import run

PYTHON = Path(__file__).parent.parent / "examples" / "python"
WAREHOUSE = ["4 chairs left", "ValueError: only 2 left"]


@pytest.fixture
def warehouse(example, servers):
    return servers.start([example("warehouse_server")], ready="^URI = ")


def test_the_warehouse_serves_a_rust_client(warehouse, example):
    done = run([example("warehouse_client"), warehouse.uri])
    assert (done.stdout.splitlines(), done.stderr) == (['{"chair": 6, "table": 2}', *WAREHOUSE], "")


def test_the_warehouse_serves_a_python_client(warehouse):
    done = run([sys.executable, PYTHON / "warehouse_client.py", warehouse.uri])
    assert (done.stdout.splitlines(), done.stderr) == (["{'chair': 6, 'table': 2}", *WAREHOUSE], "")


@pytest.mark.parametrize("package", ["Pyro4", "Pyro5"])
def test_rust_calls_a_python_object(example, servers, package):
    greeter = servers.start([sys.executable, PYTHON / "greeter.py", package], ready="^URI = ")
    done = run([example("call_python"), greeter.uri])
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "Hello, Rust!",
        "{'python': 3, 'pi': (3.14, [3, 14]), 'nothing': None}",
        "ValueError: this is Python",
    ]
    assert lines[3] == "Traceback (most recent call last):"
    assert "in fail" in done.stdout
