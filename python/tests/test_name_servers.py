"""Name servers within a program: the object, its storages, and the real ones' with the same files."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import Pyro4.core
import Pyro4.naming
import Pyro4.naming_storage
import Pyro5.api
import Pyro5.nameserver
import pytest
from real import outcome

import ferropyro
from ferropyro import naming
from ferropyro.errors import NamingError
from ferropyro.naming import AutoCleaner, BroadcastServer, MemoryStorage, NameServer, NameServerDaemon, startNS
from ferropyro.naming_storage import DbmStorage, SqlStorage

URI = "PYRO:obj@localhost:1234"


class Plain(dict[str, Any]):
    """A storage of a program's own, which searches nothing itself."""

    def nothing(self, *args: Any, **kwargs: Any) -> None:
        return None

    optimized_prefix_list = optimized_regex_list = optimized_metadata_search = nothing

    def everything(self, return_metadata: bool = False) -> dict[str, Any]:
        return dict(self) if return_metadata else {name: uri for name, (uri, _) in self.items()}

    def remove_items(self, items: Any) -> None:
        for item in items:
            del self[item]

    def close(self) -> None:
        self.is_closed = True


STORAGES: dict[str, Callable[[Path], Any]] = {
    "memory": lambda folder: MemoryStorage(),
    "sql": lambda folder: SqlStorage(str(folder / "names.db")),
    "dbm": lambda folder: DbmStorage(str(folder / "names")),
    "own": lambda folder: Plain(),
}


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return STORAGES[request.param](tmp_path)


@contextmanager
def serving(daemon: ferropyro.Daemon) -> Iterator[None]:
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    try:
        yield
    finally:
        daemon.shutdown()
        thread.join()


# Conformance: STO-05
def test_names_are_registered_found_and_removed_in_every_storage(storage: Any) -> None:
    names = NameServer(storage)
    names.register("one", URI)
    names.register("one", ferropyro.URI("PYRO:other@localhost:1"), metadata={"tag"})
    assert names.count() == 1
    assert names.lookup("one") == ferropyro.URI("PYRO:other@localhost:1")
    with pytest.raises(NamingError, match="name already registered: one"):
        names.register("one", URI, safe=True)
    with pytest.raises(NamingError, match="unknown name: two"):
        names.lookup("two")
    with pytest.raises(NamingError, match="unknown name: two"):
        names.set_metadata("two", {"tag"})
    assert names.remove("two") == 0 and names.remove("one") == 1 and names.remove() == 0
    names.register("Pyro.NameServer", URI)
    assert names.remove("Pyro.NameServer") == 0 and names.remove(prefix="Pyro") == 0 and names.remove(regex=".*") == 0
    assert names.count() == 1 and names.ping() is None


# Conformance: STO-06
def test_every_storage_finds_the_same_names(storage: Any) -> None:
    names = NameServer(storage)
    for name in ("Abc.x", "abc.x", "a_c.x", "abcd", "50%"):
        names.register(name, URI)
    assert set(names.list()) == {"Abc.x", "abc.x", "a_c.x", "abcd", "50%"}
    assert set(names.list(prefix="abc")) == {"abc.x", "abcd"}
    assert set(names.list(prefix="a_")) == {"a_c.x"} and set(names.list(prefix="5%")) == set()
    assert set(names.list(regex="abc")) == {"abc.x", "abcd"} and set(names.list(regex="bc")) == set()
    assert names.list(prefix="A", return_metadata=True) == {"Abc.x": (URI, [])}
    with pytest.raises(NamingError, match="invalid regex"):
        names.list(regex="(")
    with pytest.raises(ValueError, match="one thing at a time"):
        names.list(prefix="a", regex="a")
    assert names.remove(prefix="abc") == 2 and names.remove(regex="a.c") == 1


def test_names_are_found_by_their_tags(storage: Any) -> None:
    names = NameServer(storage)
    names.register("both", URI, metadata=["x", "y"])
    names.register("one", URI, metadata={"x"})
    names.register("none", URI)
    if isinstance(storage, DbmStorage):
        assert names.lookup("both", return_metadata=True)[1] == []
        with pytest.raises(NamingError, match="doesn't support metadata"):
            names.list(metadata_all={"x"})
        return
    assert set(names.list(metadata_all=["x", "y", "x"])) == {"both"} == set(names.yplookup({"y"}))
    assert set(names.list(metadata_any={"x", "z"})) == {"both", "one"}
    assert names.list(metadata_any={"y"}, return_metadata=True).keys() == {"both"}
    assert sorted(names.yplookup(meta_any={"y"})["both"][1]) == ["x", "y"] and names.yplookup() == {}
    names.set_metadata("both", ["z"])
    assert names.lookup("both", return_metadata=True) == (ferropyro.URI(URI), ["z"])
    with pytest.raises(TypeError, match="should not be a str"):
        names.list(metadata_all="x")
    with pytest.raises(TypeError, match="should not be a str"):
        names.register("x", URI, metadata="x")


REAL_STORAGES = [
    ("sql", Pyro4.naming_storage.SqlStorage, SqlStorage),
    ("sql", Pyro5.nameserver.SqlStorage, SqlStorage),
    ("dbm", Pyro4.naming_storage.DbmStorage, DbmStorage),
]
ENTRIES = {"first": ("PYRO:a@h:1", {"x", "y"}), "naïve.second": ("PYRO:b@h:2", {"x"}), "third": ("PYRO:c@h:3", set())}


# Conformance: STO-02
@pytest.mark.parametrize(("kind", "real", "ours"), REAL_STORAGES)
@pytest.mark.parametrize("first_is_real", [True, False])
def test_files_go_from_the_real_pyro_to_this_package_and_back(tmp_path: Path, kind: str, real: Any, ours: Any, first_is_real: bool) -> None:
    file = str(tmp_path / "names")
    expected = ENTRIES if kind == "sql" else {name: (uri, set()) for name, (uri, _) in ENTRIES.items()}
    writer, reader = (real, ours) if first_is_real else (ours, real)
    written = writer(file)
    for name, entry in ENTRIES.items():
        written[name] = entry
    read = reader(file)
    assert {name: (uri, set(tags)) for name, (uri, tags) in read.everything(True).items()} == expected
    assert sorted(read) == sorted(expected) and len(read) == 3 and "third" in read and "fourth" not in read
    del read["third"]
    read["first"] = "PYRO:d@h:4", {"z"}
    again = writer(file)
    assert again["first"] == ("PYRO:d@h:4", {"z"} if kind == "sql" else frozenset())
    assert sorted(again) == ["first", "naïve.second"]


# Conformance: STO-02
def test_a_file_from_before_there_were_tags_is_changed_without_loss(tmp_path: Path) -> None:
    file = str(tmp_path / "old.db")
    db = sqlite3.connect(file)
    db.execute("CREATE TABLE pyro_names (name nvarchar PRIMARY KEY NOT NULL, uri nvarchar NOT NULL)")
    db.execute("INSERT INTO pyro_names VALUES ('old', 'PYRO:a@h:1')")
    db.commit()
    db.close()
    storage = SqlStorage(file)
    assert dict(storage) == {"old": ("PYRO:a@h:1", set())}
    storage["old"] = "PYRO:a@h:2", {"tag"}
    assert Pyro4.naming_storage.SqlStorage(file)["old"] == ("PYRO:a@h:2", {"tag"})


@pytest.mark.parametrize(("kind", "real", "ours"), REAL_STORAGES)
def test_storages_do_what_the_real_ones_do(tmp_path: Path, kind: str, real: Any, ours: Any) -> None:
    left, right = real(str(tmp_path / "real")), ours(str(tmp_path / "ours"))
    for name, entry in ENTRIES.items():
        left[name] = right[name] = entry
    questions: list[Callable[[Any], Any]] = [
        lambda storage: storage["missing"],
        lambda storage: storage.optimized_prefix_list("f"),
        lambda storage: storage.optimized_prefix_list("f", True),
        lambda storage: storage.optimized_regex_list("f.*t"),
        lambda storage: storage.optimized_metadata_search(metadata_all=["x", "y"]),
        lambda storage: storage.optimized_metadata_search(metadata_any=["y", "z"], return_metadata=True),
        lambda storage: storage.remove_items(["first", "missing"]),
        lambda storage: storage.everything(),
        lambda storage: storage.clear(),
        lambda storage: (len(storage), list(storage), storage.close()),
    ]
    for question in questions:
        assert outcome(question, right) == outcome(question, left)


def test_a_database_in_memory_is_refused_and_what_is_no_database_is_a_naming_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="memory"):
        SqlStorage(":memory:")
    file = tmp_path / "text"
    file.write_text("this is no database, but a text that is long enough to be none" * 10)
    with pytest.raises(NamingError, match="sqlite error in init"):
        SqlStorage(str(file))


# Conformance: STO-06
@pytest.mark.parametrize("kind", ["memory", "sql", "dbm"])
def test_nothing_is_lost_when_many_register_at_once(kind: str, tmp_path: Path) -> None:
    names = NameServer(STORAGES[kind](tmp_path))
    failed: list[Exception] = []

    def register(number: int) -> None:
        try:
            for each in range(10):
                names.register(f"{number}.{each}", URI)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and names.count() == 80


# Conformance: NS-20
def test_a_program_registers_a_name_server_with_a_daemon_of_its_own() -> None:
    names = NameServer()
    with ferropyro.Daemon(host="127.0.0.1") as daemon:
        uri = str(daemon.register(names, "Pyro.NameServer"))
        with serving(daemon):
            for api in (Pyro4, Pyro5.api, ferropyro):
                with api.Proxy(uri) as proxy:
                    proxy.register(api.__name__, URI, metadata=["tag"])
                    assert str(proxy.lookup(api.__name__)) == URI
                    assert proxy.list(prefix=api.__name__) == {api.__name__: URI}
                    assert proxy.lookup(api.__name__, return_metadata=True)[1] in (["tag"], {"tag"})
            with Pyro5.api.Proxy(uri) as proxy:
                assert proxy.yplookup(meta_all={"tag"})["Pyro4"] == (URI, {"tag"})
    assert set(names.list()) == {"Pyro4", "Pyro5.api", "ferropyro"}


# Conformance: STO-04
def test_a_storage_of_the_programs_own_is_used_even_while_it_is_empty() -> None:
    storage = Plain()
    uri, daemon, broadcasts = startNS("127.0.0.1", 0, storage=storage)
    assert broadcasts is None and set(storage) == {"Pyro.NameServer"}
    with serving(daemon), Pyro4.naming.locateNS(uri.host, uri.port) as names:
        names.register("mine", URI)
        assert storage["mine"][0] == URI == str(ferropyro.locateNS(uri.host, uri.port).lookup("mine"))
    daemon.close()
    assert storage.is_closed


def test_the_own_name_server_is_used_before_its_daemon_runs_and_while_it_does() -> None:
    with NameServerDaemon("127.0.0.1", 0) as daemon:
        names = daemon.nameserver
        assert daemon.uriFor(names).object == "Pyro.NameServer" and isinstance(names, NameServer)
        names.register("before", URI, metadata={"tag"})
        with pytest.raises(NamingError, match="name already registered: before"):
            names.register("before", URI, safe=True)
        with serving(daemon):
            names.register("while", URI)
            assert names.count() == 3
            assert names.lookup("before", return_metadata=True) == (ferropyro.URI(URI), ["tag"])
            assert names.list(metadata_any={"tag"}) == {"before": URI} == names.list(prefix="b")
            names.set_metadata("while", ["tag"])
            assert set(names.yplookup({"tag"}, return_metadata=False)) == {"before", "while"}
            assert names.remove(regex=".*e") == 2 and names.ping() is None


def ask_by_broadcast(port: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(10)
        asking.sendto(b"GET_NSURI", ("127.0.0.1", port))
        return asking.recv(1000)


def test_broadcasts_are_answered_with_the_address_that_the_client_can_reach() -> None:
    with BroadcastServer("PYRO:Pyro.NameServer@0.0.0.0:9090", "127.0.0.1", 0) as server:
        assert server.locationStr == f"127.0.0.1:{server.getPort()}"
        server.runInThread()
        assert ask_by_broadcast(server.getPort()) == b"PYRO:Pyro.NameServer@127.0.0.1:9090"
    with BroadcastServer("PYRO:Pyro.NameServer@example.com:9090", "127.0.0.1", 0) as server, ferropyro.Daemon(host="127.0.0.1") as daemon:
        daemon.combine(server)
        assert ask_by_broadcast(server.getPort()) == b"PYRO:Pyro.NameServer@example.com:9090"


def test_names_whose_servers_stay_away_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"override_autoclean_min": True, "max_unreachable_time": 0.1, "loop_delay": 0.05}.items():
        monkeypatch.setattr(AutoCleaner, name, value)
    ferropyro.config.NS_AUTOCLEAN = 0.1
    names = NameServer()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        names.register("there", f"PYRO:a@127.0.0.1:{listener.getsockname()[1]}")
        names.register("Pyro.NameServer", gone := f"PYRO:a@127.0.0.1:{other.getsockname()[1]}")
        names.register("gone", gone)
        other.close()
        cleaner = AutoCleaner(names)
        cleaner.start()
        while "gone" in names.list():
            time.sleep(0.01)
        cleaner.stop = True
        cleaner.join()
        assert set(names.list()) == {"there", "Pyro.NameServer"}


def test_cleaning_too_often_is_refused() -> None:
    with pytest.raises(ValueError, match="NS_AUTOCLEAN"):
        AutoCleaner(NameServer())
    ferropyro.config.NS_AUTOCLEAN = 1
    with pytest.raises(ValueError, match="smaller than 3"):
        AutoCleaner(NameServer())


def test_tags_of_a_class_are_those_of_pyro4() -> None:
    class Mine(ValueError):
        pass

    assert naming.type_meta(Mine) == Pyro4.naming.type_meta(Mine) == naming.type_meta(Mine())
