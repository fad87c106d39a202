"""Our name server and control tool, by all of their names, for the tests of both."""

import json
import socket
import sys
from pathlib import Path

from servers import run

VECTORS = Path(__file__).parent.parent / "vectors"
READY = r"^(external )?URI = PYRO:"


def link(folder, binary, name):
    """The path of our binary under one of the names of Pyro's programs."""
    path = Path(folder) / name
    if not path.exists():
        path.symlink_to(binary)
    return path


def start(servers, program, *options, host="127.0.0.1", env=None, cwd=None):
    """Starts our name server on a free port of this host; program: [path, "ns"] or [link]."""
    return servers.start([*program, "-n", host, "-p", "0", *options], ready=READY, env=env, cwd=cwd)


def nsc(program, port, *arguments, env=None, input=None, host="127.0.0.1"):
    """Runs our control tool, or another one, against the name server on this port."""
    return run([*program, "-n", host, "-p", port, *arguments], env=env, input=input)


def real_nsc(peer):
    return [sys.executable, "-m", peer.control_program]


def vectors(name, peer):
    """The rows of a file of captured runs for one generation."""
    with open(VECTORS / name, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["lib"].lower() == peer.name]


def machine_address():
    """An address of this machine that other machines could reach; None when it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # nothing is sent: this only asks for the route
        except OSError:
            return None
        address = sock.getsockname()[0]
    return None if address.startswith("127.") else address
