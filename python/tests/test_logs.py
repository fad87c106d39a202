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


# What the Rust half logs.

SERVER = """
import os, threading
import ferropyro

@ferropyro.expose
class Thing:
    def good(self):
        return 1

    def bad(self):
        raise ValueError("two\\nlines")

class Daemon(ferropyro.Daemon):
    def validateHandshake(self, connection, data):
        if data != "hello":
            raise ValueError("stay out")
        return "hello"

daemon = Daemon(host="127.0.0.1")
uri = daemon.register(Thing(), "thing")
loop = threading.Thread(target=daemon.requestLoop)
loop.start()
"""
END = """
daemon.shutdown()
loop.join()
"""
CALLS = """
with ferropyro.Proxy(uri) as proxy:
    proxy.good()
    try:
        proxy.bad()
    except ValueError:
        pass
stranger = ferropyro.Proxy(uri)
stranger._pyroHandshake = "who is it?"
try:
    stranger.good()
except ferropyro.errors.CommunicationError:
    pass
"""
# The program's own handler: what it has seen, and a way to wait for more.
OWN = """
import logging, threading
import ferropyro

class Own(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []
        self.change = threading.Condition()

    def emit(self, record):
        with self.change:
            self.records.append(record)
            self.change.notify_all()

    def wait_for(self, text):
        with self.change:
            assert self.change.wait_for(lambda: any(text in record.getMessage() for record in self.records), 30), text

    def texts(self):
        return [record.getMessage() for record in self.records]

own = Own()
logging.getLogger().addHandler(own)
"""


def lines(text: str) -> list[str]:
    """The lines of a log without their times, tracebacks left out."""
    return [line.partition(",")[2] for line in text.splitlines() if LINE.fullmatch(line)]


# Conformance: LOG-02, LOG-03, LOG-06
@pytest.mark.parametrize("servertype, server", [("thread", "threadpoolserver"), ("multiplex", "multiplexserver")])
def test_the_log_tells_what_happens_in_a_server(tmp_path: Path, servertype: str, server: str) -> None:
    done = run(tmp_path, SERVER + CALLS + END, PYRO_LOGLEVEL="DEBUG", PYRO_SERVERTYPE=servertype)
    assert (done.returncode, done.stderr) == (0, "")
    log = (tmp_path / "pyro.log").read_text()
    told = "\n".join(lines(log))
    for pattern in [
        r"Pyro4.core,INFO\] daemon running on 127.0.0.1:\d+",
        rf"Pyro4.{server},DEBUG\] 127.0.0.1:\d+ connected, Pyro4 \(protocol 48\)",
        r"Pyro4.core,DEBUG\] connected to PYRO:thing@127.0.0.1:\d+, Pyro4 \(protocol 48\)",
        r"Pyro4.core,DEBUG\] Exception occurred while handling request: ValueError\('two\\nlines'\)",
        r"Pyro4.core,WARNING\] thing.bad called by 127.0.0.1:\d+ \(correlation id [-0-9a-f]{36}\) raised ValueError: two\\nlines",
        r"Pyro4.core,WARNING\] 127.0.0.1:\d+ refused: stay out",
        rf"Pyro4.{server},DEBUG\] 127.0.0.1:\d+ disconnected",
        r"Pyro4.core,INFO\] daemon on 127.0.0.1:\d+ has stopped",
    ]:
        assert len(re.findall(f"^{pattern}$", told, re.MULTILINE)) == 1, (pattern, told)
    assert "in bad\nValueError: two\nlines\n[" in log


def test_the_log_of_a_program_for_pyro5_has_its_names(tmp_path: Path) -> None:
    code = "from ferropyro import compat; compat.install('Pyro5')\nimport Pyro5.api\n" + SERVER + CALLS + END
    assert run(tmp_path, code, PYRO_LOGLEVEL="DEBUG").stderr == ""
    told = "\n".join(lines((tmp_path / "pyro5.log").read_text()))
    assert re.search(r"^Pyro5.threadpoolserver,DEBUG\] .* connected, Pyro5", told, re.MULTILINE)
    assert re.search(r"^Pyro5.client,DEBUG\] connected to ", told, re.MULTILINE)
    assert re.search(r"^Pyro5.server,WARNING\] thing.bad called by ", told, re.MULTILINE)
    assert "Pyro4." not in told


# Conformance: LOG-06
def test_a_level_of_one_logger_is_one_of_the_rust_half_too(tmp_path: Path) -> None:
    run(tmp_path, SERVER + CALLS + END, PYRO_LOGLEVEL="Pyro4.threadpoolserver=DEBUG")
    told = messages(tmp_path / "pyro.log")
    assert {line.partition("]")[0] for line in told} == {"Pyro4.threadpoolserver,DEBUG"}
    assert [line.split()[2].rstrip(",") for line in told] == ["connected", "disconnected"]


# Conformance: LOG-01
def test_nobody_who_wants_no_log_has_a_thread_for_it(tmp_path: Path) -> None:
    count = "assert 'pyro-log' not in [thread.name for thread in threading.enumerate()]"
    done = run(tmp_path, SERVER + CALLS + count + END)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # Nor does one who only imports the package.
    done = run(tmp_path, "import threading, ferropyro\n" + count, PYRO_LOGLEVEL="DEBUG")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(messages(tmp_path / "pyro.log")) == 1


# Conformance: LOG-04, LOG-05
def test_a_program_with_handlers_of_its_own_gets_records_as_of_python(tmp_path: Path) -> None:
    code = OWN + SERVER + """
import time
before = time.time()
logging.getLogger("Pyro4").setLevel("DEBUG")
client = threading.Thread(target=lambda: ferropyro.Proxy(uri).good(), name="the client")
client.start()
client.join()
own.wait_for("connected to")
own.wait_for(" connected, ")
[record] = [record for record in own.records if "connected to" in record.getMessage()]
assert (record.name, record.levelno, record.threadName, record.thread) == ("Pyro4.core", logging.DEBUG, "the client", client.ident)
assert before <= record.created <= time.time()
assert record.msecs == int(record.created % 1 * 1000)
assert record.pathname.endswith(".rs") and record.lineno > 1
assert logging.LogRecord("", 10, "", 0, "", (), None).relativeCreated >= record.relativeCreated > 0
[record] = [record for record in own.records if " connected, " in record.getMessage()]
assert record.name == "Pyro4.threadpoolserver" and record.threadName != "the client"
""" + END
    assert run(tmp_path, code).stderr == ""


def test_levels_can_be_changed_while_the_program_runs(tmp_path: Path) -> None:
    code = OWN + SERVER + """
ferropyro.Proxy(uri).good()
logger = logging.getLogger("Pyro4.core")
for level in ("DEBUG", "INFO", "DEBUG"):
    logger.setLevel(level)
    ferropyro.Proxy(uri).good()
logger.warning("first mark")
own.wait_for("first mark")
# The root logger's level counts as well, from the next proxy on.
for name in ("Pyro4", "Pyro4.core"):
    logging.getLogger(name).setLevel(logging.NOTSET)
logging.getLogger().setLevel("DEBUG")
ferropyro.Proxy(uri).good()
logging.disable()
ferropyro.Proxy(uri).good()
""" + END + """
from ferropyro import logs
logs._end()
print(len([text for text in own.texts() if "connected to" in text]))
"""
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == ("3\n", "")


def test_more_than_can_be_written_is_counted(tmp_path: Path) -> None:
    # The handler writes nothing until all is said.
    code = OWN + """
ready = threading.Event()
own.addFilter(lambda record: ready.wait(30))
""" + SERVER + """
ferropyro.config.LOGWIRE = True
logging.getLogger("Pyro4").setLevel("DEBUG")
proxy = ferropyro.Proxy(uri)
for _ in range(3000):
    proxy.good()
ready.set()
proxy._pyroRelease()
""" + END + """
from ferropyro import logs
logs._end()
sent = [text for text in own.texts() if "proxy wiredata" in text]
left_out = [int(text.split()[0]) for text in own.texts() if "more lines of the log were left out" in text]
print(len(left_out), 4096 < len(own.records) < 9000, sum(left_out) + len(sent) >= 6000)
"""
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == ("1 True True\n", "")


def test_the_last_lines_of_a_program_are_written(tmp_path: Path) -> None:
    many = "proxy = ferropyro.Proxy(uri)\nfor _ in range(500): proxy.good()\n"
    for number in range(3):
        name = f"{number}.log"
        run(tmp_path, SERVER + many + END, PYRO_LOGLEVEL="DEBUG", PYRO_LOGWIRE="on", PYRO_LOGFILE=name)
        told = messages(tmp_path / name)
        # The handshake and the calls, at either end, there and back.
        assert len([line for line in told if "wiredata" in line]) == 4 * 501
        assert "has stopped" in told[-1] or "disconnected" in told[-1]


def test_a_handler_that_hangs_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    code = OWN + SERVER + """
from ferropyro import logs
logs._LAST_WAIT = 0.1
hangs = threading.Event()
def hang(record):
    hangs.set()
    threading.Event().wait()
logging.getLogger("Pyro4.threadpoolserver").addFilter(hang)
logging.getLogger("Pyro4").setLevel("DEBUG")
""" + CALLS + "hangs.wait()" + END
    done = run(tmp_path, code + "print('the end')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")


def test_a_filter_that_fails_does_not_end_the_log(tmp_path: Path) -> None:
    code = OWN + SERVER + """
failures = []
def fail_once(record):
    if not failures:
        failures.append(record)
        raise RuntimeError("no")
    return True
logging.getLogger("Pyro4.threadpoolserver").addFilter(fail_once)
logging.getLogger("Pyro4").setLevel("DEBUG")
""" + CALLS + "own.wait_for(' disconnected')\nassert failures" + END
    assert run(tmp_path, code).stderr.endswith("RuntimeError: no\n")


def test_a_handler_that_calls_a_remote_object_is_no_endless_loop(tmp_path: Path) -> None:
    code = OWN + SERVER + """
class Remote(logging.Handler):
    def emit(self, record):
        remote_proxy.good()

ferropyro.config.LOGWIRE = True
remote_proxy = ferropyro.Proxy(uri)
logger = logging.getLogger("Pyro4.core")
logger.addHandler(Remote())
logger.setLevel("DEBUG")
ferropyro.Proxy(uri).good()
logger.setLevel("ERROR")
own.wait_for("msgtype=5")
""" + END + """
from ferropyro import logs
logs._end()
print(len([text for text in own.texts() if "proxy wiredata sending" in text]))
"""
    # What the handler does itself is not logged.
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == ("2\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_process_logs_what_it_does_itself(tmp_path: Path) -> None:
    code = "import os, warnings\nwarnings.simplefilter('ignore', DeprecationWarning)\n" + OWN + SERVER + """
logging.getLogger("Pyro4").setLevel("DEBUG")
ferropyro.Proxy(uri).good()
own.wait_for("connected to")
child = os.fork()
if child == 0:
    own.records.clear()
    ferropyro.Proxy(uri).good()
    own.wait_for("connected to")
    os._exit(0 if len(own.records) == 1 else 1)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status))
own.wait_for("disconnected")
""" + END
    done = run(tmp_path, code)
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_the_last_lines_of_a_process_of_multiprocessing_are_written(tmp_path: Path) -> None:
    code = "import multiprocessing, warnings\nwarnings.simplefilter('ignore', DeprecationWarning)\n" + SERVER + """
call = lambda: ferropyro.Proxy(uri).good()
call()
for _ in range(3):
    process = multiprocessing.get_context("fork").Process(target=call)
    process.start()
    process.join()
    assert process.exitcode == 0
""" + END
    assert run(tmp_path, code, PYRO_LOGLEVEL="DEBUG").stderr == ""
    assert len([line for line in messages(tmp_path / "pyro.log") if "connected to" in line]) == 4


def test_messages_are_logged(tmp_path: Path) -> None:
    code = SERVER + "ferropyro.config.LOGWIRE = True\nferropyro.Proxy(uri).good()\n" + END
    run(tmp_path, code, PYRO_LOGLEVEL="DEBUG")
    told = [line for line in messages(tmp_path / "pyro.log") if "wiredata" in line]
    header = r"msgtype=4 flags=0x0 ser=1 seq=1 num_annotations=0 corr_id=[-0]{36} "
    data = re.escape(r"""data=b"# serpent utf-8 python3.2\n('thing','good',(),{})" """.rstrip())
    assert [line for line in told if re.fullmatch(rf"Pyro4.core,DEBUG\] proxy wiredata sending to PYRO:thing@127.0.0.1:\d+: {header}{data}", line)]
    # The daemon was made before the setting.
    assert not [line for line in told if "daemon" in line]
    run(tmp_path, SERVER + CALLS + END, PYRO_LOGLEVEL="DEBUG", PYRO_LOGWIRE="on", PYRO_LOGFILE="both.log")
    told = lines((tmp_path / "both.log").read_text())
    for who in ("daemon wiredata received from 127", "daemon wiredata sending to 127", "proxy wiredata received from PYRO"):
        assert [line for line in told if line.startswith(f"Pyro4.core,DEBUG] {who}")], who
