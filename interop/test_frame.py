"""The frame itself, tried with the real Pyro on both sides: a failure here says nothing about our programs."""

import signal
import socket
import sys

import pytest

import peers
from servers import Servers, clean_environment, free_port, run

PRINTS = "import sys, time; print('one'); print('two', file=sys.stderr); time.sleep(60)"


def test_a_server_is_waited_for_and_its_output_is_kept(servers):
    server = servers.start([sys.executable, "-c", PRINTS], ready="^one$")
    assert server.wait_for("t(w)o", stream="stderr").group(1) == "w"
    assert (server.stdout, server.stderr) == (["one"], ["two"])
    assert server.is_running()
    assert server.stop() == -signal.SIGTERM
    assert not server.is_running()


def test_a_server_that_ends_too_early_is_reported_with_its_output(servers):
    with pytest.raises(AssertionError, match=r"(?s)waiting for 'never'.*ended.*last words"):
        servers.start([sys.executable, "-c", "print('last words')"], ready="never")


def test_a_server_that_says_nothing_is_reported_after_the_timeout(servers):
    with pytest.raises(AssertionError, match="did not print it within 0.2 s"):
        servers.start([sys.executable, "-c", PRINTS], ready="never", timeout=0.2)


def test_a_server_that_ignores_the_signal_is_killed(servers):
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(60)"
    server = servers.start([sys.executable, "-c", stubborn], ready="up")
    assert server.stop(patience=0.1) == -signal.SIGKILL


def test_all_servers_end_with_the_block_that_started_them():
    with Servers() as servers:
        started = [servers.start([sys.executable, "-c", PRINTS]) for _ in range(2)]
        assert all(server.is_running() for server in started)
    assert not any(server.is_running() for server in started)


def test_settings_of_pyro_in_the_environment_do_not_reach_the_programs(monkeypatch):
    monkeypatch.setenv("PYRO_NS_PORT", "1")
    assert not any(name.startswith("PYRO_") for name in clean_environment())
    assert clean_environment(PYRO_NS_PORT="2")["PYRO_NS_PORT"] == "2"
    show = "import os; print(os.environ.get('PYRO_NS_PORT'))"
    assert run([sys.executable, "-c", show]).stdout == "None\n"


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_free_port_can_be_bound(kind):
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", free_port(kind)))


def test_settings_made_by_one_test_are_undone_for_the_next(pyro):
    pyro.api.config.SERIALIZER = "marshal"
    pyro.api.current_context.annotations = {"ABCD": b"left over"}
    peers.reset_settings()
    assert pyro.api.config.SERIALIZER == "serpent"
    assert pyro.api.current_context.annotations == {}


def test_the_real_name_server_answers_the_real_control_tool(pyro, real_name_server):
    done = pyro.nsc(real_name_server.port, "ping")
    assert (done.returncode, done.stdout) == (0, "Name server ping ok.\n")


def test_the_real_name_server_answers_a_client_in_this_process(pyro, real_name_server):
    with pyro.locate_ns("localhost", real_name_server.port) as name_server:
        assert name_server.lookup("Pyro.NameServer") == pyro.api.URI(real_name_server.uri)


def test_the_real_echo_server_echoes(pyro, real_echo_server):
    with pyro.api.Proxy(real_echo_server.uri) as echo:
        assert echo.echo([1, "two", None]) == [1, "two", None]


def test_another_python_talks_to_the_name_server_of_this_one(other_python, servers):
    name_server = peers.PYRO4.start_name_server(servers)
    done = other_python.run("-m", "Pyro4.nsc", "-n", "localhost", "-p", name_server.port, "ping")
    assert (done.stdout, done.returncode) == ("Name server ping ok.\n", 0), done.stderr
