"""The Python programs of the guide (docs/*.md) do what the guide shows, beside the Rust programs of the guide."""

import re
import sys
from pathlib import Path

import pytest

from servers import run

ROOT = Path(__file__).parent.parent
OTHER_GENERATION = {"pyro4": ("Pyro5.api", "Pyro4"), "pyro5": ("Pyro5.api", "Pyro5.api")}


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
    return code.replace(*OTHER_GENERATION[pyro.name])


@pytest.mark.parametrize(
    "page, name", [("servers.md", "guide_server"), ("clients.md", "guide_client")]
)
def test_the_rust_programs_of_the_pages_are_those_of_the_examples(page, name):
    assert program(name) in blocks(page, "rust,no_run")


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
