"""The benchmarks of the package run, whatever they find: cargo has built their program before the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
PROGRAMS = Path(os.environ.get("FERROPYRO_BIN", PACKAGE.parent / "target" / "debug" / "ferropyro")).parent
BENCH = PROGRAMS / ("bench.exe" if os.name == "nt" else "bench")


@pytest.fixture(autouse=True)
def bench_is_there() -> None:
    if not BENCH.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no {BENCH}")
        pytest.skip(f"no {BENCH}: cargo build -p bench")


def run(*arguments: str) -> str:
    environment = {**os.environ, "FERROPYRO_PACKAGE": str(PACKAGE), "FERROPYRO_PYTHON_VENV": sys.executable}
    done = subprocess.run([BENCH, *arguments, "--quick", "--markdown"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "NaN" not in done.stdout, done.stdout
    return done.stdout


def rows(output: str) -> set[str]:
    """What the lines of all tables are of."""
    return set(re.findall(r"^\| (\w.*?) *\|", output, re.MULTILINE))


@pytest.mark.skipif(sys.platform != "linux", reason="it pins processes to cores")
def test_servers_of_every_library_and_type_take_part() -> None:
    output = run("python-servers", "--connections", "4")
    libraries = ("ferropyro", "Pyro5", "ferropyro, as Pyro4", "Pyro4")
    assert {f"{library}, {kind}" for library in libraries for kind in ("thread", "multiplex")} <= rows(output), output
    assert re.search(r"serpent \| +marshal \| +msgpack", output), output
    assert "With 4 connections a Python server of the package" in output


@pytest.mark.skipif(sys.platform != "linux", reason="it pins processes to cores")
def test_bytes_and_arrays_go_there_and_back() -> None:
    output = run("python-bulk")
    assert {"ferropyro, pickle", "ferropyro, serpent", "Pyro5, marshal", "Pyro5, msgpack", "Pyro4, pickle"} <= rows(output), output
    assert re.search(r"bytes 1 MiB \| +numpy 1 MiB", output), output
    assert "bytes 1 MiB, speed of ferropyro: with pickle " in output
