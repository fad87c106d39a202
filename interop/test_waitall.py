"""Long messages are waited for by the system, if the settings allow it: seen by strace."""

import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest

from rust_peer import READY

pytestmark = pytest.mark.skipif(sys.platform != "linux" or not shutil.which("strace"), reason="strace is not here")

SIZE = 5_000_000
RECEIVED = re.compile(r"recvfrom\(\d+, .* = (\d+)$")


def receptions(servers, tmp_path, pyro, program, env):
    """What a server asked the system for, and got, while it read one long message: [(whether with MSG_WAITALL, bytes)]."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-s", "0", "-e", "trace=recvfrom,read", "-o", trace, program, "serve"]
    server = servers.start(command, ready=READY, env=env)
    with pyro.api.Proxy(server.uri) as proxy:
        proxy._pyroSerializer = "marshal"
        assert proxy.echo(b"x" * SIZE) == b"x" * SIZE
    # strace itself waits for its child, whatever it is told.
    os.kill(child_of(server.pid), signal.SIGTERM)
    server.wait()
    lines = trace.read_text(encoding="utf-8").splitlines()
    received = [(line, RECEIVED.search(line)) for line in lines]
    return [("MSG_WAITALL" in line, int(match.group(1))) for line, match in received if match]


def child_of(pid):
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


# Conformance: SOCK-06, SOCK-07
def test_a_long_message_takes_a_few_system_calls(pyro, servers, peer_program, tmp_path):
    waited = [count for waits, count in receptions(servers, tmp_path, pyro, peer_program, {}) if waits]
    # Each one as long as all before it.
    assert SIZE - 300_000 < sum(waited) <= SIZE + 1000
    assert 5 <= len(waited) <= 8
    assert waited[:4] == sorted(waited[:4])


# Conformance: SOCK-07
@pytest.mark.parametrize("setting", [{"PYRO_USE_MSG_WAITALL": "0"}, {"PYRO_SERVERTYPE": "multiplex"}, {"PYRO_COMMTIMEOUT": "30"}], ids=["off", "multiplex", "limited"])
def test_nobody_waits_where_that_is_switched_off_or_would_be_too_long(pyro, servers, peer_program, tmp_path, setting):
    received = receptions(servers, tmp_path, pyro, peer_program, setting)
    assert received
    assert not any(waits for waits, _ in received)
