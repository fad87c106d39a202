"""The name server: ours for real clients, and its program."""

import re
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import nameservers
import peers
from nameservers import READY, link, nsc, vectors
from rust_peer import RustError
from servers import Servers, free_port, run
from workshop import SERVER_TYPES, held_by

METHODS = {"count", "ping", "list", "lookup", "register", "remove", "set_metadata"}
OWN_TAG = {"pyro4": "class:Pyro4.naming.NameServer", "pyro5": "class:Pyro5.nameserver.NameServer"}
SERIALIZER_WARNING = "Pyro protocol error occurred: message used serializer that is not accepted"
FULL = {
    "thread": "no free workers, increase server threadpool size",
    "multiplex": "too many connections, increase server MAX_CONNECTIONS",
}
each_serializer = pytest.mark.parametrize("serializer", ["serpent", "json", "marshal", "msgpack"])


@pytest.fixture(scope="module")
def module_servers():
    with Servers() as servers:
        yield servers


@pytest.fixture(scope="module")
def shared_ns(ferropyro, module_servers):
    return nameservers.start(module_servers, [ferropyro, "ns"])


@pytest.fixture
def ns(pyro, shared_ns):
    """A real client of our name server, which is empty but for its own entry."""
    with pyro.locate_ns("127.0.0.1", shared_ns.port) as proxy:
        proxy.remove(regex=".*")
        yield proxy


@pytest.fixture
def start(ferropyro, servers):
    """Starts our name server on a free port: start("-k", "secret", env={...})."""

    def start_one(*options, **kwargs):
        return nameservers.start(servers, [ferropyro, "ns"], *options, **kwargs)

    return start_one


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), 5)


def is_refused(host, port):
    try:
        socket.create_connection((host, port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def accepted_serializers(log):
    """The names in the last such line of a log."""
    return set(re.findall(r"'(\w+)'", re.findall(r"accepted serializers: {(.*)}", log)[-1]))


class TestStart:
    # Conformance: NS-04, NS-06, NS-16
    def test_without_options_it_listens_on_localhost_9090_only(self, pyro, ferropyro, servers):
        if not is_refused("127.0.0.1", 9090):
            pytest.skip("something else has port 9090 of this machine")
        server = servers.start([ferropyro, "ns"], ready=READY)
        assert server.uri == "PYRO:Pyro.NameServer@localhost:9090"
        with pyro.api.Proxy("PYRO:Pyro.NameServer@localhost:9090") as proxy:
            assert proxy.ping() is None
        with pyro.locate_ns() as proxy:
            assert proxy.count() == 1
        address = nameservers.machine_address()
        if address:
            assert is_refused(address, 9090)

    # Conformance: NS-05
    @pytest.mark.parametrize("name", ["ferropyro", "pyro4-ns", "pyro5-ns"])
    def test_help_lists_the_options_and_starts_nothing(self, ferropyro, tmp_path, name):
        program = [ferropyro, "ns"] if name == "ferropyro" else [link(tmp_path, ferropyro, name)]
        for option in ("-h", "--help"):
            result = run([*program, option, "-p", free_port()])
            assert result.returncode == 0
            assert "NS running" not in result.stdout
            for option in ("-n, --host", "-p, --port", "-u, --unixsocket", "-s, --storage", "-x, --nobc"):
                assert option in result.stdout
            for option in ("--bchost", "--bcport", "--nathost", "--natport"):
                assert option in result.stdout

    # Conformance: NS-06, NS-16
    def test_listens_on_the_given_host_only(self, start, pyro):
        address = nameservers.machine_address()
        if not address:
            pytest.skip("this machine has no address but loopback")
        for option in ("-n", "--host"):
            server = start(option, address)
            assert server.uri == f"PYRO:Pyro.NameServer@{address}:{server.port}"
            assert is_refused("127.0.0.1", server.port)
            with pyro.api.Proxy(server.uri) as proxy:
                proxy.ping()
            assert f"NS running on {address}:{server.port} ({address})" in server.stdout

    # Conformance: NS-08
    @pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix domain sockets")
    @pytest.mark.parametrize("option, number", [("-u", signal.SIGTERM), ("--unixsocket=", signal.SIGINT)])
    @pytest.mark.parametrize("name", ["ferropyro", "pyro4-ns", "pyro5-ns"])
    def test_a_unix_domain_socket_takes_the_place_of_the_port(self, pyro, ferropyro, servers, tmp_path, name, option, number):
        program = [ferropyro, "ns"] if name == "ferropyro" else [link(tmp_path, ferropyro, name)]
        path = tmp_path / "ns.sock"
        place = [option, path] if option == "-u" else [f"{option}{path}"]
        server = servers.start([*program, *place], ready=READY)
        assert server.uri == f"PYRO:Pyro.NameServer@./u:{path}"
        assert f"NS running on ./u:{path} (Unix domain socket)" in server.stdout
        assert "roadcast" not in server.output()
        with pyro.api.Proxy(server.uri) as proxy:
            proxy.register("thing", f"PYRO:thing@./u:{path}")
            assert proxy.list() == {"Pyro.NameServer": server.uri, "thing": f"PYRO:thing@./u:{path}"}
        with pyro.locate_ns(f"./u:{path}") as proxy:
            assert str(proxy.lookup("thing")) == f"PYRO:thing@./u:{path}"
        assert path.is_socket()
        assert server.stop(number) == 0
        assert not path.exists()

    # Conformance: NS-07
    def test_port_0_is_a_free_port(self, ferropyro, servers):
        started = [
            servers.start([ferropyro, "ns", *options], ready=READY) for options in (["-p", "0"], ["--port=0"], ["--port", "0"])
        ]
        ports = [server.port for server in started]
        assert len(set(ports)) == 3 and 0 not in ports
        for server in started:
            connect(server).close()

    def test_listens_on_the_given_port(self, ferropyro, servers, pyro):
        port = free_port()
        server = servers.start([ferropyro, "ns", "-p", port], ready=READY)
        assert server.port == port
        with pyro.locate_ns("localhost", port) as proxy:
            proxy.ping()

    def test_a_port_in_use_ends_it_with_an_error(self, ferropyro, shared_ns):
        result = run([ferropyro, "ns", "-n", "127.0.0.1", "-p", shared_ns.port])
        assert result.returncode == 4
        assert result.stdout == ""
        assert str(shared_ns.port) in result.stderr

    # Conformance: NS-12
    @pytest.mark.parametrize("spec", ["foo", "dbm:", "sql:"])
    @pytest.mark.parametrize("name", ["ferropyro", "pyro4-ns", "pyro5-ns"])
    def test_refuses_storages_that_there_are_not(self, ferropyro, tmp_path, name, spec):
        program = [ferropyro, "ns"] if name == "ferropyro" else [link(tmp_path, ferropyro, name)]
        result = run([*program, "-p", "0", "-s", spec])
        assert result.returncode == 1
        assert f"invalid storage type '{spec}'" in result.stderr
        assert result.stdout == ""

    # Conformance: NS-12
    def test_the_default_storage_is_memory(self, start, pyro):
        server = start("--storage=memory")
        with pyro.locate_ns("127.0.0.1", server.port) as proxy:
            assert proxy.count() == 1

    # Conformance: NS-17
    @pytest.mark.parametrize("option", ["SIGINT", "SIGTERM"])
    def test_prints_the_lines_of_the_real_one(self, pyro, ferropyro, tmp_path, servers, option):
        program = link(tmp_path, ferropyro, f"{pyro.name}-ns")
        compared = 0
        for row in vectors("ns_startup.json", pyro):
            if row["ended_by"] != "SIGINT" or "-s" in row["arguments"]:
                continue
            server = servers.start([program, *row["arguments"]], ready=READY, env=row["environment"], cwd=tmp_path)
            assert server.stop(getattr(signal, option)) == row["exit"]
            port = re.search(r"^NS running on \S+:(\d+) ", "\n".join(server.stdout), re.MULTILINE)
            expected = [line.replace("9090", port[1]) if port else line for line in row["stdout"]]
            assert server.stdout == expected
            if "-k" in row["arguments"]:
                assert "deprecated since Pyro 4.72" in "\n".join(server.stderr)
            else:
                assert server.stderr == []
            compared += 1
        assert compared >= 5

    # Conformance: NS-17
    def test_ends_as_the_real_one_where_that_refuses_to_start(self, pyro, ferropyro, tmp_path):
        program = link(tmp_path, ferropyro, f"{pyro.name}-ns")
        compared = 0
        for row in vectors("ns_startup.json", pyro):
            if row["ended_by"] == "itself" and not any(arg.startswith("dbm:") for arg in row["arguments"]):
                result = run([program, *row["arguments"]], env=row["environment"])
                assert result.returncode != 0
                assert result.stdout == ""
                assert row["stderr"].rpartition("ValueError: ")[2] in result.stderr
                compared += 1
        assert compared >= 4

    # Conformance: NS-17
    def test_lines_for_ipv6_and_unix_sockets(self, ferropyro, servers, tmp_path, pyro):
        server = servers.start([ferropyro, "ns", "-n", "::1", "-p", "0"], ready=READY)
        assert server.stdout == [
            "Not starting broadcast server for IPv6.",
            f"NS running on [::1]:{server.port} (::1)",
            f"URI = PYRO:Pyro.NameServer@[::1]:{server.port}",
        ]
        with pyro.api.Proxy(server.uri) as proxy:
            proxy.ping()
        path = tmp_path / "ns.sock"
        server = servers.start([ferropyro, "ns", "-u", path], ready=READY)
        assert server.stdout == [
            f"NS running on ./u:{path} (Unix domain socket)",
            f"URI = PYRO:Pyro.NameServer@./u:{path}",
        ]
        with pyro.api.Proxy(f"PYRO:Pyro.NameServer@./u:{path}") as proxy:
            proxy.ping()
        assert server.stop() == 0
        assert not path.exists()

    # Conformance: NS-14
    def test_keys(self, start, ferropyro):
        api, errors = peers.PYRO4.api, peers.PYRO4.errors
        secret = {"PYRO_HMAC_KEY": "secret"}
        for server, is_option in [(start("-k", "secret"), True), (start("--key=secret"), True), (start(env=secret), False)]:
            assert ("deprecated since Pyro 4.72" in "\n".join(server.stderr)) == is_option
            for key in (None, "wrong"):
                with pytest.raises(errors.NamingError, match="^Failed to locate the nameserver$"):
                    api.locateNS("127.0.0.1", server.port, hmac_key=key)
            with api.locateNS("127.0.0.1", server.port, hmac_key="secret") as proxy:
                assert proxy.count() == 1
        both = run([ferropyro, "ns", "-p", "0", "-k", "secret"], env=secret)
        assert both.returncode == 1
        assert "error: don't use -k and PYRO_HMAC_KEY at the same time" in both.stderr
        assert both.stdout == ""

    # Conformance: NS-25
    def test_settings_of_the_environment_and_options_that_win_over_them(self, ferropyro, servers, pyro):
        one, other = free_port(), free_port()
        env = {"PYRO_NS_HOST": "no.such.host.invalid", "PYRO_NS_PORT": str(one), "PYRO_HOST": "127.0.0.1"}
        server = servers.start([ferropyro, "ns"], ready=READY, env=env)
        assert server.uri == f"PYRO:Pyro.NameServer@127.0.0.1:{one}"
        server = servers.start([ferropyro, "ns", "-n", "localhost", "-p", other], ready=READY, env=env)
        assert server.uri == f"PYRO:Pyro.NameServer@localhost:{other}"
        result = run([ferropyro, "nsc", "-n", "127.0.0.1", "-p", other, "ping"], env=env)
        assert result.stdout == "Name server ping ok.\n"
        nat = {"PYRO_NATHOST": "outside.example", "PYRO_NATPORT": "7777"}
        server = servers.start([ferropyro, "ns", "-p", "0"], ready=READY, env=nat)
        assert server.stdout[-1] == "external URI = PYRO:Pyro.NameServer@outside.example:7777"
        server = servers.start([ferropyro, "ns", "-p", "0", "--nathost", "x", "--natport=5"], ready=READY, env=nat)
        assert server.stdout[-1] == "external URI = PYRO:Pyro.NameServer@x:5"

    def test_unknown_settings_are_refused_but_for_pyro4(self, ferropyro, servers, tmp_path):
        env = {"PYRO_NONSENSE": "1"}
        for program in ([ferropyro, "ns"], [link(tmp_path, ferropyro, "pyro5-ns")]):
            result = run([*program, "-p", "0"], env=env)
            assert result.returncode == 2
            assert "invalid Pyro environment config variable: PYRO_NONSENSE" in result.stderr
        servers.start([link(tmp_path, ferropyro, "pyro4-ns"), "-p", "0"], ready=READY, env=env)

    # Conformance: DNS-03
    def test_says_what_is_wrong_with_all_interfaces(self, start):
        assert said_by(start()) == []
        uris, strangers = said_by(start("-n", "0.0.0.0", "-x"))
        assert "URIs contain 0.0.0.0, which leads clients on other machines to themselves" in uris
        assert "without TLS and without an HMAC key" in strangers
        assert said_by(start("-n", "0.0.0.0", "-x", "--nathost", "outside.example")) == [strangers]


def said_by(server):
    """All that it wrote to standard error; it ends with this."""
    server.stop()
    return server.stderr


class TestClients:
    # Conformance: NS-01, REG-01, REG-03
    def test_the_uri_registered_last_is_found(self, pyro, ns):
        ns.register("Department.ArchiveServer", "PYRO:one@host:1")
        assert str(ns.lookup("Department.ArchiveServer")) == "PYRO:one@host:1"
        ns.register("Department.ArchiveServer", pyro.api.URI("PYRO:two@host:2"))
        assert ns.lookup("Department.ArchiveServer") == pyro.api.URI("PYRO:two@host:2")
        with pytest.raises(pyro.errors.NamingError, match="^unknown name: department.archiveserver$"):
            ns.lookup("department.archiveserver")
        with pytest.raises(pyro.errors.NamingError, match="^name already registered: Department.ArchiveServer$"):
            ns.register("Department.ArchiveServer", "PYRO:three@host:3", safe=True)
        assert str(ns.lookup("Department.ArchiveServer")) == "PYRO:two@host:2"

    # Conformance: NS-02
    def test_a_client_follows_an_object_that_moves(self, pyro, ns, shared_ns, servers):
        def start_echo():
            server = pyro.start_echo_server(servers)
            ns.register("echo", server.uri)
            return server

        first = start_echo()
        with pyro.api.Proxy(f"PYRONAME:echo@127.0.0.1:{shared_ns.port}") as proxy:
            assert proxy.echo("here") == "here"
            first.stop()
            second = start_echo()
            assert second.port != first.port
            proxy._pyroRelease()
            assert proxy.echo("there") == "there"

    # Conformance: NS-03
    def test_two_name_servers_share_nothing(self, pyro, ns, start):
        ns.register("a", "PYRO:a@b:1")
        with pyro.locate_ns("127.0.0.1", start().port) as other:
            with pytest.raises(pyro.errors.NamingError, match="^unknown name: a$"):
                other.lookup("a")

    # Conformance: NS-19, META-05, META-06
    def test_a_fresh_server_has_its_own_entry(self, pyro, start):
        server = start()
        with pyro.locate_ns("127.0.0.1", server.port) as proxy:
            found = proxy.list(return_metadata=True)
            assert list(found) == ["Pyro.NameServer"]
            uri, tags = found["Pyro.NameServer"]
            assert (uri, set(tags)) == (server.uri, {OWN_TAG[pyro.name]})
            assert isinstance(tags, list if pyro.name == "pyro4" else set)

    # Conformance: NS-33, META-04, META-05
    @each_serializer
    def test_all_methods_with_all_serializers(self, pyro, shared_ns, ns, serializer):
        pyro.api.config.SERIALIZER = serializer
        with pyro.api.Proxy(shared_ns.uri) as proxy:
            proxy._pyroBind()
            assert METHODS | {"yplookup"} <= set(proxy._pyroMethods)
            assert proxy._pyroOneway == set() and proxy._pyroAttrs == set()
            assert proxy.ping() is None
            assert proxy.count() == 1
            assert proxy.register("a", "PYRO:a@b:1", metadata=["x", "y"]) is None
            assert proxy.list() == {"Pyro.NameServer": shared_ns.uri, "a": "PYRO:a@b:1"}
            assert type(proxy.list()["a"]) is str
            assert proxy.lookup("a") == pyro.api.URI("PYRO:a@b:1")
            uri, tags = proxy.lookup("a", return_metadata=True)
            assert (uri, set(tags)) == (pyro.api.URI("PYRO:a@b:1"), {"x", "y"})
            uri, tags = proxy.list("a", return_metadata=True)["a"]
            assert (uri, set(tags)) == ("PYRO:a@b:1", {"x", "y"})
            if pyro.name == "pyro4":
                assert proxy.list(metadata_any=["x"]) == {"a": "PYRO:a@b:1"}
            assert set(proxy.yplookup(["x"])) == {"a"}
            assert proxy.set_metadata("a", ["z"]) is None
            assert set(proxy.lookup("a", True)[1]) == {"z"}
            assert proxy.remove("a") == 1
            assert proxy.count() == 1

    # Conformance: META-01, META-02, META-03, META-04, META-06, META-12
    def test_tags(self, pyro, ns):
        tags = {"resource:printer", "a b", "é", "Tag", "long " * 500}
        for collection in (set(tags), list(tags), tuple(tags)):
            ns.register("printer", "PYRO:p@host:1", metadata=collection)
            found = ns.lookup("printer", return_metadata=True)[1]
            assert set(found) == tags
            assert isinstance(found, list if pyro.name == "pyro4" else set)
        search = (lambda tag: ns.list(metadata_all={tag})) if pyro.name == "pyro4" else (lambda tag: ns.yplookup({tag}))
        assert "printer" in search("Tag")
        assert search("tag") == {}
        ns.set_metadata("printer", {"other"})
        uri, found = ns.lookup("printer", return_metadata=True)
        assert (str(uri), set(found)) == ("PYRO:p@host:1", {"other"})
        ns.register("printer", "PYRO:p@host:1")
        found = ns.lookup("printer", return_metadata=True)[1]
        assert found is not None and set(found) == set()
        for call in (lambda: ns.register("x", "PYRO:p@host:1", metadata="text"), lambda: ns.set_metadata("printer", "text")):
            with pytest.raises(TypeError, match="^metadata should not be a str, but another iterable"):
                call()
        with pytest.raises(pyro.errors.NamingError, match="^unknown name: nobody$"):
            ns.set_metadata("nobody", {"x"})

    # Conformance: META-07, META-08, META-09
    def test_searching_for_tags(self, pyro, ns):
        for name, tags in {
            "printer.1": {"printer"},
            "printer.2": {"printer", "communication"},
            "storage.disk": {"storage"},
            "storage.tape": {"storage"},
        }.items():
            ns.register(name, "PYRO:x@host:1", metadata=tags)

        def search(kind, *tags, **kwargs):
            if pyro.name == "pyro4":
                return ns.list(**{f"metadata_{kind}": set(tags)}, **kwargs)
            return ns.yplookup(**{f"meta_{kind}": set(tags)}, **{"return_metadata": False, **kwargs})

        assert set(search("all", "printer")) == {"printer.1", "printer.2"}
        assert search("all", "printer", "storage") == {}
        assert search("all", "printer", "communication") == {"printer.2": "PYRO:x@host:1"}
        assert len(search("any", "printer", "storage", "unknown")) == 4
        uri, tags = search("any", "communication", return_metadata=True)["printer.2"]
        assert (uri, set(tags)) == ("PYRO:x@host:1", {"printer", "communication"})
        with pytest.raises(ValueError, match="^you can only filter on one thing at a time$"):
            ns.list(prefix="a", regex="b")

    # Conformance: REG-02
    def test_registering_wants_texts_and_uris(self, pyro, ns):
        ns.register(uri="PYRO:x@host:1", name="keyword")
        assert str(ns.lookup(name="keyword")) == "PYRO:x@host:1"
        with pytest.raises(TypeError, match="^only URIs or strings can be registered$"):
            ns.register("x", 5)
        with pytest.raises(TypeError, match="^name must be a str$"):
            ns.register(5, "PYRO:x@host:1")
        with pytest.raises(pyro.errors.PyroError, match="^invalid uri$"):
            ns.register("x", "nonsense")

    # Conformance: REG-04
    @pytest.mark.parametrize("method", ["remove", "unregister"])
    def test_removing(self, pyro, ns, method):
        remove = getattr(ns, method)
        for name in ("a", "a.b", "b.a"):
            ns.register(name, "PYRO:x@host:1")
        assert remove("a") == 1
        with pytest.raises(pyro.errors.NamingError, match="^unknown name: a$"):
            ns.lookup("a")
        assert remove("a") == 0
        assert remove("Pyro.NameServer") == 0
        assert remove(prefix="b") == 1
        assert remove(regex=".*") == 1
        assert list(ns.list()) == ["Pyro.NameServer"]

    # Conformance: REG-07
    def test_uris_are_kept_as_they_are(self, ns):
        for uri in ("PYRO:obj@foreign.example.org:55555", "PYRO:obj@./u:/tmp/sock", "PYRO:obj@[fe80::1]:5"):
            ns.register("x", uri)
            assert ns.list()["x"] == uri
            assert str(ns.lookup("x")) == uri

    # Conformance: REG-01, REG-05, REG-06
    def test_an_object_of_python_is_registered_and_called_by_name(self, pyro, ns, shared_ns, servers):
        echo = pyro.start_echo_server(servers)
        with pyro.api.Proxy(echo.uri) as proxy:
            assert proxy.echo(1) == 1  # before it has a name
        ns.register("test.echo", echo.uri)
        with pyro.api.Proxy(f"PYRONAME:test.echo@127.0.0.1:{shared_ns.port}") as proxy:
            assert proxy.echo(2) == 2


class TestLocating:
    # Conformance: LOC-01
    def test_locating_gives_a_proxy_of_the_name_server(self, pyro, shared_ns):
        with pyro.locate_ns("127.0.0.1", shared_ns.port) as proxy:
            assert proxy.ping() is None
            assert str(proxy._pyroUri) == shared_ns.uri

    # Conformance: LOC-02
    def test_a_server_on_localhost_is_found_without_arguments(self, pyro, shared_ns):
        pyro.api.config.NS_PORT = shared_ns.port
        with pyro.locate_ns() as proxy:
            assert proxy.count() >= 1

    # Conformance: LOC-05
    def test_the_port_chooses_between_two_servers_of_a_host(self, pyro, shared_ns, start):
        for server in (shared_ns, start()):
            with pyro.locate_ns("127.0.0.1", server.port) as proxy:
                assert list(proxy.list("Pyro.NameServer").values()) == [server.uri]

    # Conformance: LOC-10
    def test_our_tool_and_real_clients_say_the_same_when_there_is_none(self, pyro, ferropyro):
        port = free_port()
        with pytest.raises(pyro.errors.NamingError, match="^Failed to locate the nameserver$"):
            pyro.locate_ns("127.0.0.1", port)
        result = nsc([ferropyro, "nsc"], port, "ping")
        assert result.stdout == "Error: Failed to locate the nameserver\n"
        assert result.stderr.startswith(f"tried: 127.0.0.1:{port}: Connection refused")

    # Conformance: LOC-11, URI-03, URI-06
    def test_names_are_resolved(self, pyro, ns, shared_ns, servers):
        echo = pyro.start_echo_server(servers)
        ns.register("echo", echo.uri)
        resolve = pyro.api.resolve
        uri = f"PYRONAME:echo@127.0.0.1:{shared_ns.port}"
        assert str(resolve(uri)) == echo.uri
        assert resolve(pyro.api.URI(uri)) == ns.lookup("echo")
        assert str(resolve(echo.uri)) == echo.uri
        for place in (uri, pyro.api.URI(uri)):
            with pyro.api.Proxy(place) as proxy:
                assert proxy.echo("x") == "x"
        with pytest.raises(pyro.errors.NamingError, match="^unknown name: nobody$"):
            resolve(f"PYRONAME:nobody@127.0.0.1:{shared_ns.port}")
        pyro.api.config.NS_HOST, pyro.api.config.NS_PORT = "127.0.0.1", shared_ns.port
        assert str(resolve("PYRONAME:echo")) == echo.uri
        assert str(resolve("PYRONAME:echo@127.0.0.1")) == echo.uri

    # Conformance: META-10, META-11, URI-04
    def test_tags_are_resolved_to_one_of_the_objects(self, pyro, ns, shared_ns):
        ns.register("one", "PYRO:one@host:1", metadata={"a", "b"})
        ns.register("two", "PYRO:two@host:1", metadata={"a", "b"})
        ns.register("half", "PYRO:half@host:1", metadata={"a"})
        ns.register("untagged", "PYRO:untagged@host:1")
        place = f"@127.0.0.1:{shared_ns.port}"
        found = {str(pyro.api.resolve(f"PYROMETA:b,a{place}")) for _ in range(30)}
        assert found == {"PYRO:one@host:1", "PYRO:two@host:1"}
        with pytest.raises(pyro.errors.NamingError, match="^no registrations available with desired metadata properties"):
            pyro.api.resolve(f"PYROMETA:a,c{place}")

    # Conformance: NS-30, NS-31
    def test_a_client_with_a_refused_serializer_does_not_find_it_and_the_console_tells(self, start, tmp_path):
        api, errors = peers.PYRO4.api, peers.PYRO4.errors
        log = tmp_path / "log"
        server = start(env={"PYRO_LOGFILE": str(log), "PYRO_LOGLEVEL": "DEBUG"})
        api.config.SERIALIZER = "pickle"
        api.config.SERIALIZERS_ACCEPTED = {"pickle", "serpent"}
        with pytest.raises(errors.NamingError, match="^Failed to locate the nameserver$") as raised:
            api.locateNS("127.0.0.1", server.port)
        assert raised.value.__cause__ is not None or raised.value.__context__ is not None
        server.wait_for(re.escape(SERIALIZER_WARNING) + ": 4", stream="stderr")
        api.config.SERIALIZER = "serpent"
        with api.Proxy(server.uri) as proxy:
            proxy.ping()
            start_line = len(server.stderr)
            api.config.SERIALIZER = "pickle"
            proxy._pyroSerializer = "pickle"
            with pytest.raises(errors.ProtocolError):
                proxy.ping()
        server.wait_for(re.escape(SERIALIZER_WARNING) + ": 4", stream="stderr", start=start_line)
        api.config.SERIALIZER = "serpent"
        with api.Proxy(server.uri) as proxy:
            assert proxy.ping() is None
        text = log.read_text()
        assert accepted_serializers(text) == {"json", "marshal", "msgpack", "serpent"}
        assert re.search(r"ERROR.*message used serializer that is not accepted: 4", text)

    # Conformance: NS-32
    def test_the_environment_says_which_serializers_are_accepted(self, pyro, start, tmp_path, ferropyro):
        log = tmp_path / "log"
        pyro.api.config.SERIALIZER = "json"
        logging = {"PYRO_LOGFILE": str(log), "PYRO_LOGLEVEL": "DEBUG"}
        server = start(env={"PYRO_SERIALIZERS_ACCEPTED": "serpent", **logging})
        with pytest.raises(pyro.errors.NamingError):
            pyro.locate_ns("127.0.0.1", server.port)
        server.stop()
        assert accepted_serializers(log.read_text()) == {"serpent"}
        log.unlink()
        server = start(env={"PYRO_SERIALIZERS_ACCEPTED": "serpent,marshal,json", **logging})
        with pyro.locate_ns("127.0.0.1", server.port) as proxy:
            assert proxy.count() == 1
        assert accepted_serializers(log.read_text()) == {"serpent", "marshal", "json"}

    # Conformance: NS-28
    def test_the_pool_is_limited(self, pyro, start):
        server = start(env={"PYRO_SERVERTYPE": "thread", "PYRO_THREADPOOL_SIZE": "2", "PYRO_THREADPOOL_SIZE_MIN": "1"})
        with pyro.api.Proxy(server.uri) as one, pyro.api.Proxy(server.uri) as other, pyro.api.Proxy(server.uri) as third:
            assert (one.ping(), other.ping()) == (None, None)
            for _ in range(2):
                with pytest.raises(pyro.errors.CommunicationError, match="no free workers, increase server threadpool size"):
                    third._pyroBind()
            assert (one.ping(), other.ping()) == (None, None)

    # Conformance: NS-29
    @pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
    @pytest.mark.parametrize("server_type", SERVER_TYPES)
    def test_only_a_multiplex_server_does_without_a_thread_for_each_of_many_clients(self, pyro, start, server_type):
        server = start(env={"PYRO_SERVERTYPE": server_type, "PYRO_THREADPOOL_SIZE": "300"})
        meeting = threading.Barrier(201, timeout=60)

        def client():
            with pyro.api.Proxy(server.uri) as proxy:
                proxy._pyroBind()
                meeting.wait()  # all are bound
                answer = proxy.ping()
                meeting.wait()  # all were answered
                meeting.wait()  # and counted
                return answer

        with pyro.api.Proxy(server.uri) as watching, ThreadPoolExecutor(200) as pool:
            watching.ping()
            threads = held_by(server)["threads"]
            clients = [pool.submit(client) for _ in range(200)]
            meeting.wait()
            meeting.wait()
            more = held_by(server)["threads"] - threads
            meeting.wait()
            assert [client.result() for client in clients] == [None] * 200
            assert more == 0 if server_type == "multiplex" else more >= 196

    # Conformance: NS-29, POOL-08
    @pytest.mark.parametrize("server_type", SERVER_TYPES)
    def test_commtimeout_frees_the_places_of_silent_clients(self, pyro, start, server_type):
        one_place = {"PYRO_THREADPOOL_SIZE": "1", "PYRO_THREADPOOL_SIZE_MIN": "1", "PYRO_MAX_CONNECTIONS": "1"}
        server = start(env={"PYRO_SERVERTYPE": server_type, "PYRO_COMMTIMEOUT": "1", **one_place})
        with pyro.api.Proxy(server.uri) as idle, pyro.api.Proxy(server.uri) as other:
            idle.ping()
            with pytest.raises(pyro.errors.CommunicationError, match=FULL[server_type]):
                other.ping()
            # The end of the connection is the event to wait for.
            idle._pyroConnection.sock.settimeout(20)
            assert idle._pyroConnection.sock.recv(1) == b""
            # Its place is free a moment later.
            while True:
                try:
                    assert other.ping() is None
                    break
                except pyro.errors.CommunicationError as error:
                    assert FULL[server_type] in str(error)


class TestRustClient:
    """Our client with every name server, the real ones first of all."""

    @pytest.fixture(params=["ours", "pyro4", "pyro5"])
    def any_ns(self, request, ferropyro, servers):
        if request.param == "ours":
            return nameservers.start(servers, [ferropyro, "ns"])
        return next(peer for peer in peers.PEERS if peer.name == request.param).start_name_server(servers)

    @pytest.fixture
    def register(self, any_ns, ferropyro):
        """Registers the echo server of a generation under a name, with tags: register(name, peer, *tags)."""
        host = any_ns.uri.partition("@")[2].partition(":")[0]

        def register_one(name, uri, *tags):
            for command in (["remove", name], ["register", name, uri], ["setmeta", name, *tags]):
                assert nsc([ferropyro, "nsc"], any_ns.port, *command, host=host).returncode == 0

        return register_one

    # Conformance: LOC-11, URI-03, URI-06, REG-01
    def test_names_lead_to_objects(self, rust_client, any_ns, register, real_echo_server):
        place = any_ns.uri.partition("@")[2]
        register("echo", real_echo_server.uri)
        assert rust_client.proxy(f"PYRONAME:echo@{place}").call("echo", "x") == "x"
        by_default = {"NS_HOST": "localhost" if "localhost" in place else "127.0.0.1", "NS_PORT": str(any_ns.port)}
        assert rust_client.proxy("PYRONAME:echo", config=by_default).call("echo", "x") == "x"
        with pytest.raises(RustError) as raised:
            rust_client.proxy(f"PYRONAME:nobody@{place}").call("echo", "x")
        assert raised.value.text == "unknown name: nobody"

    # Conformance: META-10, URI-04
    def test_tags_lead_to_objects(self, rust_client, any_ns, register, real_echo_server):
        place = any_ns.uri.partition("@")[2]
        register("wrong", "PYRO:nobody@localhost:1", "a")
        register("right", real_echo_server.uri, "a", "b")
        assert rust_client.proxy(f"PYROMETA:b,a@{place}").call("echo", "x") == "x"
        with pytest.raises(RustError) as raised:
            rust_client.proxy(f"PYROMETA:a,c@{place}").call("echo", "x")
        assert raised.value.text == "no registrations available with desired metadata properties {'a', 'c'}"

    # Conformance: NS-02
    def test_follows_an_object_that_moves(self, rust_client, any_ns, register, servers, pyro):
        place = any_ns.uri.partition("@")[2]
        proxy = rust_client.proxy(f"PYRONAME:echo@{place}")
        first = pyro.start_echo_server(servers)
        register("echo", first.uri)
        assert proxy.call("echo", "here") == "here"
        first.stop()
        second = pyro.start_echo_server(servers)
        register("echo", second.uri)
        proxy.perform("release")
        assert proxy.call("echo", "there") == "there"


@pytest.mark.parametrize("command", ["ping", "list"])
def test_other_pythons_talk_to_our_name_server(other_python, ferropyro_ns, command):
    for package in ("Pyro4", "Pyro5"):
        if package == "Pyro5" and other_python.version.startswith("2"):
            continue
        done = other_python.run("-m", f"{package}.nsc", "-n", "localhost", "-p", ferropyro_ns.port, command)
        assert done.returncode == 0, done.stderr
        if command == "ping":
            assert done.stdout == "Name server ping ok.\n"
        else:
            assert f"Pyro.NameServer --> {ferropyro_ns.uri}" in done.stdout
            assert OWN_TAG[package.lower()] in done.stdout
