"""What a method ties to its caller's connection is closed with that connection."""

import signal
import sys

import pytest

from rust_peer import RustClient
from workshop import SERVER_TYPES, eventually, proxy_for, start_workshop, statistics, uri_of


@pytest.fixture(params=SERVER_TYPES)
def workshop(request, servers, peer_program):
    return start_workshop(servers, peer_program, SERVERTYPE=request.param, COMMTIMEOUT=0)


@pytest.fixture
def watching(pyro, workshop):
    """Another client, that sees what happens to the first one's resources."""
    with proxy_for(pyro, workshop, "resources") as proxy:
        yield proxy


def first_events(watching, count):
    """So many events, asked for again and again: a call that waits for them would hold up a multiplex server, which has to notice what happens."""
    eventually(lambda: len(watching.events()) >= count, True)
    return watching.events()


@pytest.fixture
def resources(pyro, workshop):
    with proxy_for(pyro, workshop, "resources") as proxy:
        yield proxy


CLIENT = """
import sys
from {module} import Proxy
proxy = Proxy("{uri}")
proxy.hold("one")
proxy.hold("two", True)
proxy.hold("three")
print(proxy.tracked(), flush=True)
import threading
threading.Event().wait()
"""


# Conformance: RES-01, RES-03, RES-05
def test_a_killed_client_leaves_nothing_open(pyro, servers, workshop, watching):
    program = CLIENT.format(module=pyro.api.__name__, uri=uri_of(workshop, "resources"))
    client = servers.start([sys.executable, "-c", program], ready=r"\['one', 'three', 'two'\]")
    client.send_signal(signal.SIGKILL)
    # The hook came first, and once; the second one panicked when it was closed.
    events = first_events(watching, 4)
    assert events[0] == "gone one,three,two"
    assert sorted(events[1:]) == ["closed one", "closed three", "closed two"]
    assert watching.tracked() == []
    eventually(lambda: statistics(pyro, workshop)["connections"], 2)
    assert watching.events() == events


# Conformance: RES-03
@pytest.mark.parametrize("end", ["release", "reset", "protocol error"])
def test_resources_are_closed_however_the_connection_ends(workshop, watching, resources, end):
    resources.hold("one")
    sock = resources._pyroConnection.sock
    if end == "release":
        resources._pyroRelease()
    elif end == "reset":
        sock.shutdown(2)
    else:
        sock.sendall(b"this is no message of Pyro's, nor of anybody else's")
    assert first_events(watching, 2) == ["gone one", "closed one"]


# Conformance: RES-03
def test_resources_of_a_client_that_is_silent_for_too_long_are_closed(pyro, servers, peer_program):
    server = start_workshop(servers, peer_program, COMMTIMEOUT=0.5)

    def events():
        with proxy_for(pyro, server, "resources") as watching:
            return watching.events()

    with proxy_for(pyro, server, "resources") as proxy:
        proxy.hold("one")
        eventually(events, ["gone one", "closed one"])


# Conformance: RES-02
def test_what_is_untracked_stays_open(watching, resources):
    resources.hold("one")
    resources.hold("two")
    resources.release("one")
    resources.release("one")
    assert resources.tracked() == ["two"]
    resources._pyroRelease()
    assert first_events(watching, 2) == ["gone two", "closed two"]


# Conformance: RES-03
def test_what_is_tracked_twice_is_closed_once(watching, resources):
    resources.hold("one")
    resources.hold_again("one")
    assert resources.tracked() == ["one"]
    resources._pyroRelease()
    assert first_events(watching, 2) == ["gone one", "closed one"]


# Conformance: RES-04
def test_tracking_keeps_nothing_alive(watching, resources):
    resources.hold("one")
    resources.hold("two")
    resources.forget("one")
    assert resources.tracked() == ["two"]
    resources._pyroRelease()
    assert first_events(watching, 3) == ["dropped one", "gone two", "closed two"]


# Conformance: RES-06
def test_another_clients_end_frees_nothing(pyro, workshop, watching, resources):
    resources.hold("mine")
    with proxy_for(pyro, workshop, "resources") as other:
        other.hold("other")
    assert first_events(watching, 2) == ["gone other", "closed other"]
    assert resources.tracked() == ["mine"]
    # A resource that two clients track is closed when the first of them goes, for each.
    watching.hold_again("mine")
    resources._pyroRelease()
    assert first_events(watching, 4)[2:] == ["gone mine", "closed mine"]
    assert watching.tracked() == ["mine"]


# Conformance: RES-06
def test_outside_of_a_call_there_is_no_connection_to_track_for(pyro, resources):
    with pytest.raises(pyro.errors.PyroError, match="^cannot track resource on a connectionless call$"):
        resources.hold_elsewhere("one")
    resources.hold_deeper("two")
    assert resources.tracked() == ["two"]


# Conformance: RES-03
def test_a_rust_client_that_is_killed_leaves_nothing_open(peer_program, workshop, watching):
    with RustClient(peer_program) as client:
        proxy = client.proxy(uri_of(workshop, "resources"))
        proxy.call("hold", "one")
        proxy.call("hold", "two", True)
        proxy.call("hold", "three")
        client.kill()
    events = first_events(watching, 4)
    assert events[0] == "gone one,three,two"
    assert sorted(events[1:]) == ["closed one", "closed three", "closed two"]
