"""The core cases with other Python versions of the machine, in both roles. Only with --full; the last lines say which took part."""

import sys
from pathlib import Path

import pytest

import peers
from rust_peer import RustError
from servers import run

CLIENT = Path(__file__).parent / "python_client.py"
TEXT = "ünï € 'quoted' \"twice\" \\ \n"
VALUES = [None, True, 0, -1, 2**31, 2**63, -(10**30), 1.5, "text", TEXT, [1, [2, "x"]], {"a": {"b": [None, False]}}]
COMBINATIONS = [("pyro4", "serpent"), ("pyro4", "json"), ("pyro4", "marshal"), ("pyro4", "pickle"), ("pyro5", "serpent"), ("pyro5", "json"), ("pyro5", "marshal")]
# The other Pythons have no msgpack.
WITHOUT_MSGPACK = {"config": {"SERIALIZERS_ACCEPTED": ["serpent", "json", "marshal", "pickle"]}}


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def combination(request, other_python):
    generation, serializer = request.param
    if other_python.major == 2 and generation == "pyro5":
        pytest.skip("there is no Pyro5 for Python 2")
    if other_python.major == 2 and serializer == "marshal":
        pytest.skip("the marshal of Python 2 has a test of its own")
    return {"pyro4": peers.PYRO4, "pyro5": peers.PYRO5}[generation], serializer


# Conformance: SER-11
@pytest.mark.full
def test_its_client_calls_a_rust_server(other_python, combination, rust_server):
    peer, serializer = combination
    done = other_python.run(CLIENT, peer.name, rust_server.uri, serializer)
    assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr


# Conformance: SER-11
@pytest.mark.full
def test_a_rust_client_calls_its_server(other_python, combination, rust_client, servers):
    peer, serializer = combination
    options = WITHOUT_MSGPACK if peer.name == "pyro4" else {}
    server = peer.start_test_server(servers, env=other_python.env, python=other_python.executable, **options)
    proxy = rust_client.proxy(server.uri, serializer=serializer)
    for value in VALUES:
        assert proxy.call("echo", value) == value
    assert proxy.call("add", 1, b=2) == 3
    with pytest.raises(RustError) as raised:
        proxy.call("raise_value", "the text")
    assert (raised.value.class_name, raised.value.text) == ("builtins.ValueError", "the text")
    assert "in raise_value" in raised.value.traceback
    with pytest.raises(RustError) as raised:
        proxy.call("raise_attrs")
    assert raised.value.attrs == {"code": 7, "info": {"k": [1, 2]}}
    methods, oneway, attributes = proxy.perform("metadata")
    assert {"echo", "add"} <= set(methods)
    assert (oneway, attributes) == (["oneway_log"], ["readonly", "value"])
    assert set(proxy.call("return_set")) == {1, 2, 3}
    assert proxy.call("oneway_log", "x") is None
    assert proxy.call("wait_for_log", 1) == ["x"]
    if serializer != "marshal":
        proxy.set("value", [1, "two"])
        assert proxy.get("value") == [1, "two"]
    assert proxy.call("give_uri").cls == f"{peer.name.title()}.core.URI"


# Conformance: SER-11
@pytest.mark.full
def test_the_marshal_of_python_2_is_refused_and_not_misread(other_python, rust_client, rust_server, servers):
    if other_python.major > 2:
        pytest.skip("only Python 2 has another marshal")
    done = other_python.run(CLIENT, "pyro4", rust_server.uri, "marshal")
    assert done.stderr.splitlines()[-1:] == ["ValueError: bad marshal data (unknown type code)"]
    assert other_python.run(CLIENT, "pyro4", rust_server.uri, "json").returncode == 0
    server = peers.PYRO4.start_test_server(servers, env=other_python.env, python=other_python.executable, **WITHOUT_MSGPACK)
    with pytest.raises(RustError, match="rejected: bad marshal data"):
        rust_client.proxy(server.uri, serializer="marshal").call("add", 1, 2)
    assert rust_client.proxy(server.uri, serializer="json").call("add", 1, 2) == 3


# Conformance: SER-11
@pytest.mark.parametrize("serializer", ["serpent", "json"])
def test_this_python_is_one_of_them(pyro, serializer, rust_server):
    done = run([sys.executable, CLIENT, pyro.name, rust_server.uri, serializer])
    assert done.stdout.splitlines()[-1:] == ["ok"], done.stderr
