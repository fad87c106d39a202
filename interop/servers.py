"""Programs that run beside a test: started, waited for, watched and ended."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time


def clean_environment(**extra):
    """This process' environment without Pyro's settings, so that a test decides about all of them."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYRO_")}
    env["PYTHONUNBUFFERED"] = "1"
    env.update(extra)
    return env


def free_port(kind=socket.SOCK_STREAM):
    """A port of the loopback interface that nobody uses at the moment; kind: SOCK_STREAM or SOCK_DGRAM."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def run(args, *, env=None, input=None, timeout=30):
    """Runs a program to its end: subprocess.CompletedProcess with returncode, stdout and stderr as text.

    env: what to add to the clean environment; input: the text on its standard input (none: empty).
    """
    return subprocess.run(
        [str(arg) for arg in args],
        env=clean_environment(**(env or {})),
        input=input or "",
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


class Server:
    """A running program whose output is kept. Ended by stop(), or at the end of the test that started it.

    typed: lines for its standard input, which stays open behind them (none: it is empty).
    with_children: the processes that it has forked end with it; on systems without groups of processes only it itself ends.
    """

    def __init__(self, args, *, env=None, cwd=None, typed=None, with_children=False):
        self.args = [str(arg) for arg in args]
        self._has_group = with_children and os.name == "posix"
        self._news = threading.Condition()
        self._lines = {"stdout": [], "stderr": []}
        self._process = subprocess.Popen(
            self.args,
            env=clean_environment(**(env or {})),
            cwd=cwd,
            stdin=subprocess.DEVNULL if typed is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=self._has_group,
        )
        self._type(typed or ())
        self._readers = [self._start_reader("stdout"), self._start_reader("stderr")]

    def __str__(self):
        return f"{' '.join(self.args)} (pid {self.pid})"

    @property
    def pid(self):
        return self._process.pid

    @property
    def stdout(self):
        """The lines printed so far."""
        return self._copy("stdout")

    @property
    def stderr(self):
        return self._copy("stderr")

    @property
    def uri(self):
        """The first Pyro URI on its standard output; None before there is one."""
        match = self._search("stdout", r"PYRO:\S+", start=0)
        return match and match.group()

    @property
    def port(self):
        """The TCP port in its URI."""
        return int(self.uri.rpartition(":")[2])

    def wait_for(self, pattern, stream="stdout", timeout=20, start=0):
        """The match of this regular expression in a line of the stream, from line number `start` on.

        Raises AssertionError with all output when the program ends without it, or after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                # In this order: what the program printed last is read after its end was seen.
                ended = not any(reader.is_alive() for reader in self._readers)
                match = self._search(stream, pattern, start)
                if match:
                    return match
                left = deadline - time.monotonic()
                if ended or left <= 0:
                    why = "ended" if ended else f"did not print it within {timeout} s"
                    raise AssertionError(f"waiting for {pattern!r} on {stream}: {self} {why}\n{self.output()}")
                # The end of a reader is not announced, so look again now and then.
                self._news.wait(min(left, 0.1))

    def output(self):
        """All that it printed, for a report."""
        parts = []
        for stream in ("stdout", "stderr"):
            lines = self._copy(stream)
            parts.append(f"--- {stream}: {len(lines)} lines")
            parts.extend(lines)
        return "\n".join(parts)

    def is_running(self):
        return self._process.poll() is None

    def wait(self, timeout=10):
        """Waits until it has ended by itself; gives its exit status. Raises subprocess.TimeoutExpired after `timeout` seconds."""
        status = self._process.wait(timeout)
        self._finish()
        return status

    def send_signal(self, number):
        self._process.send_signal(number)

    def stop(self, number=signal.SIGTERM, patience=5):
        """Ends it with this signal, and with SIGKILL when it still runs `patience` seconds later; gives its exit status."""
        if self.is_running():
            self._process.send_signal(number)
            try:
                self._process.wait(patience)
            except subprocess.TimeoutExpired:
                self._process.kill()
        status = self._process.wait()
        self._finish()
        return status

    def _finish(self):
        if self._has_group:
            self._has_group = False  # once: the number may be another group's tomorrow
            # Its children hold the other ends of the pipes, too.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        for reader in self._readers:
            reader.join(5)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _type(self, lines):
        if lines:
            self._process.stdin.write("".join(f"{line}\n" for line in lines))
            self._process.stdin.flush()

    def _start_reader(self, stream):
        reader = threading.Thread(target=self._read, args=(stream,), name=f"{stream} of {self.pid}", daemon=True)
        reader.start()
        return reader

    def _read(self, stream):
        for line in getattr(self._process, stream):
            with self._news:
                self._lines[stream].append(line.rstrip("\r\n"))
                self._news.notify_all()

    def _copy(self, stream):
        with self._news:
            return list(self._lines[stream])

    def _search(self, stream, pattern, start):
        for line in self._copy(stream)[start:]:
            match = re.search(pattern, line)
            if match:
                return match
        return None


class Servers:
    """The programs of one test, or of a module when used in a fixture of that scope: `with Servers() as servers:`."""

    def __init__(self):
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.stop()

    def __iter__(self):
        return iter(self._started)

    def stop(self):
        """Ends all of them, the last one first."""
        for server in reversed(self._started):
            server.stop()

    def start(self, args, *, ready=None, timeout=20, **options):
        """Starts a program and, when `ready` is given, waits until it has printed a line that matches it; options: those of Server."""
        server = Server(args, **options)
        self._started.append(server)
        if ready is not None:
            server.wait_for(ready, timeout=timeout)
        return server
