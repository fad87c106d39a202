from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]
LINE = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3},[\w.]+,[A-Z]+\] .+")
# What the package does when it is imported, and a few messages.
TALK = """
from ferropyro import logs
logs.configure()
logs.logger().warning("from the top")
logs.logger("core").debug("from core")
logs.logger("naming").info("from naming")
logs.logger("Pyro.protocol").debug("from protocol")
"""


def run(folder: Path, code: str = TALK, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYRO_")}
    environment |= {"PYTHONPATH": str(PACKAGE), **variables}
    command = [sys.executable, "-W", "error::DeprecationWarning", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def messages(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    return [line.partition(",")[2] for line in lines]


# Conformance: LOG-01, LOG-02
@pytest.mark.parametrize("variables", [{}, {"PYRO_LOGFILE": "x.log"}, {"PYRO_LOGLEVEL": ""}])
def test_without_a_level_nothing_is_logged(tmp_path: Path, variables: dict[str, str]) -> None:
    done = run(tmp_path, **variables)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


# Conformance: LOG-01
def test_a_program_with_its_own_log_is_not_flooded(tmp_path: Path) -> None:
    done = run(tmp_path, "import logging; logging.basicConfig(level=logging.DEBUG)" + TALK)
    assert done.stderr == ""


# Conformance: LOG-02, LOG-03
@pytest.mark.parametrize("name", [None, "other.log"])
def test_a_level_switches_the_log_on(tmp_path: Path, name: str | None) -> None:
    done = run(tmp_path, PYRO_LOGLEVEL="DEBUG", **({"PYRO_LOGFILE": name} if name else {}))
    assert (done.returncode, done.stderr) == (0, "")
    assert messages(tmp_path / (name or "pyro.log")) == [
        "Pyro4,INFO] Pyro log configured using built-in defaults, level=DEBUG",
        "Pyro4,WARNING] from the top",
        "Pyro4.core,DEBUG] from core",
        "Pyro4.naming,INFO] from naming",
        "Pyro4.message,DEBUG] from protocol",
    ]


# Conformance: LOG-02
def test_the_log_can_go_to_standard_error(tmp_path: Path) -> None:
    done = run(tmp_path, PYRO_LOGLEVEL="WARNING", PYRO_LOGFILE="{stderr}")
    assert [line.partition(",")[2] for line in done.stderr.splitlines()] == ["Pyro4,WARNING] from the top"]
    assert list(tmp_path.iterdir()) == []


# Conformance: LOG-02
def test_an_unknown_level_is_an_error(tmp_path: Path) -> None:
    done = run(tmp_path, PYRO_LOGLEVEL="LOUD")
    assert done.returncode == 1
    assert "unknown log level 'LOUD': DEBUG, INFO, WARNING, ERROR or CRITICAL" in done.stderr


# Conformance: LOG-02
def test_the_program_can_set_the_variables_before_the_import(tmp_path: Path) -> None:
    run(tmp_path, "import os; os.environ.update(PYRO_LOGLEVEL='INFO', PYRO_LOGFILE='set.log')" + TALK)
    assert len(messages(tmp_path / "set.log")) == 3


def test_a_file_that_cannot_be_written_is_replaced_by_standard_error(tmp_path: Path) -> None:
    done = run(tmp_path, PYRO_LOGLEVEL="INFO", PYRO_LOGFILE=str(tmp_path / "none" / "x.log"))
    assert "unable to write to the desired logfile (access rights?), falling back to console logger" in done.stderr
    assert "from naming" in done.stderr


# Conformance: LOG-04
def test_a_program_that_has_configured_logging_is_left_alone(tmp_path: Path) -> None:
    own = "import logging; logging.basicConfig(level=logging.INFO, format='own %(message)s')"
    done = run(tmp_path, own + TALK, PYRO_LOGLEVEL="DEBUG")
    assert done.stderr.splitlines() == ["own from the top", "own from naming"]
    assert list(tmp_path.iterdir()) == []


# Conformance: LOG-04
def test_the_program_can_use_the_log_for_its_own_messages(tmp_path: Path) -> None:
    run(tmp_path, TALK + "import logging; logging.getLogger('mine').info('own message')", PYRO_LOGLEVEL="INFO")
    assert messages(tmp_path / "pyro.log")[-1] == "mine,INFO] own message"


# Conformance: LOG-05
def test_levels_that_were_set_before_the_import_count(tmp_path: Path) -> None:
    own = """
import logging
logging.basicConfig(format="%(name)s %(message)s")
logging.getLogger("Pyro4").setLevel(logging.DEBUG)
logging.getLogger("Pyro4.core").setLevel(logging.DEBUG)
"""
    done = run(tmp_path, own + TALK)
    assert done.stderr.splitlines() == [
        "Pyro4 from the top",
        "Pyro4.core from core",
        "Pyro4.naming from naming",
        "Pyro4.message from protocol",
    ]


# Conformance: LOG-06
def test_a_level_can_be_set_for_one_part_alone(tmp_path: Path) -> None:
    run(tmp_path, PYRO_LOGLEVEL="WARNING,Pyro4.core=DEBUG")
    assert messages(tmp_path / "pyro.log") == ["Pyro4,WARNING] from the top", "Pyro4.core,DEBUG] from core"]
    run(tmp_path, PYRO_LOGLEVEL="Pyro.naming=INFO", PYRO_LOGFILE="one.log")
    assert messages(tmp_path / "one.log") == ["Pyro4.naming,INFO] from naming"]
    only = "import logging; logging.basicConfig(); logging.getLogger('Pyro4.naming').setLevel('INFO')"
    assert run(tmp_path, only + TALK).stderr == "INFO:Pyro4.naming:from naming\n"


def test_loggers_can_have_the_names_of_pyro5(tmp_path: Path) -> None:
    code = TALK.replace("logs.configure()", "logs.use_family('Pyro5'); logs.configure()")
    run(tmp_path, code, PYRO_LOGLEVEL="DEBUG,Pyro4.core=ERROR")
    assert [line.partition(",")[0] for line in messages(tmp_path / "pyro5.log")] == [
        "Pyro5",
        "Pyro5",
        "Pyro5.naming",
        "Pyro5.protocol",
    ]
