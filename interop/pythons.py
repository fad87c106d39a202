"""Other Python versions of this machine: the core cases run on them too, with --full."""

import glob
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from servers import run

MINORS = ["2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
PACKAGES = Path(__file__).parent.parent / ".venv-others"


@dataclass(frozen=True)
class Python:
    version: str  # 3.8.18
    executable: str

    @property
    def major(self):
        return int(self.version.split(".")[0])

    @property
    def env(self):
        """What to add to the environment so that it finds the packages of install()."""
        return {"PYTHONPATH": str(PACKAGES / self.version), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *args, env=None, **options):
        """Runs it to its end, with these arguments."""
        return run([self.executable, *args], env={**self.env, **(env or {})}, **options)

    def install(self):
        """Gives it a Pyro4, and a Pyro5 where one exists; None when that worked, or the reason why not.

        Installing into a folder needs neither venv nor virtualenv, so that one way does for all versions.
        """
        folder = PACKAGES / self.version
        if (folder / "complete").exists():
            return None
        wanted = ["Pyro4==4.82"] if self.major == 2 else ["Pyro4==4.82", "Pyro5"]
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder, *wanted]
        try:
            done = run([self.executable, *pip], timeout=300)
        except subprocess.TimeoutExpired:
            return "pip took too long"
        if done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        (folder / "complete").touch()
        return None


def others():
    """One Python per minor version, from the PATH and from pyenv, without the one that runs the tests."""
    found = {}
    for executable in _candidates():
        version = _version(executable)
        minor = version and ".".join(version.split(".")[:2])
        if minor in MINORS and minor not in found and minor != _minor_of_this():
            found[minor] = Python(version, executable)
    return [found[minor] for minor in MINORS if minor in found]


def find(minor):
    """One Python of this minor version, as others() finds them; None when there is none."""
    for executable in _candidates([minor], f"{minor}.*"):
        version = _version(executable)
        if version and version.startswith(minor + "."):
            return Python(version, executable)
    return None


def _candidates(minors=MINORS, folders="*"):
    for minor in minors:
        on_path = shutil.which(f"python{minor}")
        if on_path:
            yield on_path
    yield from sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{folders}/bin/python")), reverse=True)


def _version(executable):
    """None for what only looks like a Python, such as pyenv's place holders for versions that are not selected."""
    try:
        done = run([executable, "-c", "import platform as p; print(p.python_implementation() + p.python_version())"])
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version.removeprefix("CPython") if version.startswith("CPython") else None


def _minor_of_this():
    return f"{sys.version_info.major}.{sys.version_info.minor}"


if __name__ == "__main__":
    for python in others():
        print(python.version, python.executable)
