from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ferropyro import compat

PACKAGE = Path(__file__).parents[1]
INSTALL = "from ferropyro import compat\ncompat.install('Pyro4')\ncompat.install('Pyro5')\n"


def python(*arguments: str, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYRO_")}
    command = [sys.executable, "-W", "error", *arguments]
    environment |= {"PYTHONPATH": str(PACKAGE), **variables}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def check(code: str, **variables: str) -> None:
    done = python("-c", code, **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_modules_have_the_old_names() -> None:
    check(INSTALL + """
import sys
import Pyro4.errors, Pyro4.util, Pyro4.futures, Pyro4.message, Pyro4.socketutil, Pyro4.constants, Pyro4.configuration
import Pyro5, Pyro5.errors, Pyro5.serializers, Pyro5.configure, Pyro5.protocol, Pyro5.socketutil
from Pyro4.errors import NamingError
from Pyro4 import Future, config
import ferropyro.errors, ferropyro.configuration, ferropyro.futures
assert Pyro4.errors is Pyro5.errors is ferropyro.errors
assert NamingError is ferropyro.errors.NamingError
assert config is Pyro4.configuration.config is ferropyro.configuration.config
assert Pyro5.config is ferropyro.configuration.pyro5_config is Pyro5.configure.global_config
assert Future is ferropyro.futures.Future and Pyro4.Future is Future
assert (Pyro4.__version__, Pyro4.constants.VERSION, Pyro5.__version__) == ("4.82", "4.82", "5.17")
assert Pyro4.constants.DAEMON_NAME == "Pyro.Daemon"
assert Pyro5.serializers.serializers_by_id[2].name == "marshal"
assert not any(getattr(module, "__file__", None) and "site-packages" in module.__file__
               for name, module in sys.modules.items() if name.startswith("Pyro"))
""")


def test_pyro5s_names_of_sockets_work() -> None:
    check(INSTALL + """
import ipaddress
from Pyro5 import socketutil
assert socketutil.get_ip_address("127.0.0.1") == ipaddress.ip_address("127.0.0.1")
assert str(socketutil.get_interface("127.0.0.1").ip) == "127.0.0.1"
with socketutil.create_socket(bind=("localhost", 0), timeout=5) as server:
    with socketutil.create_socket(connect=server.getsockname()) as client:
        assert client.gettimeout() is None
        connection = socketutil.SocketConnection(server.accept()[0])
        socketutil.send_data(client, b"abc")
        assert socketutil.receive_data(connection.sock, 3) == b"abc"
        connection.settimeout(2)
        assert connection.gettimeout() == 2
        connection.close()
socketutil.create_bc_socket(bind=("", 0)).close()
assert socketutil.find_probably_unused_port() > 0
""")


def test_a_module_that_there_is_not_is_an_error_that_says_so() -> None:
    for name in ("Pyro4.socketserver", "Pyro5.svr_threads", "Pyro4.nonsense"):
        done = python("-c", INSTALL + f"import {name}")
        package = name.partition(".")[0]
        assert f"ModuleNotFoundError: ferropyro, which is used in the place of {package}, has no {name}\n" in done.stderr
    done = python("-c", INSTALL + "import Pyro5; Pyro5.Future")
    assert "AttributeError: module 'Pyro5' of ferropyro has no attribute 'Future'" in done.stderr
    check(INSTALL + "import Pyro4\nassert not hasattr(Pyro4, 'nonsense') and not hasattr(Pyro4, '__path_of_nothing__')")


def test_the_real_package_in_use_is_not_replaced() -> None:
    done = python("-W", "ignore", "-c", "import Pyro4\n" + INSTALL)
    assert "RuntimeError: the real Pyro4 was imported already (from " in done.stderr
    assert 'call ferropyro.compat.install("Pyro4") before anything that imports Pyro4' in done.stderr


def test_only_the_installed_name_is_taken() -> None:
    check("from ferropyro import compat; compat.install('Pyro5')\nimport warnings; warnings.simplefilter('ignore')\n"
          "import Pyro4.errors, Pyro5.errors\nassert Pyro4.errors.__file__.endswith('Pyro4/errors.py')\n"
          "assert compat.installed('Pyro5') and not compat.installed('Pyro4')")
    with pytest.raises(ValueError, match="no package that can be stood in for: 'Pyro3'"):
        compat.install("Pyro3")


def test_the_configuration_follows_the_package_that_is_imported_first() -> None:
    only = "from ferropyro import compat; compat.install('Pyro4'); compat.install('Pyro5')\n"
    check(only + "import Pyro5\nassert Pyro5.config.THREADPOOL_SIZE == 80\n"
          "assert Pyro5.config.BROADCAST_ADDRS == ['<broadcast>', '0.0.0.0']\n"
          "from ferropyro import logs; assert logs.logger('core').name == 'Pyro5.core'")
    check(only + "import Pyro4, Pyro5\nassert Pyro4.config.THREADPOOL_SIZE == 40 == Pyro5.config.THREADPOOL_SIZE")
    check(only + "import Pyro5.configure as c\nassert c.Configuration().MAX_MESSAGE_SIZE == 1 << 30")


def test_a_wrong_variable_is_refused_by_pyro5_alone() -> None:
    check(INSTALL + "import Pyro4", PYRO_NONSENSE="1")
    done = python("-c", INSTALL + "import Pyro5", PYRO_NONSENSE="1")
    assert "ValueError: invalid Pyro environment config variable: PYRO_NONSENSE" in done.stderr


# Conformance: LOG-02
@pytest.mark.parametrize("name", ["Pyro4", "Pyro5"])
def test_what_a_program_puts_into_the_environment_before_the_import_counts(name: str, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(f"""
import os
os.environ |= {{"PYRO_HOST": "example.com", "PYRO_SERVERTYPE": "multiplex", "PYRO_LOGLEVEL": "INFO", "PYRO_LOGFILE": "{{stderr}}"}}
import logging
import {name}
from {name} import config
logging.getLogger("{name}.core").info("text")
print(config.HOST, config.SERVERTYPE, config.NS_PORT, config.COMMTIMEOUT)
""")
    done = python("-m", "ferropyro", "run", str(program), PYRO_SERVERTYPE="thread", PYRO_NS_PORT="9", PYRO_COMMTIMEOUT="1.5")
    assert (done.returncode, done.stdout) == (0, "example.com multiplex 9 1.5\n"), done.stderr
    assert f"{name}.core,INFO] text" in done.stderr


def test_the_environment_does_not_undo_what_was_set_before_the_import() -> None:
    code = INSTALL + """
import os, ferropyro
ferropyro.config.HOST = "set.example.com"
ferropyro.config.SERIALIZERS_ACCEPTED.add("pickle")
os.environ |= {"PYRO_HOST": "other.example.com", "PYRO_SERIALIZERS_ACCEPTED": "json"}
import Pyro4
assert Pyro4.config.HOST == "set.example.com"
assert Pyro4.config.SERIALIZERS_ACCEPTED == {"serpent", "json", "marshal", "pickle"}
"""
    check(code)


def test_the_names_of_the_packages_themselves_work() -> None:
    check(INSTALL + """
import Pyro4, Pyro5.api
from Pyro4.core import Proxy
from Pyro5.client import Proxy as Proxy5
from Pyro5.compatibility import Pyro4 as old
assert Proxy is Proxy5 is Pyro4.Proxy is Pyro5.api.Proxy
assert old is Pyro4
assert Pyro4.core.URI is Pyro4.URI
""")


PROGRAM = """
import sys, os
import Pyro4.errors
import helper
print(__name__, sys.argv, __file__ == os.path.abspath("program.py"), sys.modules["__main__"].__dict__ is globals())
print(Pyro4.errors.__name__, helper.VALUE, sys.path[0] == os.getcwd())
sys.exit(int(sys.argv[1]))
"""


def test_a_program_is_run_unchanged(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("# -*- coding: latin-1 -*-\n" + PROGRAM, "latin-1")
    (tmp_path / "helper.py").write_text("VALUE = 'from beside it'")
    done = python("-m", "ferropyro", "run", "program.py", "3", "--help", folder=tmp_path)
    assert done.stderr == ""
    assert done.returncode == 3
    assert done.stdout.splitlines() == [
        "__main__ ['program.py', '3', '--help'] True True",
        "ferropyro.errors from beside it True",
    ]


def test_a_module_is_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys, Pyro4.errors\nprint(__name__, sys.argv[1:], Pyro4.errors.__name__)")
    done = python("-m", "ferropyro", "run", "-m", "mine", "x", folder=tmp_path)
    assert (done.stderr, done.stdout) == ("", "__main__ ['x'] ferropyro.errors\n")
    done = python("-m", "ferropyro", "run", "-m", "Pyro4.configuration", folder=tmp_path, PYRO_HOST="example.org")
    assert "HOST = example.org" in done.stdout.splitlines()
    done = python("-m", "ferropyro", "run", "-m", "Pyro5.configure", folder=tmp_path)
    assert "Protocol version: 502" in done.stdout.splitlines()
    done = python("-m", "ferropyro", "run", "-m", "Pyro4.errors", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "ferropyro: Pyro4.errors is no program\n")


def test_objects_of_the_program_can_be_pickled_and_its_threads_go_on(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("""
import atexit, pickle, threading, time
class Thing: pass
assert type(pickle.loads(pickle.dumps(Thing()))) is Thing
def later():
    time.sleep(0.1)
    print("thread", Thing.__name__)
threading.Thread(target=later).start()
atexit.register(lambda: print("exit", Thing.__name__))
""")
    done = python("-m", "ferropyro", "run", str(tmp_path / "program.py"))
    assert (done.stderr, done.stdout) == ("", "thread Thing\nexit Thing\n")


def test_the_command_line_explains_itself(tmp_path: Path) -> None:
    done = python("-m", "ferropyro", "--help")
    assert done.returncode == 0 and "run PROGRAM.py" in done.stdout
    assert python("-m", "ferropyro", "--version").stdout.startswith("ferropyro ")
    for wrong in ([], ["run"], ["run", "-m"]):
        done = python("-m", "ferropyro", *wrong)
        assert done.returncode == 2 and done.stderr.startswith("usage: ")
    done = python("-m", "ferropyro", "run", "none.py", folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, "ferropyro: can't open file 'none.py': no such file\n")
