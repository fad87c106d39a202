"""Finding a name server by asking the whole network: our responder for real clients, the real ones for ours; on two machines with a cable between them,
where all ports are free and all packets can be seen."""

import json
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

import peers
from nameservers import READY, link, real_nsc
from networks import TwoMachines, with_hosts
from rust_peer import RustClient
from servers import run

QUESTION = b"GET_NSURI"
NOT_FOUND = "Error: Failed to locate the nameserver\n"
RESPONDER = r"^Broadcast server running on (\S+):(\d+)$"
HERE, THERE = TwoMachines.client_address, TwoMachines.server_address
URI = f"PYRO:Pyro.NameServer@{THERE}:9090"
LOCATE = """
import json, sys
generation, options = sys.argv[1], json.loads(sys.argv[2])
if generation == "pyro4":
    from Pyro4 import errors, locateNS as locate
else:
    from Pyro5 import errors
    from Pyro5.api import locate_ns as locate
try:
    with locate(**options) as found:
        found.ping()
        print(found._pyroUri)
except errors.NamingError as error:
    print(f"NamingError: {error}")
"""


@pytest.fixture(scope="module")
def network():
    with TwoMachines() as network:
        network.let_broadcasts_through()
        yield network


@pytest.fixture
def start(network, servers, ferropyro):
    """Starts our name server on the server's machine: start("-n", HOST, env={...})."""

    def start_one(*options, env=None):
        return servers.start([*network.server, ferropyro, "ns", *options], ready=READY, env=env)

    return start_one


@pytest.fixture
def start_real(network, servers, pyro):
    """Starts the real name server there."""

    def start_one(*options, env=None):
        return servers.start(real_name_server(network, pyro, *options), ready=READY, env=env)

    return start_one


@pytest.fixture(params=["ours", *peers.PEERS], ids=str)
def start_any(request, network, servers, start):
    """Starts our name server there, or a real one."""
    if request.param == "ours":
        return start
    return lambda *options: servers.start(real_name_server(network, request.param, *options), ready=READY)


def real_name_server(network, peer, *options):
    return [*network.server, sys.executable, "-m", peer.name_server_program, *options]


@pytest.fixture
def locate(network, pyro):
    """What the real client finds from the client's machine: locate(port=29991)."""

    def locate_from_there(env=None, **options):
        command = [*network.client, sys.executable, "-c", LOCATE, pyro.name, json.dumps(options)]
        done = run(command, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return locate_from_there


@pytest.fixture
def nsc(network, ferropyro):
    """Runs our control tool on the client's machine."""

    def run_one(*arguments, env=None):
        return run([*network.client, ferropyro, "nsc", *arguments], env=env)

    return run_one


def found_by(result):
    """The URI that `nsc -v` has found."""
    assert result.returncode == 0, result
    return result.stdout.partition("Name server found: ")[2].split()[0]


@contextmanager
def udp_socket(network, where):
    """A UDP socket on the "server" or on the "client"."""
    with ThreadOn(network, where) as thread:
        sock = thread.run(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with sock:
        sock.settimeout(10)
        yield sock


class ThreadOn:
    """A thread on one of the machines: what it opens stays there, whoever uses it."""

    def __init__(self, network, where):
        enter = {"client": network.enter_client, "server": network.enter_server}[where]
        self._thread = ThreadPoolExecutor(1, initializer=enter)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._thread.shutdown()

    def run(self, function, *args):
        return self._thread.submit(function, *args).result()


def ask(network, where, address, port=9091, question=QUESTION, patience=10):
    """What a responder says to a bare datagram; None if it says nothing."""
    with udp_socket(network, where) as sock:
        sock.settimeout(patience)
        sock.sendto(question, (address, port))
        try:
            return sock.recv(200)
        except TimeoutError:
            return None


class Capture:
    """The UDP datagrams that come in over the server's end of the cable, as (time, destination, port, payload)."""

    def __init__(self, network):
        every_ip_packet = socket.htons(0x0800)
        with ThreadOn(network, "server") as thread:
            self._socket = thread.run(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, every_ip_packet))
        self._socket.bind(("cable", 0x0800))
        self._socket.settimeout(0.5)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._socket.close()

    def datagrams(self):
        """Those that have come by now: what is sent has arrived when the sender goes on."""
        found = []
        while True:
            try:
                packet = self._socket.recv(65536)
            except TimeoutError:
                return found
            header = (packet[0] & 15) * 4
            udp = 17
            if packet[9] == udp:
                destination = socket.inet_ntoa(packet[16:20])
                port, length = struct.unpack_from("!HH", packet, header + 2)
                found.append((destination, port, packet[header + 8 : header + length]))


def udp_ports(network):
    """The UDP ports that are bound on the server's machine."""
    table = run([*network.server, "cat", "/proc/net/udp"]).stdout.splitlines()[1:]
    return {int(line.split()[1].partition(":")[2], 16) for line in table}


@contextmanager
def impostor(network, answer, pause=0.0):
    """Somebody on the server's machine who answers every question with this."""
    with udp_socket(network, "server") as sock:
        sock.bind(("0.0.0.0", 9091))
        over = threading.Event()

        def reply():
            while not over.is_set():
                try:
                    question, asker = sock.recvfrom(100)
                except TimeoutError:
                    continue
                if question == QUESTION:
                    time.sleep(pause)
                    sock.sendto(answer, asker)

        sock.settimeout(0.2)
        thread = threading.Thread(target=reply)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


# Conformance: NS-17, NS-23, LOC-02
def test_real_clients_find_our_name_server(pyro, network, start, locate):
    server = start("-n", THERE)
    assert server.stdout == ["Broadcast server running on 0.0.0.0:9091", f"NS running on {THERE}:9090 ({THERE})", f"URI = {URI}"]
    assert locate() == URI
    tool = run([*network.client, *real_nsc(pyro), "-v", "ping"])
    assert f"Name server found: {URI}" in tool.stdout and "Name server ping ok." in tool.stdout, tool
    assert server.stop() == 0


# Conformance: LOC-02, NS-23, NSC-02
def test_our_clients_find_the_real_name_server(network, start_real, nsc, ferropyro, peer_program):
    start_real("-n", THERE)
    with Capture(network) as capture:
        assert found_by(nsc("-v", "ping")) == URI
        assert ("255.255.255.255", 9091, QUESTION) in capture.datagrams()
    call = [*network.client, ferropyro, "call", "PYRONAME:Pyro.NameServer.count"]
    done = run(call)
    assert done.stdout == "1\n", done.stderr
    with ThreadOn(network, "client") as thread:
        for options in ([], ["--async"]):
            client = thread.run(RustClient, peer_program, *options)
            with client:
                assert client.proxy("PYRONAME:Pyro.NameServer").call("count") == 1


# Conformance: NS-23
def test_junk_gets_no_answer(network, start_any):
    start_any("-n", THERE)
    for junk in (b"", b"GET_NSURI\n", b"get_nsuri", b"GET_NSURI" * 100):
        assert ask(network, "client", THERE, question=junk, patience=0.3) is None
    assert ask(network, "client", THERE) == URI.encode()


# Conformance: NS-24
def test_on_all_interfaces_the_answer_has_the_address_of_the_one_that_leads_to_the_client(network, start_any):
    server = start_any("-n", "0.0.0.0")
    assert server.uri == "PYRO:Pyro.NameServer@0.0.0.0:9090"
    for machine, address, expected in [
        ("client", THERE, THERE),
        ("server", "127.0.0.1", "127.0.0.1"),
        ("server", THERE, THERE),
    ]:
        assert ask(network, machine, address) == f"PYRO:Pyro.NameServer@{expected}:9090".encode()


# Conformance: NS-24, LOC-02
def test_clients_find_a_name_server_on_all_interfaces(start, locate, nsc):
    start("-n", "0.0.0.0")
    assert locate() == URI
    assert found_by(nsc("-v", "ping")) == URI


# Conformance: NS-09, NS-10, NS-17
def test_the_responder_is_where_the_options_say_as_for_the_real_one(pyro, network, servers, ferropyro, start_real, tmp_path):
    ours = [*network.server, link(tmp_path, ferropyro, f"{pyro.name}-ns")]
    for options, env in [
        ([], {}),
        (["--bcport=0"], {}),
        (["--bcport", "29991"], {"PYRO_NS_BCPORT": "29992"}),
        (["--bchost", THERE, "--bcport=0"], {}),
        (["--bchost=localhost"], {"PYRO_NS_BCPORT": "29993"}),
        ([], {"PYRO_NS_BCHOST": "127.0.0.1", "PYRO_NS_BCPORT": "29994"}),
    ]:
        real = start_real("-n", THERE, *options, env=env)
        lines = real.stdout
        host, port = real.wait_for(RESPONDER).groups()
        asked = "127.0.0.1" if host in ("localhost", "0.0.0.0") else host
        real.stop()
        own = servers.start([*ours, "-n", THERE, *options], ready=READY, env=env)
        own_host, own_port = own.wait_for(RESPONDER).groups()
        # A free port is another one.
        assert own.stdout == [line.replace(f"{host}:{port}", f"{own_host}:{own_port}") for line in lines]
        assert own_host == host and (own_port == port or "--bcport=0" in options)
        assert ask(network, "server", asked, int(own_port)) == URI.encode()
        assert int(own_port) in udp_ports(network)
        own.stop()


# Conformance: NS-13, LOC-10
def test_without_a_responder_only_who_knows_the_address_finds_it(network, start, locate, nsc):
    for option in ("-x", "--nobc"):
        server = start("-n", THERE, option)
        assert "roadcast" not in server.output()
        assert not udp_ports(network)
        assert nsc("-n", THERE, "ping").returncode == 0
        assert nsc("ping").stdout == NOT_FOUND
        server.stop()
    start("-n", THERE, "-x")
    assert locate() == "NamingError: Failed to locate the nameserver"
    assert locate(host=THERE) == URI


# Conformance: NS-15, NS-16
def test_a_name_server_on_localhost_answers_nobody(network, servers, ferropyro, start, locate, nsc, tmp_path):
    options = ["--bchost", "0.0.0.0", "--bcport", "9091"]
    for host in (["-n", "127.0.0.1"], ["-n", "127.0.1.1"], ["-n", "localhost"], []):
        server = start(*host, *options)
        assert server.stdout[0] == "Not starting broadcast server for localhost."
        assert "Broadcast server running" not in server.output()
        assert not udp_ports(network)
        server.stop()
    named = [*with_hosts(tmp_path, "127.0.1.1 thishost"), ferropyro, "ns", "-n", "thishost", *options]
    server = servers.start([*network.server, *named], ready=READY)
    assert server.stdout[0] == "Not starting broadcast server for localhost."
    assert not udp_ports(network)
    server.stop()
    start()
    assert locate() == "NamingError: Failed to locate the nameserver"
    assert locate(host=THERE) == "NamingError: Failed to locate the nameserver"
    assert nsc("ping").stdout == NOT_FOUND
    assert nsc("-n", THERE, "ping").stdout == NOT_FOUND


# Conformance: NAT-04
def test_the_responder_gives_the_internal_address(pyro, network, start, locate):
    server = start("-n", THERE, "--nathost", "outside.example", "--natport", "5555")
    assert server.stdout[-2:] == [f"internal URI = {URI}", "external URI = PYRO:Pyro.NameServer@outside.example:5555"]
    assert ask(network, "client", THERE) == URI.encode()
    assert locate() == URI


# Conformance: LOC-03, LOC-04, NSC-02
def test_nobody_is_asked_when_it_is_said_where_the_name_server_is(network, servers, ferropyro, start, nsc):
    start("-n", THERE)
    own = servers.start([*network.client, ferropyro, "ns", "-n", HERE, "-x"], ready=READY)
    with Capture(network) as capture:
        begun = time.monotonic()
        assert nsc("-n", HERE, "-p", "1", "ping").stdout == NOT_FOUND
        elsewhere = nsc("ping", env={"PYRO_NS_HOST": HERE, "PYRO_NS_PORT": "1"})
        assert (elsewhere.returncode, elsewhere.stdout) == (4, NOT_FOUND)
        assert f"tried: {HERE}:1: Connection refused" in elsewhere.stderr
        assert "not tried: a broadcast, as NS_HOST is set" in elsewhere.stderr
        # Asking in vain takes longer.
        assert time.monotonic() - begun < 2 * 2.1
        assert found_by(nsc("-v", "ping", env={"PYRO_NS_HOST": HERE})) == own.uri
        assert capture.datagrams() == []
        # This one may ask.
        assert found_by(nsc("-v", "-p", "9091", "ping", env={"PYRO_NS_HOST": "127.0.0.1"})) == URI
        assert capture.datagrams()


# Conformance: LOC-06, NSC-03
def test_a_port_without_a_host_is_that_of_the_broadcast(network, servers, ferropyro, start, locate, nsc):
    start("-n", THERE, "--bcport=29991")
    assert locate(port=29991) == URI
    assert found_by(nsc("-v", "-p", "29991", "ping")) == URI
    assert nsc("ping").stdout == NOT_FOUND
    # As in Pyro it is looked at on this machine before.
    own = servers.start([*network.client, ferropyro, "ns", "-p", "29991"], ready=READY)
    with Capture(network) as capture:
        assert found_by(nsc("-v", "-p", "29991", "ping")) == own.uri
        assert locate(port=29991) == own.uri
        assert capture.datagrams() == []


# Conformance: LOC-08, LOC-09
@pytest.mark.parametrize("whose", ["ours", "pyro4", "pyro5"])
def test_every_address_is_asked_three_times(network, nsc, whose):
    addresses = f"<broadcast>, {THERE} ,10.173.7.255"
    asked = ["255.255.255.255", THERE, "10.173.7.255"]
    with Capture(network) as capture:
        begun = time.monotonic()
        if whose == "ours":
            result = nsc("ping", env={"PYRO_BROADCAST_ADDRS": addresses})
            assert result.stdout == NOT_FOUND
            where = f"broadcast to {asked[0]} and {asked[1]} and {asked[2]}, UDP port 9091"
            assert f"tried: {where}: nobody answered in 3 rounds of 0.7 s" in result.stderr
            assert "tried: 127.0.0.1:9090: Connection refused" in result.stderr
        else:
            (peer,) = (peer for peer in peers.PEERS if peer.name == whose)
            command = [*network.client, *real_nsc(peer), "ping"]
            assert NOT_FOUND in run(command, env={"PYRO_BROADCAST_ADDRS": addresses}).stdout
        assert time.monotonic() - begun > 2
        assert capture.datagrams() == [(address, 9091, QUESTION) for address in asked] * 3


# Conformance: LOC-08
def test_the_empty_address_is_this_machine(network, servers, ferropyro, nsc):
    own = servers.start([*network.client, ferropyro, "ns", "-n", HERE], ready=READY)
    with Capture(network) as capture:
        assert found_by(nsc("-v", "ping", env={"PYRO_BROADCAST_ADDRS": "''"})) == own.uri
        assert capture.datagrams() == []


# Conformance: LOC-09
@pytest.mark.parametrize("answer", [b"junk", b"PYRO:Pyro.NameServer@0.0.0.0:9090", b"PYRO:other@10.173.7.1:9090", b"x" * 1000])
def test_what_is_no_answer_leads_nowhere(network, nsc, answer):
    with impostor(network, answer):
        result = nsc("ping")
    assert (result.returncode, result.stdout) == (4, NOT_FOUND)
    assert f"(ignored: 3 datagrams, the first from {THERE}:9091: " in result.stderr


# Conformance: LOC-09
def test_an_answer_that_leads_to_nobody_does_not_stop_the_search(network, servers, ferropyro, nsc):
    command = [*network.client, ferropyro, "ns", "-n", HERE]
    own = servers.start(command, ready=READY)
    with impostor(network, f"PYRO:Pyro.NameServer@{THERE}:1".encode()):
        env = {"PYRO_BROADCAST_ADDRS": f"{THERE}, 0.0.0.0"}
        assert found_by(nsc("-v", "ping", env=env)) == own.uri
        own.stop()
        result = nsc("ping", env=env)
    assert f"tried: {THERE}:1: Connection refused" in result.stderr
    assert "nobody else answered" in result.stderr


# Conformance: LOC-09
def test_the_fastest_answer_wins(network, servers, ferropyro, nsc):
    servers.start([*network.server, ferropyro, "ns", "-n", THERE, "-x"], ready=READY)
    own = servers.start([*network.client, ferropyro, "ns", "-n", HERE], ready=READY)
    with impostor(network, URI.encode(), pause=0.3):
        assert found_by(nsc("-v", "ping")) == own.uri
        own.stop()
        assert found_by(nsc("-v", "ping")) == URI


def test_who_has_no_way_to_broadcast_is_told_so_at_once(ferropyro):
    with TwoMachines() as alone:
        result = run([*alone.client, ferropyro, "nsc", "ping"], env={"PYRO_BROADCAST_ADDRS": "<broadcast>"})
    assert result.stdout == NOT_FOUND
    assert "tried: broadcast to 255.255.255.255, UDP port 9091: Network is unreachable" in result.stderr
    assert "nobody" not in result.stderr


def test_a_name_server_whose_udp_port_is_taken_says_what_to_do(network, ferropyro):
    with udp_socket(network, "server") as holder:
        holder.bind(("0.0.0.0", 9091))
        done = run([*network.server, ferropyro, "ns", "-n", THERE])
        assert done.returncode == 4
        assert done.stdout == ""
        assert "cannot listen for broadcasts on 0.0.0.0:9091 (UDP): Address already in use" in done.stderr
        assert "--bcport" in done.stderr and "-x" in done.stderr


def test_two_name_servers_share_the_udp_port_and_the_second_one_says_so(start):
    first = start("-n", THERE)
    second = start("-n", THERE, "-p", "9190")
    second.wait_for("another program listens on UDP port 9091", stream="stderr")
    assert first.stderr == []


def test_an_echo_server_with_a_name_server_of_its_own_answers_broadcasts(pyro, network, servers, ferropyro, locate):
    options = ["-H", THERE, "-N", "-v"]
    for program in ([sys.executable, "-m", pyro.echo_program], [ferropyro, "echo"]):
        server = servers.start([*network.server, *program, *options], ready="^echoserver running")
        assert "broadcast server running at 0.0.0.0:9091" in server.stdout
        assert locate() == URI
        server.stop()


# Conformance: LOC-10, NS-30
def test_the_cause_is_told_where_somebody_refuses(ferropyro, servers):
    real = {peer.name: peer.start_name_server(servers) for peer in peers.PEERS}
    keyed = peers.PYRO4.start_name_server(servers, env={"PYRO_HMAC_KEY": "secret"})
    for server, env, cause in [
        (real["pyro4"], {"PYRO_SERIALIZER": "msgpack"}, "serializer that is not accepted"),
        (real["pyro5"], {"PYRO_HMAC_KEY": "secret"}, "protocol version"),
        (keyed, {"PYRO_HMAC_KEY": "wrong"}, "hmac"),
        (keyed, {}, "hmac"),
    ]:
        done = run([ferropyro, "nsc", "-n", "localhost", "-p", server.port, "ping"], env=env)
        assert done.stdout == NOT_FOUND
        assert f"localhost', {server.port})" in done.stderr or f"localhost:{server.port}" in done.stderr, done.stderr
        assert cause in done.stderr, done.stderr
