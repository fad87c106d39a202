"""Pyro4's source package, which has its examples and its manual. It is fetched when a test asks for it, and kept in target/."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from servers import run

FOLDER = Path(__file__).parents[3] / "target" / "pyro4-source"
NAME = "Pyro4-4.82"
SHA256 = "511f5b0804e92dd77dc33adf9c947787e3f9e9c5a96b12162f0557a7c4ce21fb"


class Unavailable(Exception):
    pass


def package():
    """The folder of the package. Raises Unavailable when it is not here and cannot be fetched."""
    unpacked = FOLDER / NAME
    with locked("source"):
        if not unpacked.exists():
            archive = FOLDER / f"{NAME}.tar.gz"
            if not _is_genuine(archive):
                _download()
            if not _is_genuine(archive):
                raise Unavailable(f"{archive} is not the published one: its SHA-256 should be {SHA256}")
            _unpack(archive, unpacked)
    return unpacked


@contextlib.contextmanager
def locked(name):
    """One test of this machine at a time, for what there is only one of: the package, or a port that an example insists on."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{name}.lock", "w") as file:
        if os.name == "posix":
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_genuine(archive):
    return archive.exists() and hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256


def _download():
    pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-binary=:all:", "--no-deps", "--dest", FOLDER]
    try:
        done = run([sys.executable, *pip, NAME.replace("-", "==")], timeout=120)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"pip took too long to fetch the source of {NAME}") from None
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        raise Unavailable(f"pip could not fetch the source of {NAME}: {why}")


def _unpack(archive, folder):
    """All or nothing, so that what is there is whole."""
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    with tarfile.open(archive) as tar:
        # Python 3.10 and 3.11 have had the filter since 3.10.12 and 3.11.4; the archive is one that we know.
        tar.extractall(unfinished, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    (unfinished / folder.name).rename(folder)
    unfinished.rmdir()
