"""Who takes part in the tests of connections: multiprocessing of several Pythons, and processing 0.52, which only Python 2 has."""

import functools
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import pythons
from servers import run

PROGRAM = Path(__file__).parent / "connection_peer.py"
KEY = "secret password"


@dataclass(frozen=True)
class Peer:
    """A module under a Python, and what it has to be allowed (None: nothing)."""

    name: str
    module: str
    minor: str
    digest: str

    def __str__(self):
        return self.name

    @property
    def allow(self):
        """The options of our programs that let it authenticate."""
        return ["--allow", self.digest] if self.digest else []

    @functools.cached_property
    def _python(self):
        return find_python(self.minor)

    def command(self, *args):
        return [self._python, "-u", PROGRAM, self.module, *args]

    @property
    def env(self):
        return {"PYTHONPATH": str(processing_folder()), "PYTHONDONTWRITEBYTECODE": "1"}

    def problem(self):
        """Why it cannot take part; None: it can."""
        if self._python is None:
            return f"there is no Python {self.minor}"
        return install_processing(self._python) if self.module == "processing" else None

    def listen(self, servers, address="0", key=KEY):
        """Its listener, which gives everything back; `at` is the address for our programs."""
        server = servers.start(self.command("listen", address, key), ready="^listening", env=self.env)
        bound = server.wait_for(r"^listening (.*)").group(1)
        return server, f"localhost:{bound}" if bound.isdigit() else bound

    def talk(self, at, *steps, key=KEY):
        """The lines that its client prints while it does these steps."""
        address = at.rpartition(":")[2] if ":" in at else at
        return run(self.command("talk", address, key, *steps), env=self.env).stdout.splitlines()


PEERS = [
    Peer("processing", "processing", "2.7", "sha1"),
    Peer("2.7", "multiprocessing", "2.7", "md5"),
    Peer("3.11", "multiprocessing", "3.11", "md5"),
    Peer("3.12", "multiprocessing", "3.12", None),
    Peer("3.13", "multiprocessing", "3.13", None),
]


def peer(name):
    (found,) = [peer for peer in PEERS if peer.name == name]
    return found


def usable(peer):
    """The peer, or the test is skipped with the reason."""
    problem = peer.problem()
    if problem:
        pytest.skip(f"{peer}: {problem}")
    return peer


@functools.cache
def find_python(minor):
    if minor == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable
    found = pythons.find(minor)
    return found and found.executable


def processing_folder():
    return pythons.PACKAGES / "processing-0.52"


@functools.cache
def install_processing(python):
    """Builds it from its source package; None when that worked, or the reason why not."""
    folder = processing_folder()
    if folder.exists():
        return None
    folder.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as new:
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", new, "processing==0.52"]
        try:
            done = run([python, *pip], timeout=50)
        except subprocess.TimeoutExpired:
            return "pip took too long"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        try:
            Path(new).rename(folder)
        except OSError:
            # Somebody else was faster.
            return None if folder.exists() else "it cannot be put into its place"
        Path(new).mkdir()
    return None
