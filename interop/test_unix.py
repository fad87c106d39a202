"""Unix domain sockets: paths, abstract names, and what stands in the way."""

import socket
import sys

import pytest

from rust_peer import start_server
from servers import run

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix domain sockets")


def test_a_path_with_blanks_leads_both_ways(pyro, servers, peer_program, rust_client, tmp_path):
    path = str(tmp_path / "a b.sock")
    server = start_server(servers, peer_program, "--unix", path)
    assert server.stdout[0] == f"URI = PYRO:obj.test@./u:{path}"
    with pyro.api.Proxy(f"PYRO:obj.test@./u:{path}") as proxy:
        assert proxy.echo("hello") == "hello"
    other = str(tmp_path / "c d.sock")
    pyro.start_test_server(servers, unixsocket=other)
    proxy = rust_client.proxy(f"PYRO:obj.test@./u:{other}")
    assert proxy.call("echo", "hello") == "hello"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has abstract names")
def test_an_abstract_name_begins_with_nul_as_in_python(pyro, servers, peer_program, rust_client, tmp_path):
    # A program cannot be given a NUL as an argument, so the Python side serves.
    name = f"\0ferropyro-{tmp_path}".replace(":", "-")
    pyro.start_test_server(servers, unixsocket=name)
    proxy = rust_client.proxy(f"PYRO:obj.test@./u:{name}")
    assert proxy.call("echo", "hello") == "hello"
    # Elsewhere an @ stands for the NUL; in a URI of Pyro it is a file of that name.
    proxy = rust_client.proxy(f"PYRO:obj.test@./u:@{name[1:]}")
    with pytest.raises(Exception, match="No such file or directory"):
        proxy.call("echo", "hello")


def test_a_socket_file_that_a_killed_server_has_left_is_replaced(pyro, servers, peer_program, tmp_path):
    path = str(tmp_path / "left.sock")
    first = start_server(servers, peer_program, "--unix", path)
    first.stop(9)
    start_server(servers, peer_program, "--unix", path)
    with pyro.api.Proxy(f"PYRO:obj.test@./u:{path}") as proxy:
        assert proxy.echo(1) == 1
    taken = run([peer_program, "serve", "--unix", path])
    assert taken.returncode == 1
    assert f"cannot listen on ./u:{path}: Address already in use" in taken.stderr


def test_a_path_that_is_too_long_is_told_the_limit(peer_program, rust_client):
    path = "/tmp/" + "x" * 200
    done = run([peer_program, "serve", "--unix", path])
    assert done.returncode == 1
    assert "the path is too long: it has 205 bytes, and on this system a socket's path can have" in done.stderr
