"""Which addresses are published: behind network address translation, and on machines with several interfaces."""

import sys
from pathlib import Path

import pytest

from networks import TwoMachines
from rust_peer import start_server
from servers import run

FORWARD = Path(__file__).parent / "forward.py"
READY = r"^URI = PYRO:"


@pytest.fixture(scope="module")
def machines():
    with TwoMachines() as machines:
        yield machines


def call_from(machine, pyro, uri):
    """What the real Pyro's client says on that machine: the answer, or the name of an error."""
    module = "Pyro4" if pyro.name == "pyro4" else "Pyro5.api"
    text = f"import sys, {module} as api\ntry: print(api.Proxy(sys.argv[1]).echo('hello'))\nexcept Exception as error: print(type(error).__name__)"
    return run([*machine, sys.executable, "-c", text, uri]).stdout.strip()


# Conformance: NAT-01, NAT-02, NAT-05
def test_python_clients_get_the_external_address(pyro, servers, peer_program):
    server = start_server(servers, peer_program, "--nathost", "outside.example", "--natport", "5555")
    assert server.stdout[0] == "URI = PYRO:obj.test@outside.example:5555"
    same_port = start_server(servers, peer_program, "--nathost", "127.0.0.1", "--natport", "0")
    with pyro.api.Proxy(same_port.uri) as proxy:
        assert proxy.echo("hello") == "hello"
        # A URI that a method gives away is the external one as well.
        assert proxy.give_uri().location == f"127.0.0.1:{same_port.port}"


# Conformance: NAT-01
def test_arguments_that_make_no_sense_are_refused_with_pyros_texts(pyro, peer_program, tmp_path):
    api = pyro.api
    for options, arguments in [
        (["--natport", "5555"], {"natport": 5555}),
        (["--natport", "0"], {"natport": 0}),
        (["--nathost", "ext", "--unix", tmp_path / "x"], {"nathost": "ext", "unixsocket": str(tmp_path / "y")}),
    ]:
        with pytest.raises(ValueError) as refusal:
            api.Daemon(**arguments)
        done = run([peer_program, "serve", *options])
        assert done.returncode == 1
        assert done.stderr.strip() == f"interop_peer: {refusal.value}"


# Conformance: NAT-03, NS-11
def test_the_name_server_prints_both_addresses_and_registers_the_external_one(pyro, servers, ferropyro):
    options = ["ns", "-n", "127.0.0.1", "-p", "0", "--nathost", "outside.example", "--natport", "5555"]
    server = servers.start([ferropyro, *options], ready=r"^external URI = ")
    internal, external = server.stdout[-2:]
    assert internal.startswith("internal URI = PYRO:Pyro.NameServer@127.0.0.1:")
    assert external == "external URI = PYRO:Pyro.NameServer@outside.example:5555"
    port = int(internal.rpartition(":")[2])
    with pyro.locate_ns("127.0.0.1", port) as found:
        assert found.list()["Pyro.NameServer"] == "PYRO:Pyro.NameServer@outside.example:5555"


# Conformance: NAT-01, NAT-05
def test_a_client_on_another_machine_reaches_what_is_published(pyro, machines, servers, peer_program, ferropyro):
    """The server listens on an address that the client cannot reach; a forwarded port leads there."""
    outside = machines.server_address
    options = ["--host", "127.0.0.1", "--nathost", outside, "--natport", "5555"]
    server = servers.start([*machines.server, peer_program, "serve", *options], ready=READY)
    assert server.uri == f"PYRO:obj.test@{outside}:5555"
    assert call_from(machines.client, pyro, server.uri) == "CommunicationError"
    internal = internal_port(machines, server)
    command = [*machines.server, sys.executable, FORWARD, outside, "5555", "127.0.0.1", internal]
    forward = servers.start(command, ready="^forwarding$")
    assert call_from(machines.client, pyro, server.uri) == "hello"
    done = run([*machines.client, ferropyro, "call", f"{server.uri}.echo", "hello"])
    assert done.stdout.strip() == "'hello'", done.stderr
    forward.stop()


# Conformance: DNS-03
def test_a_server_on_all_interfaces_publishes_no_use_unless_it_is_told_what(pyro, machines, servers, peer_program):
    command = [*machines.server, peer_program, "serve", "--host", "0.0.0.0"]
    server = servers.start(command, ready=READY)
    assert server.uri == f"PYRO:obj.test@0.0.0.0:{server.port}"
    # There it means the client's own machine.
    assert call_from(machines.client, pyro, server.uri) == "CommunicationError"
    by_hand = f"PYRO:obj.test@{machines.server_address}:{server.port}"
    assert call_from(machines.client, pyro, by_hand) == "hello"
    local = f"PYRO:obj.test@127.0.0.1:{server.port}"
    assert call_from(machines.server, pyro, local) == "hello"
    server.wait_for("WARNING: listening on all network interfaces, so URIs contain 0.0.0.0", stream="stderr")
    server.wait_for("WARNING: .* without TLS and without an HMAC key", stream="stderr")
    published = servers.start([*command, "--nathost", machines.server_address], ready=READY)
    assert call_from(machines.client, pyro, published.uri) == "hello"
    assert not any("URIs contain" in line for line in published.stderr)


def internal_port(machines, server):
    """The port that the program listens on."""
    table = run([*machines.server, "cat", "/proc/net/tcp"]).stdout.splitlines()
    listening = [line.split()[1] for line in table[1:] if line.split()[3] == "0A"]
    ports = [int(address.partition(":")[2], 16) for address in listening if address.startswith("0100007F")]
    assert len(ports) == 1, (ports, server)
    return ports[0]
