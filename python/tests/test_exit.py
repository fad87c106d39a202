"""The end of a program that still serves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent

PROGRAM = """
import sys, threading, time
sys.path.insert(0, {package!r})
import ferropyro
ferropyro.config.SERVERTYPE = {servertype!r}

@ferropyro.expose
class Slow:
    def wait(self):
        time.sleep(0.02)

    @ferropyro.oneway
    def later(self):
        time.sleep(0.02)

daemon = ferropyro.Daemon()
uri = daemon.register(Slow())
threading.Thread(target=daemon.requestLoop, daemon=True).start()
proxy = ferropyro.Proxy(uri)
proxy.wait()
ferropyro.asyncproxy(proxy)
for number in range(5):
    getattr(proxy, {method!r})()
time.sleep(0.018)
print("the end")
"""


@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
@pytest.mark.parametrize("method", ["wait", "later"])
def test_a_program_can_end_while_it_serves(servertype: str, method: str) -> None:
    program = PROGRAM.format(package=str(PACKAGE), servertype=servertype, method=method)
    for _ in range(5):
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "the end\n", "")


def test_the_end_does_not_wait_for_clients_that_do_nothing() -> None:
    program = f"""
import sys, threading
sys.path.insert(0, {str(PACKAGE)!r})
import ferropyro
daemon = ferropyro.Daemon(host="127.0.0.1")
threading.Thread(target=daemon.requestLoop, daemon=True).start()
proxy = ferropyro.Proxy(daemon.uriFor("Pyro.Daemon"))
proxy.ping()
"""
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
    # SHUTDOWN_TIMEOUT is ten seconds.
    assert time.monotonic() - began < 9
