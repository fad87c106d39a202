"""Releases of Pyro4 that speak the protocols 46 and 47. They are installed when a test asks for them, each into a folder of its own."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pythons import PACKAGES
from servers import run

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class OldPyro:
    version: str  # 4.25
    protocol: int

    def __str__(self):
        return self.version

    @property
    def folder(self):
        return PACKAGES / f"Pyro4-{self.version}"

    @property
    def has_metadata(self):
        return self.version != "4.26" and self.protocol > 46

    def env(self, packages=None):
        """What to add to the environment of a Python so that it is this Pyro4 that it imports; packages: where that Python has serpent, when not in itself."""
        folders = [self.folder, packages] if packages else [self.folder]
        return {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}

    def install(self):
        """None when that worked, or the reason why not."""
        if (self.folder / "complete").exists():
            return None
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--target", self.folder]
        try:
            done = run([sys.executable, *pip, f"Pyro4=={self.version}"], timeout=300)
        except subprocess.TimeoutExpired:
            return "pip took too long"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        self._rename_keywords()
        (self.folder / "complete").touch()
        return None

    def _rename_keywords(self):
        """A function of it is called `async`, which has been a keyword since Python 3.7."""
        for source in self.folder.glob("Pyro4/*.py"):
            text = source.read_text("utf-8")
            source.write_text(re.sub(r"\basync\b", "async_", text), "utf-8")

    def start_server(self, servers, *options, python=sys.executable, packages=None):
        """old_server.py; `uri` is that of obj.test."""
        return servers.start([python, FOLDER / "old_server.py", *options], ready=r"^URI = PYRO:", env=self.env(packages))

    def start_name_server(self, servers):
        args = [sys.executable, "-m", "Pyro4.naming", "-n", "localhost", "-p", "0", "-x"]
        return servers.start(args, ready=r"^URI = PYRO:", env=self.env())

    def run_client(self, uri, serializer="serpent", *options, python=sys.executable, packages=None):
        """old_client.py, to its end."""
        return run([python, FOLDER / "old_client.py", uri, serializer, *options], env=self.env(packages))


OLD_PYROS = [OldPyro("4.25", 46), OldPyro("4.26", 47), OldPyro("4.37", 47)]
