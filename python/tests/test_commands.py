"""The programs that come with the package, beside the binary, whose code they are, and with the real Pyro at the other end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import Pyro4.naming
import Pyro5.api
from peers import objects

PACKAGE = Path(__file__).parents[1]
PROJECT = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")[2].partition("\n[")[0]
SCRIPTS: dict[str, str] = dict(re.findall(r'^([\w-]+) = "([\w.]+:\w+)"$', PROJECT, re.MULTILINE))
EXE = ".exe" if sys.platform == "win32" else ""
BINARY = Path(os.environ.get("FERROPYRO_BIN", PACKAGE.parent / "target" / "debug" / f"ferropyro{EXE}"))
SECONDS = 60

# As installers write it.
SCRIPT = """\
import sys
sys.path.insert(0, {package!r})
from {module} import {function}
if __name__ == "__main__":
    sys.exit({function}())
"""

on_posix = pytest.mark.skipif(os.name != "posix", reason="a matter of Unix")


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs of the package."""
    folder = tmp_path_factory.mktemp("scripts")
    for name, entry in SCRIPTS.items():
        module, function = entry.split(":")
        (folder / name).write_text(SCRIPT.format(package=str(PACKAGE), module=module, function=function))
    return folder


@pytest.fixture(scope="session")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the binary, by all its names."""
    if not BINARY.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{BINARY} is not there")
        pytest.skip(f"{BINARY} is not there: cargo build -p ferropyro-cli")
    folder = tmp_path_factory.mktemp("binaries")
    for name in SCRIPTS:
        if EXE:
            shutil.copy(BINARY, folder / f"{name}{EXE}")
        else:
            (folder / name).symlink_to(BINARY)
    return folder


@pytest.fixture(params=["script", "binary"])
def program(request: pytest.FixtureRequest) -> Any:
    """Makes the command line of a program: once as the package has it, once as the binary."""
    folder: Path = request.getfixturevalue("scripts" if request.param == "script" else "binaries")
    return lambda name, *words: command(folder, name, *words)


def command(folder: Path, name: str, *words: str) -> list[str]:
    """The command line of a program in one of these folders."""
    if folder.name.startswith("scripts"):
        return [sys.executable, str(folder / name), *words]
    return [str(folder / f"{name}{EXE}"), *words]


def environment(**variables: str) -> dict[str, str]:
    """Without settings of Pyro, and without Python's warnings about the real one."""
    return {**{name: text for name, text in os.environ.items() if not name.startswith(("PYRO_", "FERROPYRO_"))}, "PYTHONWARNINGS": "ignore", **variables}


def run(words: list[str], **variables: str) -> tuple[int, str, str]:
    """The exit status of a program, and what it prints."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", env=environment(**variables), timeout=SECONDS)
    return done.returncode, done.stdout, done.stderr


@contextmanager
def running(words: list[str], **variables: str) -> Iterator[subprocess.Popen[str]]:
    """A program that runs until the end of the block, at the longest."""
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment(**variables)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def found(process: subprocess.Popen[str], pattern: str) -> str:
    """The first group of a line that a program prints."""
    assert process.stdout is not None
    for line in process.stdout:
        if match := re.search(pattern, line):
            return match[1]
    assert process.stderr is not None
    raise AssertionError(f"it has ended: {process.stderr.read()}")


@pytest.fixture(scope="module")
def echo(scripts: Path) -> Iterator[str]:
    """The address of the echo server of the package."""
    with running(command(scripts, "ferropyro", "echo")) as server:
        yield found(server, r"^echo uri: (\S+)")


@pytest.fixture(scope="module")
def name_server(scripts: Path) -> Iterator[str]:
    """The port of the name server of the package."""
    with running(command(scripts, "ferropyro", "ns", "-n", "localhost", "-p", "0", "--nobc")) as server:
        yield found(server, r"^NS running on localhost:(\d+)")


def test_there_are_scripts_for_all_names_of_the_binary() -> None:
    names = (PACKAGE.parent / "crates" / "cli" / "src" / "personality.rs").read_text(encoding="utf-8")
    known = set(re.findall(r'\("(pyro\d-[\w-]+)", Link::', names))
    assert len(known) == 10
    assert set(SCRIPTS) == known | {"ferropyro", "pyro4-flameserver"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_tells_its_own_usage(scripts: Path, name: str) -> None:
    status, out, err = run(command(scripts, name, "--help"))
    own = "python -m ferropyro.utils.flameserver" if name == "pyro4-flameserver" else name
    assert (status, err) == (0, "")
    assert re.search(r"^usage: (\S+(?: -m \S+)?) ", out, re.IGNORECASE | re.MULTILINE)[1] == own  # type: ignore[index]


COMMAND_LINES: list[tuple[list[str], dict[str, str]]] = [
    (["ferropyro"], {}),
    (["ferropyro", "--version"], {}),
    (["ferropyro", "--help"], {}),
    (["ferropyro", "help", "ns"], {}),
    (["ferropyro", "nsx"], {}),
    (["ferropyro", "nsc", "--bogus"], {}),
    (["ferropyro", "call", "PYRO:x@localhost:1"], {}),
    (["ferropyro", "call", "PYRO:x@localhost:1.f"], {}),
    (["ferropyro", "call", "PYRO:x@localhost:1.f", os.fsdecode(b"\xff")], {}),
    (["ferropyro", "check-config"], {"PYRO_COMMTIMEOUT": "2.5"}),
    (["ferropyro", "check-config"], {"PYRO_NS_PORT": "abc"}),
    (["ferropyro", "check-config"], {"PYRO_LOGLEVEL": "LOUD"}),
    (["ferropyro", "check-config"], {"PYRO_COMMTIMEOUTS": "2.5"}),
    (["ferropyro", "completions", "bash"], {}),
    (["ferropyro", "man"], {}),
    (["pyro4-check-config"], {"PYRO_SERIALIZER": "json"}),
    (["pyro5-check-config"], {"PYRO_SERIALIZER": "marshal"}),
    (["pyro4-nsc"], {}),
    (["pyro4-ns", "--bogus"], {}),
    (["pyro5-nsc", "-n", "localhost", "-p", "1", "list"], {}),
]


@pytest.mark.parametrize("words, variables", COMMAND_LINES)
def test_scripts_print_what_the_binary_prints(scripts: Path, binaries: Path, words: list[str], variables: dict[str, str]) -> None:
    ours = run(command(scripts, *words), **variables)
    its = run(command(binaries, *words), **variables)
    # Which of several programs this is, one sees there.
    status, out, err = its
    assert ours == (status, out.replace(f"Loaded from: {BINARY.resolve().parent}\n", f"Loaded from: {PACKAGE / 'ferropyro'}\n"), err)
    assert ours[1:] != ("", "")


def test_a_call_ends_with_the_status_that_the_binary_has_for_it(program: Any, echo: str) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    nobody = f"PYRO:x@127.0.0.1:{closed.getsockname()[1]}"
    closed.close()
    assert run(program("ferropyro", "call", f"{echo}.echo", "[1, 'two']")) == (0, "[1, 'two']\n", "")
    for status, words in {
        1: [f"{echo}.error"],
        2: [echo],
        3: [f"{echo.replace('test.echoserver', 'nothing')}.echo"],
        4: [f"{nobody}.echo"],
        5: [f"{echo}.slow", "--timeout", "0.05"],
    }.items():
        given, out, err = run(program("ferropyro", "call", *words))
        assert (given, out) == (status, ""), err
        assert err.startswith("error: ") or "Usage" in err


@pytest.mark.parametrize("peer", ["pyro4", "pyro5"])
def test_a_call_reaches_the_real_pyro(scripts: Path, peer: str) -> None:
    with objects(peer) as uris:
        assert run(command(scripts, "ferropyro", "call", f"{uris['lab']}.add", "1", "2")) == (0, "3\n", "")
        status, _, err = run(command(scripts, "ferropyro", "call", f"{uris['lab']}.fail", "value"))
        assert status == 1 and "ValueError" in err and "Traceback" in err


@pytest.mark.parametrize("generation", ["pyro4", "pyro5"])
def test_the_real_pyro_finds_what_the_programs_offer(scripts: Path, generation: str) -> None:
    echo_server = {"pyro4": "pyro4-test-echoserver", "pyro5": "pyro5-echoserver"}[generation]
    api: Any = {"pyro4": Pyro4, "pyro5": Pyro5.api}[generation]
    with running(command(scripts, f"{generation}-ns", "-n", "localhost", "-p", "0", "-x")) as names:
        port = found(names, r"^NS running on localhost:(\d+)")
        with running(command(scripts, echo_server, "-n"), PYRO_NS_HOST="localhost", PYRO_NS_PORT=port) as server:
            found(server, "(echoserver running)")
            status, out, err = run(command(scripts, f"{generation}-nsc", "-n", "localhost", "-p", port, "list"))
            assert (status, err) == (0, "") and "\ntest.echoserver --> PYRO:" in out
            with api.locate_ns("localhost", int(port)) if generation == "pyro5" else api.locateNS("localhost", int(port)) as found_names:
                uri = found_names.lookup("test.echoserver")
            with api.Proxy(uri) as proxy:
                assert proxy.echo(["hello", 1.5]) == ["hello", 1.5]


@on_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_a_server_as_they_end_the_binary(program: Any, number: signal.Signals) -> None:
    with running(program("ferropyro", "echo")) as server:
        found(server, "(echoserver running)")
        server.send_signal(number)
        out, err = server.communicate(timeout=SECONDS)
        assert (server.returncode, out, err) == (0, "", "")


@on_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_a_call_that_waits_as_they_end_the_binary(program: Any, number: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        with running(program("ferropyro", "call", f"PYRO:x@127.0.0.1:{silent.getsockname()[1]}.f")) as call:
            with silent.accept()[0] as connection:
                assert connection.recv(4) == b"PYRO"
                call.send_signal(number)
                out, err = call.communicate(timeout=SECONDS)
        assert (call.returncode, out, err) == (-number, "", "")


@on_posix
def test_ctrl_c_ends_a_watch_that_has_told_all(program: Any, name_server: str) -> None:
    words = program("ferropyro", "nsc", "-n", "localhost", "-p", name_server)
    with running([*words, "watch", "seen"]) as watch:
        assert watch.stderr is not None
        assert watch.stderr.readline().startswith("Watching behind revision ")
        assert run([*words, "register", "seen", "PYRO:x@localhost:1"])[0] == 0
        assert found(watch, '"event": "(put)", "name": "seen"')
        assert run([*words, "remove", "seen"])[0] == 0
        assert found(watch, '"event": "(remove)", "name": "seen"')
        watch.send_signal(signal.SIGINT)
        out, err = watch.communicate(timeout=SECONDS)
        assert (watch.returncode, out, err) == (0, "", "")


@on_posix
def test_ctrl_c_stays_ignored_where_it_was(scripts: Path) -> None:
    words = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command(scripts, "ferropyro", "call")]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        with running([*words, f"PYRO:x@127.0.0.1:{silent.getsockname()[1]}.f"]) as call:
            with silent.accept()[0] as connection:
                assert connection.recv(4) == b"PYRO"
                call.send_signal(signal.SIGINT)
                silent.close()
            # Nobody is there any more, which is what ends it.
            assert call.wait(SECONDS) == 4


@on_posix
def test_a_reader_that_has_gone_is_no_error(program: Any, name_server: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as nobody:
        words = program("ferropyro", "nsc", "-n", "localhost", "-p", name_server, "list")
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=nobody, stderr=subprocess.PIPE, env=environment(), timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, b"")


@on_posix
def test_closed_standard_streams_are_null_devices(program: Any, name_server: str) -> None:
    # Else sockets would get their places, and what a command prints would go there. A command that it runs tells.
    look = "import os, sys; sys.exit(not all(os.path.samestat(os.fstat(n), os.stat(os.devnull)) for n in range(3)))"
    register = program("ferropyro", "nsc", "-n", "localhost", "-p", name_server, "register", "--ttl", "10", "closed", "PYRO:x@localhost:1")
    words = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *register, "--", sys.executable, "-c", look]
    assert subprocess.run(words, env=environment(), timeout=SECONDS).returncode == 0


def test_the_status_of_a_command_that_is_run_meanwhile_is_passed_on(program: Any, name_server: str) -> None:
    register = program("ferropyro", "nsc", "-n", "localhost", "-p", name_server, "register", "--ttl", "10", "kept", "PYRO:x@localhost:1")
    assert run([*register, "--", sys.executable, "-c", "print('out'); raise SystemExit(9)"]) == (9, "out\n", "Registered kept\n")


def test_the_package_runs_commands_too(echo: str) -> None:
    package = [sys.executable, "-m", "ferropyro"]
    paths = {"PYTHONPATH": str(PACKAGE)}
    assert run([*package, "call", f"{echo}.echo", "'hi'"], **paths) == (0, "'hi'\n", "")
    status, out, err = run([*package, "help"], **paths)
    assert (status, err) == (0, "") and "\nUsage: python -m ferropyro <COMMAND>\n" in out and "\n  doctor " in out
    assert run([*package, "nsx"], **paths) == (2, "", "unknown command 'nsx' (is it 'ns'?); try --help\n")


def test_the_demo_tells_what_to_type(program: Any) -> None:
    words = program("ferropyro", "demo")
    called = words[1] if words[0] == sys.executable else words[0]
    with running(words) as demo:
        assert found(demo, r"^Both keep running\. Try in another terminal \(ferropyro is (.*) here\):") == called
