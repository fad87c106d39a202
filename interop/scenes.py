"""The consoles that examples/README.md shows, played as a reader would type them: what is printed must be what is shown there."""

import re
import shlex
import signal
import sys
from pathlib import Path

from servers import run

ROOT = Path(__file__).parent.parent
README = ROOT / "examples" / "README.md"

# What differs from run to run. The names of one scene stand for one thing each, except for NUMBER.
UUID = "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
PLACEHOLDERS = {"NUMBER": r"\d+", "PORT": r"\d+", "ID": UUID}
ANY_LINES = "..."  # in a line of its own


class Console:
    """One command with what it prints, from a block of the README."""

    def __init__(self, text):
        self.command, *self.lines = text.rstrip("\n").split("\n")
        self.command = self.command.removeprefix("$ ")
        self.farewell = []  # what it prints when it is stopped
        self.runs_on = "^C" in self.lines  # until somebody stops it
        self.is_killed = "Killed" in self.lines[-1:]
        if self.runs_on:
            end = self.lines.index("^C")
            self.lines, self.farewell = self.lines[:end], self.lines[end + 1 :]
        if self.is_killed:
            self.lines.pop()

    @property
    def head(self):
        """How many lines there must be before the next command can be typed: the port is in them."""
        return next((at for at, line in enumerate(self.lines, 1) if "PORT" in line), 1)

    @property
    def example(self):
        """The name of the example that it runs; None for other programs."""
        match = re.search(r"--example (\S+)", self.command)
        return match and match.group(1)


class Scene:
    """A section of the README with all its commands: `Scene("handshake", example, ferropyro, servers).play()`.

    instead: which programs others take the place of, which must print the same: {"NAME": ["args", "of", "another"]}.
    """

    def __init__(self, title, example, ferropyro, servers, instead=None):
        self.consoles = consoles(title)
        self.example = example
        self.ferropyro = ferropyro
        self.servers = servers
        self.instead = instead or {}
        self.values = {}
        self.doomed = {}

    def play(self):
        background = []
        for console in self.consoles:
            self._kill(console.example)
            env, args = self._arguments(console.command)
            if console.runs_on or console.is_killed:
                program = self.servers.start(args, env=env)
                self._wait_for_line(program, console, console.head - 1)
                self._check(console, program.stdout[: console.head], console.lines[: console.head])
                if console.is_killed:
                    self.doomed[console.example] = (program, console)
                else:
                    background.append((program, console))
            else:
                done = run(args, env=env)
                assert done.stderr == "", f"{console.command}\n{done.stderr}"
                self._check(console, done.stdout.splitlines(), console.lines)
        for name in list(self.doomed):
            self._kill(name)
        for program, console in background:
            self._wait_for_line(program, console, -1)
            assert program.is_running(), f"{console.command} has ended:\n{program.output()}"
        for program, console in reversed(background):
            program.stop()
            assert program.stderr == [], f"{console.command}\n{program.output()}"
            self._check(console, program.stdout, console.lines + console.farewell)

    def _kill(self, name):
        """Ends an example that is to be killed once it has printed all, before it is started anew, or at the end."""
        if name in self.doomed:
            program, console = self.doomed.pop(name)
            self._wait_for_line(program, console, -1)
            program.stop(signal.SIGKILL)
            self._check(console, program.stdout, console.lines)

    def _arguments(self, command):
        words = shlex.split(command)
        env = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = self._known(value)
        args = [self._known(word) for word in words]
        if args[:4] == ["cargo", "run", "-q", "--"]:
            return env, [self.ferropyro, *args[4:]]
        if args[0] == "cargo":
            name, *args = args[args.index("--example") + 1 :]
            program = self.instead.get(name) or [self.example(name)]
            return env, [program[0], *program[1:2], *args, *program[2:]]
        assert args[0] == "python", command
        return env, [sys.executable, ROOT / args[1], *args[2:]]

    def _known(self, text):
        for name, value in self.values.items():
            text = re.sub(rf"\b{name}\b", value, text)
        return text

    def _wait_for_line(self, program, console, index):
        start = range(len(console.lines))[index]
        program.wait_for(f"^{self._pattern(console.lines[index : index + 1 or None])}$", start=start)

    def _check(self, console, printed, shown):
        match = re.fullmatch(self._pattern(shown), "\n".join(printed).rstrip("\n"))
        assert match, "\n".join([console.command, "--- shown in the README:", *shown, "--- printed:", *printed])
        self.values.update(match.groupdict())

    def _pattern(self, lines):
        """The regular expression of lines as the README shows them."""
        names = set()

        def part(text):
            if text not in PLACEHOLDERS:
                return r"(?:.*\n)*?.*" if text == ANY_LINES else re.escape(text)
            if text in self.values:
                return re.escape(self.values[text])
            if text == "NUMBER":
                return PLACEHOLDERS[text]
            if text in names:
                return f"(?P={text})"
            names.add(text)
            return f"(?P<{text}>{PLACEHOLDERS[text]})"

        placeholder = "|".join(PLACEHOLDERS)
        parts = re.split(rf"^({re.escape(ANY_LINES)})$|\b({placeholder})\b", "\n".join(lines), flags=re.M)
        return "".join(part(text) for text in parts if text is not None)


def consoles(title):
    text = dict(sections())[title]
    return [Console(block) for block in re.findall(r"^```console\n(\$ .*?)^```$", text, re.M | re.S)]


def sections():
    _, *parts = re.split(r"^#+ (.*)$", README.read_text(encoding="utf-8"), flags=re.M)
    return list(zip(parts[::2], parts[1::2]))
