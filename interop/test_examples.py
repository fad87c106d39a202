"""The programs in examples/, as a reader of the README starts them, and as examples/README.md shows them (scenes.py)."""

import os
import sys
from pathlib import Path

import pytest

import scenes
from servers import run

EXAMPLES = Path(__file__).parent.parent / "examples"
PYTHON = EXAMPLES / "python"
WAREHOUSE = ["4 chairs left", "ValueError: only 2 left"]


# Pyro4 and Pyro5 do not speak with each other.
PAIRS = [
    (server, client)
    for server in ("Rust", "Pyro4", "Pyro5")
    for client in ("Rust", "Pyro4", "Pyro5")
    if {server, client} != {"Pyro4", "Pyro5"}
]


@pytest.fixture
def warehouse(example, servers):
    return servers.start([example("warehouse_server")], ready="^URI = ")


def test_the_warehouse_serves_a_rust_client(warehouse, example):
    done = run([example("warehouse_client"), warehouse.uri])
    assert (done.stdout.splitlines(), done.stderr) == (['{"chair": 6, "table": 2}', *WAREHOUSE], "")


def test_the_warehouse_serves_a_python_client(warehouse):
    done = run([sys.executable, PYTHON / "warehouse_client.py", warehouse.uri])
    assert (done.stdout.splitlines(), done.stderr) == (["{'chair': 6, 'table': 2}", *WAREHOUSE], "")


@pytest.mark.parametrize("package", ["Pyro4", "Pyro5"])
def test_rust_calls_a_python_object(example, servers, package):
    greeter = servers.start([sys.executable, PYTHON / "greeter.py", package], ready="^URI = ")
    done = run([example("call_python"), greeter.uri])
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "Hello, Rust!",
        "{'python': 3, 'pi': (3.14, [3, 14]), 'nothing': None}",
        "ValueError: this is Python",
    ]
    assert lines[3] == "Traceback (most recent call last):"
    assert "in fail" in done.stdout


@pytest.fixture
def play(example, ferropyro, servers):
    """Plays a section of examples/README.md: play("handshake"), or with other programs in the place of some, which must print the same."""

    def play(title, **instead):
        scenes.Scene(title, example, ferropyro, servers, instead).play()

    return play


def python(program, *args):
    return [sys.executable, PYTHON / f"{program}.py", *args]


@pytest.mark.parametrize("title", ["warehouse", "call_python", "futures", "futures_proxy", "connection"])
def test_the_readme_of_the_examples_shows_what_is_printed(play, title):
    play(title)


# Conformance: EX-01
def test_a_call_that_waits_for_itself_hangs_without_a_time_limit_or_a_new_proxy(play):
    play("deadlock")


# Conformance: EX-02
@pytest.mark.parametrize("server, client", PAIRS)
@pytest.mark.parametrize("title", ["autoreconnect", "autoreconnect by name"])
def test_a_client_goes_on_with_a_server_that_was_killed_and_started_again(play, title, server, client):
    play(title, **pair("autoreconnect", server, client))


# Conformance: EX-03
@pytest.mark.parametrize("client", ["Rust", "Pyro5"])
@pytest.mark.parametrize("server", ["Rust", "Pyro5"])
def test_a_method_knows_about_its_call(play, server, client):
    play("callcontext", **callcontext(server, client))


# Conformance: EX-03
@pytest.mark.parametrize("client", ["Rust", "Pyro4"])
@pytest.mark.parametrize("server", ["Rust", "Pyro4"])
@pytest.mark.parametrize("title", ["callcontext with a key", "callcontext with hooks"])
def test_a_method_knows_about_its_call_when_that_is_signed(play, title, server, client):
    play(title, **callcontext(server, client))


def callcontext(server, client):
    """The Python programs take the generation that has what they are to do."""
    languages = {"callcontext_server": server, "callcontext_client": client}
    return {name: python(name) for name, language in languages.items() if language != "Rust"}


# Conformance: EX-04
def test_users_with_sessions_do_not_get_in_each_others_way(play):
    play("usersession")


# Conformance: EX-05
def test_the_resources_of_a_killed_client_are_closed(play):
    play("resourcetracking")


# Conformance: EX-06
def test_a_handshake_lets_in_whoever_knows_the_word(play):
    play("handshake")


# Conformance: EX-07
@pytest.mark.parametrize("listener", ["Rust", "Pyro4", "Pyro5"])
@pytest.mark.parametrize("client", ["Rust", "Pyro4", "Pyro5"])
def test_a_dispatcher_passes_on_what_it_does_not_know(play, client, listener):
    play("blob_dispatch", **blob_dispatch(client=client, listener=listener))


# Conformance: EX-07
@pytest.mark.parametrize("listener", ["Rust", "same"])
@pytest.mark.parametrize("client", ["Rust", "same"])
@pytest.mark.parametrize("dispatcher", ["Pyro4", "Pyro5"])
def test_a_python_dispatcher_passes_on_what_it_does_not_know(play, dispatcher, client, listener):
    roles = {"client": client, "listener": listener}
    roles = {role: dispatcher if kind == "same" else kind for role, kind in roles.items()}
    play("blob_dispatch", **blob_dispatch(dispatcher=dispatcher, **roles))


def blob_dispatch(**kinds):
    names = {f"blob_dispatch_{role}": kind for role, kind in kinds.items() if kind != "Rust"}
    return {name: python(name, kind) for name, kind in names.items()}


# Conformance: EX-08
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pairs of sockets that children inherit")
def test_a_daemon_and_its_client_talk_over_a_pair_of_sockets(monkeypatch, play):
    # The README has python start as a child of the example, from the top of the repository.
    monkeypatch.chdir(EXAMPLES.parent)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    play("socketpair")


# Conformance: EX-08, SOCK-04
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pairs of sockets that children inherit")
@pytest.mark.parametrize("package", ["Pyro4", "Pyro5"])
def test_a_pair_of_sockets_is_shared_with_children_and_threads_of_both_languages(example, package):
    replies = [f"echo of hello {number}" for number in (1, 2, 3, 4)]
    program = PYTHON / "socketpair.py"
    commands = [[sys.executable, program, mode, package] for mode in ("threads", "fork")]
    commands.append([example("socketpair_child"), sys.executable, program, "child", package])
    for command in commands:
        done = run(command)
        assert (done.stdout.splitlines(), done.stderr) == ([*replies, "the daemon has ended"], "")


# Conformance: EX-09, FT-03, FT-04
@pytest.mark.parametrize("server, client", PAIRS)
def test_files_go_in_four_ways(play, server, client):
    play("filetransfer", **pair("filetransfer", server, client))


# Conformance: EX-10
@pytest.mark.parametrize("server, client", PAIRS)
def test_huge_data_go_with_every_serializer(play, server, client):
    play("hugetransfer", **pair("hugetransfer", server, client))


def pair(name, server, client):
    """The Python programs of a server and its client, where they are not the Rust ones."""
    kinds = {f"{name}_server": server, f"{name}_client": client}
    return {program: python(program, kind) for program, kind in kinds.items() if kind != "Rust"}


def test_the_readme_of_the_examples_names_them_all():
    text = scenes.README.read_text(encoding="utf-8")
    programs = [path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*") if path.suffix in (".py", ".rs")]
    missing = [path for path in programs if f"({path.as_posix()})" not in text and f"`{path.stem}`" not in text]
    assert missing == []


# Conformance: EX-13, NS-22
@pytest.mark.parametrize("client", ["Rust", "Python"])
@pytest.mark.parametrize("title", ["eventloop", "eventloop of the program's own"])
def test_one_thread_serves_an_object_and_a_name_server(play, title, client):
    play(title, **({"eventloop_client": python("eventloop_client")} if client == "Python" else {}))


# Conformance: EX-12
def test_devices_are_found_by_their_tags(play):
    play("ns_metadata")


# Conformance: EX-12
def test_the_example_of_tags_prints_the_same_with_pyro4_and_fails_politely_without_tags(example, ferropyro, servers, tmp_path):
    shown = {}
    for spec in ("memory", f"dbm:{tmp_path / 'names'}"):
        server = servers.start([ferropyro, "ns", "-p", "0", "-s", spec], ready="^URI = ")
        for command in ([example("ns_metadata")], python("ns_metadata"), ["pyro4"]):
            command = [*python("ns_metadata"), server.port, "Pyro4"] if command == ["pyro4"] else [*command, server.port]
            done = run(command)
            shown.setdefault(spec, []).append((done.returncode == 0, done.stdout, done.stderr))
    assert len(set(shown["memory"])) == 1 and shown["memory"][0][0]
    for is_well, stdout, stderr in shown[f"dbm:{tmp_path / 'names'}"]:
        assert (is_well, stdout) == (False, "")
        assert "this name server keeps no tags: look at its storage" in stderr
