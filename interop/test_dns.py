"""Host names: one that nobody knows, and one that means this machine alone."""

import pytest

from networks import with_hosts
from servers import run


# Conformance: DNS-02
@pytest.mark.parametrize("server_type", ["thread", "multiplex"])
def test_a_host_name_that_leads_to_the_loopback_interface_is_warned_of(tmp_path, servers, peer_program, server_type):
    prefix = with_hosts(tmp_path, "127.0.1.1 weird-host")
    env = {"PYRO_LOGFILE": "{stderr}", "PYRO_LOGLEVEL": "WARNING", "PYRO_SERVERTYPE": server_type}
    command = [*prefix, peer_program, "serve", "--host", "weird-host"]
    server = servers.start(command, ready="^URI = PYRO:obj.test@weird-host:", env=env)
    text = r"weird DNS setup: weird-host resolves to localhost \(127\.x\.x\.x\)"
    server.wait_for(f"WARNING.*{text}", stream="stderr")


# Conformance: DNS-01
def test_a_host_name_that_nobody_knows_is_named(peer_program, ferropyro):
    done = run([peer_program, "serve", "--host", "no-such-host.invalid"])
    assert done.returncode == 1
    assert "cannot listen on no-such-host.invalid:0: " in done.stderr
    assert "panicked" not in done.stderr
    done = run([ferropyro, "ns", "-n", "no-such-host.invalid", "-p", "0"])
    assert done.returncode != 0
    assert "no-such-host.invalid" in done.stderr
    assert "panicked" not in done.stderr
