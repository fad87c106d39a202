"""Where the manual's blocks are played: programs are made of them and of what they need around them, started, and what they print is compared.

The blocks themselves stay as they are, except where they have a place for the reader's own names and addresses.
"""

import re
import signal

import prints
from stage import environment, start_name_server

SERVER = """
import atexit, threading
import Pyro4
daemon = Pyro4.Daemon()
threading.Thread(target=daemon.requestLoop, daemon=True).start()
atexit.register(daemon.shutdown)
"""
"""The beginning of programs whose blocks call an object of the same program."""


class Scene:
    """The surroundings of one test. texts: the blocks that it plays. folder: its own. runner: how its programs are run, a stage.Runner."""

    def __init__(self, texts, folder, servers, runner):
        self.unused = dict(texts)
        self.texts = texts
        self.folder = folder
        self.servers = servers
        self.runner = runner
        self.env = environment()

    def block(self, number, fill=None, chapter=None):
        """The text of a block. fill: what to put in the places of it that the reader should fill. chapter: if the test plays several."""
        key = next(key for key in self.texts if key[1] == number and chapter in (None, key[0]))
        self.unused.pop(key, None)
        text = self.texts[key]
        for place, filling in (fill or {}).items():
            assert place in text, f"no {place} in {text}"
            text = text.replace(place, filling)
        return text

    def set(self, exports):
        """Sets the environment variables that the lines of a shell set."""
        self.env |= re.findall(r"^\$ export (\w+)=(.*)$", exports, re.M)

    def start_name_server(self):
        return start_name_server(self.servers, self.runner, self.env)

    def write(self, name, *parts):
        """Writes a program of several parts to a file of this name."""
        (self.folder / name).write_text("\n".join(parts), encoding="utf-8")

    def start(self, name, *parts, ready=None, typed=None):
        """Writes a program and starts it; ready: a line to wait for; typed: lines for its standard input. Gives the servers.Server."""
        self.write(name, *parts)
        return self.servers.start(self.runner.command(name), ready=ready, env=self.env, cwd=self.folder, typed=typed, with_children=True)

    def interrupt(self, program):
        """Types Ctrl-C."""
        assert program.is_running(), program.output()
        program.send_signal(signal.SIGINT)

    def wait_for_name(self, name, name_server):
        """Waits until the name server knows a name."""
        wait = f"""
import time, Pyro4
with Pyro4.Proxy("{name_server.uri}") as names:
    while "{name}" not in names.list():
        time.sleep(0.01)
"""
        self.run(wait, name="wait.py")

    def run(self, *parts, prints="", errors="", status=0, typed=None, name="program.py"):
        """Runs a program to its end. prints: what it prints, and errors: what on its standard error, in the notation of prints.py."""
        self.check(self.start(name, *parts, typed=typed), prints, errors, status)

    def check(self, program, output="", errors="", status=0):
        """Waits for the end of a program, and compares what it has printed."""
        ended_with = program.wait(20)
        try:
            prints.check(output, program.stdout)
            prints.check(errors, program.stderr)
            assert ended_with == status
        except AssertionError as error:
            raise AssertionError(f"{error}\n{program}\n{program.output()}") from None


def typed_in(session):
    """A program that does with the lines of a session what the interactive Python does: those with a prompt, or all if none has one."""
    lines = session.splitlines()
    typed = [line.removeprefix(">>> ") for line in lines if line.startswith(">>> ")] or lines
    return f"""
import code
console = code.InteractiveConsole(globals())
for line in {typed!r}:
    console.push(line)
"""
