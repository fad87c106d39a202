from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest
import Pyro4.socketutil

from ferropyro import errors, socketutil
from ferropyro.configuration import config


def test_the_public_names_are_those_of_pyro4() -> None:
    theirs = {
        name
        for name, value in vars(Pyro4.socketutil).items()
        if not name.startswith("_") and getattr(value, "__module__", "Pyro4.socketutil") == "Pyro4.socketutil"
    }
    modules = {name for name in theirs if type(getattr(Pyro4.socketutil, name)).__name__ == "module"}
    assert sorted(theirs - modules - set(dir(socketutil)) - {"basestring", "config"}) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_addresses_are_found_as_in_pyro4(host: str) -> None:
    assert socketutil.getIpAddress(host) == Pyro4.socketutil.getIpAddress(host)
    assert socketutil.getIpVersion(host) == Pyro4.socketutil.getIpVersion(host)
    assert socketutil.getInterfaceAddress("127.0.0.1") == "127.0.0.1"


def test_an_address_of_the_other_version_is_an_error() -> None:
    with pytest.raises(OSError, match="unable to determine IPV6 address"):
        socketutil.getIpAddress("127.0.0.1", ipVersion=6)
    with pytest.raises(ValueError, match="ipVersion"):
        socketutil.getIpAddress("localhost", ipVersion=7)
    with pytest.raises(ValueError, match="IPv4 address is used"):
        socketutil.createSocket(bind=("127.0.0.1", 0), ipv6=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "", "localhost"])
def test_a_socket_listens_on_a_free_port_and_is_connected_to(host: str) -> None:
    with socketutil.createSocket(bind=(host, 0), reuseaddr=True, timeout=5) as server:
        address = (host or "127.0.0.1", server.getsockname()[1])
        with socketutil.createSocket(connect=address, timeout=5) as client:
            assert client.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            with server.accept()[0] as accepted:
                assert socketutil.family_str(accepted) == ("IPv6" if host == "::1" else "IPv4")


def test_a_path_makes_a_socket_of_the_unix_domain(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socketutil.createSocket(bind=path) as server, socketutil.createSocket(connect=path) as client:
        assert socketutil.family_str(client) == socketutil.family_str(server) == "Unix"


def test_a_refused_connection_is_an_error() -> None:
    port = socketutil.findProbablyUnusedPort()
    with pytest.raises(ConnectionRefusedError):
        socketutil.createSocket(connect=("127.0.0.1", port), timeout=5)
    with pytest.raises(ValueError, match="at the same time"):
        socketutil.createSocket(bind=("", 1), connect=("", 1))
    with pytest.raises(ValueError, match="unknown bind or connect format"):
        socketutil.createSocket(bind=5)  # type: ignore[arg-type]


def test_a_broadcast_socket_may_broadcast() -> None:
    with socketutil.createBroadcastSocket(bind=("", 0), reuseaddr=True, timeout=1) as sock:
        assert sock.type == socket.SOCK_DGRAM
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        assert sock.getsockname()[1] != 0
        assert sock.gettimeout() == 1


def test_much_data_arrives_whole() -> None:
    left, right = (socketutil.SocketConnection(sock) for sock in socket.socketpair())
    data = bytes(range(256)) * 20_000
    left.timeout = 10
    with left, right:
        thread = threading.Thread(target=left.send, args=(data,))
        thread.start()
        assert right.recv(len(data)) == data
        thread.join()


def test_a_broken_connection_tells_what_had_arrived() -> None:
    left, right = (socketutil.SocketConnection(sock) for sock in socket.socketpair())
    with right:
        left.send(b"abc")
        left.close()
        with pytest.raises(errors.ConnectionClosedError, match="not enough data") as caught:
            right.recv(10)
        assert caught.value.partialData == b"abc"  # type: ignore[attr-defined]
        with pytest.raises(errors.ConnectionClosedError, match="connection lost"):
            for _ in range(100):
                right.send(bytes(100_000))


def test_a_silent_peer_is_a_timeout() -> None:
    left, right = (socketutil.SocketConnection(sock) for sock in socket.socketpair())
    with left, right:
        right.setTimeout(0.01)
        with pytest.raises(errors.TimeoutError, match="receiving: timeout"):
            right.recv(1)
        with pytest.raises(errors.TimeoutError, match="sending: timeout"):
            right.send(bytes(10_000_000))


class Resource:
    closed = False

    def close(self) -> None:
        self.closed = True
        raise OSError("already closed")


def test_closing_a_connection_frees_its_resources() -> None:
    left, right = socket.socketpair()
    connection = socketutil.SocketConnection(left, "object")
    resource = Resource()
    connection.tracked_resources.add(resource)
    connection.pyroInstances[Resource] = resource
    connection.close()
    assert resource.closed
    assert not connection.pyroInstances and not connection.tracked_resources
    assert connection.fileno() == -1
    connection.close()
    kept = socketutil.SocketConnection(right, keep_open=True)
    kept.close()
    assert right.fileno() != -1
    right.close()


def test_a_waiting_server_is_interrupted() -> None:
    with socketutil.createSocket(bind=("127.0.0.1", 0), timeout=5) as server:
        socketutil.interruptSocket(server.getsockname())
        with server.accept()[0] as accepted:
            assert accepted.recv(100) == b"!" * 16
    socketutil.interruptSocket(("127.0.0.1", socketutil.findProbablyUnusedPort()))


def test_contexts_of_tls_are_made_of_files(tmp_path: Path) -> None:
    client = socketutil.getSSLcontext()
    assert client.check_hostname
    with pytest.raises(ValueError, match="both"):
        socketutil.getSSLcontext(servercert="a", clientcert="b")
    with pytest.raises(OSError, match="server cert file not found"):
        socketutil.getSSLcontext(servercert=str(tmp_path / "none"))
    with pytest.raises(OSError, match="client cert file not found"):
        socketutil.getSSLcontext(clientcert=str(tmp_path / "none"))


def test_the_preferred_version_of_ip_decides() -> None:
    config.PREFER_IP_VERSION = 6
    with socketutil.createSocket(ipv6=None) as sock:
        assert socketutil.family_str(sock) == "IPv6"
    assert socketutil.getIpAddress("::1") == "::1"
