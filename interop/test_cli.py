"""The tools of the binary against the real Pyro, and the real Pyro against its servers."""

import json
import os
import re
import shlex
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

import peers
from servers import free_port, run


@pytest.fixture
def echo(ferropyro, servers):
    """Our echo server."""
    return servers.start([ferropyro, "echo"], ready="^echoserver running")


@pytest.fixture
def link(ferropyro, tmp_path):
    """link("pyro5-ns"): our binary under another name."""

    def make(name):
        path = tmp_path / name
        os.symlink(ferropyro.resolve(), path)
        return path

    return make


def settings(text):
    return dict(re.findall(r"^([A-Z_]+) = (.*)$", text, re.MULTILINE))


# --- echo


def test_real_clients_use_all_of_our_echo_server(pyro, echo):
    with pyro.api.Proxy(echo.uri) as proxy:
        assert proxy.echo({"a": (1, 2)}) == {"a": (1, 2)}
        assert proxy.oneway_echo("x") is None
        assert proxy.inf() == float("inf")
        assert str(proxy.nan()) == "nan"
        assert list(proxy.generator()) == ["one", "two", "three"]
        assert proxy.__dunder__() == "should be allowed (dunder)"
        proxy.verbose = True
        assert proxy.verbose is True
        with pytest.raises(ValueError, match="^the message of the error$"):
            proxy.error_with_text()
        with pytest.raises(ValueError) as ours:
            proxy.error()
    expected = {"pyro4": "expected error from echoserver error() method"}
    assert str(ours.value) == expected.get(pyro.name, "this is the generated error from echoserver echo() method")
    with pyro.api.Proxy(echo.uri) as proxy:
        proxy.echo("aloud")
        assert echo.wait_for(r"^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4} - echo: 'aloud'$")


def test_our_echo_server_answers_shutdown_and_ends(pyro, echo):
    with pyro.api.Proxy(echo.uri) as proxy:
        assert proxy.shutdown() is None
    assert echo.wait() == 0


def test_our_echo_server_prints_what_the_real_one_prints(pyro, link, servers, real_echo_server):
    name = {"pyro4": "pyro4-test-echoserver", "pyro5": "pyro5-echoserver"}[pyro.name]
    ours = servers.start([link(name)], ready="^echoserver running")
    lines = [[re.sub(r":\d+$", ":PORT", line) for line in server.stdout] for server in (ours, real_echo_server)]
    assert lines[0] == lines[1]


def test_our_echo_server_brings_a_name_server_along(pyro, ferropyro, servers):
    port = free_port()
    servers.start([ferropyro, "echo", "-N"], env={"PYRO_NS_PORT": str(port)}, ready="^echoserver running")
    with pyro.locate_ns("localhost", port) as names:
        uri = names.lookup("test.echoserver")
    with pyro.api.Proxy(uri) as proxy:
        assert proxy.echo(1) == 1


def test_our_echo_server_registers_with_a_real_name_server(pyro, ferropyro, servers, real_name_server):
    env = {"PYRO_NS_PORT": str(real_name_server.port)}
    ours = servers.start([ferropyro, "echo", "-n", "-v"], env=env, ready="^echoserver running")
    assert f"using name server at {real_name_server.uri}" in ours.stdout
    with pyro.locate_ns("localhost", real_name_server.port) as names:
        assert f"echo uri: {names.lookup('test.echoserver')}" in ours.stdout


def test_an_interrupt_ends_our_echo_server_properly(echo):
    assert echo.stop(signal.SIGINT) == 0


# --- call, get, set, inspect


def test_call_speaks_to_real_servers(ferropyro, real_echo_server):
    uri = real_echo_server.uri
    done = run([ferropyro, "call", f"{uri}.echo", "{'a': [1, -2.5, (None, True)]}"])
    assert (done.stdout, done.stderr, done.returncode) == ("{'a': [1, -2.5, (None, True)]}\n", "", 0)
    assert run([ferropyro, "call", f"{uri}.echo", "message=two words"]).stdout == "'two words'\n"
    done = run([ferropyro, "call", f"{uri}.echo", "{1, 2}", "-o", "json"])
    assert json.loads(done.stdout) == [1, 2]
    assert run([ferropyro, "call", f"{uri}.oneway_echo", "1", "--oneway"]).returncode == 0
    assert run([ferropyro, "call", f"{uri}.generator"]).stdout == "'one'\n'two'\n'three'\n"
    assert run([ferropyro, "call", f"{uri}.generator", "-o", "json"]).stdout == '"one"\n"two"\n"three"\n'


@pytest.mark.parametrize("serializer", ["serpent", "json", "marshal", "msgpack"])
def test_call_takes_every_serializer(ferropyro, serializer, echo):
    done = run([ferropyro, "call", f"{echo.uri}.echo", "[1, 'a', {'k': None}]", "--serializer", serializer])
    assert done.stdout == "[1, 'a', {'k': None}]\n", done.stderr


def test_call_shows_the_remote_traceback(ferropyro, real_echo_server):
    done = run([ferropyro, "call", f"{real_echo_server.uri}.error_with_text"])
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith("error: ValueError: the message of the error\n\nremote traceback:\nTraceback ")
    assert "echoserver.py" in done.stderr


def test_call_finds_objects_by_name(ferropyro, pyro, servers, real_name_server):
    env = {"PYRO_NS_PORT": str(real_name_server.port)}
    pyro.start_echo_server(servers, "-n", env=env)
    assert run([ferropyro, "call", "PYRONAME:test.echoserver.echo", "3"], env=env).stdout == "3\n"
    missing = run([ferropyro, "call", "PYRONAME:nobody.echo", "3"], env=env)
    assert missing.returncode == 3
    assert "unknown name: nobody" in missing.stderr


def test_exit_statuses_tell_what_is_wrong(ferropyro, real_echo_server):
    uri = real_echo_server.uri
    nobody = f"PYRO:test.echoserver@localhost:{free_port()}"
    expected = {
        (f"{uri}.error",): 1,
        ("nonsense",): 2,
        (f"{uri}.no_such_method",): 3,
        (uri.replace("test.echoserver", "missing") + ".echo",): 3,
        (f"{nobody}.echo",): 4,
        (f"{uri}.slow", "--timeout", "0.2"): 5,
    }
    assert {args: run([ferropyro, "call", *args]).returncode for args in expected} == expected


def test_a_wrong_key_has_a_status_of_its_own(ferropyro, servers):
    server = peers.PYRO4.start_echo_server(servers, env={"PYRO_HMAC_KEY": "right"})
    target = f"{server.uri}.echo"
    assert run([ferropyro, "call", target, "1"], env={"PYRO_HMAC_KEY": "right"}).stdout == "1\n"
    for env in ({}, {"PYRO_HMAC_KEY": "wrong"}):
        done = run([ferropyro, "call", target, "1"], env=env)
        assert (done.stdout, done.returncode) == ("", 6), done.stderr


def test_attributes_are_read_and_set(ferropyro, real_echo_server):
    target = f"{real_echo_server.uri}.verbose"
    assert run([ferropyro, "get", target]).stdout == "False\n"
    assert run([ferropyro, "set", target, "True"]).returncode == 0
    assert run([ferropyro, "get", target, "-o", "json"]).stdout == "true\n"


def test_inspect_shows_what_real_servers_offer(ferropyro, pyro, real_echo_server):
    location = real_echo_server.uri.partition("@")[2]
    done = run([ferropyro, "inspect", f"PYRO:@{location}", "-o", "json"])
    report = json.loads(done.stdout)
    assert (report["protocol"], report["registered"]) == (pyro.protocol, ["Pyro.Daemon", "test.echoserver"])
    with pyro.api.Proxy(real_echo_server.uri) as proxy:
        proxy._pyroBind()
        known = {"methods": proxy._pyroMethods, "oneway": proxy._pyroOneway, "attributes": proxy._pyroAttrs}
    assert {name: set(report["objects"][1][name]) for name in known} == known
    text = run([ferropyro, "inspect", real_echo_server.uri]).stdout
    assert "  oneway     oneway_echo, oneway_slow\n  attributes verbose\n" in text


# Conformance: SEC-02
def test_private_and_unexposed_names_are_refused_by_our_server(pyro, echo):
    with pyro.api.Proxy(echo.uri) as proxy:
        proxy._pyroBind()
        offered = proxy._pyroMethods | proxy._pyroAttrs
        assert {"echo", "verbose", "__dunder__"} <= offered
        assert not offered & {"_private", "__init__", "tell", "sleep"}
        for name in ("_private", "__init__", "__class__", "tell", "sleep", "new"):
            proxy._pyroMethods.add(name)  # past the client's own check
            with pytest.raises(AttributeError):
                getattr(proxy, name)() if not name.startswith("__") else proxy._pyroInvoke(name, (), {})


# --- probe


# Conformance: WIRE-01
def test_the_first_bytes_of_our_servers_are_those_of_the_asking_protocol(echo):
    for greeting, answer in ((b"PYRO\x00\x30", b"PYRO\x00\x30"), (b"PYRO\x01\xf6", b"PYRO\x01\xf6")):
        with socket.create_connection(("localhost", echo.port), timeout=10) as sock:
            sock.sendall(greeting + bytes(94))
            assert sock.recv(6, socket.MSG_WAITALL) == answer
    with socket.create_connection(("localhost", echo.port), timeout=10) as sock:
        sock.sendall(b"%0100d" % 1)  # the manual's nc line
        assert sock.recv(4, socket.MSG_WAITALL) == b"PYRO"
    with socket.create_connection(("localhost", echo.port), timeout=0.3) as sock:
        with pytest.raises(TimeoutError):
            sock.recv(1)  # who says nothing hears nothing


# Conformance: WIRE-02
def test_probe_knows_real_servers_and_ours(ferropyro, pyro, real_echo_server, echo):
    real = run([ferropyro, "probe", f"localhost:{real_echo_server.port}", "-o", "json"])
    report = json.loads(real.stdout)
    assert (report["is_pyro"], report["protocol_versions"]) == (True, [pyro.protocol])
    ours = run([ferropyro, "probe", f"localhost:{echo.port}"])
    assert "ferropyro" in ours.stdout
    assert re.findall(r"^Protocol version: (\d+)", ours.stdout, re.MULTILINE) == ["48", "502"]


def test_probe_sees_a_server_that_wants_a_key(ferropyro, servers):
    server = peers.PYRO4.start_echo_server(servers, env={"PYRO_HMAC_KEY": "secret"})
    done = run([ferropyro, "probe", f"localhost:{server.port}"])
    assert "Protocol version: 48" in done.stdout
    assert "hmac key config not symmetric" in done.stdout


# --- bench


@pytest.mark.parametrize("options", [[], ["--batch", "10"], ["--rate", "2000"], ["--serializer", "marshal"]], ids=" ".join)
def test_bench_calls_real_servers(ferropyro, real_echo_server, options):
    target = f"PYRO:test.echoserver@localhost:{real_echo_server.port}.echo"
    done = run([ferropyro, "bench", target, "hello", "-n", "200", "-c", "4", "--warm-up", "0.05", "-o", "json", *options])
    report = json.loads(done.stdout)
    assert (report["calls"], report["failed"], done.returncode) == (200, 0, 0)


# --- check-config, logging, names of the binary


# Conformance: WIRE-04, CFG-01
def test_check_config_prints_what_the_real_tool_prints(pyro, link):
    name = f"{pyro.name}-check-config"
    ours = run([link(name)]).stdout
    real = pyro.api.config.dump()
    assert f"\nProtocol version: {pyro.protocol}\n" in ours
    own, expected = settings(ours), settings(real)
    for values in (own, expected):
        # A set: its order is not fixed.
        values["SERIALIZERS_ACCEPTED"] = sorted(re.findall(r"\w+", values.get("SERIALIZERS_ACCEPTED", "")))
    # The real tool has dill here, for the tests of pickles; ours prints what one prints that has none.
    if "DILL_PROTOCOL_VERSION" in expected:
        assert expected.pop("DILL_PROTOCOL_VERSION") == "5"
        assert own.pop("DILL_PROTOCOL_VERSION") == "-1"
    assert own == expected


# Conformance: CFG-02
@pytest.mark.parametrize("name", ["SERVERTYPE=multiplex", "COMMTIMEOUT=2.5", "NS_PORT=1234", "COMPRESSION=on", "MAX_RETRIES=3"])
def test_the_environment_presets_items(ferropyro, name):
    item, value = name.split("=")
    done = run([ferropyro, "check-config"], env={f"PYRO_{item}": value, "PYRO_HMAC_KEY": "k3y", "PYRO_HTTPGATEWAY_KEY": "k3y"})
    expected = {"on": "True"}.get(value, value)
    assert settings(done.stdout)[item] == expected
    assert "k3y" not in done.stdout + done.stderr


# Conformance: CFG-02
def test_bad_settings_are_refused_by_every_tool(ferropyro, link):
    done = run([ferropyro, "check-config"], env={"PYRO_COMPRESSION": "perhaps"})
    assert (done.returncode, done.stderr) == (2, "error: invalid boolean value: PYRO_COMPRESSION=perhaps\n")
    unknown = {"PYRO_NS_PROT": "1"}
    for tool in ([ferropyro, "echo"], [ferropyro, "call", "PYRO:a@localhost:1.b"], [link("pyro5-check-config")]):
        done = run(tool, env=unknown)
        assert done.returncode == 2
        assert "invalid Pyro environment config variable: PYRO_NS_PROT" in done.stderr
    assert run([link("pyro4-check-config")], env=unknown).returncode == 0


# Conformance: CFG-03
def test_an_option_wins_over_the_environment(ferropyro, real_echo_server):
    done = run(
        [ferropyro, "call", f"{real_echo_server.uri}.slow", "--timeout", "0.2"], env={"PYRO_COMMTIMEOUT": "20"}
    )
    assert done.returncode == 5


# Conformance: LOG-01, LOG-02
def test_the_two_variables_switch_the_log_of_tools_on(ferropyro, tmp_path, servers):
    for env, files in (
        ({}, set()),
        ({"PYRO_LOGFILE": "own.log"}, set()),
        ({"PYRO_LOGLEVEL": "DEBUG"}, {"pyro.log"}),
        ({"PYRO_LOGLEVEL": "DEBUG", "PYRO_LOGFILE": "own.log"}, {"own.log"}),
    ):
        folder = tmp_path / "-".join(["run", *env])
        folder.mkdir()
        server = servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], env=env, cwd=folder, ready="^URI = ")
        assert server.stderr == []
        server.stop()
        assert {path.name for path in folder.iterdir()} == files
        assert all(path.stat().st_size > 0 for path in folder.iterdir())


# Conformance: LOG-02
def test_the_log_goes_to_standard_error_and_unknown_levels_are_refused(ferropyro):
    done = run([ferropyro, "check-config"], env={"PYRO_LOGLEVEL": "DEBUG", "PYRO_LOGFILE": "{stderr}"})
    assert "Pyro log configured" in done.stderr
    done = run([ferropyro, "check-config"], env={"PYRO_LOGLEVEL": "LOUD"})
    assert (done.stdout, done.returncode) == ("", 2)
    assert "LOUD" in done.stderr


# Conformance: LOG-03, LOG-06
def test_lines_of_the_log_look_like_pyros(ferropyro, servers, pyro):
    env = {"PYRO_LOGLEVEL": "DEBUG", "PYRO_LOGFILE": "{stderr}"}
    server = servers.start([ferropyro, "echo"], env=env, ready="^echoserver running")
    with pyro.api.Proxy(server.uri) as proxy:
        proxy.echo(1)
    server.stop()
    pattern = r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3},(Pyro[\w.]*),(DEBUG|INFO|WARNING|ERROR)\] .+"
    matches = [re.fullmatch(pattern, line) for line in server.stderr]
    assert all(matches), server.stderr
    assert {"Pyro", "Pyro.server"} <= {match.group(1) for match in matches}
    one = servers.start([ferropyro, "echo"], env={**env, "PYRO_LOGLEVEL": "Pyro.server=INFO"}, ready="^echoserver")
    one.stop()
    assert one.stderr and all(",Pyro.server,INFO]" in line for line in one.stderr)


# --- demo


def test_the_demo_shows_calls_and_ends(ferropyro):
    done = run([ferropyro, "demo", "--once"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("-> ['hello', 3.5, None]") == 2
    assert done.stdout.count("-> ValueError: the message of the error") == 2


def test_the_demo_keeps_running_for_real_clients(pyro, ferropyro, servers):
    demo = servers.start([ferropyro, "demo"], ready="^Ctrl-C ends the demo")
    with pyro.locate_ns("localhost", demo.port) as names, pyro.api.Proxy(names.lookup("test.echoserver")) as proxy:
        assert proxy.echo("hi") == "hi"
    page = re.search(r"http://127\.0\.0\.1:\d+/pyro/", "\n".join(demo.stdout)).group()
    with urllib.request.urlopen(page, timeout=20) as answer:
        assert b"test.echoserver" in answer.read()
    assert demo.stop(signal.SIGINT) == 0


# --- docs/cli.md


def shown(page):
    """The commands of a page's ```text blocks, and what is shown below each."""
    blocks = re.findall(r"^```text\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for block in blocks:
        for command, _, output in (part.partition("\n") for part in block.split("$ ferropyro ")[1:]):
            yield shlex.split(command), output


def without_numbers(text):
    """Ports and times differ from run to run."""
    text = re.sub(r"(?m)^( *(?:least|most|mean|deviation|[\d.]+ %))  [\d.]+$", r"\1  N", text)
    return re.sub(r"localhost:\d+", "localhost:PORT", re.sub(r"[\d.]+ (ms|s|a second)\b", r"N \1", text))


def test_the_page_shows_what_the_commands_print(ferropyro, servers):
    port = free_port()
    env = {"PYRO_NS_PORT": str(port)}
    pages = list(shown(Path(__file__).parent.parent / "docs" / "cli.md"))
    assert len(pages) >= 9
    (first, lines), *others = pages
    server = servers.start([ferropyro, *first], env=env, ready="^echoserver running")
    assert without_numbers("\n".join(server.stdout)) == without_numbers(lines.strip())
    for command, expected in others:
        done = run([ferropyro, *(word.replace("9090", str(port)) for word in command)], env=env)
        assert without_numbers(done.stdout + done.stderr) == without_numbers(expected), command
