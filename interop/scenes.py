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
        last = self.lines[-1] if self.lines else None
        self.runs_on = last == "^C"  # until somebody stops it
        self.is_killed = last == "Killed"
        if self.runs_on or self.is_killed:
            self.lines.pop()


class Scene:
    """A section of the README with all its commands: `Scene("handshake", example, servers).play()`.

    instead: which programs others take the place of, which must print the same: {"NAME": ["args", "of", "another"]}.
    """

    def __init__(self, title, example, servers, instead=None):
        self.consoles = consoles(title)
        self.example = example
        self.servers = servers
        self.instead = instead or {}
        self.values = {}

    def play(self):
        background = []
        for console in self.consoles:
            env, args = self._arguments(console.command)
            if console.runs_on:
                program = self.servers.start(args, env=env)
                self._wait_for_line(program, console, 0)
                self._check(console, program.stdout[:1], console.lines[:1])
                background.append((program, console))
            elif console.is_killed:
                program = self.servers.start(args, env=env)
                self._wait_for_line(program, console, -1)
                program.stop(signal.SIGKILL)
                self._check(console, program.stdout, console.lines)
            else:
                done = run(args, env=env)
                assert done.stderr == "", f"{console.command}\n{done.stderr}"
                self._check(console, done.stdout.splitlines(), console.lines)
        for program, console in background:
            self._wait_for_line(program, console, -1)
            assert program.is_running(), f"{console.command} has ended:\n{program.output()}"
        for program, console in reversed(background):
            program.stop()
            assert program.stderr == [], f"{console.command}\n{program.output()}"
            self._check(console, program.stdout, console.lines)

    def _arguments(self, command):
        words = shlex.split(command)
        env = {}
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        args = [self._known(word) for word in words]
        if args[0] == "cargo":
            name, *args = args[args.index("--example") + 1 :]
            program = self.instead.get(name) or [self.example(name)]
            return env, [program[0], *program[1:2], *args, *program[2:]]
        assert args[0] == "python", command
        return env, [sys.executable, ROOT / args[1], *args[2:]]

    def _known(self, text):
        for name, value in self.values.items():
            text = text.replace(name, value)
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
