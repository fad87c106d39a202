"""What our name server's program has beside what Pyro's has, as real clients see it."""

import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

import pytest

import nameservers
from servers import clean_environment

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of Unix")


@pytest.fixture
def start(ferropyro, servers, tmp_path):
    def start_one(*options, **kwargs):
        return nameservers.start(servers, [ferropyro, "ns"], *options, cwd=tmp_path, **kwargs)

    return start_one


def fetch(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def refused(pyro, call, *args, **kwargs):
    with pytest.raises(pyro.errors.NamingError) as caught:
        call(*args, **kwargs)
    return str(caught.value)


class TestReadOnly:
    def test_nothing_can_be_changed_and_everything_looked_up(self, pyro, start):
        writing = start("-s", "sql:names.db")
        with pyro.locate_ns("127.0.0.1", writing.port) as ns:
            ns.register("thing", "PYRO:thing@h:1", metadata=["a"])
        assert writing.stop() == 0
        server = start("-s", "sql:names.db", "--read-only")
        with pyro.locate_ns("127.0.0.1", server.port) as ns:
            text = "this name server is read-only"
            assert refused(pyro, ns.register, "other", "PYRO:other@h:1") == text
            assert refused(pyro, ns.register, "thing", "PYRO:other@h:1", safe=True) == text
            assert refused(pyro, ns.remove, "thing") == text
            assert refused(pyro, ns.remove, prefix="th") == text
            assert refused(pyro, ns.set_metadata, "thing", ["b"]) == text
            assert ns.count() == 2
            uri, tags = ns.lookup("thing", return_metadata=True)
            assert (str(uri), set(tags)) == ("PYRO:thing@h:1", {"a"})
            assert str(ns.lookup("Pyro.NameServer")) == server.uri
            assert ns.list() == {"Pyro.NameServer": server.uri, "thing": "PYRO:thing@h:1"}
            own = ns.list(prefix="Pyro.", return_metadata=True)["Pyro.NameServer"]
            assert len(own[1]) == 1

    def test_a_reload_switches_it_on_and_off(self, pyro, start, tmp_path):
        file = tmp_path / "ns.toml"
        file.write_text("read_only = true\n")
        server = start("--config", file)
        with pyro.locate_ns("127.0.0.1", server.port) as ns:
            refused(pyro, ns.register, "thing", "PYRO:thing@h:1")
            file.write_text("read_only = false\n")
            server.send_signal(signal.SIGHUP)
            server.wait_for("^reloaded: the name server is for reading and writing$", "stderr")
            ns.register("thing", "PYRO:thing@h:1")
            file.write_text("read_only = true\n")
            server.send_signal(signal.SIGHUP)
            server.wait_for("^reloaded: the name server is read-only$", "stderr")
            refused(pyro, ns.remove, "thing")
            assert str(ns.lookup("thing")) == "PYRO:thing@h:1"


class TestSignals:
    def test_calls_of_real_clients_go_on_through_reloads(self, pyro, start):
        server = start()
        done = threading.Event()
        trouble = []
        calls = []

        def call():
            try:
                with pyro.locate_ns("127.0.0.1", server.port) as ns:
                    while not done.is_set():
                        calls.append(str(ns.lookup("Pyro.NameServer")))
            except Exception as error:
                trouble.append(error)

        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            start_at = len(server.stderr)
            server.send_signal(signal.SIGHUP)
            server.wait_for("^reloaded", "stderr", start=start_at)
        done.set()
        for thread in threads:
            thread.join()
        assert trouble == []
        assert set(calls) == {server.uri}

    def test_it_ends_when_its_terminal_is_closed(self, ferropyro):
        ours, its = os.openpty()
        process = subprocess.Popen(
            [ferropyro, "ns", "-p", "0"], stdin=its, stdout=subprocess.PIPE, env=clean_environment(), encoding="utf-8"
        )
        os.close(its)
        with process:
            while "URI" not in process.stdout.readline():
                pass
            os.close(ours)
            process.send_signal(signal.SIGHUP)
            try:
                assert process.wait(20) == 0
            finally:
                process.kill()


class TestMetrics:
    def test_calls_of_real_clients_are_counted(self, pyro, start):
        server = start("--metrics-addr", "127.0.0.1:0")
        url = server.wait_for(r"^metrics on (http://\S+)/metrics$", "stderr").group(1)
        with pyro.locate_ns("127.0.0.1", server.port) as ns:
            for number in range(3):
                ns.register(f"thing{number}", "PYRO:thing@h:1")
            refused(pyro, ns.lookup, "nothing")
        status, text = fetch(url + "/metrics")
        assert status == 200
        samples = dict(re.findall(r"^ferropyro_nameserver_(\S+) (\S+)$", text, re.MULTILINE))
        assert samples["names"] == "4"
        assert samples['calls_total{method="register",outcome="ok"}'] == "3"
        assert samples['calls_total{method="lookup",outcome="error"}'] == "1"
        assert fetch(url + "/healthz") == (200, "ok\n")
        assert fetch(url + "/elsewhere")[0] == 404
