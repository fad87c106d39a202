"""Plays an example of Pyro4: starts its programs in their order, types what they ask for, and compares what they print.

An Example is data: the steps in which it is played, and what each of its programs prints. See examples.py.
"""

import contextlib
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import prints

HOST = "127.0.0.1"
PATIENCE = 25  # seconds for a line, or for an end, beside those that the example takes anyway
WHOLE_LINES = Path(__file__).parent / "whole_lines"


class TooLate(Exception):
    """The example itself found that something took longer than it should."""


@dataclass(frozen=True)
class Runner:
    """How a program of Pyro4's is run."""

    name: str
    options: tuple  # between Python and the program

    def __str__(self):
        return self.name

    def command(self, program):
        """The arguments that run it; program: a file name, or -m and the name of a module, and the program's own arguments."""
        return [sys.executable, *self.options, *program.split()]


ORIGINAL = Runner("original", ())
OURS = Runner("ours", ("-m", "ferropyro", "run"))

SERVER = "server"
CLIENT = "client"


@dataclass(frozen=True)
class Start:
    """Starts a program in its folder.

    name: what the other steps and the example's texts call it.
    program: as Runner.command takes it. typed: the lines for its standard input, in which {NAME} is the URI that another program has printed.
    ready: the regular expression of a line without which the play does not go on. side: whose runner runs it.
    """

    name: str
    program: str
    folder: str = "."
    typed: tuple | None = None
    ready: str | None = None
    side: str = SERVER

    def play(self, stage):
        stage.start(self)


@dataclass(frozen=True)
class Wait:
    """Waits until the program has printed a line, or so many lines, that the regular expression matches."""

    name: str
    line: str
    times: int = 1
    stream: str = "stdout"

    def play(self, stage):
        program = stage.programs[self.name]
        start = 0
        for _ in range(self.times):
            program.wait_for(self.line, self.stream, stage.patience, start)
            printed = enumerate(getattr(program, self.stream))
            start = 1 + next(at for at, line in printed if at >= start and re.search(self.line, line))


@dataclass(frozen=True)
class End:
    """Waits until the program has ended by itself."""

    name: str

    def play(self, stage):
        stage.check(self.name, stage.programs[self.name].wait(stage.patience))


@dataclass(frozen=True)
class Stop:
    """Ends the program, by Ctrl-C unless another signal is named.

    again: where it waits for ever. Python does not notice what comes in the moment before it waits, so that Ctrl-C may have to be pressed twice.
    """

    name: str
    number: int = signal.SIGINT
    again: bool = False

    def play(self, stage):
        program = stage.programs[self.name]
        assert program.is_running(), f"{program} has ended already:\n{program.output()}"
        if self.again:
            program.send_signal(self.number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(3)
        stage.check(self.name, program.stop(self.number))


@dataclass(frozen=True)
class Text:
    """What a program prints, in the notation of prints.py, and how it ends.

    in_any_order: several of its threads print, so that only the lines count. errors: the same for its standard error.
    status: with which it ends; None: whatever it is.
    """

    output: str
    errors: str = ""
    status: int | None = 0
    in_any_order: bool = False

    def check(self, program, status):
        if self.in_any_order:
            prints.check_in_any_order(self.output, program.stdout)
        else:
            prints.check(self.output, program.stdout)
        prints.check(self.errors, program.stderr)
        assert self.status in (None, status), f"it has ended with {status}"


# What a Text says of a program that Ctrl-C has torn out of its work, rather than out of a daemon's loop, which ends without a word.
INTERRUPTED = {"errors": "Traceback (most recent call last):\n...\nKeyboardInterrupt\n", "status": -signal.SIGINT}


@dataclass(frozen=True)
class Example:
    """name: its folder. steps: the play. texts: what the programs of these names print, by name.

    title: what distinguishes several plays of one folder. name_server: whether one is running. port: the one that it insists on.
    seconds: how long it takes where that is long. measures: it checks times itself, and complains where a busy machine is late.
    """

    name: str
    steps: tuple
    texts: dict
    title: str = ""
    name_server: bool = False
    port: int | None = None
    seconds: int = 0
    measures: bool = False

    def __str__(self):
        return f"{self.name}-{self.title}" if self.title else self.name

    @property
    def sides(self):
        """Who takes part: a name server is part of the server's side."""
        found = {step.side for step in self.steps if isinstance(step, Start)}
        return found | {SERVER} if self.name_server else found


def environment():
    """The settings of every program: those with which nobody is met by accident."""
    return {
        "PYRO_HOST": HOST,
        "PYRO_NS_HOST": HOST,
        "PYRO_NS_PORT": "1",  # nobody's
        "PYRO_BROADCAST_ADDRS": HOST,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(WHOLE_LINES),
    }


def start_name_server(servers, runner, env):
    """Starts a name server with these settings, and adds to them where it is. Gives the server."""
    command = runner.command(f"-m Pyro4.naming -n {HOST} -p 0 -x")
    name_server = servers.start(command, ready=r"^URI = PYRO:", env=env, with_children=True)
    env["PYRO_NS_PORT"] = str(name_server.port)
    return name_server


class Stage:
    """Where an example is played: `Stage(example, folder, servers, runners).play()`.

    folder: of Pyro4's examples. servers: servers.Servers. runners: the Runner of each side.
    """

    def __init__(self, example, folder, servers, runners):
        self.example = example
        self.folder = folder / example.name
        self.servers = servers
        self.runners = runners
        self.patience = PATIENCE + example.seconds
        self.programs = {}
        self.env = environment()

    def play(self):
        if self.example.name_server:
            start_name_server(self.servers, self.runners[SERVER], self.env)
        for step in self.example.steps:
            step.play(self)
        assert not self.programs, f"the steps do not end {', '.join(self.programs)}"

    def start(self, step):
        uris = {name: program.uri for name, program in self.programs.items()}
        self.programs[step.name] = self.servers.start(
            self.runners[step.side].command(step.program),
            ready=step.ready,
            env=self.env,
            cwd=self.folder / step.folder,
            typed=step.typed and [line.format(**uris) for line in step.typed],
            with_children=True,
            timeout=self.patience,
        )

    def check(self, name, status):
        program = self.programs.pop(name)
        if self.example.measures and re.search("^AssertionError: expected . seconds? duration", "\n".join(program.stderr), re.M):
            raise TooLate(program.output())
        try:
            self.example.texts[name].check(program, status)
        except AssertionError as error:
            raise AssertionError(f"{name} of {self.example}: {error}\n{program}\n{program.output()}") from None
