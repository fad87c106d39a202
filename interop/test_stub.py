"""What daemons tell of their objects, and the typed clients that `ferropyro stub` makes of it, beside real clients and servers."""

import ast
import inspect
import json
import types

import pytest

from peers import SERIALIZERS
from rust_peer import uri_of
from servers import run


def options(pyro):
    return ["--pyro4"] if pyro.name == "pyro4" else []


def write_stub(ferropyro, uri, *options, lang="python"):
    done = run([ferropyro, "stub", uri, "--lang", lang, *options])
    assert (done.stderr, done.returncode) == ("", 0)
    return done.stdout


def load(source):
    """The stub as a module."""
    module = types.ModuleType("stub")
    exec(compile(source, "stub.py", "exec"), module.__dict__)
    return module


@pytest.fixture(scope="module")
def thermometer(rust_server):
    return uri_of(rust_server, "told.thermometer")


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_pyros_clients_get_a_plain_dict(pyro, serializer, rust_server):
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(uri_of(rust_server, "Pyro.Daemon")) as daemon:
        told = daemon.describe("told.thermometer")
        assert list(told) == ["class", "doc", "instance_mode", "methods", "attributes"]
        assert (told["class"], told["doc"], told["instance_mode"]) == ("Thermometer", "Tells how warm it is.", "single")
        assert told["methods"][0] == {
            "name": "read",
            "oneway": False,
            "doc": 'The degrees at a place, rounded.\n\n    read("roof") == 31.5',
            "signature": {
                "parameters": [{"name": "place", "type": "str"}, {"name": "digits", "type": "int", "default": "1"}],
                "returns": "float",
            },
        }
        assert told["attributes"][1] == {"name": "serial", "type": "int", "doc": None, "writable": False}
        with pytest.raises(pyro.errors.DaemonError, match="^unknown object$"):
            daemon.describe("unknown")


def test_the_handshake_brings_no_more_than_before(pyro, thermometer):
    with pyro.api.Proxy(thermometer) as proxy:
        proxy._pyroBind()
        assert {"read", "class", "reset"} <= proxy._pyroMethods
        assert "describe" not in proxy._pyroMethods
        assert (proxy._pyroOneway, proxy._pyroAttrs) == ({"reset"}, {"unit", "serial"})


def test_both_clients_of_rust_are_told_what_the_daemon_tells(rust_client, thermometer):
    proxy = rust_client.proxy(thermometer)
    told = proxy.perform("describe")
    assert (told["class"], told["methods"][0]["name"], told["attributes"][0]["type"]) == ("Thermometer", "read", "str")
    proxy.perform("close")


@pytest.mark.parametrize("metadata", ["true", "false"])
def test_a_daemon_of_python_tells_nothing_and_the_calls_go_on(pyro, rust_client, python_servers, metadata):
    proxy = rust_client.proxy(python_servers[pyro.name].uri, config={"METADATA": metadata})
    assert proxy.perform("describe") is None
    assert proxy.call("add", 1, 2) == 3
    assert proxy.perform("describe") is None
    assert proxy.perform("connected")
    proxy.perform("close")


def test_inspect_shows_what_is_told(ferropyro, thermometer):
    text = run([ferropyro, "inspect", thermometer]).stdout
    assert "  class      Thermometer, one instance for all\n                 Tells how warm it is.\n" in text
    assert "  methods    read(place: str, digits: int = 1) -> float\n                 The degrees at a place, rounded.\n\n" in text
    assert "\n  oneway     reset() -> None\n" in text
    assert "\n  attributes unit: str\n                 The unit of all degrees.\n             serial: int  (read only)\n" in text
    found = json.loads(run([ferropyro, "inspect", thermometer, "-o", "json"]).stdout)["objects"][0]
    assert (found["oneway"], found["attributes"]) == (["reset"], ["serial", "unit"])
    assert found["description"]["methods"][0]["signature"]["returns"] == "float"


def test_inspect_keeps_hostile_texts_in_their_place(ferropyro, rust_server):
    uri = uri_of(rust_server, "told.hostile")
    text = run([ferropyro, "inspect", uri]).stdout
    told = text.partition(f"\n{uri}\n")[2].split("\n")
    assert len(told) > 100
    assert all(line.startswith("  ") for line in told if line)
    assert not set("\0\x1b\r") & set(text)
    found = json.loads(run([ferropyro, "inspect", uri, "-o", "json"]).stdout)["objects"][0]
    assert found["description"]["doc"] == '"""\nimport os; os.abort()\n"""'


def test_inspect_of_real_servers_knows_names_only(ferropyro, real_echo_server):
    location = real_echo_server.uri.partition("@")[2]
    report = json.loads(run([ferropyro, "inspect", location, "-o", "json"]).stdout)
    assert [found["description"] for found in report["objects"]] == [None, None]


def test_a_stub_in_python_is_a_typed_proxy(pyro, ferropyro, thermometer):
    stub = load(write_stub(ferropyro, thermometer, *options(pyro)))
    assert stub.Thermometer.__doc__ == "Tells how warm it is."
    assert stub.Thermometer.read.__annotations__ == {"place": "str", "digits": "int", "return": "float"}
    assert stub.Thermometer.read.__defaults__ == (1,)
    assert stub.Thermometer.read.__doc__.startswith("The degrees at a place, rounded.\n")
    assert stub.Thermometer.history.__annotations__["return"] == "list[tuple[str, float]]"
    assert stub.Thermometer.__annotations__ == {"unit": "str"}
    assert isinstance(stub.Thermometer.serial, property)
    with stub.connect() as client:
        assert isinstance(client, pyro.api.Proxy)
        assert (client.read("roof"), client.read(place="cellar", digits=2)) == (31.5, 11.25)
        assert list(client.stream(2)) == [2, 3, 4]
        assert client.anything(1, 2, three=3) == 3
        client.unit = "kelvin"
        client.reset()
        assert client.serial == 7
        assert client.getLevel() == 3


def test_what_is_no_name_in_python_is_a_remark(ferropyro, thermometer):
    source = write_stub(ferropyro, thermometer)
    assert '    # No name in Python: getattr(proxy, "class") is called as (self, type: int) -> int\n' in source


def test_hostile_texts_do_not_become_code_in_python(pyro, ferropyro, rust_server):
    source = write_stub(ferropyro, uri_of(rust_server, "told.hostile"), *options(pyro))
    module = load(source)
    assert inspect.getdoc(module.EvilObjectImportOs) == '"""\nimport os; os.abort()\n"""'
    tree = ast.parse(source)
    calls = [node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls == ["cast", "Proxy"]
    imports = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imports <= {"__future__", "typing", "Pyro4", "Pyro5.api"}
    statements = {type(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)}
    assert statements == {ast.Expr, ast.ImportFrom, ast.Assign, ast.ClassDef, ast.AnnAssign, ast.FunctionDef, ast.Return}
    values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    assert all(isinstance(value, ast.Constant) for value in values)
    assert not [char for char in source if char != "\n" and not char.isprintable()]
    methods = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert [arg.arg for arg in next(node for node in methods if node.name == "method1").args.posonlyargs] == ["self", "arg0"]


def test_a_stub_of_a_real_server_says_that_types_are_not_told(pyro, ferropyro, real_echo_server):
    source = write_stub(ferropyro, real_echo_server.uri, *options(pyro))
    assert "The server does not tell parameters and types: put them in." in source
    assert "    def echo(self, *args: Any, **kwargs: Any) -> Any: ...\n" in source
    with load(source).connect() as client:
        assert client.echo("hello") == "hello"
        client.verbose = False
        assert client.verbose is False
    rust = write_stub(ferropyro, real_echo_server.uri, lang="rust")
    assert "// The server does not tell parameters and types: put them in.\n" in rust
    assert "    fn echo(&self) -> Result<Value>;\n" in rust
    assert "    #[remote(oneway)]\n    fn oneway_echo(&self) -> Result<()>;\n" in rust
    assert "    #[remote(set, name = \"verbose\")]\n    fn set_verbose(&self, value: Value) -> Result<()>;\n" in rust


def test_a_stub_finds_its_object_by_name(pyro, ferropyro, servers, real_name_server):
    env = {"PYRO_NS_PORT": str(real_name_server.port)}
    pyro.start_echo_server(servers, "-n", env=env)
    done = run([ferropyro, "stub", "PYRONAME:test.echoserver", "--lang", "python"], env=env)
    assert 'def connect(uri: str = "PYRONAME:test.echoserver") -> TestEchoserver:\n' in done.stdout
