"""The page docs/python.md of the guide, played from its top to its end: its programs are written, its commands are run, and what they print is compared."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[1]
PAGE = PACKAGE.parent / "docs" / "python.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 60


class Command(NamedTuple):
    """A line that starts with ``$``, and the lines below it."""

    line: str
    output: list[str]


def programs(page: str) -> dict[str, str]:
    """The programs of a page by their file names, which their first lines tell."""
    found = {}
    for language, text in BLOCK.findall(page):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", text)
            assert name, f"a program without a file name: {text}"
            found[name[1]] = text
    return found


def commands(page: str) -> list[Command]:
    """The commands of a page, in order."""
    found: list[Command] = []
    for language, text in BLOCK.findall(page):
        for line in text.splitlines() if language == "text" else []:
            if line.startswith("$ "):
                found.append(Command(line.removeprefix("$ "), []))
            else:
                found[-1].output.append(line)
    return found


class Player:
    """Runs commands in a folder. What ends with ``&`` goes on until the player stops."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []
        self.environment = {name: text for name, text in os.environ.items() if not name.startswith("PYRO_")}
        self.environment |= {"PYTHONPATH": str(PACKAGE), "PYTHONUNBUFFERED": "1"}
        # A name server of its own, that nobody else's is taken for.
        self.environment |= {"PYRO_NS_PORT": str(free_port()), "PYRO_NS_BCPORT": str(free_port())}

    def play(self, command: Command) -> list[str]:
        """What a command prints; what goes on has printed so many lines as it should."""
        words = shlex.split(command.line)
        assert words[0] == "python", command.line
        goes_on = words[-1] == "&"
        arguments = [sys.executable, *(words[1:-1] if goes_on else words[1:])]
        if goes_on:
            return self.start(arguments, len(command.output))
        done = subprocess.run(
            arguments, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=SECONDS
        )
        return done.stdout.splitlines() + ([f"exit code {done.returncode}"] if done.returncode else [])

    def start(self, arguments: list[str], lines: int) -> list[str]:
        process = subprocess.Popen(
            arguments, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.running.append(process)
        assert process.stdout is not None
        return [process.stdout.readline().rstrip("\n") for _ in range(lines)]

    def stop(self) -> None:
        for process in self.running:
            process.kill()
            process.communicate()


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def is_as_told(told: list[str], printed: list[str]) -> bool:
    """Whether the lines are those of the page, in which three dots stand for anything."""
    patterns = [".*".join(re.escape(part) for part in line.split("...")) for line in told]
    return len(told) == len(printed) and all(re.fullmatch(*pair) for pair in zip(patterns, printed))


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    player = Player(tmp_path)
    yield player
    player.stop()


def test_the_programs_of_the_guide_print_what_it_says(player: Player) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, text in programs(page).items():
        (player.folder / name).write_text(text, encoding="utf-8")
    for command in commands(page):
        printed = player.play(command)
        assert is_as_told(command.output, printed), f"{command.line} printed {printed}"


def test_every_program_of_the_guide_is_run() -> None:
    page = PAGE.read_text(encoding="utf-8")
    run = " ".join(command.line for command in commands(page)).split()
    assert [name for name in programs(page) if name not in run] == []
    assert len(programs(page)) > 10
