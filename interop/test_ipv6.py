"""IPv6, and names that stand for addresses of both versions."""

import socket

import pytest

from networks import with_hosts
from rust_peer import start_server
from servers import run


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


# Conformance: IP6-01, IP6-02
def test_a_rust_server_on_ipv6_serves_python(pyro, servers, peer_program):
    server = start_server(servers, peer_program, "--host", "::1")
    assert server.uri == f"PYRO:obj.test@[::1]:{server.port}"
    with pyro.api.Proxy(server.uri) as proxy:
        assert proxy.echo("hello") == "hello"


# Conformance: IP6-01, IP6-02
def test_a_python_server_on_ipv6_serves_rust(pyro, servers, rust_client):
    server = pyro.start_test_server(servers, host="::1")
    assert server.uri == f"PYRO:obj.test@[::1]:{server.port}"
    assert rust_client.proxy(server.uri).call("echo", "hello") == "hello"


# Conformance: IP6-01
def test_name_servers_on_ipv6_are_found_by_both_sides(pyro, servers, ferropyro):
    ours = servers.start([ferropyro, "ns", "-n", "::1", "-p", "0"], ready=r"^URI = PYRO:")
    theirs = pyro.start_name_server(servers, "-n", "::1")
    for server in (ours, theirs):
        with pyro.locate_ns("::1", server.port) as found:
            found.ping()
        done = run([ferropyro, "nsc", "-n", "::1", "-p", server.port, "list"])
        assert f"PYRO:Pyro.NameServer@[::1]:{server.port}" in done.stdout, done.stderr


# Conformance: IP6-03
def test_the_preferred_version_decides_what_a_name_stands_for(tmp_path, servers, peer_program, ferropyro):
    program = with_hosts(tmp_path, "127.0.0.1 both-versions only-v4", "::1 both-versions only-v6")
    v4 = start_server(servers, peer_program, "--host", "127.0.0.1")
    v6 = start_server(servers, peer_program, "--host", "::1")

    def call(server, host, version):
        uri = f"PYRO:obj.test@{host}:{server.port}"
        return run([*program, ferropyro, "call", f"{uri}.echo", "hello"], env={"PYRO_PREFER_IP_VERSION": version})

    # With 0 both are tried, and one of them answers. Without an IPv4 address 4 means the others, as in Pyro.
    for server, host, version in [
        (v4, "both-versions", "4"),
        (v4, "both-versions", "0"),
        (v6, "both-versions", "6"),
        (v6, "both-versions", "0"),
        (v6, "only-v6", "4"),
    ]:
        done = call(server, host, version)
        assert (done.stdout, done.stderr) == ("'hello'\n", "")
    for server, version in [(v4, "6"), (v6, "4")]:
        done = call(server, "both-versions", version)
        assert f"cannot connect to ('both-versions', {server.port}): Connection refused" in done.stderr
    done = call(v4, "only-v4", "6")
    assert f"cannot connect to ('only-v4', {v4.port}): unable to determine IPV6 address" in done.stderr
