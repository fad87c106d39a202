"""The types of the package, and those of the Rust module, which only ``_ferropyro.pyi`` has."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]


@pytest.fixture(scope="module", autouse=True)
def mypy_is_there() -> None:
    """What is skipped by accident must not look like what was tested: on CI it is a failure."""
    if importlib.util.find_spec("mypy") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("mypy is not installed: interop/requirements.txt names it")
        pytest.skip("mypy is not installed: interop/requirements.txt names it")


def run(module: str, *arguments: str, folder: Path = PACKAGE) -> str:
    """What a checker prints, with its exit code if it found something."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "MYPYPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-m", module, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr + (f"exit code {done.returncode}" if done.returncode else "")


def test_the_package_is_typed_without_gaps(tmp_path: Path) -> None:
    assert run("mypy", "--strict", f"--cache-dir={tmp_path}").startswith("Success: no issues found")


def test_the_types_of_the_rust_module_are_those_that_it_has() -> None:
    found = run("mypy.stubtest", "ferropyro._ferropyro", "--allowlist", "tests/stubtest_allowlist.txt")
    assert found.startswith("Success: no issues found")


def test_a_program_sees_the_types_of_what_it_uses(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        """\
import ferropyro

with ferropyro.Daemon() as daemon:
    reveal_type(daemon.register(object()))
    reveal_type(daemon.uriFor("name").location)
with ferropyro.Proxy("PYRO:object@host:1") as proxy:
    reveal_type(proxy)
    reveal_type(proxy.anything(1))
ferropyro.Daemon(port="9090")
"""
    )
    found = run("mypy", "--strict", f"--cache-dir={tmp_path / 'cache'}", "program.py", folder=tmp_path)
    lines = [line.partition(": ")[2] for line in found.splitlines() if line.startswith("program.py")]
    assert lines == [
        'note: Revealed type is "ferropyro._ferropyro.URI"',
        'note: Revealed type is "str | None"',
        'note: Revealed type is "ferropyro.proxy.Proxy"',
        'note: Revealed type is "Any"',
        'error: Argument "port" to "Daemon" has incompatible type "str"; expected "int"  [arg-type]',
    ]
