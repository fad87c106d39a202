"""`ferropyro doctor` beside the real name servers and servers: well, ill, or gone."""

import json
import re
import sys
from pathlib import Path

import pytest

import peers
from networks import TwoMachines, ip
from servers import free_port, run

FOUND = ["nameserver.found", "nameserver.protocol", "nameserver.key", "nameserver.serializer"]
ANSWERS = ["nameserver.handshake", "nameserver.ping", "nameserver.published"]
REGISTRATIONS = ["listed", "addresses", "servers", "objects"]


class Diagnosis:
    """What it says: the document, and its checks by id."""

    def __init__(self, result):
        assert result.stderr == "", result
        self.result = result
        self.checks = {check["id"]: check for check in json.loads(result.stdout)["checks"]}

    def verdicts(self, ids):
        return {self.checks[id]["verdict"] for id in ids}

    def failed(self):
        """The ids of the checks that have failed; the exit status must say so too."""
        failed = [id for id, check in self.checks.items() if check["verdict"] == "failed"]
        assert self.result.returncode == (1 if failed else 0), self.result
        return failed

    def facts(self, id, name):
        return [fact["value"] for fact in self.checks[id]["facts"] if fact["name"] == name]


@pytest.fixture
def doctor(ferropyro):
    """doctor("scale", port=9090, serializer="json"): the diagnosis with these settings; on: another machine."""

    def diagnose(*arguments, port=None, on=(), **settings):
        env = {f"PYRO_{name.upper()}": str(value) for name, value in settings.items()}
        if port:
            env["PYRO_NS_PORT"] = str(port)
        return Diagnosis(run([*on, ferropyro, "doctor", *arguments, "-o", "json"], env=env))

    return diagnose


# Conformance: LOC-15
def test_a_real_name_server_and_a_real_server_are_well(pyro, doctor, real_name_server, servers):
    port = real_name_server.port
    pyro.start_echo_server(servers, "-n", env={"PYRO_NS_PORT": str(port)})
    diagnosis = doctor(port=port)
    assert diagnosis.failed() == []
    assert diagnosis.verdicts([*FOUND, *ANSWERS, *(f"registrations.{id}" for id in REGISTRATIONS)]) == {"ok"}
    [protocol] = diagnosis.facts("nameserver.protocol", "protocol")
    assert protocol.startswith(f"{pyro.protocol} ({pyro.name.capitalize()}")
    name = "test.echoserver"
    by_name = doctor(name, port=port)
    by_uri = doctor(by_name.facts("object.name", "uri")[0])
    for diagnosis in (by_name, by_uri):
        assert diagnosis.failed() == []
        assert "echo" in diagnosis.facts("object.metadata", "methods")[0]


# Conformance: LOC-15
def test_a_real_name_server_that_has_stopped_is_named_with_address_and_reason(doctor, real_name_server):
    port = real_name_server.port
    real_name_server.stop()
    diagnosis = doctor(port=port)
    assert diagnosis.failed() == ["nameserver.found", "nameserver.connect"]
    assert any(f"127.0.0.1:{port}: Connection refused" in text for text in diagnosis.facts("nameserver.found", "tried"))
    assert diagnosis.checks["registrations.listed"]["verdict"] == "skipped"


# Conformance: LOC-15
def test_the_key_of_a_real_name_server_is_missing_wrong_or_right(doctor, servers):
    port = peers.PYRO4.start_name_server(servers, env={"PYRO_HMAC_KEY": "swordfish"}).port
    missing = doctor(port=port)
    assert missing.failed() == ["nameserver.found", "nameserver.key"]
    assert "wants a key" in missing.checks["nameserver.key"]["found"]
    wrong = doctor(port=port, hmac_key="trout")
    assert wrong.failed() == ["nameserver.found", "nameserver.key"]
    assert "does not fit" in wrong.checks["nameserver.key"]["found"]
    right = doctor(port=port, hmac_key="swordfish")
    assert right.failed() == []
    assert "swordfish" not in right.result.stdout


# Conformance: LOC-15
def test_a_key_for_a_server_of_pyro5_is_one_too_many(doctor, servers):
    port = peers.PYRO5.start_name_server(servers).port
    diagnosis = doctor(port=port, hmac_key="swordfish")
    assert diagnosis.failed() == ["nameserver.found", "nameserver.key"]
    assert "Pyro5 has no keys" in diagnosis.checks["nameserver.key"]["remedy"]


# Conformance: LOC-15
def test_a_serializer_that_a_real_name_server_refuses_is_the_cause_of_not_finding_it(doctor, servers):
    server = peers.PYRO4.start_name_server(servers, env={"PYRO_SERIALIZERS_ACCEPTED": "json,marshal"})
    diagnosis = doctor(port=server.port)
    assert diagnosis.failed() == ["nameserver.found", "nameserver.serializer"]
    assert "refuses the serializer" in diagnosis.checks["nameserver.found"]["found"]
    assert diagnosis.facts("nameserver.serializer", "accepted") == ["json, marshal"]
    assert "PYRO_SERIALIZER=json" in diagnosis.checks["nameserver.serializer"]["remedy"]
    # The rest is looked at all the same.
    assert diagnosis.verdicts(["nameserver.ping", "registrations.listed"]) == {"ok"}
    assert doctor(port=server.port, serializer="json").failed() == []


# Conformance: LOC-15
def test_registrations_that_lead_nowhere_are_found_by_their_fault(pyro, doctor, real_name_server, real_echo_server):
    port = real_name_server.port
    dead = free_port()
    with pyro.locate_ns("localhost", port) as names:
        names.register("well", real_echo_server.uri)
        names.register("dead", f"PYRO:x@localhost:{dead}")
        names.register("everywhere", "PYRO:x@0.0.0.0:4711")
        names.register("old", real_echo_server.uri.replace("test.echoserver", "gone"))
    diagnosis = doctor(port=port)
    assert diagnosis.failed() == ["registrations.addresses", "registrations.servers", "registrations.objects"]
    for id, name in {"addresses": "everywhere", "servers": "dead", "objects": "old"}.items():
        [line] = diagnosis.facts(f"registrations.{id}", "registration")
        assert line.startswith(f"{name} -> PYRO:")
    unknown = doctor("old", port=port)
    assert unknown.failed() == ["object.known"]
    assert "unknown object" in unknown.checks["object.known"]["found"]


# Conformance: LOC-15
def test_a_server_without_a_free_thread_is_told_from_one_that_is_gone(doctor, servers):
    program = (
        "import Pyro4\nPyro4.config.THREADPOOL_SIZE = 1\nPyro4.config.THREADPOOL_SIZE_MIN = 1\n"
        "daemon = Pyro4.Daemon()\n"
        "print('URI =', daemon.register(Pyro4.expose(type('Thing', (), {'look': lambda self: 1})), 'thing'), flush=True)\n"
        "daemon.requestLoop()\n"
    )
    server = servers.start([sys.executable, "-c", program], ready="^URI = PYRO:")
    with peers.PYRO4.api.Proxy(server.uri) as proxy:
        proxy._pyroBind()
        diagnosis = doctor(server.uri)
        assert diagnosis.failed() == ["server.handshake"]
        assert "no free workers" in diagnosis.checks["server.handshake"]["found"]
        assert "THREADPOOL_SIZE" in diagnosis.checks["server.handshake"]["remedy"]


# Conformance: LOC-15
def test_encryption_on_one_side_only_is_named_with_what_to_do(pyro, doctor, ferropyro, servers, tmp_path):
    for command in [["ca", tmp_path], ["server", tmp_path, "--days", "9"]]:
        assert run([ferropyro, "cert", *command]).returncode == 0
    certificate, key = (str(tmp_path / name) for name in ("localhost.pem", "localhost-key.pem"))
    env = {"PYRO_SSL": "1", "PYRO_SSL_SERVERCERT": certificate, "PYRO_SSL_SERVERKEY": key}
    encrypted = pyro.start_name_server(servers, env=env).port
    in_the_clear = doctor(port=encrypted)
    assert in_the_clear.failed() == ["nameserver.found", "nameserver.tls"]
    assert "PYRO_SSL=1" in in_the_clear.checks["nameserver.tls"]["remedy"]
    trusting = doctor(port=encrypted, ssl=1, ssl_cacerts=tmp_path / "ca.pem")
    assert trusting.failed() == []
    assert trusting.verdicts(["nameserver.tls"]) == {"warning"}
    assert "valid for another 8 days" in trusting.checks["nameserver.tls"]["found"]
    plain = pyro.start_name_server(servers).port
    other_way = doctor(port=plain, ssl=1, ssl_cacerts=tmp_path / "ca.pem")
    assert other_way.failed() == ["nameserver.found", "nameserver.tls"]
    assert "does not speak TLS" in other_way.checks["nameserver.tls"]["found"]


@pytest.fixture(scope="module")
def machines():
    with TwoMachines() as machines:
        yield machines


# Conformance: LOC-15
def test_what_is_right_on_one_machine_is_wrong_from_another(doctor, machines, ferropyro, servers):
    host = machines.server_address
    names = servers.start([*machines.server, ferropyro, "ns", "-n", host, "-p", "0", "-x"], ready=r"^URI = PYRO:")
    env = {"PYRO_NS_HOST": host, "PYRO_NS_PORT": str(names.port)}
    echo = [*machines.server, ferropyro, "echo", "-n", "-H", "localhost"]
    servers.start(echo, env=env, ready="^echoserver running")
    here = doctor(on=machines.server, ns_host=host, port=names.port)
    assert here.failed() == []
    assert here.verdicts(["registrations.addresses"]) == {"warning"}
    there = doctor(on=machines.client, ns_host=host, port=names.port)
    assert there.failed() == ["registrations.addresses"]
    assert there.checks["registrations.addresses"]["found"].startswith("test.echoserver -> PYRO:test.echoserver@localhost:")
    assert there.verdicts(["nameserver.connect", "nameserver.published"]) == {"ok"}
    one = doctor("test.echoserver", on=machines.client, ns_host=host, port=names.port)
    assert one.failed() == ["object.name"]
    # Not the client's own machine is asked, to which that address leads.
    assert "server.connect" not in one.checks


# Conformance: LOC-15
def test_a_name_server_that_publishes_all_interfaces_is_of_no_use_elsewhere(pyro, doctor, machines, servers):
    start = [*machines.server, sys.executable, "-m", pyro.name_server_program, "-n", "0.0.0.0", "-p", "0", "-x"]
    names = servers.start(start, ready=r"^URI = PYRO:")
    diagnosis = doctor(on=machines.client, ns_host=machines.server_address, port=names.port)
    assert diagnosis.failed() == ["nameserver.published"]
    assert "0.0.0.0" in diagnosis.checks["nameserver.published"]["found"]


# Conformance: LOC-15
def test_silence_is_told_from_a_refusal_and_points_to_a_firewall(doctor, machines):
    host = machines.server_address
    refused = doctor(f"{host}:{free_port()}", on=machines.client)
    assert refused.failed() == ["server.connect"]
    assert "firewall" not in refused.checks["server.connect"]["remedy"]
    # As a firewall that drops everything: the server's answers go nowhere.
    server = machines.server[-1]
    ip("-n", server, "route", "add", "blackhole", f"{machines.client_address}/32")
    try:
        silent = doctor(f"{host}:4711", "--timeout", "0.5", on=machines.client)
    finally:
        ip("-n", server, "route", "del", "blackhole", f"{machines.client_address}/32")
    assert silent.failed() == ["server.connect"]
    assert "no answer in time" in silent.checks["server.connect"]["found"]
    assert "firewall" in silent.checks["server.connect"]["remedy"]


# What the system says of itself and of localhost differs from machine to machine.
OF_THE_PAGE = r"^\w+ +.*\[(?:nameserver|registrations)\.(?!address\]|connect\])\S+\]$"


def test_the_page_shows_what_it_prints(ferropyro, servers):
    names = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0", "-x"], ready=r"^URI = PYRO:")
    env = {"PYRO_NS_PORT": str(names.port)}
    servers.start([ferropyro, "echo", "-n"], env=env, ready="^echoserver running")
    dead = free_port()
    for name, uri in {"scale": f"PYRO:scale@localhost:{dead}", "press": "PYRO:press@0.0.0.0:4712"}.items():
        assert run([ferropyro, "nsc", "register", name, uri], env=env).returncode == 0
    printed = run([ferropyro, "doctor"], env=env).stdout
    page = (Path(__file__).parent.parent / "docs" / "doctor.md").read_text(encoding="utf-8")
    lines = [
        [re.sub(r"\d+(\.\d+)?", "N", line) for line in re.findall(OF_THE_PAGE, text, re.MULTILINE)]
        for text in (printed, page)
    ]
    assert len(lines[0]) == 11
    assert lines[0] == lines[1]
