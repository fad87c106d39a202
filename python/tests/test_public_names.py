from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest
import public_names

# The real packages use deprecated names of Python.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def rows() -> list[public_names.Name]:
    return public_names.table()


# Conformance: API-02
def test_every_public_name_of_the_real_packages_is_there_or_decided_about(rows: list[public_names.Name]) -> None:
    assert [row.full_name for row in rows if row.status == "undecided"] == []
    assert len([row for row in rows if row.status == "same"]) > 250


def test_no_decision_is_about_a_name_that_is_not(rows: list[public_names.Name]) -> None:
    for table, status in ((public_names.MISSING, "missing"), (public_names.DIFFERENT, "different")):
        names = [row.full_name for row in rows if row.status in (status, "pending")]
        assert [pattern for pattern in table if not fnmatch.filter(names, pattern)] == []


def test_the_table_of_the_guide_is_current() -> None:
    page = (Path(__file__).parents[2] / "docs" / "moving.md").read_text(encoding="utf-8")
    assert page == public_names.with_table(page), "run: python python/tests/public_names.py --write docs/moving.md"


# The parameters of these are others on purpose.
OTHER_PARAMETERS: set[str] = {
    "Pyro4.configuration.Configuration",  # takes the generation of Pyro
    "Pyro5.configure.Configuration.reset",
    "Pyro4.core.SerializedBlob",  # one that was received is made in Rust
    "Pyro5.api.SerializedBlob",
    "Pyro5.client.SerializedBlob",
    "Pyro5.server.Daemon.register",  # has no weak references
    "Pyro5.nameserver.NameServer.list",  # has those of Pyro4, in their order
}


# Conformance: API-02
def test_what_can_be_called_takes_the_arguments_of_the_real_one() -> None:
    names = public_names.real_names()
    names = [name for name in names if name not in OTHER_PARAMETERS and not public_names.is_pending(name)]
    _, ours = public_names.look_up(names)
    wrong = {}
    for name, parameters in ours.items():
        real = public_names.real_signature(name)
        if real is not None and real != parameters[: len(real)] and "args" not in parameters:
            wrong[name] = (real, parameters)
    assert wrong == {}
