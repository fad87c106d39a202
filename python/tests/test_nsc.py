"""The control tool for name servers beside the real one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ferropyro import nsc
from ferropyro.errors import NamingError
from ferropyro.naming import NameServer, startNS

URI = "PYRO:obj@localhost:1234"
PACKAGE = str(Path(__file__).parents[1])


@pytest.fixture
def server() -> Iterator[tuple[str, str]]:
    """Host and port of a name server."""
    uri, daemon, _ = startNS("127.0.0.1", 0)
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    yield "127.0.0.1", str(uri.port)
    daemon.close()
    thread.join()


def run(tool: str, *args: str, answer: str = "", **variables: str) -> tuple[int, str, str]:
    """The status and the output of a control tool."""
    environment = {**os.environ, "PYTHONPATH": PACKAGE, "PYTHONWARNINGS": "ignore", **variables}
    done = subprocess.run([sys.executable, "-m", f"{tool}.nsc", *args], input=answer, capture_output=True, text=True, env=environment, timeout=60)
    return done.returncode, done.stdout, done.stderr


COMMANDS = [
    "ping",
    f"register one {URI}",
    f"register one {URI}",
    "register two nonsense",
    f"register test.two {URI}",
    "setmeta one tag",
    "list",
    "list test",
    "list a b",
    "listmatching t",
    "listmatching (",
    "listmatching",
    "lookup one",
    "lookup nobody",
    "listmeta_all tag",
    "listmeta_any tag other",
    "listmeta_any",
    "setmeta one",
    "setmeta nobody x",
    "setmeta",
    "remove nobody",
    "remove one",
    "remove Pyro.NameServer",
    "remove",
    "removematching test",
    "list",
]


# Conformance: NSC-01
# Conformance: NSC-17
def test_every_command_prints_what_the_real_tool_prints(server: tuple[str, str]) -> None:
    host, port = server
    for command in COMMANDS:
        real = run("Pyro4", "-n", host, "-p", port, *command.split(), answer="n")
        # Undo what the real one has done.
        if command.startswith(("register", "remove")) and "Registered" in real[1]:
            run("Pyro4", "-n", host, "-p", port, "remove", command.split()[1])
        elif command == "remove one":
            run("Pyro4", "-n", host, "-p", port, "register", "one", URI)
        ours = run("ferropyro", "-n", host, "-p", port, *command.split(), answer="n")
        # The name server has the tag of either generation for itself, as the client's.
        assert ours[1].replace("Pyro5.nameserver", "Pyro4.naming") == real[1] and ours[2] == real[2], command
        assert ours[0] == (1 if "Error: " in ours[1] else real[0]), command


# Conformance: NSC-15
def test_names_that_match_are_removed_when_the_user_is_sure(server: tuple[str, str]) -> None:
    host, port = server
    for name in ("test.one", "test.two", "other"):
        run("ferropyro", "-n", host, "-p", port, "register", name, URI)
    assert run("ferropyro", "-n", host, "-p", port, "removematching", "test", answer="n\n")[1].endswith("(y/n)?")
    assert run("ferropyro", "-n", host, "-p", port, "removematching", ".*", answer="y\n")[1].endswith("(y/n)?3 items removed.\n")
    assert run("Pyro5", "-n", host, "-p", port, "list")[1].count("-->") == 1


# Conformance: NSC-06
def test_it_says_what_it_does_when_asked_to(server: tuple[str, str]) -> None:
    host, port = server
    real = run("Pyro4", "-v", "-n", host, "-p", port, "ping")
    assert real[1].splitlines()[0] == "Locating name server..."
    assert run("ferropyro", "-v", "-n", host, "-p", port, "ping") == real
    assert run("ferropyro", "ping", "--host", host, "--port", port, "--verbose") == real


def test_a_wrong_command_line_and_a_missing_name_server_are_errors() -> None:
    for args in ([], ["nonsense"]):
        status, output, errors = run("ferropyro", *args)
        assert status == 2 and output == "" and "invalid or missing command" in errors
    status, output, _ = run("ferropyro", "-n", "127.0.0.1", "-p", "1", "ping")
    assert status == 1 and output.startswith("Error: ")
    status, output, _ = run("ferropyro", "--help")
    assert status == 0 and all(command in output for command in nsc.COMMANDS)


# Conformance: NSC-05
def test_keys_come_from_the_environment_or_with_a_warning_from_the_command_line() -> None:
    uri, daemon, _ = startNS("127.0.0.1", 0, hmac="secret")
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    where = ("-n", "127.0.0.1", "-p", str(uri.port), "ping")
    assert run("ferropyro", *where, PYRO_HMAC_KEY="secret") == (0, "Name server ping ok.\n", "")
    status, output, warning = run("ferropyro", "-k", "secret", *where, PYTHONWARNINGS="default")
    assert (status, output) == (0, "Name server ping ok.\n") and "PYRO_HMAC_KEY" in warning
    assert run("ferropyro", *where)[1].startswith("Error: ")
    status, _, error = run("ferropyro", "-k", "secret", *where, PYRO_HMAC_KEY="secret")
    assert status == 1 and error == run("Pyro4", "-k", "secret", *where, PYRO_HMAC_KEY="secret")[2]
    daemon.close()
    thread.join()


# Conformance: NSC-04
def test_a_name_server_on_a_unix_domain_socket_is_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "ns")
    _, daemon, _ = startNS(unixsocket=path)
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    assert run("ferropyro", "-u", path, "ping") == (0, "Name server ping ok.\n", "")
    daemon.close()
    thread.join()


def test_pyro5s_commands_raise_what_they_print(capsys: pytest.CaptureFixture[str]) -> None:
    names = NameServer()
    names.register("one", URI, metadata={"tag"})
    nsc.handle_command(names, "yplookup_all", ["tag"])
    nsc.handle_command(names, "yplookup_any", ["tag", "other"])
    assert capsys.readouterr().out.count(f"one --> {URI}") == 2
    with pytest.raises(NamingError):
        nsc.handle_command(names, "lookup", ["two"])
    assert capsys.readouterr().out == "Error: NamingError - unknown name: two\n"
