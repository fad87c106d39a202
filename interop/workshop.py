"""The workshop mode of the Rust test program (interop/peer/src/workshop), its counterpart in Python, and what a running process holds."""

import json
import os
import sys
import time
from pathlib import Path

from peers import ACCEPT_ALL, SERIALIZERS

READY = r"^URI = PYRO:"
SERVER_TYPES = ["thread", "multiplex"]


def start_workshop(servers, program, port=0, **settings):
    """A Rust server with the objects streams, resources, parts, gate, blobs.first, blobs.second and house; settings are configuration items."""
    env = {**ACCEPT_ALL, **{f"PYRO_{name}": str(setting) for name, setting in settings.items()}}
    return servers.start([program, "workshop", str(port)], ready=READY, env=env)


def start_python_workshop(servers, pyro, port=0, **settings):
    """The same in Python, but for resources and house: workshop_server.py with the real Pyro of this generation."""
    if pyro.name == "pyro4":
        settings = {"SERIALIZERS_ACCEPTED": SERIALIZERS, **settings}
    program = Path(__file__).parent / "workshop_server.py"
    return servers.start([sys.executable, program, pyro.name, str(port), json.dumps(settings)], ready=READY)


def uri_of(server, object_id):
    """The URI of one of its objects."""
    return server.uri.replace("streams@", f"{object_id}@")


def proxy_for(pyro, server, object_id):
    """A proxy of the real Pyro for one of its objects."""
    return pyro.api.Proxy(uri_of(server, object_id))


def statistics(pyro, server):
    """What the daemon of a Rust workshop says about itself."""
    with proxy_for(pyro, server, "house") as house:
        return house.statistics()


def eventually(look, expected, timeout=20):
    """Waits until look() gives this."""
    deadline = time.monotonic() + timeout
    while (seen := look()) != expected:
        assert time.monotonic() < deadline, f"still {seen!r}, not {expected!r}"
        time.sleep(0.01)


def held_by(server):
    """How many threads and descriptors a process has now."""
    return {"threads": len(os.listdir(f"/proc/{server.pid}/task")), "files": len(os.listdir(f"/proc/{server.pid}/fd"))}


def peak_memory(pid):
    """The most memory in bytes that a process had since it started, or since forget_peak."""
    with open(f"/proc/{pid}/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def forget_peak(pid):
    """From now on the peak is counted anew."""
    with open(f"/proc/{pid}/clear_refs", "w") as refs:
        refs.write("5")
