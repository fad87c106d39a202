"""Pyro4's protocols 46 and 47, of the releases 4.22 to 4.37: the server speaks first there. Those releases take part in both roles."""

import pytest

import pythons
import tagged
from old_pyros import OLD_PYROS
from peers import PYRO4, PYRO5
from rust_peer import RustError, start_server

SERIALIZERS = ["serpent", "json", "marshal"]
TEXT = "ünï € 'quoted' \"twice\" \\ \n"
VALUES = [None, True, 0, -1, 2**31, 2**63, -(10**30), 1.5, "text", TEXT, [1, [2, "x"]], {"a": {"b": [None, False]}}]
KEYS = [None, "A", "B"]
MISMATCH = "message hmac mismatch"


@pytest.fixture(params=OLD_PYROS, ids=str)
def old_pyro(request):
    problem = request.param.install()
    if problem:
        pytest.skip(f"Pyro4 {request.param} cannot be installed: {problem}")
    return request.param


@pytest.fixture(params=["thread", "multiplex"])
def server_type(request):
    return request.param


def start_rust_server(servers, peer_program, protocols, *options, **settings):
    env = {f"PYRO_{name}": str(value) for name, value in settings.items()}
    return start_server(servers, peer_program, *options, env={"PYRO_PROTOCOLS": str(protocols), **env})


class TestRustServer:
    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_old_clients_are_greeted_and_those_of_today_share_the_port(self, old_pyro, serializer, server_type, servers, peer_program):
        protocols = f"{old_pyro.protocol},48,502"
        server = start_rust_server(servers, peer_program, protocols, SERVERTYPE=server_type)
        done = old_pyro.run_client(server.uri, serializer)
        assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr
        for peer in PYRO4, PYRO5:
            with peer.api.Proxy(server.uri) as proxy:
                assert proxy.add(1, b=2) == 3

    def test_a_daemon_for_them_alone_waits_for_nobody_to_speak(self, old_pyro, server_type, servers, peer_program):
        server = start_rust_server(servers, peer_program, old_pyro.protocol, SERVERTYPE=server_type, GREETING_DELAY=1000)
        done = old_pyro.run_client(server.uri)
        assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr
        with PYRO4.api.Proxy(server.uri) as proxy:
            with pytest.raises(PYRO4.errors.ProtocolError):
                proxy.add(1, 2)

    def test_without_the_setting_they_get_no_greeting(self, old_pyro, servers, peer_program):
        server = start_rust_server(servers, peer_program, "48,502", GREETING_DELAY=0.01, HANDSHAKE_TIMEOUT=0.5)
        done = old_pyro.run_client(server.uri)
        assert "ProtocolError: invalid data or unsupported protocol version" in done.stderr

    def test_the_hook_for_handshakes_may_refuse_them(self, old_pyro, servers, peer_program):
        server = start_rust_server(servers, peer_program, old_pyro.protocol, "--refuse-silent", "no old clients here")
        done = old_pyro.run_client(server.uri)
        assert "CommunicationError: connection rejected, reason: no old clients here" in done.stderr

    def test_messages_are_compressed_both_ways(self, old_pyro, servers, peer_program):
        server = start_rust_server(servers, peer_program, old_pyro.protocol, COMPRESSION="on")
        done = old_pyro.run_client(server.uri, "serpent", "COMPRESSION=1")
        assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr

    def test_who_finds_no_free_worker_is_told_at_the_first_call(self, old_pyro, servers, peer_program, rust_client):
        server = start_rust_server(servers, peer_program, f"{old_pyro.protocol},48,502", THREADPOOL_SIZE=1, THREADPOOL_SIZE_MIN=1)
        rust_client.proxy(server.uri).perform("bind")
        done = old_pyro.run_client(server.uri)
        assert "CommunicationError: no free workers, increase server threadpool size" in done.stderr


# Conformance: SEC-03
@pytest.mark.parametrize("server_key", KEYS)
@pytest.mark.parametrize("client_key", KEYS)
class TestKeys:
    def test_old_client(self, old_pyro, client_key, server_key, servers, peer_program):
        options = ["--hmac", server_key] if server_key else []
        server = start_rust_server(servers, peer_program, f"{old_pyro.protocol},48", *options)
        done = old_pyro.run_client(server.uri, "serpent", *[client_key] if client_key else [])
        if client_key == server_key:
            assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr
        else:
            text = reason(client_key, server_key)
            if client_key and old_pyro.version < "4.37":
                text = MISMATCH  # they sign what has no signature themselves, before they look at it
            assert f"CommunicationError: cannot connect: {text}" in done.stderr

    def test_rust_client(self, old_pyro, client_key, server_key, servers, rust_client):
        server = old_pyro.start_server(servers, *[server_key] if server_key else [])
        proxy = rust_client.proxy(server.uri, **({"hmac": client_key} if client_key else {}))
        if client_key == server_key:
            assert proxy.call("add", 1, b=2) == 3
            return
        with pytest.raises(RustError) as raised:
            proxy.call("add", 1, 2)
        assert raised.value.kind == "Communication"
        assert raised.value.text == f"cannot connect to ('localhost', {server.port}): {reason(client_key, server_key)}"


def reason(client_key, server_key):
    return MISMATCH if client_key and server_key else "hmac key config not symmetric"


class TestRustClient:
    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_it_finds_out_how_the_server_speaks(self, old_pyro, serializer, servers, rust_client):
        server = old_pyro.start_server(servers)
        proxy = rust_client.proxy(server.uri, serializer=serializer)
        check_calls(proxy, old_pyro, serializer)
        assert proxy.perform("dialect") == f"Pyro4 (protocol {old_pyro.protocol})"
        # The next one knows.
        assert rust_client.proxy(server.uri).call("add", 1, 2) == 3

    def test_its_dialect_can_be_given(self, old_pyro, servers, rust_client):
        server = old_pyro.start_server(servers)
        proxy = rust_client.proxy(server.uri, dialect=old_pyro.protocol, timeout=20)
        assert proxy.call("add", 1, 2) == 3
        other = {46: 47, 47: 46}[old_pyro.protocol]
        with pytest.raises(RustError, match=f"the server speaks protocol version: {old_pyro.protocol}"):
            rust_client.proxy(server.uri, dialect=other, timeout=20).call("add", 1, 2)

    def test_it_sends_handshake_data_and_gets_metadata_only_where_there_are_some(self, old_pyro, servers, rust_client):
        server = old_pyro.start_server(servers)
        proxy = rust_client.proxy(server.uri, handshake="unheard")
        assert proxy.perform("handshake") == "ok"
        if old_pyro.has_metadata:
            methods, oneway, attributes = proxy.perform("metadata")
            assert {"echo", "add"} <= set(methods)
            assert (oneway, attributes) == (["oneway_log"], ["value"])
            with pytest.raises(RustError, match="has no exposed attribute or method 'no_such'"):
                proxy.call("no_such")
        else:
            with pytest.raises(RustError, match="'Thing' object has no attribute 'no_such'"):
                proxy.call("no_such")
        assert proxy.call("add", 1, 2) == 3

    def test_proxies_travel_both_ways(self, old_pyro, servers, rust_client):
        server = old_pyro.start_server(servers)
        proxy = rust_client.proxy(server.uri)
        (uri,) = proxy.perform("call_result", method="give_proxy", then="give_uri")
        assert uri.cls == "Pyro4.core.URI"

    def test_messages_are_compressed_both_ways(self, old_pyro, servers, rust_client):
        server = old_pyro.start_server(servers, "COMPRESSION=1")
        proxy = rust_client.proxy(server.uri, config={"COMPRESSION": "on"})
        assert proxy.call("length", "x" * 5000) == 5000
        assert proxy.call("big", 5000) == "x" * 5000


def check_calls(proxy, old_pyro, serializer):
    for value in VALUES:
        assert proxy.call("echo", value) == value
    assert proxy.call("add", 1, b=2) == 3
    with pytest.raises(RustError) as raised:
        proxy.call("raise_value", "the text")
    assert (raised.value.class_name.rpartition(".")[2], raised.value.text) == ("ValueError", "the text")
    assert "in raise_value" in raised.value.traceback
    with pytest.raises(RustError) as raised:
        proxy.call("raise_attrs")
    assert (raised.value.args_, raised.value.attrs) == (["with attributes", 42], {"code": 7})
    with pytest.raises(RustError) as raised:
        proxy.call("raise_naming")
    assert (raised.value.class_name, raised.value.text) == ("Pyro4.errors.NamingError", "a pyro error")
    assert proxy.oneway("oneway_log", "x") is None
    assert proxy.call("wait_for_log", 1) == ["x"]
    assert proxy.call("give_uri").cls == "Pyro4.core.URI"
    if serializer != "marshal":
        results = proxy.perform("batch", calls=[["add", described(1, 2)], ["raise_value", described("in a batch")], ["add", described(1, 2)]])
        assert results[0] == [3]
        assert results[1][0] == "error" and "in a batch" in results[1][1]
        assert len(results) == 2
        if old_pyro.has_metadata:
            proxy.set("value", [1, "two"])
            assert proxy.get("value") == [1, "two"]


def described(*values):
    return [tagged.describe(value) for value in values]


class TestNameServers:
    def test_an_old_client_finds_a_name_in_ours(self, old_pyro, servers, ferropyro, peer_program):
        settings = {"PYRO_PROTOCOLS": f"{old_pyro.protocol},48,502"}
        name_server = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], ready=r"^URI = PYRO:", env=settings)
        server = start_server(servers, peer_program, env=settings)
        with PYRO5.locate_ns("localhost", name_server.port) as names:
            names.register("a.thing", server.uri)
        done = old_pyro.run_client(f"PYRONAME:a.thing@localhost:{name_server.port}")
        assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr

    def test_a_rust_client_finds_a_name_in_an_old_one(self, old_pyro, servers, rust_client):
        name_server = old_pyro.start_name_server(servers)
        proxy = rust_client.proxy(f"PYRONAME:Pyro.NameServer@localhost:{name_server.port}")
        assert list(proxy.call("list")) == ["Pyro.NameServer"]


# Conformance: SER-11
@pytest.mark.full
class TestOtherPythons:
    """The releases are from the time of Python 2.7 and 3.3."""

    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_its_client(self, old_pyro, serializer, other_python, servers, peer_program):
        python = can_run(other_python)
        server = start_rust_server(servers, peer_program, f"{old_pyro.protocol},48,502")
        done = old_pyro.run_client(server.uri, serializer, **python)
        assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr

    @pytest.mark.parametrize("serializer", SERIALIZERS)
    def test_its_server(self, old_pyro, serializer, other_python, servers, rust_client):
        server = old_pyro.start_server(servers, **can_run(other_python))
        proxy = rust_client.proxy(server.uri, serializer=serializer)
        if (serializer, other_python.major) == ("marshal", 2):
            assert proxy.call("add", 1, b=2) == 3
            assert proxy.call("length", TEXT) == len(TEXT)
        else:
            check_calls(proxy, old_pyro, serializer)


def can_run(other_python):
    if other_python.version.split(".")[:2] >= ["3", "12"] and other_python.major > 2:
        pytest.skip("the old releases need modules that went with Python 3.12")
    return {"python": other_python.executable, "packages": pythons.PACKAGES / other_python.version}
