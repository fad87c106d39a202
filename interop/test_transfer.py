"""Files through `ferropyro serve-files`, `get` and `put`, with the real Pyro as client, name server and file server."""

import hashlib
import json
import re
import signal
import socket
from pathlib import Path

import pytest
import serpent

from peers import ACCEPT_ALL
from relay import Relay
from servers import run
from workshop import eventually

PART = ".ferropyro-part"
WAYS = ["annotations", "calls", "socket"]
PATTERN = bytes(range(251)) * 4096  # of a length that no piece divides


def content(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path):
    """The folder that is served."""
    path = tmp_path / "served"
    path.mkdir()
    return path


@pytest.fixture
def here(tmp_path):
    """Another one."""
    path = tmp_path / "here"
    path.mkdir()
    return path


@pytest.fixture
def serve(ferropyro, servers, folder):
    """Starts the file server: serve("--access", "create")."""

    def start(*options, env=None):
        return servers.start([ferropyro, "serve-files", folder, *options], ready="^URI = PYRO:", env=env)

    return start


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# --- the real Pyro as the client


# Conformance: FT-03
def test_python_gets_55_mb_in_annotations(pyro, serve, folder):
    data = content(55_000_000)
    (folder / "file").write_bytes(data)
    digest = hashlib.sha256()
    done = 0
    with pyro.api.Proxy(serve().uri) as files:
        for position in files.stream("file"):
            piece = pyro.api.current_context.response_annotations["FDAT"]
            assert len(piece) == min(65_000, len(data) - done)
            digest.update(piece)
            done += len(piece)
            assert position == done
        pyro.api.current_context.response_annotations.clear()
        assert digest.hexdigest() == files.checksum("file") == sha256(data)


def raw_bytes(offer):
    """All that comes for a ticket."""
    ticket, address = offer
    with socket.create_connection(tuple(address), 20) as connection:
        connection.sendall(ticket.encode())
        with connection.makefile("rb") as stream:
            return stream.read()


# Conformance: FT-04
def test_python_gets_ten_files_over_raw_sockets(pyro, serve, folder, request):
    size = 40_000_000 if request.config.getoption("--full") else 4_000_000
    data = content(size)
    (folder / "file").write_bytes(data)
    with pyro.api.Proxy(serve().uri) as files:
        tickets = [files.open_socket("file") for _ in range(10)]
        for ticket in tickets:
            assert raw_bytes(ticket) == data
        assert raw_bytes(files.open_socket("file", size - 3)) == data[-3:]


def test_a_ticket_is_good_for_one_connection(pyro, serve, folder):
    (folder / "file").write_bytes(b"content")
    with pyro.api.Proxy(serve().uri) as files:
        used, unused = files.open_socket("file"), files.open_socket("file")
        assert raw_bytes(used) == b"content"
        assert raw_bytes(used) == b""
        assert raw_bytes(["x" * 36, used[1]]) == b""
        assert raw_bytes(unused) == b"content"


@pytest.mark.parametrize("serializer", ["serpent", "marshal", "msgpack"])
def test_python_reads_in_calls(pyro, serve, folder, serializer):
    data = content(300_000)
    (folder / "file").write_bytes(data)
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(serve().uri) as files:
        assert [tuple(entry) for entry in files.list()] == [("file", 300_000)]
        pieces = [serpent.tobytes(files.read("file", offset, 100_000)) for offset in range(0, 300_001, 100_000)]
        assert b"".join(pieces) == data
        assert pieces[-1] == b""


def by_annotations(pyro, files, upload, data):
    for start in range(0, len(data), 65_000):
        pyro.api.current_context.annotations = {"FDAT": data[start : start + 65_000]}
        files.write(upload, start)
    pyro.api.current_context.annotations = {}


def by_calls(pyro, files, upload, data):
    for start in range(0, len(data), 100_000):
        files.write(upload, start, data[start : start + 100_000])


def by_socket(pyro, files, upload, data):
    ticket, address = files.upload_socket(upload)
    with socket.create_connection(tuple(address), 20) as connection:
        connection.sendall(ticket.encode() + data)
        assert connection.recv(1) == b""


@pytest.mark.parametrize("send", [by_annotations, by_calls, by_socket])
def test_python_puts_a_file(pyro, serve, folder, send):
    data = content(3_000_000)
    with pyro.api.Proxy(serve("--access", "create").uri) as files:
        upload, position, checksum = files.begin_upload("file", len(data))
        assert (position, checksum) == (0, sha256(b""))
        send(pyro, files, upload, data)
        assert names(folder) == ["file" + PART]
        files.finish_upload(upload, sha256(data))
        with pytest.raises(FileExistsError):
            files.begin_upload("file", 1)
    assert names(folder) == ["file"]
    assert (folder / "file").read_bytes() == data


def test_python_is_told_why_not(pyro, serve, folder):
    (folder / "file").write_bytes(b"content")
    (folder / "way").symlink_to("/etc")
    with pyro.api.Proxy(serve().uri) as files:
        for path in ["../served/file", "/etc/passwd", "way/passwd", ""]:
            for call in (files.size, files.read, files.stream, files.checksum, files.open_socket):
                with pytest.raises(PermissionError):
                    call(path)
        with pytest.raises(FileNotFoundError, match="^there is no file 'other'$"):
            files.read("other")
        with pytest.raises(PermissionError, match="can only be read"):
            files.begin_upload("other", 1)
        with pytest.raises(ValueError, match="beyond the end"):
            files.read("file", 8)


# Conformance: FT-01
@pytest.mark.parametrize("serializer", ["serpent", "marshal", "msgpack", "pickle"])
def test_a_call_takes_ten_megabytes(pyro, ferropyro, servers, serializer):
    data = content(10_000_000)
    echo = servers.start([ferropyro, "echo"], ready="^echoserver running", env=ACCEPT_ALL)
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(echo.uri) as proxy:
        assert serpent.tobytes(proxy.echo(data)) == data


# Conformance: FT-01
def test_the_guide_says_what_is_better_for_large_files():
    page = (Path(__file__).parent.parent / "docs" / "transfer.md").read_text(encoding="utf-8")
    _, advice, *_ = page.split("\n\n")
    assert [tool for tool in ("file share", "FTP", "HTTP", "scp", "rsync") if tool not in advice] == []


# --- our client


def test_the_page_shows_what_the_commands_print(ferropyro, ferropyro_ns, servers, folder, here, monkeypatch):
    data = content(55_000_000)
    (folder / "2026").mkdir()
    (here / "report.pdf").write_bytes(data)
    monkeypatch.chdir(here)
    env = {"PYRO_NS_PORT": str(ferropyro_ns.port)}
    page = (Path(__file__).parent.parent / "docs" / "cli.md").read_text(encoding="utf-8").replace("0a2c...", sha256(data))
    start, session = [shown for shown in re.findall(r"^```console\n(.*?)^```", page, re.M | re.S) if re.search(r"^\$ ferropyro (serve-files|put|get) ", shown)]
    command, expected = start.removeprefix("$ ferropyro ").split("\n", 1)
    server = servers.start([ferropyro, *command.replace("/srv/files", str(folder)).split()], ready="^URI = ", env=env)
    assert without_figures("\n".join(server.stdout)) == without_figures(expected.strip())
    (put, put_prints), (get, get_prints) = re.findall(r"^\$ ferropyro (.*)\n((?:[^$].*\n)*)", session, re.M)
    done = run([ferropyro, *put.split()], env=env)
    assert without_figures(done.stdout + done.stderr) == without_figures(put_prints)
    (here / f"report.pdf{PART}").write_bytes(data[:20_000_000])
    done = run([ferropyro, *get.split()], env=env)
    assert without_figures(done.stdout + done.stderr) == without_figures(get_prints)


def without_figures(text):
    """Ports, times and rates differ from run to run."""
    return re.sub(r":\d+$|[\d.]+ s, \d+ MB/s|(?<=\"seconds\": )[\d.]+", "N", text, flags=re.M)



@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
def test_get_and_put_carry_files(ferropyro, serve, folder, here, servertype, way):
    data = content(3_000_000)
    (here / "local").write_bytes(data)
    server = serve("--access", "replace", env={"PYRO_SERVERTYPE": servertype})
    for _ in range(2):
        done = run([ferropyro, "put", server.uri, here / "local", "--by", way])
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        assert done.stderr.startswith("local: 3000000 bytes in ") and done.stderr.endswith(f"SHA-256 {sha256(data)}\n")
    assert (folder / "local").read_bytes() == data
    done = run([ferropyro, "get", server.uri, "local", here / "copy", "--by", way, "-o", "json"])
    told = json.loads(done.stdout)
    assert (told["path"], told["bytes"], told["resumed_at"], told["sha256"]) == ("local", 3_000_000, 0, sha256(data))
    assert (done.returncode, done.stderr) == (0, "")
    assert (here / "copy").read_bytes() == data
    assert names(folder) == ["local"]
    assert names(here) == ["copy", "local"]


def test_a_folder_is_a_place_too(ferropyro, serve, folder, here):
    (here / "local").write_bytes(b"content")
    (folder / "sub").mkdir()
    server = serve("--access", "create")
    assert run([ferropyro, "put", server.uri, here / "local", "sub/", "-q"]).stderr == ""
    (here / "local").unlink()
    assert run([ferropyro, "get", server.uri, "sub/local", here, "-q"]).stderr == ""
    assert (here / "local").read_bytes() == b"content"


def test_files_go_by_names(ferropyro, real_name_server, serve, folder, here):
    (folder / "file").write_bytes(b"content")
    env = {"PYRO_NS_PORT": str(real_name_server.port)}
    serve("--name", "example.files", env=env)
    for way in WAYS:
        done = run([ferropyro, "get", "PYRONAME:example.files", "file", here / "copy", "--by", way], env=env)
        assert done.returncode == 0, done.stderr
        assert (here / "copy").read_bytes() == b"content"
        (here / "copy").unlink()


def test_the_status_tells_what_went_wrong(ferropyro, serve, folder, here):
    (folder / "file").write_bytes(b"content")
    (here / "local").write_bytes(b"other")
    server = serve()

    def ends(status, error, *args):
        done = run([ferropyro, *args])
        assert done.returncode == status, done.stderr
        assert error in done.stderr

    ends(3, "error: there is no file 'missing'", "get", server.uri, "missing", here / "copy")
    ends(1, "error: the files of this server can only be read", "put", server.uri, here / "local")
    ends(1, "is no path of a file below the served folder", "get", server.uri, "../file", here / "copy")
    ends(1, "No such file or directory", "put", server.uri, here / "missing")
    ends(3, "unknown object", "get", server.uri.replace("files@", "other@"), "file", here / "copy")
    ends(2, "should look like", "get", "nothing", "file", here / "copy")
    ends(2, "the path of one is missing", "get", server.uri + ".attribute", "--resume")
    server.stop()
    ends(4, "cannot connect", "get", server.uri, "file", here / "copy")
    assert names(here) == ["local"]


def test_a_get_goes_on_after_the_server_was_killed(ferropyro, servers, serve, folder, here):
    data = content(30_000_000)
    (folder / "file").write_bytes(data)
    (here / "file").write_bytes(b"precious")
    server = serve()
    with Relay(server.port) as relay:
        relay.hold_after(20_000_000)
        uri = server.uri.replace(str(server.port), str(relay.port))
        client = servers.start([ferropyro, "get", uri, "file", here / "file"])
        relay.wait_until_held()
        server.stop(signal.SIGKILL)
        relay.go_on()
        assert client.wait(20) == 4, client.output()
    assert (here / "file").read_bytes() == b"precious"
    there = (here / f"file{PART}").stat().st_size
    assert 10_000_000 < there < 30_000_000
    done = run([ferropyro, "get", serve().uri, "file", here / "file", "--resume"])
    assert f"({there} were there already)" in done.stderr
    assert (here / "file").read_bytes() == data
    assert names(here) == ["file"]


def test_a_put_goes_on_after_the_client_was_killed(ferropyro, servers, serve, folder, here):
    data = content(30_000_000)
    (here / "file").write_bytes(data)
    server = serve("--access", "create")
    with Relay(server.port) as relay:
        relay.hold_after(2_000)  # in the midst of the answers to the first pieces
        uri = server.uri.replace(str(server.port), str(relay.port))
        client = servers.start([ferropyro, "put", uri, here / "file"])
        relay.wait_until_held()
        client.stop(signal.SIGKILL)
    assert names(folder) == [f"file{PART}"]

    def put_again():
        done = run([ferropyro, "put", server.uri, here / "file", "--resume", "-o", "json"])
        return done.returncode == 0 and json.loads(done.stdout)["resumed_at"] > 0

    eventually(put_again, True)  # when the server has seen that the first client is gone
    assert (folder / "file").read_bytes() == data
    assert names(folder) == ["file"]


def test_what_a_client_leaves_behind_is_freed(pyro, serve, folder):
    (folder / "file").write_bytes(content(1_000_000))
    server = serve("--max-transfers", "2", "--access", "create")
    with pyro.api.Proxy(server.uri) as files, pyro.api.Proxy(server.uri) as other:
        files.begin_upload("one", 1)
        other.begin_upload("two", 1)
        with pytest.raises(RuntimeError, match="^2 transfers are under way"):
            files.open_socket("file")

    def can_transfer():
        with pyro.api.Proxy(server.uri) as files:
            try:
                return files.begin_upload("one", 1)[1]
            except (RuntimeError, BlockingIOError):
                return None

    eventually(can_transfer, 0)


def test_a_key_keeps_raw_sockets_away(ferropyro, serve, folder, here):
    (folder / "file").write_bytes(b"content")
    env = {"PYRO_HMAC_KEY": "secret"}
    get = [ferropyro, "get", serve(env=env).uri, "file", here / "copy"]
    done = run([*get, "--by", "socket"], env=env)
    assert done.returncode == 1 and "neither signed nor encrypted" in done.stderr
    assert run(get, env=env).returncode == 0
    careless = serve("--raw-in-clear", env=env)
    done = run([ferropyro, "get", careless.uri, "file", here / "copy", "--by", "socket"], env=env)
    assert done.returncode == 0, done.stderr


def test_tls_keeps_raw_sockets_away(ferropyro, serve, folder, here, tmp_path):
    for command in ["ca", "server"]:
        done = run([ferropyro, "cert", command, tmp_path / "lab"])
        assert done.returncode == 0, done.stderr
    own = {"CERT": tmp_path / "lab" / "localhost.pem", "KEY": tmp_path / "lab" / "localhost-key.pem"}
    server = {"PYRO_SSL": "1", **{f"PYRO_SSL_SERVER{name}": str(path) for name, path in own.items()}}
    client = {"PYRO_SSL": "1", "PYRO_SSL_CACERTS": str(tmp_path / "lab" / "ca.pem")}
    data = content(1_000_000)
    (folder / "file").write_bytes(data)
    get = [ferropyro, "get", serve(env=server).uri, "file", here / "copy"]
    done = run([*get, "--by", "socket"], env=client)
    assert done.returncode == 1 and "neither signed nor encrypted" in done.stderr
    done = run(get, env=client)
    assert done.returncode == 0, done.stderr
    assert (here / "copy").read_bytes() == data
    careless = serve("--raw-in-clear", env=server)
    done = run([ferropyro, "get", careless.uri, "file", here / "copy", "--by", "socket"], env=client)
    assert done.returncode == 0, done.stderr
