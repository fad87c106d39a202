"""Objects that are registered for the client of a call, and gone with it."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import Pyro4
import Pyro5.api
import pytest

import ferropyro
from ferropyro.errors import DaemonError, PyroError

PATIENCE = 20.0
CLIENT = """
import sys
from PACKAGE import Proxy
database = Proxy(sys.argv[1])
rows = [database.query(number).row() for number in range(3)]
print(rows, flush=True)
sys.stdin.readline()
"""
PACKAGES = ["Pyro4", "Pyro5.api", "ferropyro"]


@ferropyro.expose
class Cursor:
    def __init__(self, number: int) -> None:
        self.number = number

    def row(self) -> int:
        return self.number


@ferropyro.expose
class Database:
    def __init__(self) -> None:
        self.cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self.asked = threading.Event()
        self.go_on = threading.Event()
        self.errors: list[str] = []

    def query(self, number: int) -> Any:
        cursor = Cursor(number)
        self.cursors.add(cursor)
        return self._pyroDaemon.lease(cursor)  # type: ignore[attr-defined]

    def forget(self) -> None:
        for cursor in list(self.cursors):
            self._pyroDaemon.unregister(cursor)  # type: ignore[attr-defined]

    @ferropyro.oneway
    def query_late(self) -> None:
        self.asked.set()
        self.go_on.wait(PATIENCE)
        try:
            self.query(0)
        except PyroError as error:
            self.errors.append(str(error))
        self.asked.set()

    async def query_in_coroutine(self) -> Any:
        return self.query(7)


class Daemon(ferropyro.Daemon):
    """Tells when a client was seen off."""

    def __init__(self) -> None:
        super().__init__()
        self.left = threading.Semaphore(0)

    def unregister(self, objectOrId: Any) -> None:
        super().unregister(objectOrId)
        self.left.release()


@pytest.fixture(params=["thread", "multiplex"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    ferropyro.config.SERVERTYPE = request.param
    with Daemon() as made:
        serving = threading.Thread(target=made.requestLoop)
        serving.start()
        yield made
        made.shutdown()
        serving.join()


@pytest.fixture
def database(daemon: Daemon) -> Database:
    made = Database()
    daemon.register(made, "database")
    return made


def wait_until_gone(daemon: Daemon, database: Database, count: int) -> None:
    for _ in range(count):
        assert daemon.left.acquire(timeout=PATIENCE)
    assert set(daemon.objectsById) == {"Pyro.Daemon", "database"}
    gc.collect()
    assert not database.cursors


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("is_killed", [False, True])
def test_leased_objects_are_gone_with_the_client(daemon: Daemon, database: Database, package: str, is_killed: bool) -> None:
    program = [sys.executable, "-W", "ignore", "-c", CLIENT.replace("PACKAGE", package), str(daemon.uriFor("database"))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None and client.stdin is not None
        assert client.stdout.readline() == "[0, 1, 2]\n"
        assert len(daemon.objectsById) == 5 and len(database.cursors) == 3
        if is_killed:
            client.kill()
        else:
            client.stdin.write("\n")
            client.stdin.flush()
        wait_until_gone(daemon, database, 3)


@pytest.mark.parametrize("make", [Pyro4.Proxy, Pyro5.api.Proxy, ferropyro.Proxy])
def test_a_lease_ends_with_its_own_client_and_by_hand(daemon: Daemon, database: Database, make: Any) -> None:
    uri = str(daemon.uriFor("database"))
    with make(uri) as other:
        with make(uri) as client, client.query(1) as cursor, other.query(2) as theirs:
            assert (cursor.row(), theirs.row()) == (1, 2)
            client._pyroRelease()
            assert daemon.left.acquire(timeout=PATIENCE)
            assert theirs.row() == 2
            with pytest.raises((Pyro4.errors.DaemonError, Pyro5.errors.DaemonError, DaemonError), match="unknown object"):
                cursor.row()
            other.forget()
            with pytest.raises((Pyro4.errors.DaemonError, Pyro5.errors.DaemonError, DaemonError), match="unknown object"):
                theirs.row()
    wait_until_gone(daemon, database, 1)


def test_a_look_at_what_an_object_exposes_does_not_end_its_lease_nor_prolong_it(daemon: Daemon, database: Database) -> None:
    with ferropyro.Proxy(daemon.uriFor("database")) as client, client.query(1) as cursor:
        (leased,) = database.cursors
        daemon.resetMetadataCache(leased)
        assert cursor.row() == 1
        del leased
    wait_until_gone(daemon, database, 1)


def test_a_coroutine_leases_as_any_other_method(daemon: Daemon, database: Database) -> None:
    with ferropyro.Proxy(daemon.uriFor("database")) as client, client.query_in_coroutine() as cursor:
        assert cursor.row() == 7
    wait_until_gone(daemon, database, 1)


def test_there_is_no_lease_for_who_is_gone(daemon: Daemon, database: Database) -> None:
    if ferropyro.config.SERVERTYPE == "multiplex":
        database.go_on.set()
    gone = threading.Event()
    daemon.clientDisconnect = lambda _: gone.set()  # type: ignore[method-assign]
    with ferropyro.Proxy(daemon.uriFor("database")) as client:
        client.query_late()
        assert database.asked.wait(PATIENCE)
        database.asked.clear()
    if not database.go_on.is_set():
        assert gone.wait(PATIENCE)
        database.go_on.set()
        assert database.asked.wait(PATIENCE)
        assert "ended already" in database.errors[0]
    wait_until_gone(daemon, database, 1)


def test_there_is_no_lease_outside_of_a_call_and_not_without_end(daemon: Daemon, database: Database) -> None:
    cursor = Cursor(1)
    with pytest.raises(PyroError, match="outside of a remote call"):
        daemon.lease(cursor)
    ferropyro.config.MAX_LEASES = 2
    with ferropyro.Proxy(daemon.uriFor("database")) as client:
        cursors = [client.query(number) for number in range(2)]
        with pytest.raises(RuntimeError, match="MAX_LEASES"):
            client.query(2)
        for each in cursors:
            each._pyroRelease()
    wait_until_gone(daemon, database, 2)


def test_what_could_not_be_registered_keeps_nothing_of_it() -> None:
    with ferropyro.Daemon() as daemon:
        cursor = Cursor(1)
        with pytest.raises(PyroError):
            daemon.register(cursor, "not an\nid")
        assert not hasattr(cursor, "_pyroId") and not hasattr(cursor, "_pyroDaemon")
        uri = daemon.register(cursor, "id")
        with pytest.raises(PyroError):
            daemon.register(cursor, "not an\nid", force=True)
        assert daemon.uriFor(cursor) == uri
