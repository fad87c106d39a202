"""What is reachable and for whom: exposure, keys, accepted serializers."""

import pytest

from peers import PYRO4, PYRO5, SERIALIZERS
from rust_peer import RustClient, RustError, start_server, uri_of

KEYS = [None, "key A", "key B"]
NOT_SYMMETRIC, MISMATCH = "hmac key config not symmetric", "message hmac mismatch"


# Conformance: SEC-02
class TestExposure:
    @pytest.mark.parametrize("name", ["unexposed", "unexposed_prop", "value"])
    def test_a_name_that_is_not_exposed_as_a_method_cannot_be_called(self, pyro, rust_server, name):
        with pyro.api.Proxy(rust_server.uri) as proxy:
            proxy._pyroBind()
            with pytest.raises(AttributeError, match=f"^attempt to access unexposed attribute '{name}'$"):
                proxy._pyroInvoke(name, (), {})
            assert name not in proxy._pyroMethods
            assert proxy.add(1, 2) == 3

    @pytest.mark.parametrize("name", ["_private", "__private", "__init__", "__class__", "__reduce__", "__getstate__", "__dir__", "__call__", "_"])
    def test_private_names_are_never_reachable(self, pyro, rust_server, name):
        with pyro.api.Proxy(rust_server.uri) as proxy:
            proxy._pyroBind()
            with pytest.raises(AttributeError, match=f"^attempt to access private attribute '{name}'$"):
                proxy._pyroInvoke(name, (), {})

    def test_a_name_that_there_is_not_has_pythons_text(self, pyro, rust_server):
        with pyro.api.Proxy(rust_server.uri) as proxy:
            proxy._pyroBind()
            for name in ["no_such", "a.b", "__len__", ""]:
                with pytest.raises(AttributeError, match=f"^'Thing' object has no attribute '{name}'$"):
                    proxy._pyroInvoke(name, (), {})

    def test_an_object_that_exposes_nothing_is_refused_by_clients_and_reaches_nobody(self, pyro, rust_server, rust_client):
        uri = uri_of(rust_server, "obj.secret")
        with pyro.api.Proxy(uri) as proxy:
            with pytest.raises(pyro.errors.PyroError, match="doesn't expose any methods or attributes"):
                proxy._pyroBind()
        with pyro.api.Proxy(rust_server.uri) as proxy:
            proxy._pyroBind()
            with pytest.raises(AttributeError, match="^attempt to access unexposed attribute 'hidden'$"):
                proxy._pyroInvoke("hidden", (), {}, objectId="obj.secret")
        with pytest.raises(RustError, match="Did you forget setting @expose on them"):
            rust_client.proxy(uri).call("hidden")

    def test_an_unknown_object_is_a_daemon_error(self, pyro, rust_server):
        with pyro.api.Proxy(rust_server.uri) as proxy:
            proxy._pyroBind()
            with pytest.raises(pyro.errors.DaemonError, match="^unknown object$"):
                proxy._pyroInvoke("anything", (), {}, objectId="nobody")
            assert proxy.add(1, 2) == 3


# Conformance: SEC-03
@pytest.mark.parametrize("server_key", KEYS)
@pytest.mark.parametrize("client_key", KEYS)
class TestKeys:
    def test_python_client(self, client_key, server_key, servers, peer_program):
        server = start_server(servers, peer_program, *(["--hmac", server_key] if server_key else []))
        with PYRO4.api.Proxy(server.uri) as proxy:
            proxy._pyroHmacKey = client_key and client_key.encode()
            if client_key == server_key:
                assert proxy.echo([1, {"a": "b"}]) == [1, {"a": "b"}]
                assert proxy.add(1, b=2) == 3
                return
            reason = MISMATCH if client_key and server_key else NOT_SYMMETRIC
            with pytest.raises(PYRO4.errors.CommunicationError) as raised:
                proxy.add(1, 2)
            assert str(raised.value) == f"cannot connect to ('localhost', {server.port}): {reason}"

    def test_rust_client(self, client_key, server_key, servers, rust_client):
        server = PYRO4.start_test_server(servers, **({"hmac": server_key} if server_key else {}))
        proxy = rust_client.proxy(server.uri, **({"hmac": client_key} if client_key else {}))
        if client_key == server_key:
            assert proxy.call("echo", [1, {"a": "b"}]) == [1, {"a": "b"}]
            assert proxy.call("add", 1, b=2) == 3
            return
        reason = MISMATCH if client_key and server_key else NOT_SYMMETRIC
        with pytest.raises(RustError) as raised:
            proxy.call("add", 1, 2)
        assert raised.value.kind == "Communication"
        assert raised.value.text == f"cannot connect to ('127.0.0.1', {server.port}): {reason}"


# Conformance: SEC-03
def test_pyro5_which_has_no_keys_cannot_go_around_one(servers, peer_program):
    server = start_server(servers, peer_program, "--hmac", "key")
    with PYRO5.api.Proxy(server.uri) as proxy:
        with pytest.raises(PYRO5.errors.CommunicationError, match="rejected: this server takes messages signed with its key only"):
            proxy.add(1, 2)


# Conformance: SEC-03
def test_compressed_messages_are_signed_as_they_travel(servers, peer_program, rust_client):
    server = start_server(servers, peer_program, "--hmac", "key", env={"PYRO_COMPRESSION": "1"})
    PYRO4.api.config.COMPRESSION = True
    with PYRO4.api.Proxy(server.uri) as proxy:
        proxy._pyroHmacKey = b"key"
        assert proxy.echo("x" * 10_000) == "x" * 10_000
    python = PYRO4.start_test_server(servers, hmac="key", config={"COMPRESSION": True})
    proxy = rust_client.proxy(python.uri, hmac="key", config={"COMPRESSION": "1"})
    assert proxy.call("echo", "x" * 10_000) == "x" * 10_000


# Conformance: SER-13
def test_a_fresh_daemon_accepts_data_and_refuses_pickle(servers, peer_program):
    server = start_server(servers, peer_program, env={"PYRO_LOGLEVEL": "DEBUG", "PYRO_LOGFILE": "{stderr}"})
    logged = server.wait_for(r"accepted serializers: \{(.*)\}", stream="stderr").group(1)
    assert {"'serpent'", "'json'", "'marshal'"} <= set(logged.split(", "))
    assert "pickle" not in logged and "dill" not in logged
    for serializer in ["serpent", "json", "marshal"]:
        PYRO4.api.config.SERIALIZER = serializer
        with PYRO4.api.Proxy(server.uri) as proxy:
            assert proxy.add(1, 2) == 3
    PYRO4.api.config.SERIALIZER = "pickle"
    with PYRO4.api.Proxy(server.uri) as proxy:
        with pytest.raises(PYRO4.errors.CommunicationError, match="rejected: message used serializer that is not accepted: 4$"):
            proxy.add(1, 2)
    server.wait_for("WARNING: Pyro protocol error occurred: message used serializer that is not accepted: 4", stream="stderr")


def test_a_serializer_that_the_daemon_was_told_not_to_accept_is_refused(pyro, servers, peer_program):
    server = start_server(servers, peer_program, env={"PYRO_SERIALIZERS_ACCEPTED": "json,marshal"})
    with pyro.api.Proxy(server.uri) as proxy:
        with pytest.raises(pyro.errors.CommunicationError, match="rejected: message used serializer that is not accepted: 1$"):
            proxy.add(1, 2)
    pyro.api.config.SERIALIZER = "json"
    with pyro.api.Proxy(server.uri) as proxy:
        assert proxy.add(1, 2) == 3


# Conformance: CFG-03
def test_code_wins_over_the_environment(pyro, servers, peer_program, python_servers):
    env = {"PYRO_SERIALIZERS_ACCEPTED": "json", "PYRO_SERIALIZER": "marshal"}
    server = start_server(servers, peer_program, "--set", "SERIALIZERS_ACCEPTED=serpent", env=env)
    with pyro.api.Proxy(server.uri) as proxy:
        assert proxy.add(1, 2) == 3
    pyro.api.config.SERIALIZER = "json"
    with pyro.api.Proxy(server.uri) as proxy, pytest.raises(pyro.errors.CommunicationError, match="not accepted"):
        proxy.add(1, 2)
    with RustClient(peer_program, env=env) as client:
        # marshal carries a frozenset as it is, serpent makes a set of it
        uri = python_servers[pyro.name].uri
        assert client.proxy(uri).call("type_of", frozenset({1})) == "frozenset"
        assert client.proxy(uri, config={"SERIALIZER": "serpent"}).call("type_of", frozenset({1})) == "set"


# Conformance: SER-10
def test_a_serializer_that_there_is_not_is_refused_with_its_name(rust_client, rust_server):
    for name in ["nonsense", "Pickle", ""]:
        with pytest.raises(RustError, match=f"serializer '{name}' is unknown or not available"):
            rust_client.proxy(rust_server.uri, serializer=name)
    for name in SERIALIZERS:
        assert rust_client.proxy(rust_server.uri, serializer=name).call("add", 1, 2) == 3


# Conformance: REG-06
def test_the_id_of_a_registration_stands_in_the_uri(pyro, rust_server):
    assert rust_server.uri == f"PYRO:obj.test@localhost:{rust_server.port}"
    with pyro.api.Proxy(uri_of(rust_server, "Pyro.Daemon")) as daemon:
        assert {"obj.test", "obj.secret", "counter.session"} <= set(daemon.registered())
    assert PYRO4.api.URI(rust_server.uri).object == "obj.test"
