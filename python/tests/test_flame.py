"""Flame with the real Pyro4 in both directions."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import Pyro4
import Pyro4.utils.flame
import pytest

import ferropyro
from ferropyro import errors
from ferropyro.utils import flame, flameserver

PACKAGE = str(Path(__file__).parents[1])
PAIRS = [("ferropyro", "Pyro4"), ("Pyro4", "ferropyro"), ("ferropyro", "ferropyro")]
CLIENTS: dict[str, tuple[Any, Any]] = {"ferropyro": (ferropyro.config, flame), "Pyro4": (Pyro4.config, Pyro4.utils.flame)}


@contextmanager
def server(package: str, *options: str, **variables: str) -> Iterator[str]:
    """The location of a Flame server."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "PYRO_FLAME_ENABLED": "1", "PYTHONUNBUFFERED": "1", **variables}
    program = [sys.executable, "-W", "ignore", "-m", f"{package}.utils.flameserver", "-H", "127.0.0.1", *options]
    with subprocess.Popen(program, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = next(line for line in process.stdout if line.startswith("server uri"))
            yield line.strip().partition("@")[2]
        finally:
            process.kill()


@pytest.fixture
def pickle_is_used() -> Iterator[None]:
    Pyro4.config.SERIALIZER = ferropyro.config.SERIALIZER = "pickle"
    yield
    Pyro4.config.reset()


@pytest.fixture(params=PAIRS, ids="-".join)
def connected(request: pytest.FixtureRequest, pickle_is_used: None) -> Iterator[Any]:
    """A client of a Flame server."""
    client, package = request.param
    with server(package) as location, CLIENTS[client][1].connect(location) as proxy:
        yield proxy


def test_modules_and_builtins_of_the_server_are_called(connected: Any) -> None:
    with connected.module("os") as module:
        assert module.getpid() != os.getpid()
        assert module.path.join("a", "b") == "a/b"
        assert "module 'os' at" in repr(module)
        with pytest.raises(FileNotFoundError):
            module.listdir("/nonexistent")
    with connected.builtin("max") as builtin:
        assert builtin([3, 5, 4]) == 5 and builtin([3, 5, 4], key=lambda_free_key) == 5
        assert "builtin 'max' at" in repr(builtin)
    with pytest.raises(ImportError):
        connected.module("no_such_module")


lambda_free_key = abs


def test_code_runs_at_the_server(connected: Any) -> None:
    connected.execute("import math\nanswer = math.floor(42.5)  \n\n")
    assert connected.evaluate("answer + 1") == 43
    assert connected.evaluate("sys.version_info[0]") == 3
    with pytest.raises(ZeroDivisionError):
        connected.evaluate("1 / 0")


def test_modules_are_sent_and_read(connected: Any) -> None:
    connected.sendmodule("flame_one.two", "def double(x):\n    return 2 * x\n")
    assert connected.module("flame_one.two").double(21) == 42
    connected.sendmodule("flame_one.two", "def double(x):\n    return 3 * x\n")
    assert connected.module("flame_one.two").double(2) == 6
    assert "def getsource" in connected.getmodule("inspect")


# Conformance: FT-02
def test_files_are_sent_and_read(connected: Any, tmp_path: Path) -> None:
    file = tmp_path / "data"
    connected.sendfile(str(file), b"\x00\xffdata")
    assert file.read_bytes() == b"\x00\xffdata" == connected.getfile(str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_console_of_the_server_is_used(connected: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["for x in (1, 2):", "    print('x is', x)", "", "1 / 0"])

    def read(prompt: str = "") -> str:
        for line in lines:
            return line
        raise EOFError

    monkeypatch.setattr("builtins.input", read)
    with connected.console() as console:
        console.interact()
        assert " at 0x" in repr(console)
    output = capsys.readouterr().out
    assert "x is 1\nx is 2\n" in output and "ZeroDivisionError" in output and "(Remote session ended)" in output


@pytest.mark.usefixtures("pickle_is_used")
def test_a_key_is_used_for_everything_and_never_sent() -> None:
    with server("ferropyro", PYRO_HMAC_KEY="secret") as location, flame.connect(location, hmac_key="secret") as proxy:
        assert proxy.module("os").getpid() > 0 and proxy.builtin("len")("abc") == 3
        with proxy.console() as console:
            assert console.remoteconsole.push_and_get_output("print(5)") == ("5\n", False)
        with pytest.raises(errors.CommunicationError):
            flame.connect(location)


# Conformance: FT-02
# Conformance: SEC-01
def test_it_is_off_and_takes_pickle_alone() -> None:
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        with pytest.raises(errors.SecurityError, match="Flame is disabled"):
            flame.start(daemon)
        ferropyro.config.FLAME_ENABLED = True
        with pytest.raises(errors.SerializeError, match="exclusively"):
            flame.start(daemon)
        with pytest.raises(RuntimeError, match="exclusively"):
            flame.Flame()
    with pytest.raises(errors.SerializeError, match="requires the pickle"):
        flame.connect("localhost:1")
    ferropyro.config.FLAME_ENABLED = False
    with pytest.raises(errors.SecurityError):
        flameserver.main(["-q"], returnWithoutLooping=True)


def test_modules_are_made_of_source() -> None:
    namespace: dict[str, Any] = {}
    try:
        module = flame.createModule("flame_a.b.c", "value = __name__\n", namespace=namespace)
        assert isinstance(module, types.ModuleType) and module.value == "flame_a.b.c"
        assert namespace["flame_a"].b.c is module is sys.modules["flame_a.b.c"]
    finally:
        for name in ("flame_a", "flame_a.b", "flame_a.b.c"):
            sys.modules.pop(name, None)
