"""Objects that travel as proxies, objects that live as long as their caller's connection, and objects that are called back."""

import signal
import sys
import threading

import pytest

import peers
from peers import PEERS, PYRO4
from rust_peer import RustClient, RustError
from servers import Servers
from workshop import SERVER_TYPES, eventually, proxy_for, start_python_workshop, start_workshop, statistics, uri_of

# Pyro4's daemon uses what newer Pythons warn of, and here it runs in this process.
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")

# Python's marshal serializer sends no proxy for an object, but the dict of its attributes.
SERIALIZERS = ["serpent", "json", "msgpack", "pickle"]


@pytest.fixture(scope="module")
def workshop(peer_program):
    with Servers() as servers:
        yield start_workshop(servers, peer_program, POLLTIMEOUT=0.1)


@pytest.fixture(scope="module")
def python_workshops():
    with Servers() as servers:
        yield {peer.name: start_python_workshop(servers, peer) for peer in PEERS}


@pytest.fixture
def parts(pyro, workshop):
    with proxy_for(pyro, workshop, "parts") as proxy:
        yield proxy


class Notebook:
    """An object of a Python client, that a server calls back; made anew for each generation, because that marks what is exposed."""

    def __init__(self):
        self.proxy = None
        self.pages = []
        self.written = threading.Condition()

    def write(self, text):
        with self.written:
            self.pages.append(text)
            self.written.notify_all()
            return len(self.pages)

    def write_unanswered(self, text):
        self.write(text)

    def fail(self, text):
        raise ValueError(text)

    def bounce(self, text):
        """Bounces the call back to the server, through the very proxy that waits for it."""
        return self.write(self.proxy.echo(text))


@pytest.fixture
def notebook(pyro):
    """Registered with a daemon of this process, which runs in a thread."""
    api = pyro.api

    class Exposed(Notebook):
        write = api.expose(Notebook.write)
        write_unanswered = api.expose(api.oneway(Notebook.write_unanswered))
        fail = api.expose(api.callback(Notebook.fail))
        bounce = api.expose(Notebook.bounce)

        @api.expose
        @api.oneway
        def bounce_unanswered(self, text):
            self.bounce(text)

    if pyro.name == "pyro4":
        api.config.SERIALIZERS_ACCEPTED = set(peers.SERIALIZERS)
    daemon = api.Daemon(host="127.0.0.1")
    thread = threading.Thread(target=daemon.requestLoop, daemon=True)
    notebook = Exposed()
    notebook.uri = daemon.register(notebook)
    thread.start()
    yield notebook
    daemon.shutdown()
    thread.join()
    daemon.close()


@pytest.mark.parametrize("serializer", [*SERIALIZERS, "marshal"])
def test_python_gets_a_proxy_for_a_registered_object(pyro, workshop, serializer):
    pyro.api.config.SERIALIZER = serializer
    with proxy_for(pyro, workshop, "parts") as parts:
        with parts.lasting() as part:
            assert type(part) is pyro.api.Proxy
            assert str(part._pyroUri) == uri_of(workshop, "part.lasting")
            assert part.name() == "lasting"
        catalogue = parts.catalogue()
        assert catalogue["none"] == []
        assert [part.name() for part in catalogue["all"]] == ["lasting", "other"]
        for part in catalogue["all"]:
            part._pyroRelease()


def test_the_proxy_knows_what_the_object_exposes_before_it_connects(parts):
    part = parts.lasting()
    assert part._pyroConnection is None
    assert part._pyroMethods == {"name", "use_it", "use_unanswered"}
    assert part._pyroOneway == {"use_unanswered"}
    assert part._pyroAttrs == {"calls"}
    with part:
        calls = part.calls
        assert part.use_it() == calls + 1
        assert part.use_unanswered() is None
        eventually(lambda: part.calls, calls + 2)


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_an_attribute_may_be_a_registered_object(pyro, workshop, serializer):
    pyro.api.config.SERIALIZER = serializer
    with proxy_for(pyro, workshop, "parts") as parts, parts.favourite as part:
        assert part.name() == "other"


def test_without_autoproxy_the_caller_is_told(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, AUTOPROXY=0)
    with proxy_for(pyro, server, "parts") as parts:
        with pytest.raises(TypeError, match="AUTOPROXY is off"):
            parts.lasting()
        assert parts.alive() == 2


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_rust_server_calls_the_object_of_a_python_client(pyro, workshop, notebook, serializer):
    pyro.api.config.SERIALIZER = serializer
    with proxy_for(pyro, workshop, "parts") as parts:
        assert parts.call_back(notebook, "write", "a") == 1
        assert parts.call_back(notebook, "write_unanswered", "b") is None
        with notebook.written:
            assert notebook.written.wait_for(lambda: len(notebook.pages) == 2, 10)
        assert notebook.pages == ["a", "b"]


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_objects_in_a_list_are_called_too(pyro, workshop, notebook, serializer):
    pyro.api.config.SERIALIZER = serializer
    with proxy_for(pyro, workshop, "parts") as parts, pyro.api.Proxy(notebook.uri) as proxy:
        assert parts.call_all_back([notebook, proxy], "write", "a") == [1, 2]


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_a_proxy_goes_through_rust_and_back(pyro, workshop, notebook, serializer):
    pyro.api.config.SERIALIZER = serializer
    with proxy_for(pyro, workshop, "parts") as parts, parts.pass_on(notebook) as proxy:
        assert proxy._pyroUri == notebook.uri
        assert proxy.write("a") == 1


def test_python_sees_the_error_of_its_own_callback_and_so_does_the_server_between(pyro, workshop, parts, notebook):
    failed = statistics(pyro, workshop)["failed_calls"]
    with pytest.raises(ValueError, match="^it did not work$") as raised:
        parts.call_back(notebook, "fail", "it did not work")
    # The method in this process, and the one of the server between.
    traceback = "".join(raised.value._pyroTraceback)
    assert "in fail" in traceback
    assert "Parts.call_back" in traceback
    assert statistics(pyro, workshop)["failed_calls"] == failed + 1
    assert parts.call_back(notebook, "write", "a") == 1


def test_an_object_that_is_not_there_any_more_cannot_be_called_back(pyro, parts, notebook):
    with pyro.api.Proxy(notebook.uri) as proxy:
        notebook._pyroDaemon.unregister(notebook)
        with pytest.raises(pyro.errors.CommunicationError, match="rejected: unknown object"):
            parts.call_back(proxy, "write", "a")


# Conformance: POOL-01, POOL-04
@pytest.mark.parametrize("server_type", SERVER_TYPES)
def test_a_circle_of_calls_through_the_proxy_of_a_python_client(pyro, servers, peer_program, notebook, server_type):
    server = start_workshop(servers, peer_program, SERVERTYPE=server_type)
    with proxy_for(pyro, server, "parts") as parts:
        notebook.proxy = parts
        if pyro.name == "pyro4":
            parts._pyroTimeout = 0.5
            with pytest.raises(pyro.errors.TimeoutError, match="receiving: timeout"):
                parts.call_back(notebook, "bounce", "ball")
        else:  # there, a proxy belongs to a thread
            with pytest.raises(pyro.errors.PyroError, match="the calling thread is not the owner of this proxy"):
                parts.call_back(notebook, "bounce", "ball")
    with proxy_for(pyro, server, "parts") as parts:
        assert parts.echo("the server goes on") == "the server goes on"


# Conformance: POOL-03
@pytest.mark.parametrize("server_type", SERVER_TYPES)
@pytest.mark.parametrize("pyro", [PYRO4], ids=str)
def test_a_oneway_callback_of_a_python_client_breaks_the_circle(pyro, servers, peer_program, notebook, server_type):
    """With Pyro4 only: Pyro5 has proxies that belong to a thread, and so no such circles."""
    server = start_workshop(servers, peer_program, SERVERTYPE=server_type)
    with proxy_for(pyro, server, "parts") as parts:
        notebook.proxy = parts
        assert parts.call_back(notebook, "bounce_unanswered", "ball") is None
        with notebook.written:
            assert notebook.written.wait_for(lambda: notebook.pages == ["ball"], 10)


@pytest.fixture
def client(peer_program):
    """A Rust client of its own, which offers an object too."""
    with RustClient(peer_program) as client:
        yield client


@pytest.fixture(params=["rust", "pyro4", "pyro5"])
def any_workshop(request, workshop, python_workshops):
    return workshop if request.param == "rust" else python_workshops[request.param]


@pytest.mark.parametrize("serializer", [*SERIALIZERS, "marshal"])
def test_a_server_calls_the_object_of_a_rust_client(client, any_workshop, serializer):
    parts = client.proxy(uri_of(any_workshop, "parts"), serializer=serializer)
    assert parts.perform("call_back", method="call_back", **{"with": "write", "text": "a"}) == 1
    assert parts.perform("call_back", method="call_back", **{"with": "write_unanswered", "text": "b"}) is None
    assert parts.perform("notebook", least=2) == ["a", "b"]
    nested = {"with": "write", "text": "c", "nested": True}
    assert parts.perform("call_back", method="call_all_back", **nested) == [3]


def test_rust_sees_the_error_of_its_own_callback_and_so_does_the_server_between(client, any_workshop):
    parts = client.proxy(uri_of(any_workshop, "parts"))
    for number in (1, 2):
        with pytest.raises(RustError, match="^ValueError: it did not work$") as raised:
            parts.perform("call_back", method="call_back", **{"with": "fail", "text": "it did not work"})
        assert raised.value.class_name == "builtins.ValueError"
        assert "call_back" in raised.value.traceback
        assert parts.perform("errors") == ["ValueError: it did not work"] * number


@pytest.mark.parametrize("serializer", SERIALIZERS)
def test_rust_gets_proxies_for_objects_of_a_server(rust_client, any_workshop, serializer):
    parts = rust_client.proxy(uri_of(any_workshop, "parts"), serializer=serializer)
    assert parts.perform("call_result", method="lasting", then="name") == ["lasting"]
    assert parts.perform("call_result", method="catalogue", then="name") == ["lasting", "other"]


# The objects that are there from the beginning.
LASTING = 2


@pytest.fixture(params=SERVER_TYPES)
def lessor(request, servers, peer_program):
    return start_workshop(servers, peer_program, SERVERTYPE=request.param, POLLTIMEOUT=0.05)


@pytest.fixture
def lessee(pyro, lessor):
    with proxy_for(pyro, lessor, "parts") as proxy:
        yield proxy


def alive(pyro, server):
    with proxy_for(pyro, server, "parts") as parts:
        return parts.alive()


def objects(pyro, server):
    return statistics(pyro, server)["objects"]


def test_a_lease_ends_with_the_connection_of_the_caller(pyro, lessor, lessee):
    before = objects(pyro, lessor)
    with lessee.lease("mine") as part, proxy_for(pyro, lessor, "parts") as other:
        assert part.name() == "mine"
        assert objects(pyro, lessor) == before + 1
        with other.lease("of another"):
            pass
        assert lessee.alive() == LASTING + 2
        other._pyroRelease()
        eventually(lessee.alive, LASTING + 1)
        # The proxy's own connection does not count.
        part._pyroRelease()
        assert part.use_it() == 1
        lessee._pyroRelease()
        eventually(lambda: alive(pyro, lessor), LASTING)
        with pytest.raises(pyro.errors.DaemonError, match="unknown object"):
            part.name()
    assert objects(pyro, lessor) == before


def test_a_lease_ends_by_hand(pyro, lessor, lessee):
    with lessee.lease_and_keep("kept") as part:
        assert part.name() == "kept"
        assert lessee.end("kept") is True
        assert lessee.end("kept") is False
        eventually(lessee.alive, LASTING)
        with pytest.raises(pyro.errors.DaemonError, match="unknown object"):
            part.name()


def test_a_lease_ends_after_its_time(pyro, lessor, lessee):
    with lessee.lease_for(0.3, "short") as short, lessee.lease_for(1000, "long") as long:
        assert long.name() == "long"
        eventually(lessee.alive, LASTING + 1)
        with pytest.raises(pyro.errors.PyroError, match="unknown object"):
            short.name()
        assert long.use_it() == 1
        lessee._pyroRelease()
        eventually(lambda: alive(pyro, lessor), LASTING)


CLIENT = """
import threading
from {module} import Proxy
parts = Proxy("{uri}")
leased = [parts.lease("part %d" % number) for number in range(50)]
print(leased[-1].name(), flush=True)
threading.Event().wait()
"""


def test_the_leases_of_a_killed_client_end(pyro, servers, lessor):
    before = objects(pyro, lessor)
    program = CLIENT.format(module=pyro.api.__name__, uri=uri_of(lessor, "parts"))
    client = servers.start([sys.executable, "-c", program], ready="^part 49$")
    assert alive(pyro, lessor) == LASTING + 50
    client.send_signal(signal.SIGKILL)
    eventually(lambda: alive(pyro, lessor), LASTING)
    assert objects(pyro, lessor) == before
