"""The Python programs of the guide (docs/*.md) do what the guide shows, beside the Rust programs of the guide."""

import re
import shlex
import sys
from pathlib import Path

import pytest

import rust_peer
from servers import run

ROOT = Path(__file__).parent.parent
PAGES = [path.name for path in sorted((ROOT / "docs").glob("*.md"))]


def blocks(page, language):
    """The code blocks of a page in this language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return [code for tag, code in re.findall(r"^```(\S*)\n(.*?)^```", text, re.M | re.S) if tag == language]


def shown_after(page, code):
    """The output that stands in the page as the first ```text block behind this code."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.search(r"^```text\n(.*?)^```", text[text.index(code) + len(code) :], re.M | re.S).group(1)


def program(example):
    """A file of examples/ without its head, which the guide does not show."""
    return (ROOT / "examples" / f"{example}.rs").read_text(encoding="utf-8").partition("\n\n")[2]


def run_python(code, **options):
    result = run([sys.executable, "-c", code], **options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def for_generation(pyro, code):
    """Code of the guide, which is for Pyro5, for this generation."""
    if pyro.name == "pyro4":
        code = code.replace("Pyro5.api", "Pyro4").replace("locate_ns", "locateNS")
    return code


def environment(name_server):
    """The settings with which a program finds this name server, as on a machine where it has the usual port."""
    return {"PYRO_NS_PORT": str(name_server.port)}


@pytest.mark.parametrize("page, name", [("servers.md", "guide_server"), ("clients.md", "guide_client")])
def test_the_rust_programs_of_the_pages_are_those_of_the_examples(page, name):
    assert program(name) in blocks(page, "rust,no_run")


def test_the_programs_of_the_readme_are_those_of_the_examples():
    assert blocks("../README.md", "rust") == [program("warehouse_server"), program("warehouse_client")]
    python = (ROOT / "examples" / "python" / "warehouse_client.py").read_text(encoding="utf-8").partition("\n\n")[2]
    assert blocks("../README.md", "python") == [python]


def test_python_calls_the_warehouse_as_the_page_shows(pyro, servers, example):
    warehouse = servers.start([example("guide_server")], ready=r"^URI = PYRO:")
    code = blocks("servers.md", "python")[0]
    printed = run_python(for_generation(pyro, code), input=warehouse.uri + "\n")
    shown = shown_after("servers.md", code)
    if pyro.name == "pyro4":
        shown = shown.replace("a Pyro5 (protocol 502) client", "a Pyro4 (protocol 48) client")
    assert printed.replace("URI of the warehouse: ", "") == shown


def test_rust_reads_the_thermometer_as_the_page_shows(pyro, servers, example):
    code = blocks("clients.md", "python")[0]
    thermometer = servers.start([sys.executable, "-c", for_generation(pyro, code)], ready=r"^URI = PYRO:")
    result = run([example("guide_client"), thermometer.uri])
    assert result.stderr == ""
    assert result.stdout == shown_after("clients.md", code)


def test_python_gets_the_bytes_as_the_page_shows(pyro, ferropyro, servers):
    code = blocks("types.md", "python")[0]
    echo = servers.start([ferropyro, "echo", "-p", "0"], ready=r"^echoserver running")
    printed = run_python(for_generation(pyro, code), input=echo.uri + "\n")
    assert printed.replace("URI of the echo server: ", "") == shown_after("types.md", code)


def test_names_are_registered_and_found_as_the_page_shows(pyro, ferropyro_ns, servers):
    server, client = blocks("nameserver.md", "python")
    env = environment(ferropyro_ns)
    servers.start([sys.executable, "-c", for_generation(pyro, server)], ready="^ready", env=env)
    assert run_python(for_generation(pyro, client), env=env) == shown_after("nameserver.md", client)


def test_both_generations_share_the_name_server_as_the_page_shows(ferropyro_ns):
    pyro4, pyro5 = blocks("migration.md", "python")
    env = environment(ferropyro_ns)
    run_python(pyro4, env=env)
    assert run_python(pyro5, env=env) == shown_after("migration.md", pyro5)


def test_python_gets_files_as_the_page_shows(pyro, ferropyro, servers, tmp_path, monkeypatch):
    content = bytes(range(256)) * 1000
    (tmp_path / "report.txt").write_bytes(content)
    server = servers.start([ferropyro, "serve-files", tmp_path], ready=r"^URI = PYRO:")
    monkeypatch.chdir(tmp_path)
    by_annotations, by_socket = blocks("transfer.md", "python")
    for code in (by_annotations, by_socket):
        result = run([sys.executable, "-c", for_generation(pyro, code), server.uri])
        assert (result.stdout, result.stderr) == ("", "")
        assert (tmp_path / "copy.txt").read_bytes() == content
        (tmp_path / "copy.txt").unlink()


def test_python_hands_over_a_file_as_the_page_of_flame_shows(ferropyro, servers, tmp_path):
    (code,) = blocks("flame.md", "python")
    server = servers.start([ferropyro, "flame", "serve", tmp_path], ready=r"^URI = PYRO:", env={"PYRO_FLAME_ENABLED": "true"})
    result = run([sys.executable, "-c", code, server.uri.partition("@")[2]])
    assert (result.stdout, result.stderr) == (shown_after("flame.md", code), "")


def test_a_listener_in_python_is_asked_as_the_page_shows(ferropyro, servers):
    (code,) = blocks("connection.md", "python")
    listener = servers.start([sys.executable, "-c", code], ready=r"^listening on port")
    session = shown_after("connection.md", code).replace("PORT", listener.wait_for(r"port (\d+)").group(1))
    line, command, expected = re.fullmatch(r'\$ echo "(.*)" \| ferropyro (.*)\n(.*\n)', session).groups()
    printed = run([ferropyro, *shlex.split(command)], input=line + "\n")
    assert (printed.stdout, printed.stderr) == (expected, "")


def test_the_control_tool_prints_what_the_page_shows(ferropyro, ferropyro_ns):
    session = next(code for code in blocks("nameserver.md", "text") if "nsc register" in code)
    for command, expected in re.findall(r"^\$ ferropyro (.*)\n((?:[^$].*\n)*)", session, re.M):
        assert run([ferropyro, *command.split()], env=environment(ferropyro_ns)).stdout == expected, command


def test_an_exception_of_an_own_class_arrives_as_the_page_says(peer_program, servers):
    code = blocks("servers.md", "python")[1]
    server = rust_peer.start_server(servers, peer_program)
    use = f"""
try:
    Proxy("{server.uri}").raise_class("shop.errors.FullError", ["the disk is full"])
except Exception as error:
    print(type(error).__name__, error)
"""
    assert run_python(code + use) == "FullError the disk is full\n"
    unregistered = run_python("from Pyro5.api import Proxy" + use)
    assert unregistered == "SerializeError unsupported serialized class: shop.errors.FullError\n"


@pytest.mark.parametrize("page", PAGES)
def test_links_between_the_pages_lead_somewhere(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        assert "://" in target or (ROOT / "docs" / target).exists(), target


# Conformance: SEC-05
def test_the_security_page_has_what_other_pages_send_their_readers_to_it_for():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    for topic in ["pickle", "numpy", "Flame", "HMAC", "TLS", "0.0.0.0", "FLAME_ENABLED", "SERIALIZERS_ACCEPTED"]:
        assert topic in page, topic
    for sender in ["pickle.md", "flame.md", "servers.md", "network.md", "tls.md", "migration.md", "../README.md"]:
        text = (ROOT / "docs" / sender).read_text(encoding="utf-8")
        assert "security.md" in text, sender


def test_every_page_stands_in_the_summary():
    summary = (ROOT / "docs" / "SUMMARY.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if page != "SUMMARY.md" and f"({page})" not in summary] == []


TROUBLES = {
    "The name server must not be on localhost": "ferropyro ns -n",
    "Nor the daemon of the object": "PYRO_HOST",
    "Look at the registered URI": "ferropyro nsc",
    "Does the machine answer": "ping",
    "Does the port": "ferropyro probe",
    "The same version of IP": "PREFER_IP_VERSION",
    "reachable from outside": "--nathost",
    "Address translation": "ferropyro probe",
    "Firewalls": "ferropyro probe",
    "Versions": "Protocol version",
    "The logs of both sides": "PYRO_LOGLEVEL",
    "Serializers": "--serializer",
    "The same HMAC key": "PYRO_HMAC_KEY",
    "on the wire": "ferropyro probe",
}


# Conformance: LOC-15
@pytest.mark.parametrize("title, command", TROUBLES.items())
def test_the_troubleshooting_page_has_each_item_of_the_manual_with_a_command(title, command):
    sections = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").split("\n### ")
    found = [section for section in sections if title in section.partition("\n")[0]]
    assert len(found) == 1
    assert command in found[0]
