"""What every test here can ask for. See README.md."""

import os
import sys
from pathlib import Path

for name in [name for name in os.environ if name.startswith("PYRO_")]:
    del os.environ[name]  # before the imports below: Pyro reads its settings when it is imported

import pytest

import desks
import peers
import pythons
import rust_peer
from servers import Servers

ROOT = Path(__file__).parent.parent
EXE = ".exe" if sys.platform == "win32" else ""
used_pythons = set()


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the slow tests and the other Python versions too")
    parser.addoption("--values", type=int, help="how many generated values go through each serializer (500; 5000 with --full)")


def pytest_collection_modifyitems(config, items):
    impossible = [item for item in items if hasattr(item, "callspec") and peers.is_impossible(item.callspec.params)]
    if impossible:
        config.hook.pytest_deselected(items=impossible)
        items[:] = [item for item in items if item not in set(impossible)]
    if config.getoption("--full"):
        return
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.skip(reason="only with --full"))


def pytest_generate_tests(metafunc):
    if "other_python" not in metafunc.fixturenames:
        return
    if metafunc.config.getoption("--full"):
        found = pythons.others()
        metafunc.parametrize("other_python", found, ids=lambda python: python.version, indirect=True)
    else:
        skipped = pytest.param(None, marks=pytest.mark.skip(reason="only with --full"), id="others")
        metafunc.parametrize("other_python", [skipped], indirect=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        for server in getattr(item, "funcargs", {}).get("servers", ()):
            report.sections.append((f"output of {server}", server.output()))
    return report


def pytest_terminal_summary(terminalreporter):
    if used_pythons:
        terminalreporter.write_line("other Pythons that took part: " + ", ".join(sorted(used_pythons)))


@pytest.fixture(autouse=True)
def fresh_settings():
    peers.reset_settings()
    yield
    peers.reset_settings()


@pytest.fixture
def servers():
    """Starts programs that end with the test: servers.start(args, ready=REGEX)."""
    with Servers() as started:
        yield started


@pytest.fixture(params=peers.PEERS, ids=str)
def pyro(request):
    """A generation of the real Pyro (peers.Peer): the test runs once with each."""
    return request.param


@pytest.fixture
def real_name_server(pyro, servers):
    """The real name server of that generation, on localhost."""
    return pyro.start_name_server(servers)


@pytest.fixture
def real_echo_server(pyro, servers):
    """The real echo server of that generation, on localhost, under the object id test.echoserver."""
    return pyro.start_echo_server(servers)


@pytest.fixture(scope="session")
def ferropyro():
    """The path of the built binary."""
    return built("FERROPYRO_BIN", ROOT / "target" / "debug" / f"ferropyro{EXE}")


@pytest.fixture(scope="session")
def values_count(request):
    """How many generated values a test of them takes."""
    return request.config.getoption("--values") or (5000 if request.config.getoption("--full") else 500)


@pytest.fixture(scope="session")
def peer_program():
    """The path of the Rust side of these tests (interop/peer)."""
    folder = Path(os.environ.get("FERROPYRO_BIN", ROOT / "target" / "debug" / "ferropyro")).parent
    return built("FERROPYRO_INTEROP_PEER", folder / f"interop_peer{EXE}")


@pytest.fixture(scope="module")
def rust_server(peer_program):
    """A Rust server that takes every serializer, shared by the tests of a module; `uri` is that of obj.test."""
    with Servers() as servers:
        yield rust_peer.start_server(servers, peer_program, env=peers.ACCEPT_ALL)


@pytest.fixture(scope="module")
def rust_clients(peer_program):
    """The two clients of the library, shared by the tests of a module."""
    with rust_peer.RustClient(peer_program) as blocking, rust_peer.RustClient(peer_program, "--async") as awaiting:
        yield {"blocking": blocking, "async": awaiting}


@pytest.fixture(params=["blocking", "async"])
def rust_client(request, rust_clients):
    """A Rust client: rust_client.proxy(uri, serializer="json"). The test runs once with each of the two."""
    return rust_clients[request.param]


@pytest.fixture(scope="module")
def python_servers():
    """The servers of python_server.py with the default settings, one of each generation: python_servers["pyro4"]."""
    with Servers() as servers:
        yield {peer.name: peer.start_test_server(servers) for peer in peers.PEERS}


@pytest.fixture(scope="module")
def rust_desk(peer_program):
    """The Rust server of desks.py, shared by a module; `uri` is that of its desk."""
    with Servers() as servers:
        yield desks.start_rust_desk(servers, peer_program)


@pytest.fixture(scope="module")
def python_desks():
    """The real Pyro's servers of desks.py, one of each generation: python_desks["pyro4"]."""
    with Servers() as servers:
        yield {peer.name: desks.start_python_desk(servers, peer) for peer in peers.PEERS}


@pytest.fixture(params=["python-calls-rust", "rust-calls-python", "async-rust-calls-python"])
def pair(request, pyro, rust_clients, rust_desk, python_desks):
    """A desk and its callers (desks.Pair): the test runs once in each direction with each generation, and with both clients of Rust."""
    rust_client = rust_clients["async" if request.param.startswith("async") else "blocking"]
    with desks.Pair(pyro, request.param != "python-calls-rust", rust_client, rust_desk, python_desks) as pair:
        yield pair


@pytest.fixture
def ferropyro_ns(ferropyro, servers):
    """Our name server on a free port of localhost."""
    return servers.start([ferropyro, "ns", "-n", "localhost", "-p", "0"], ready=r"^URI = PYRO:")


@pytest.fixture(scope="session")
def example():
    """Gives the path of a built example: example("greeting_server")."""
    folder = Path(os.environ.get("FERROPYRO_EXAMPLES", ROOT / "target" / "debug" / "examples"))

    def path(name):
        found = folder / f"{name}{EXE}"
        if not found.exists():
            pytest.fail(f"{found} is not there: run `cargo xtask test`, or `cargo build --workspace --examples`")
        return found

    return path


@pytest.fixture
def other_python(request):
    """Another Python version of this machine with a Pyro of its own (pythons.Python); the test runs with each."""
    problem = request.param.install()
    if problem:
        pytest.skip(f"Python {request.param.version}: {problem}")
    used_pythons.add(request.param.version)
    return request.param


def built(variable, default):
    path = Path(os.environ.get(variable, default))
    if not path.exists():
        pytest.fail(f"{path} is not there: run `cargo xtask test`, or build it and set {variable}")
    return path
