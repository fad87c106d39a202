"""What the tests here can ask for. They can be run alone (`pytest python/tests/pyro4_examples --full`) or with all that is in python/tests."""

import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "interop"))

import source
from servers import Servers, run

MARKERS = {
    "baseline": "the real Pyro4 on both sides, which shows that what is expected is what it prints",
    "full": "slow",
}


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the slow tests too, and the baseline")
    parser.addoption("--baseline", action="store_true", help="the real Pyro4 on both sides too")


def pytest_configure(config):
    for name, text in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {text}")
    # Behind `&` of a shell without job control Ctrl-C is ignored, and programs that are started inherit that: none could be interrupted.
    if os.name == "posix" and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config, items):
    full = config.getoption("--full", False)
    chosen = {"full": full, "baseline": full or config.getoption("--baseline", False)}
    for name, wanted in chosen.items():
        for item in items:
            if not wanted and item.get_closest_marker(name):
                item.add_marker(pytest.mark.skip(reason=f"only with --{name}"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for server in getattr(item, "funcargs", {}).get("servers", ()):
            report.sections.append((f"output of {server}", server.output()))
    return report


@pytest.fixture
def servers():
    """Starts programs that end with the test: servers.start(args, ready=REGEX)."""
    with Servers() as started:
        yield started


@pytest.fixture(scope="session")
def pyro4_source():
    """The folder of Pyro4's source package."""
    try:
        return source.package()
    except source.Unavailable as error:
        unavailable(str(error))


@pytest.fixture(scope="session")
def pyro4_examples(pyro4_source):
    """The folder of the examples in it."""
    return pyro4_source / "examples"


@pytest.fixture(scope="session")
def ferropyro_installed():
    done = run([sys.executable, "-c", "import ferropyro, ferropyro._ferropyro"])
    if done.returncode != 0:
        unavailable("the package ferropyro is not installed in this Python")


def unavailable(why):
    """Skips the test, but where all has to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture
def one_at_a_time():
    """`with one_at_a_time(NAME):` holds up the other tests of this machine that want the same, such as a port."""
    return source.locked
