"""What a power cut leaves of the names: T21 of the limits.

The name server runs with a library (power.c) that writes down what it does to its files, and when it answers. From that the test makes the files as they
would be after a cut at any moment: what was followed by fdatasync is there; of the rest nothing, everything, or some of it.
"""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import nameservers
import peers

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("cc") is None, reason="needs Linux and a C compiler")

REGISTRATIONS = 120
CUTS = 20
CUTS_OF_FULL = 200
SECTOR = 512


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    library = tmp_path_factory.mktemp("power") / "power.so"
    source = Path(__file__).with_name("power.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-o", library, source, "-ldl", "-lpthread"], check=True)
    return library


def read_record(path):
    """The entries: lists of words, with the bytes behind those of writes."""
    data, position, entries = path.read_bytes(), 0, []
    while position < len(data):
        end = data.index(b"\n", position)
        words = data[position:end].decode().split(" ")
        position = end + 1
        if words[0] == "W":
            length = int(words[3])
            words.append(data[position : position + length])
            position += length
        entries.append(words)
    return entries


class Disk:
    """Files as they are after a cut: what is on the disk, and what has been written since."""

    def __init__(self):
        self.safe = {}
        self.pending = {}
        self.names = []

    def play(self, words):
        kind, path = words[0], words[1] if len(words) > 1 else None
        if kind == "W":
            self.pending.setdefault(path, []).append((int(words[2]), words[4]))
        elif kind == "T":
            self.pending.setdefault(path, []).append((int(words[2]), None))
        elif kind in "RU":
            self.names.append(words)
        elif kind == "S" and path in self.folders():
            for change in self.names:
                self.rename(self.safe, change)
            self.names.clear()
        elif kind == "S":
            for change in self.pending.pop(path, []):
                self.apply(self.safe, path, change)

    def folders(self):
        return {str(Path(path).parent) for path in [*self.safe, *self.pending]}

    @staticmethod
    def rename(files, words):
        content = files.pop(words[1], None)
        if words[0] == "R" and content is not None:
            files[words[2]] = content

    @staticmethod
    def apply(files, path, change):
        offset, data = change
        content = files.setdefault(path, bytearray())
        if data is None:
            del content[offset:]
            content.extend(bytes(offset - len(content)))
            return
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data

    def after_a_cut(self, luck):
        """luck(): whether a sector that was not synced has got to the disk all the same."""
        files = {path: bytearray(content) for path, content in self.safe.items()}
        for path, changes in self.pending.items():
            for offset, data in changes:
                if data is None:
                    if luck():
                        self.apply(files, path, (offset, None))
                    continue
                for start in range(0, len(data), SECTOR):
                    if luck():
                        self.apply(files, path, (offset + start, data[start : start + SECTOR]))
        for change in self.names:
            if luck():
                self.rename(files, change)
        return files


def record(servers, ferropyro, recorder, folder, log, spec):
    """Registers, replaces and removes names, one after the other. Gives what each name stood for after each answer."""
    env = {"LD_PRELOAD": str(recorder), "POWER_FOLDER": str(folder), "POWER_LOG": str(log)}
    server = nameservers.start(servers, [ferropyro, "ns"], "-s", spec, env=env)
    states, names = [], {}
    with peers.PYRO5.locate_ns("127.0.0.1", server.port) as ns:
        log_before = log.read_bytes().count(b"\nA\n")
        for step in range(REGISTRATIONS):
            name = f"name{step * 7 % 40}"
            if step % 5 == 4:
                ns.remove(name)
                names.pop(name, None)
            else:
                ns.register(name, f"PYRO:object{step}@example.com:{step + 1}")
                names[name] = f"PYRO:object{step}@example.com:{step + 1}"
            states.append(dict(names))
    server.stop(9)
    return log_before, states


@pytest.mark.parametrize("form", ["sql", "dbm"])
def test_what_was_acknowledged_is_there_after_a_power_cut(ferropyro, servers, recorder, tmp_path, form, request):
    cuts = CUTS_OF_FULL if request.config.getoption("--full") else CUTS
    folder, log = tmp_path / "files", tmp_path / "record"
    folder.mkdir()
    spec = f"{form}:{folder}/names"
    # The files are there, with nothing in them but the name server itself.
    nameservers.start(servers, [ferropyro, "ns"], "-s", spec).stop(2)
    begun = {str(path): bytearray(path.read_bytes()) for path in folder.iterdir() if not path.name.endswith("-shm")}
    answered_before, states = record(servers, ferropyro, recorder, folder, log, spec)
    entries = read_record(log)
    assert any(words[0] == "S" for words in entries)
    chance = random.Random(21)
    moments = sorted(chance.sample(range(len(entries)), cuts))
    disk, answers, compared = Disk(), 0, 0
    disk.safe = begun
    for moment, words in enumerate(entries):
        if moment in moments:
            acknowledged = answers - answered_before
            for luck in (lambda: False, lambda: True, lambda: chance.random() < 0.5):
                left = tmp_path / "left"
                shutil.rmtree(left, ignore_errors=True)
                left.mkdir()
                for path, content in disk.after_a_cut(luck).items():
                    (left / Path(path).name).write_bytes(content)
                check(ferropyro, servers, f"{form}:{left}/names", acknowledged, states)
                compared += 1
        answers += words[0] == "A"
        disk.play(words)
    assert answers - answered_before >= REGISTRATIONS
    assert compared == 3 * cuts


def check(ferropyro, servers, spec, acknowledged, states):
    """All that was acknowledged, and at most the one change more that was under way."""
    server = nameservers.start(servers, [ferropyro, "ns"], "-s", spec)
    with peers.PYRO5.locate_ns("127.0.0.1", server.port) as ns:
        found = ns.list(prefix="name")
    server.stop(9)
    possible = [{}, *states][max(0, acknowledged) : max(0, acknowledged) + 2]
    assert found in possible, f"after {acknowledged} answers"
