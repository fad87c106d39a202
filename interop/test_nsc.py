"""The control tool: ours and the real ones, against our name server and the real ones, compared with captured runs of the real ones."""

import json
import re
import socket

import pytest

import nameservers
import peers
from nameservers import link, nsc, real_nsc, vectors
from servers import Servers, free_port, run

# Where our tool deliberately differs from the captured runs. The texts on standard output are always the same.
#   what happens             Pyro4         Pyro5                     ours
#   the server raises        exit 0        exit 1 and a traceback    exit 1
#   no name server           exit 0        exit 0                    exit 4
#   wrong command, or none   optparse      argparse                  exit 2 as there, with a text of our own
#   -h                       optparse      argparse                  exit 0 as there, with a text of our own
REMOTE_ERROR, NOT_FOUND = 1, 4
COMMANDS = {
    "pyro4": "ping list listmatching lookup register remove removematching setmeta listmeta_all listmeta_any".split(),
    "pyro5": "ping list listmatching lookup register remove removematching setmeta yplookup_all yplookup_any".split(),
}
WARNING = "using -k to supply HMAC key on the command line is a security problem"


@pytest.fixture
def our_nsc(ferropyro, tmp_path):
    """Gives the program under the name for that generation: our_nsc("pyro4"), or our own: our_nsc()."""

    def program(generation=None):
        return [link(tmp_path, ferropyro, f"{generation}-nsc")] if generation else [ferropyro, "nsc"]

    return program


@pytest.fixture
def our_ns(ferropyro, servers):
    return nameservers.start(servers, [ferropyro, "ns"])


@pytest.fixture
def any_ns(request, ferropyro, servers):
    """Our name server, or a real one."""
    if request.param == "ours":
        return nameservers.start(servers, [ferropyro, "ns"])
    peer = next(peer for peer in peers.PEERS if peer.name == request.param)
    return peer.start_name_server(servers)


each_ns = pytest.mark.parametrize("any_ns", ["ours", "pyro4", "pyro5"], indirect=True)
each_nsc = pytest.mark.parametrize("generation", [None, "pyro4", "pyro5"], ids=["own", "pyro4", "pyro5"])


def replay(program, server, peer, is_ours):
    """Runs the captured command lines in their order, and compares."""
    address = server.uri.partition("@")[2]
    host, _, port = address.partition(":")
    for row in vectors("nsc.json", peer):
        stdout = row["stdout"]
        if "Failed to locate" in stdout:
            server.stop()
        here = {"127.0.0.1": host, "9090": port}
        arguments = [here.get(argument, argument) for argument in row["arguments"]]
        result = run([*program, *arguments], input=row["stdin"])
        label = f"{' '.join(arguments)}: {result}"
        if row["exit"] == 2 or "-h" in arguments:
            assert result.returncode == row["exit"], label
            if is_ours and "-h" in arguments:
                assert all(command in result.stdout for command in COMMANDS[peer.name]), label
            continue
        is_remote_error = stdout.startswith("Error: ") and "Failed to locate" not in stdout
        expected = re.sub(r"PYRO:Pyro\.NameServer@\S+", f"PYRO:Pyro.NameServer@{address}", stdout)
        assert result.stdout == expected, label
        if is_ours and is_remote_error:
            assert (result.returncode, result.stderr) == (REMOTE_ERROR, ""), label
        elif is_ours and "Failed to locate" in stdout:
            assert (result.returncode, result.stderr) == (NOT_FOUND, ""), label
        else:
            assert result.returncode == row["exit"], label
            if "(traceback)" in row["stderr"]:
                assert row["stderr"].rpartition(" ... ")[2] in result.stderr, label
            else:
                assert result.stderr == row["stderr"], label


# Conformance: NSC-01, NSC-06, NSC-07, NSC-08, NSC-09, NSC-10, NSC-11, NSC-12, NSC-13, NSC-14, NSC-15, NSC-16, NSC-17
@pytest.mark.parametrize("where", ["ours", "real"])
def test_our_tool_prints_what_the_real_one_printed(pyro, where, our_nsc, ferropyro, servers):
    if where == "ours":
        server = nameservers.start(servers, [ferropyro, "ns"])
    else:
        server = pyro.start_name_server(servers)
    replay(our_nsc(pyro.name), server, pyro, is_ours=True)


# Conformance: NSC-01
@pytest.mark.timeout(180)
def test_the_real_tool_prints_the_same_with_our_name_server(pyro, our_ns):
    replay(real_nsc(pyro), our_ns, pyro, is_ours=False)


# Conformance: NSC-01, NSC-07, NSC-08, NSC-10, NSC-13, NSC-14
@each_ns
@each_nsc
def test_every_tool_works_with_every_name_server(any_ns, generation, our_nsc):
    port = any_ns.port
    host = "localhost" if "localhost" in any_ns.uri else "127.0.0.1"

    def tool(*arguments):
        return nsc(our_nsc(generation), port, *arguments, host=host)

    assert tool("ping").stdout == "Name server ping ok.\n"
    assert tool("register", "a.b", "PYRO:x@y:5").stdout == "Registered a.b\n"
    again = tool("register", "a.b", "PYRO:x@y:5")
    assert (again.returncode, again.stdout) == (1, "Error: NamingError - name already registered: a.b\n")
    assert tool("lookup", "a.b").stdout == "PYRO:x@y:5\n"
    assert tool("list", "a").stdout == (
        "--------START LIST - prefix 'a'\na.b --> PYRO:x@y:5\n--------END LIST - prefix 'a'\n"
    )
    assert "Pyro.NameServer --> " in tool("list").stdout
    assert tool("setmeta", "a.b", "t 1", "é").stdout == "Metadata updated\n"
    all_of = "yplookup_all" if generation == "pyro5" else "listmeta_all"
    found = tool(all_of, "é", "t 1")
    assert "a.b --> PYRO:x@y:5" in found.stdout and "t 1" in found.stdout and "é" in found.stdout
    assert tool("remove", "a.b").stdout == "Removed a.b\n"
    unknown = tool("lookup", "a.b")
    assert (unknown.returncode, unknown.stdout) == (1, "Error: NamingError - unknown name: a.b\n")


@pytest.fixture(scope="module")
def shared_ns(ferropyro):
    with Servers() as servers:
        yield nameservers.start(servers, [ferropyro, "ns"])


# Conformance: NSC-02, NSC-03
def test_host_and_port_choose_the_name_server_and_nothing_is_broadcast(our_nsc, ferropyro, servers):
    one, other = (nameservers.start(servers, [ferropyro, "ns"]) for _ in range(2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as responder:
        responder.bind(("127.0.0.1", 0))
        env = {"PYRO_NS_BCPORT": str(responder.getsockname()[1]), "PYRO_BROADCAST_ADDRS": "127.0.0.1"}
        for server in (one, other):
            result = nsc(our_nsc(), server.port, "-v", "ping", env=env)
            assert f"Name server found: {server.uri}\n" in result.stdout
        nobody = nsc(our_nsc(), free_port(), "ping", env=env)
        assert (nobody.returncode, nobody.stdout) == (4, "Error: Failed to locate the nameserver\n")
        responder.setblocking(False)
        with pytest.raises(BlockingIOError):
            responder.recv(100)


def test_without_a_host_it_looks_at_ns_host(our_nsc, shared_ns):
    port = {"PYRO_NS_PORT": str(shared_ns.port), "PYRO_NS_HOST": "127.0.0.1"}
    assert run([*our_nsc(), "ping"], env=port).stdout == "Name server ping ok.\n"
    assert run([*our_nsc(), "-p", shared_ns.port, "ping"]).stdout == "Name server ping ok.\n"


# Conformance: NSC-04
def test_finds_a_name_server_on_a_unix_socket(our_nsc, ferropyro, servers, tmp_path, pyro):
    path = tmp_path / "ns.sock"
    servers.start([ferropyro, "ns", "-u", path], ready=nameservers.READY)
    for program in (our_nsc(), our_nsc(pyro.name), real_nsc(pyro)):
        result = run([*program, "-u", path, "ping"])
        assert result.stdout == "Name server ping ok.\n", result
    other = tmp_path / "theirs.sock"
    servers.start([*real_nsc(pyro)[:2], pyro.name_server_program, "-u", other], ready=nameservers.READY)
    assert run([*our_nsc(), "-u", other, "ping"]).stdout == "Name server ping ok.\n"


# Conformance: NSC-05
@pytest.mark.parametrize("where", ["ours", "real"])
def test_keys(our_nsc, ferropyro, servers, where):
    secret = {"PYRO_HMAC_KEY": "secret"}
    if where == "ours":
        server = nameservers.start(servers, [ferropyro, "ns"], env=secret)
    else:
        server = peers.PYRO4.start_name_server(servers, env=secret)
    host = "127.0.0.1" if where == "ours" else "localhost"

    def ping(*options, env=None, program=our_nsc()):
        return nsc(program, server.port, *options, "ping", env=env, host=host)

    for program in (our_nsc(), our_nsc("pyro4")):
        with_option = ping("-k", "secret", program=program)
        assert with_option.stdout == "Name server ping ok.\n"
        assert WARNING in with_option.stderr
        with_variable = ping(env=secret, program=program)
        assert (with_variable.stdout, with_variable.stderr) == ("Name server ping ok.\n", "")
    for result in (ping(), ping("-k", "wrong")):
        assert result.stdout == "Error: Failed to locate the nameserver\n"
        assert result.returncode not in (0, 2), result
    both = ping("-k", "secret", env=secret)
    assert both.returncode != 0
    assert "error: don't use -k and PYRO_HMAC_KEY at the same time" in both.stderr
    assert both.stdout == ""


# Conformance: NSC-05
def test_the_real_tool_with_a_key_works_with_our_name_server(ferropyro, servers):
    secret = {"PYRO_HMAC_KEY": "secret"}
    server = nameservers.start(servers, [ferropyro, "ns"], env=secret)
    tool = real_nsc(peers.PYRO4)
    assert nsc(tool, server.port, "ping", env=secret).stdout == "Name server ping ok.\n"
    assert nsc(tool, server.port, "ping").stdout == "Error: Failed to locate the nameserver\n"


# Conformance: NSC-06
@each_nsc
def test_verbose_says_more(our_nsc, shared_ns, generation):
    quiet = nsc(our_nsc(generation), shared_ns.port, "list").stdout
    verbose = nsc(our_nsc(generation), shared_ns.port, "-v", "list").stdout
    before = f"Locating name server...\nName server found: {shared_ns.uri}\n"
    assert verbose == f"{before}{quiet}Done.\n"


# Conformance: NSC-09
def test_patterns_match_from_the_start_of_a_name(our_nsc, shared_ns):
    tool = our_nsc()
    nsc(tool, shared_ns.port, "register", "match.b", "PYRO:x@y:5")
    assert "match.b" in nsc(tool, shared_ns.port, "listmatching", "match").stdout.splitlines()[1]
    assert nsc(tool, shared_ns.port, "listmatching", "b").stdout == (
        "--------START LIST - regex 'b'\n--------END LIST - regex 'b'\n"
    )
    bad = nsc(tool, shared_ns.port, "listmatching", "[")
    assert bad.stdout == "Error: NamingError - invalid regex: unterminated character set at position 0\n"
    assert nsc(tool, shared_ns.port, "ping").returncode == 0
    nsc(tool, shared_ns.port, "remove", "match.b")


# Conformance: NSC-11, NSC-12
def test_all_tags_or_any(our_nsc, shared_ns):
    tool = our_nsc()
    for name, *tags in [("tags.1", "x"), ("tags.2", "x", "y"), ("tags.3", "y")]:
        nsc(tool, shared_ns.port, "register", name, "PYRO:x@y:5")
        nsc(tool, shared_ns.port, "setmeta", name, *tags)

    def names(command):
        return re.findall(r"^(tags\S+) -->", nsc(tool, shared_ns.port, command, "x", "y").stdout, re.MULTILINE)

    for spelling in ("listmeta", "yplookup"):
        assert names(f"{spelling}_all") == ["tags.2"]
        assert names(f"{spelling}_any") == ["tags.1", "tags.2", "tags.3"]


# Conformance: NSC-14
def test_remove_takes_one_name_and_never_the_servers_own(our_nsc, shared_ns):
    tool = our_nsc()
    for name in ("remove", "remove.b"):
        nsc(tool, shared_ns.port, "register", name, "PYRO:x@y:5")
    assert nsc(tool, shared_ns.port, "remove", "remove").stdout == "Removed remove\n"
    assert nsc(tool, shared_ns.port, "lookup", "remove.b").returncode == 0
    assert nsc(tool, shared_ns.port, "remove", "Pyro.NameServer").stdout == "Nothing removed\n"
    assert nsc(tool, shared_ns.port, "lookup", "Pyro.NameServer").returncode == 0


# Conformance: NSC-15
@each_nsc
def test_removematching_asks_first(our_nsc, our_ns, generation):
    tool = our_nsc(generation)
    prompt = "Potentially removing lots of items from the Name server. Are you sure (y/n)?"
    for name in ("a.1", "a.2", "b"):
        nsc(tool, our_ns.port, "register", name, "PYRO:x@y:5")
    for answer in ("n\n", "yes\n", "\n", ""):
        assert nsc(tool, our_ns.port, "removematching", ".*", input=answer).stdout == prompt
        assert nsc(tool, our_ns.port, "list", "a.").stdout.count("-->") == 2
    removed = nsc(tool, our_ns.port, "removematching", "a", input="y\n").stdout
    assert removed == f"{prompt}2 items removed.\n"
    removed = nsc(tool, our_ns.port, "removematching", ".*", input=" Y \n").stdout
    assert removed == f"{prompt}1 items removed.\n"
    assert nsc(tool, our_ns.port, "list").stdout.count("-->") == 1


# Conformance: NSC-16
def test_setmeta_replaces_all_tags(our_nsc, shared_ns):
    tool = our_nsc()

    def setmeta(*tags):
        return nsc(tool, shared_ns.port, "setmeta", "meta", *tags).stdout

    nsc(tool, shared_ns.port, "register", "meta", "PYRO:x@y:5")
    assert setmeta("one", "two") == "Metadata updated\n"
    assert setmeta("three") == "Metadata updated\n"
    assert nsc(tool, shared_ns.port, "lookup", "meta").stdout == "PYRO:x@y:5\nmetadata: {'three'}\n"
    assert setmeta() == "Metadata cleared\n"
    assert nsc(tool, shared_ns.port, "lookup", "meta").stdout == "PYRO:x@y:5\n"
    unknown = nsc(tool, shared_ns.port, "setmeta", "nobody", "x")
    assert unknown.stdout == "Error: NamingError - unknown name: nobody\n"


# Conformance: NSC-17
@pytest.mark.parametrize(
    ("arguments", "needs"),
    [
        (["listmatching"], "requires one argument: pattern"),
        (["lookup"], "requires one argument: name"),
        (["lookup", "a", "b"], "requires one argument: name"),
        (["register", "a"], "requires two arguments: name uri"),
        (["remove"], "requires one argument: name"),
        (["removematching"], "requires one argument: pattern"),
        (["setmeta"], "requires arguments: uri and zero or more meta tags"),
        (["listmeta_all"], "requires at least one metadata tag argument"),
        (["yplookup_any"], "requires at least one metadata tag argument"),
        (["nonsense"], "unknown command 'nonsense'"),
        ([], "which command?"),
        (["--nonsense", "ping"], "--nonsense"),
    ],
)
def test_wrong_command_lines_are_told_what_is_needed(our_nsc, shared_ns, arguments, needs):
    result = nsc(our_nsc(), shared_ns.port, *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert needs in result.stderr


# Conformance: NSC-17
def test_each_name_knows_the_commands_of_its_generation_only(our_nsc, shared_ns):
    for generation, other in (("pyro4", "yplookup_all"), ("pyro5", "listmeta_all")):
        result = nsc(our_nsc(generation), shared_ns.port, other, "x")
        assert (result.returncode, result.stdout) == (2, "")
        assert other in result.stderr


# Conformance: NSC-01
@each_nsc
def test_help_names_all_commands(our_nsc, generation):
    for option in ("-h", "--help"):
        result = run([*our_nsc(generation), option])
        assert result.returncode == 0
        for command in COMMANDS[generation or "pyro5"]:
            assert command in result.stdout


@pytest.fixture
def theirs(pyro, servers):
    """A real name server, and our own tool for it: theirs("list")."""
    server = pyro.start_name_server(servers)
    host = server.uri.partition("@")[2].partition(":")[0]

    def use(program, *arguments, input=None):
        return nsc(program, server.port, *arguments, input=input, host=host)

    return use


# Conformance: NSC-08, NSC-10
def test_names_of_a_real_name_server_are_listed_as_json(theirs, our_nsc):
    tool = our_nsc()
    assert theirs(tool, "register", "a", "PYRO:x@y:5", "one", "two").stdout == "Registered a\n"
    expected = {"name": "a", "uri": "PYRO:x@y:5", "metadata": ["one", "two"]}
    for arguments in (["list", "a"], ["listmatching", "a$"], ["listmeta_all", "one", "two"], ["listmeta_any", "one"]):
        assert json.loads(theirs(tool, *arguments, "-o", "json").stdout) == [expected]
    assert json.loads(theirs(tool, "lookup", "a", "-o", "json").stdout) == expected
    assert theirs(tool, "list", "--count").stdout == "2\n"
    dead = theirs(tool, "list", "--dead", "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line)["name"] for line in dead] == ["a"]


# Conformance: NSC-01, NSC-13, NSC-16
def test_names_go_from_a_real_name_server_to_ours_and_back(theirs, our_nsc, our_ns, tmp_path):
    tool = our_nsc()
    theirs(tool, "register", "a.é", "PYRO:x@y:5", "one", "t 2")
    theirs(tool, "register", "b", "PYRONAME:a")
    document = theirs(tool, "export").stdout
    names = json.loads(document)["names"]
    assert [(name["name"], name["metadata"]) for name in names] == [("a.é", ["one", "t 2"]), ("b", [])]
    assert nsc(tool, our_ns.port, "import", "-", input=document).stdout.startswith("Imported 2 names")
    assert nsc(tool, our_ns.port, "export").stdout == document
    theirs(tool, "remove", "b")
    theirs(tool, "setmeta", "a.é")
    refused = theirs(tool, "import", "-", input=document)
    assert refused.returncode == 1
    assert "1 names are there already" in refused.stderr
    done = theirs(tool, "import", "-", "--replace", input=document)
    assert done.stdout == "Imported 2 names (1 new, 1 replaced); 0 were there already.\n", done
    assert theirs(tool, "export").stdout == document


def test_what_only_our_name_server_can_do_is_refused_in_one_line(theirs, our_nsc):
    tool = our_nsc()
    document = {
        "format": "ferropyro names",
        "version": 1,
        "names": [
            {"name": "ever", "uri": "PYRO:x@y:5"},
            {"name": "while", "uri": "PYRO:x@y:5", "ttl": 10},
        ],
    }
    for arguments, what in [
        (["register", "--ttl", "10", "a", "PYRO:x@y:5"], "cannot keep names for a while only"),
        (["register", "--ttl", "10", "a", "PYRO:x@y:5", "--", "echo", "ran"], "cannot keep names for a while only"),
        (["watch"], "cannot be watched"),
        (["watch", "--rev", "5", "--relist"], "cannot be watched"),
        (["import", "-"], "cannot keep names for a while only"),
    ]:
        result = theirs(tool, *arguments, input=json.dumps(document))
        assert (result.returncode, result.stdout) == (1, ""), result
        assert what in result.stderr and "it is Python's" in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr
    assert theirs(tool, "list", "--count").stdout == "1\n"


# Conformance: NSC-15
def test_names_of_a_real_name_server_are_removed_by_prefix(theirs, our_nsc):
    tool = our_nsc()
    for name in ("a.1", "a.2", "ab"):
        theirs(tool, "register", name, "PYRO:x@y:5")
    assert theirs(tool, "removematching", "--prefix", "a.", "--dry-run").stdout == "a.1\na.2\n"
    assert theirs(tool, "removematching", "--prefix", "a.", "--yes").stdout == "2 items removed.\n"
    assert theirs(tool, "lookup", "ab").returncode == 0


# Conformance: NSC-17
@pytest.mark.parametrize("generation", ["pyro4", "pyro5"])
def test_the_names_of_pyros_tools_have_their_options_and_commands_only(our_nsc, shared_ns, generation):
    for arguments in (["list", "-o", "json"], ["list", "--count"], ["watch"], ["export"], ["migrate", "a", "b"]):
        result = nsc(our_nsc(generation), shared_ns.port, *arguments)
        assert (result.returncode, result.stdout) == (2, ""), result
    result = nsc(our_nsc(generation), shared_ns.port, "register", "a", "PYRO:x@y:5", "tag")
    assert (result.returncode, result.stderr) == (1, "requires two arguments: name uri\n")
