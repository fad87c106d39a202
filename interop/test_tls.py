"""Encrypted connections with Python's ssl on the other side, in both directions, with certificates of `ferropyro cert` and of openssl."""

import os
import shutil
import ssl
import stat

import pytest

import rust_peer
from servers import run

SERVERTYPES = ["thread", "multiplex"]


class Lab:
    """A folder of certificates, and the settings that name them."""

    def __init__(self, folder, authority=None):
        self.folder = folder
        self.authority = folder / (authority or "ca.pem")

    def server(self, name="localhost", **settings):
        return {"SSL": "1", "SSL_SERVERCERT": self.path(name), "SSL_SERVERKEY": self.path(f"{name}-key"), **settings}

    def client(self, name=None, **settings):
        own = {"SSL_CLIENTCERT": self.path(name), "SSL_CLIENTKEY": self.path(f"{name}-key")} if name else {}
        return {"SSL": "1", "SSL_CACERTS": str(self.authority), **own, **settings}

    def demanding_server(self, **settings):
        return self.server(SSL_REQUIRECLIENTCERT="1", SSL_CACERTS=str(self.authority), **settings)

    def path(self, name):
        return str(self.folder / f"{name}.pem")


def environment(settings):
    return {f"PYRO_{name}": value for name, value in settings.items()}


@pytest.fixture(scope="module")
def lab(ferropyro, tmp_path_factory):
    """What `ferropyro cert` makes."""
    folder = tmp_path_factory.mktemp("lab")
    for command in [["ca", folder], ["server", folder], ["client", folder, "irmen"]]:
        done = run([ferropyro, "cert", *command])
        assert done.returncode == 0, done.stderr
    return Lab(folder)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory):
    """A certificate as those that come with Pyro: for a common name only, signed by nobody else, and that of an authority."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl")
    folder = tmp_path_factory.mktemp("self-signed")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Razorvine.net/CN=localhost"]
    done = run([*request, "-keyout", folder / "localhost-key.pem", "-out", folder / "localhost.pem"])
    assert done.returncode == 0, done.stderr
    return Lab(folder, "localhost.pem")


@pytest.fixture(autouse=True)
def fresh_contexts():
    """Pyro keeps the first ssl contexts that it makes."""
    forget_contexts()
    yield
    forget_contexts()


def forget_contexts():
    import Pyro4.socketutil
    import Pyro5.socketutil

    for module in (Pyro4.socketutil, Pyro5.socketutil):
        vars(module)["__ssl_client_context"] = None
        vars(module)["__ssl_server_context"] = None


def configure(pyro, settings):
    """Gives settings to the clients of this process."""
    for name, value in settings.items():
        setattr(pyro.api.config, name, True if value == "1" else value)
    pyro.api.config.COMMTIMEOUT = 20


def python_call(pyro, uri, settings, *args):
    configure(pyro, settings)
    with pyro.api.Proxy(uri) as proxy:
        return proxy.echo(*args)


VALUES = [1, "two", [3.5, None], "x" * 100_000]


@pytest.mark.parametrize("servertype", SERVERTYPES)
def test_a_python_client_calls_an_encrypting_rust_server(pyro, servertype, lab, servers, peer_program):
    server = rust_peer.start_server(servers, peer_program, env=environment(lab.server(SERVERTYPE=servertype)))
    assert python_call(pyro, server.uri, lab.client(), VALUES) == VALUES


@pytest.mark.parametrize("servertype", SERVERTYPES)
def test_a_rust_client_calls_an_encrypting_python_server(pyro, servertype, lab, servers, rust_client):
    server = pyro.start_test_server(servers, env=environment(lab.server(SERVERTYPE=servertype)))
    proxy = rust_client.proxy(server.uri, config=lab.client())
    assert proxy.call("echo", VALUES) == VALUES
    assert proxy.call("add", 1, b=2) == 3


@pytest.mark.parametrize("servertype", SERVERTYPES)
def test_a_rust_server_demands_certificates_of_python_clients(pyro, servertype, lab, servers, peer_program):
    server = rust_peer.start_server(servers, peer_program, env=environment(lab.demanding_server(SERVERTYPE=servertype)))
    assert python_call(pyro, server.uri, lab.client("irmen"), VALUES) == VALUES
    forget_contexts()
    with pytest.raises(pyro.errors.CommunicationError):
        python_call(pyro, server.uri, lab.client() | {"SSL_CLIENTCERT": "", "SSL_CLIENTKEY": ""}, VALUES)


def test_a_python_server_demands_certificates_of_rust_clients(pyro, lab, servers, rust_client):
    server = pyro.start_test_server(servers, env=environment(lab.demanding_server()))
    assert rust_client.proxy(server.uri, config=lab.client("irmen")).call("echo", VALUES) == VALUES
    with pytest.raises(rust_peer.RustError, match="it demands a certificate: set SSL_CLIENTCERT"):
        rust_client.proxy(server.uri, config=lab.client()).call("echo", 1)


def test_a_python_client_trusts_a_self_signed_rust_server(pyro, self_signed, servers, peer_program):
    server = rust_peer.start_server(servers, peer_program, env=environment(self_signed.server()))
    assert python_call(pyro, server.uri, self_signed.client(), VALUES) == VALUES


def test_a_rust_client_trusts_a_self_signed_python_server(pyro, self_signed, servers, rust_client):
    server = pyro.start_test_server(servers, env=environment(self_signed.server()))
    # An address must be among the alternative names, of which there are none.
    uri = server.uri.replace("127.0.0.1", "localhost")
    assert rust_client.proxy(uri, config=self_signed.client()).call("echo", VALUES) == VALUES


def test_a_self_signed_certificate_serves_both_sides(pyro, self_signed, servers, peer_program, rust_client):
    demanding = environment(self_signed.demanding_server())
    server = rust_peer.start_server(servers, peer_program, env=demanding)
    assert python_call(pyro, server.uri, self_signed.client("localhost"), VALUES) == VALUES
    server = pyro.start_test_server(servers, env=demanding)
    uri = server.uri.replace("127.0.0.1", "localhost")
    assert rust_client.proxy(uri, config=self_signed.client("localhost")).call("echo", VALUES) == VALUES


def test_neither_trusts_a_server_of_a_foreign_authority(pyro, lab, self_signed, servers, peer_program, rust_client):
    server = rust_peer.start_server(servers, peer_program, env=environment(lab.server()))
    with pytest.raises(pyro.errors.CommunicationError) as raised:
        python_call(pyro, server.uri, self_signed.client(), 1)
    assert isinstance(raised.value.__cause__, ssl.SSLCertVerificationError)
    server = pyro.start_test_server(servers, env=environment(lab.server()))
    with pytest.raises(rust_peer.RustError, match="signed by nobody that is trusted here"):
        rust_client.proxy(server.uri, config=self_signed.client()).call("echo", 1)


@pytest.mark.parametrize("servertype", SERVERTYPES)
def test_a_python_client_in_the_clear_reads_that_encryption_is_wanted(pyro, servertype, lab, servers, peer_program):
    server = rust_peer.start_server(servers, peer_program, env=environment(lab.server(SERVERTYPE=servertype)))
    with pytest.raises(pyro.errors.CommunicationError, match=r"rejected: this server accepts encrypted connections only \(TLS\)"):
        python_call(pyro, server.uri, {}, 1)
    assert python_call(pyro, server.uri, lab.client(), 1) == 1


def test_an_encrypting_client_finds_out_that_the_other_side_is_not(pyro, lab, rust_server, python_servers, rust_client):
    with pytest.raises(pyro.errors.CommunicationError) as raised:
        python_call(pyro, rust_server.uri, lab.client(), 1)
    assert isinstance(raised.value.__cause__, ssl.SSLError)
    with pytest.raises(rust_peer.RustError) as raised:
        rust_client.proxy(python_servers[pyro.name].uri, config=lab.client()).call("echo", 1)
    assert "SSL switched o" in str(raised.value)


def test_a_rust_client_in_the_clear_gets_nothing_of_an_encrypting_python_server(pyro, lab, servers, rust_client):
    server = pyro.start_test_server(servers, env=environment(lab.server()))
    with pytest.raises(rust_peer.RustError):
        rust_client.proxy(server.uri).call("echo", 1)
    assert rust_client.proxy(server.uri, config=lab.client()).call("echo", 1) == 1


def test_name_servers_and_their_tools_encrypt_in_both_directions(pyro, lab, servers, ferropyro):
    ours = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0", "-x"], ready=r"^URI = PYRO:", env=environment(lab.server()))
    listed = pyro.nsc(ours.port, "list", env=environment(lab.client()))
    assert listed.returncode == 0 and "Pyro.NameServer" in listed.stdout, listed
    real = pyro.start_name_server(servers, env=environment(lab.server()))
    listed = run([ferropyro, "nsc", "-n", "localhost", "-p", real.port, "list"], env=environment(lab.client()))
    assert listed.returncode == 0 and "Pyro.NameServer" in listed.stdout, listed


def test_the_exit_status_tells_of_certificates(lab, self_signed, servers, ferropyro):
    server = servers.start([ferropyro, "echo"], ready="^echoserver running", env=environment(lab.server()))
    call = [ferropyro, "call", f"{server.uri}.echo", "1"]
    for settings, status in [(lab.client(), 0), (self_signed.client(), 6), ({}, 6)]:
        assert run(call, env=environment(settings)).returncode == status
    plain = servers.start([ferropyro, "echo"], ready="^echoserver running")
    assert run([ferropyro, "call", f"{plain.uri}.echo", "1"], env=environment(lab.client())).returncode == 6


# --- ferropyro cert


def test_keys_can_be_read_by_their_owner_only_and_nothing_is_replaced_by_accident(ferropyro, tmp_path):
    folder = tmp_path / "lab"
    assert "there is no authority" in run([ferropyro, "cert", "server", folder]).stderr
    for command in [["ca", folder], ["server", folder, "host.example.com", "192.0.2.7"], ["client", folder, "irmen de jong"]]:
        assert run([ferropyro, "cert", *command]).returncode == 0
        before = {path: path.read_bytes() for path in folder.iterdir()}
        again = run([ferropyro, "cert", *command])
        assert again.returncode == 2 and "(--force replaces it)" in again.stderr
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{name}{part}.pem" for name in ["ca", "host.example.com", "irmen_de_jong"] for part in ["", "-key"]}
    for path in folder.glob("*-key.pem"):
        assert os.name == "nt" or stat.S_IMODE(path.stat().st_mode) == 0o600
    old = (folder / "ca.pem").read_bytes()
    assert run([ferropyro, "cert", "ca", folder, "--force"]).returncode == 0
    assert (folder / "ca.pem").read_bytes() != old


def test_what_is_printed_are_the_settings(ferropyro, tmp_path):
    folder = tmp_path / "lab"
    run([ferropyro, "cert", "ca", folder])
    printed = run([ferropyro, "cert", "server", folder]).stdout.splitlines()
    assert printed == ["PYRO_SSL=1", f"PYRO_SSL_SERVERCERT={folder}/localhost.pem", f"PYRO_SSL_SERVERKEY={folder}/localhost-key.pem"]


def test_python_reads_what_was_asked_for(ferropyro, tmp_path):
    run([ferropyro, "cert", "ca", tmp_path, "--name", "my own"])
    run([ferropyro, "cert", "server", tmp_path, "host.example.com", "*.lab", "192.0.2.7", "2001:db8::1"])
    parsed = ssl._ssl._test_decode_cert(str(tmp_path / "host.example.com.pem"))
    assert parsed["subject"] == ((("commonName", "host.example.com"),),)
    assert parsed["issuer"] == ((("commonName", "my own"),),)
    names = [("DNS", "host.example.com"), ("DNS", "*.lab"), ("IP Address", "192.0.2.7"), ("IP Address", "2001:DB8:0:0:0:0:0:1")]
    assert list(parsed["subjectAltName"]) == names
    for host in ["host:80", "[::1]", "a b", ""]:
        refused = run([ferropyro, "cert", "server", tmp_path, host])
        assert refused.returncode == 2 and "is no host name and no address" in refused.stderr
