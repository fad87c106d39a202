"""Flame of Pyro4 in both directions: the real client with our server of files, `ferropyro flame` with the real server."""

import stat
import sys

import Pyro4.utils.flame
import pytest

from peers import PYRO4, PYRO5
from servers import run

ENABLED = {"PYRO_FLAME_ENABLED": "true"}


@pytest.fixture
def real(servers, tmp_path):
    """The real Flame server, in a folder of its own."""
    folder = tmp_path / "real"
    folder.mkdir()
    env = {**ENABLED, "PYRO_SERIALIZERS_ACCEPTED": "pickle", "PYRO_SERIALIZER": "pickle"}
    return servers.start([sys.executable, "-m", "Pyro4.utils.flameserver"], ready="^server is running", env=env, cwd=folder)


@pytest.fixture
def folder(tmp_path):
    """The folder that our server serves."""
    path = tmp_path / "served"
    path.mkdir()
    (tmp_path / "secret").write_text("secret")
    return path


@pytest.fixture
def serve(ferropyro, servers, folder):
    """Starts our server: serve("--max-size", 1000, env={...})."""

    def start(*options, env=None):
        args = [ferropyro, "flame", "serve", folder, *options]
        return servers.start(args, ready="^URI = PYRO:Pyro.Flame@", env={**ENABLED, **(env or {})})

    return start


@pytest.fixture
def flame(ferropyro, real):
    """Runs a command of ours with the real server: flame("evaluate", "1 + 2")."""

    def ask(command, *args, status=0, **options):
        done = run([ferropyro, "flame", command, real.uri, *args], **options)
        assert done.returncode == status, done.stderr
        return done

    return ask


def connect(server, **options):
    """The real client."""
    PYRO4.api.config.SERIALIZER = "pickle"
    return Pyro4.utils.flame.connect(server.uri.partition("@")[2], **options)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


# Conformance: FT-02
def test_python_stores_and_reads_files_at_our_server(serve, folder):
    with connect(serve()) as client:
        for content in [b"", b"text", bytes(range(256)) * 1000]:
            assert client.sendfile("file", content) is None
            assert (folder / "file").read_bytes() == content
            assert client.getfile("file") == content
        assert mode(folder / "file") == 0o600
        with pytest.raises(FileNotFoundError, match="^there is no file 'other'$"):
            client.getfile("other")


# Conformance: FT-02
def test_python_gets_nowhere_but_into_the_folder(serve, folder, tmp_path):
    (folder / "link").symlink_to(tmp_path / "secret")
    with connect(serve("--max-size", 1000)) as client:
        for path in ["../secret", str(tmp_path / "secret"), "link"]:
            with pytest.raises(PermissionError):
                client.getfile(path)
        for path in ["../secret", str(tmp_path / "secret")]:
            with pytest.raises(PermissionError):
                client.sendfile(path, b"planted")
        with pytest.raises(ValueError, match="has 1001 bytes; this server takes files of 1000 at most"):
            client.sendfile("file", bytes(1001))
    assert (tmp_path / "secret").read_text() == "secret"
    assert sorted(path.name for path in folder.iterdir()) == ["link"]


# Conformance: FT-02
def test_python_is_told_that_our_server_runs_no_code(serve):
    with connect(serve()) as client:
        for call in [
            lambda: client.module("os"),
            lambda: client.builtin("len"),
            lambda: client.execute("import os"),
            lambda: client.evaluate("1 + 2"),
            lambda: client.sendmodule("name", "x = 1"),
            lambda: client.getmodule("os"),
            lambda: client.console(),
            lambda: client.invokeBuiltin("len", ([],), {}),
            lambda: client.invokeModule("os.getcwd", (), {}),
        ]:
            with pytest.raises(NotImplementedError, match="runs no code: .* Pyro4.utils.flameserver"):
                call()
        client.sendfile("file", b"the connection goes on")


# Conformance: FT-02, API-04
@pytest.mark.parametrize("peer, serializer", [(PYRO4, "serpent"), (PYRO5, "serpent"), (PYRO5, "marshal")], ids=str)
def test_nobody_has_flame_without_pickle(serve, peer, serializer):
    peer.api.config.SERIALIZER = serializer
    with peer.api.Proxy(serve().uri) as proxy, pytest.raises(peer.errors.CommunicationError, match="not accepted"):
        proxy.getfile("file")


# Conformance: FT-02, SEC-01
@pytest.mark.parametrize("env", [{}, {"PYRO_FLAME_ENABLED": "false"}, {"PYRO_SERIALIZERS_ACCEPTED": "pickle"}], ids=str)
def test_our_server_refuses_to_start_with_the_words_of_the_real_one(ferropyro, folder, env):
    real = run([sys.executable, "-m", "Pyro4.utils.flameserver"], env=env)
    ours = run([ferropyro, "flame", "serve", folder], env=env)
    words = "Flame is disabled in the server configuration"
    assert f"Pyro4.errors.SecurityError: {words}" in real.stderr
    assert (ours.returncode, ours.stdout) == (2, "")
    assert f"error: {words}; to enable it: PYRO_FLAME_ENABLED=true" in ours.stderr


def test_a_key_is_needed_at_both_ends(serve, ferropyro):
    server = serve(env={"PYRO_HMAC_KEY": "key"})
    with connect(server, hmac_key=b"key") as client:
        client.sendfile("file", b"content")
        assert client.getfile("file") == b"content"
    with pytest.raises(PYRO4.errors.CommunicationError, match="hmac"):
        connect(server)
    assert run([ferropyro, "flame", "getfile", server.uri, "file", "/dev/null"]).returncode == 6
    assert run([ferropyro, "flame", "getfile", server.uri, "file", "/dev/null"], env={"PYRO_HMAC_KEY": "key"}).returncode == 0


# Conformance: FT-02
def test_files_go_to_and_come_from_the_real_server(flame, tmp_path):
    content = bytes(range(256)) * 1000
    (tmp_path / "file").write_bytes(content)
    flame("sendfile", tmp_path / "file")
    assert (tmp_path / "real" / "file").read_bytes() == content
    assert mode(tmp_path / "real" / "file") == 0o600
    flame("getfile", "file", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == content
    assert "No such file" in flame("getfile", "other", tmp_path / "other", status=3).stderr
    assert not (tmp_path / "other").exists()


def test_modules_go_to_and_come_from_the_real_server(flame, tmp_path, rust_client, real):
    source = "def twice(x):\n    return 2 * x\n"
    (tmp_path / "sent.py").write_text(source)
    flame("sendmodule", "flame_sent", tmp_path / "sent.py")
    assert flame("evaluate", "__import__('flame_sent').twice(21)").stdout == "42\n"
    assert flame("getmodule", "this").stdout.startswith('s = """Gur Mra bs Clguba')
    # What the handles of modules and builtins send.
    proxy = rust_client.proxy(real.uri, serializer="pickle")
    assert proxy.call("invokeModule", "flame_sent.twice", (4,), {}) == 8
    assert proxy.call("invokeBuiltin", "sorted", ([1, 3, 2],), {"reverse": True}) == [3, 2, 1]


def test_the_real_server_evaluates_and_executes(flame):
    assert flame("evaluate", "[(1, 'a'), {2: None}]").stdout == "[(1, 'a'), {2: None}]\n"
    assert flame("evaluate", "(1, 'a')", "-o", "json").stdout == '[1, "a"]\n'
    flame("execute", "flame_test_value = 42")
    assert flame("evaluate", "flame_test_value").stdout == "42\n"
    failed = flame("evaluate", "1 / 0", status=1)
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: ZeroDivisionError: division by zero\n")


def test_the_console_of_the_real_server_takes_lines(flame):
    lines = ["x = 20", "for i in range(2):", "    print(x + i)", "", "1 / 0", "x"]
    done = flame("console", input="".join(line + "\n" for line in lines))
    printed = done.stdout.splitlines()
    assert (printed[:2], printed[-1]) == (["20", "21"], "20")
    assert "ZeroDivisionError: division by zero" in printed
    assert done.stderr.splitlines()[0].startswith("Python 3.")
    assert done.stderr.splitlines()[-1] == "(Remote session ended)"
    assert flame("console").stdout == ""


def test_the_console_of_a_real_server_with_a_key_takes_lines(ferropyro, servers):
    key = {"PYRO_HMAC_KEY": "key"}
    args = [sys.executable, "-m", "Pyro4.utils.flameserver"]
    real = servers.start(args, ready="^server is running", env={**ENABLED, **key})
    assert run([ferropyro, "flame", "console", real.uri], env=key, input="1 + 2\n").stdout == "3\n"
    assert run([ferropyro, "flame", "console", real.uri], input="1 + 2\n").returncode == 6


def test_what_is_no_flame_server_is_told_of(ferropyro, rust_server):
    done = run([ferropyro, "flame", "evaluate", rust_server.uri.partition("@")[2], "1"])
    assert (done.returncode, done.stdout) == (3, "")
    done = run([ferropyro, "flame", "evaluate", "localhost", "1"])
    assert (done.returncode, done.stdout) == (2, "")
