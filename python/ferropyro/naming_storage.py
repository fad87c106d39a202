"""Where a name server of this program keeps its names: in a SQLite file, or in a dbm file.

The files are those of Pyro4 and Pyro5, and of ``ferropyro ns``: stop one name server, and start another one on the same file. A storage of your own is a mapping of names to
(URI, tags) that has the other methods of these classes too. Its ``optimized_...`` methods may give None: then the name server looks for itself.
"""

from __future__ import annotations

import dbm
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import closing, contextmanager
from typing import Any, Union

from . import logs
from .errors import NamingError

__all__ = ["SqlStorage", "DbmStorage"]

Entry = tuple[str, Any]
# What a search gives: names and URIs, or names and entries when tags are asked for.
Found = dict[str, Union[str, Entry]]


_TABLES = (
    "CREATE TABLE pyro_names (id integer PRIMARY KEY, name nvarchar NOT NULL UNIQUE, uri nvarchar NOT NULL)",
    "CREATE TABLE pyro_metadata (object integer NOT NULL, metadata nvarchar NOT NULL, FOREIGN KEY(object) REFERENCES pyro_names(id))",
)


class SqlStorage(MutableMapping[str, Entry]):
    """Keeps names and their tags in a SQLite file, which is made if there is none. It may be used from any thread."""

    def __init__(self, dbfile: str) -> None:
        if dbfile == ":memory:":
            raise ValueError("a SQLite database in memory would be another one for each access: use the storage 'memory'")
        self.dbfile = dbfile
        with self._changes("init") as db:
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            if "pyro_names" not in tables:
                _create(db)
            elif "pyro_metadata" not in tables:
                # Of a Pyro from before there were tags.
                db.execute("ALTER TABLE pyro_names RENAME TO pyro_names_old")
                _create(db)
                db.execute("INSERT INTO pyro_names(name, uri) SELECT name, uri FROM pyro_names_old")
                db.execute("DROP TABLE pyro_names_old")

    @contextmanager
    def _reads(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The database. What goes wrong with it is a NamingError."""
        try:
            # A connection of SQLite belongs to one thread.
            with closing(sqlite3.connect(self.dbfile, isolation_level=None)) as db:
                yield db
        except sqlite3.DatabaseError as error:
            raise NamingError(f"sqlite error in {doing}: {error}") from error

    @contextmanager
    def _changes(self, doing: str) -> Iterator[sqlite3.Connection]:
        """The database, to change it: all of it or nothing."""
        with self._reads(doing) as db:
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def __getitem__(self, item: str) -> Entry:
        with self._reads("getitem") as db:
            found = _select(db, "name=?", [item], True)
        return found[item]  # type: ignore[return-value]

    def __setitem__(self, key: str, value: Entry) -> None:
        uri, metadata = value
        with self._changes("setitem") as db:
            _delete(db, key)
            number = db.execute("INSERT INTO pyro_names(name, uri) VALUES (?, ?)", (key, uri)).lastrowid
            db.executemany("INSERT INTO pyro_metadata(object, metadata) VALUES (?, ?)", [(number, tag) for tag in metadata or ()])

    def __delitem__(self, key: str) -> None:
        with self._changes("delitem") as db:
            known = _delete(db, key)
        if not known:
            raise KeyError(key)

    def __contains__(self, item: object) -> bool:
        with self._reads("contains") as db:
            return db.execute("SELECT 1 FROM pyro_names WHERE name=?", (item,)).fetchone() is not None

    def __len__(self) -> int:
        with self._reads("len") as db:
            count: int = db.execute("SELECT count(*) FROM pyro_names").fetchone()[0]
            return count

    def __iter__(self) -> Iterator[str]:
        with self._reads("iter") as db:
            return iter([name for (name,) in db.execute("SELECT name FROM pyro_names")])

    def clear(self) -> None:
        """Forgets all names, and makes the file small again."""
        with self._changes("clear") as db:
            db.execute("DELETE FROM pyro_metadata")
            db.execute("DELETE FROM pyro_names")
        with self._reads("clear") as db:
            db.execute("VACUUM")

    def optimized_prefix_list(self, prefix: str, return_metadata: bool = False) -> Found:
        """Gives the names that begin with the prefix, letter for letter."""
        with self._reads("optimized_prefix_list") as db:
            return _select(db, "substr(name, 1, ?)=?", [len(prefix), prefix], return_metadata)

    def optimized_regex_list(self, regex: str, return_metadata: bool = False) -> Found | None:
        """Gives None: the name server looks for itself."""
        return None

    def optimized_metadata_search(
        self, metadata_all: Iterable[str] | None = None, metadata_any: Iterable[str] | None = None, return_metadata: bool = False
    ) -> Found:
        """Gives the names that have one of the tags ``metadata_any``, or else all of ``metadata_all``."""
        tags = list(set(metadata_any or metadata_all or ()))
        having = "" if metadata_any else f" GROUP BY object HAVING count(DISTINCT metadata)={len(tags)}"
        marks = ",".join("?" * len(tags))
        where = f"id IN (SELECT object FROM pyro_metadata WHERE metadata IN ({marks}){having})"
        with self._reads("optimized_metadata_search") as db:
            return _select(db, where, tags, return_metadata)

    def everything(self, return_metadata: bool = False) -> Found:
        """Gives all names."""
        with self._reads("everything") as db:
            return _select(db, "1", [], return_metadata)

    def remove_items(self, items: Iterable[str]) -> None:
        """Forgets these names; those that are not there are passed over."""
        with self._changes("remove_items") as db:
            for item in items:
                _delete(db, item)

    def close(self) -> None:
        """Does nothing: the file is open while it is used only."""


def _create(db: sqlite3.Connection) -> None:
    for table in _TABLES:
        db.execute(table)


def _delete(db: sqlite3.Connection, name: str) -> bool:
    """Deletes a name and its tags. Gives whether it was there."""
    db.execute("DELETE FROM pyro_metadata WHERE object IN (SELECT id FROM pyro_names WHERE name=?)", (name,))
    return db.execute("DELETE FROM pyro_names WHERE name=?", (name,)).rowcount > 0


def _select(db: sqlite3.Connection, where: str, parameters: list[Any], return_metadata: bool) -> Found:
    if not return_metadata:
        return dict(db.execute(f"SELECT name, uri FROM pyro_names WHERE {where}", parameters).fetchall())
    found: dict[str, tuple[str, set[str]]] = {}
    query = f"SELECT name, uri, metadata FROM pyro_names LEFT JOIN pyro_metadata ON object=id WHERE {where}"
    for name, uri, tag in db.execute(query, parameters):
        _, tags = found.setdefault(name, (uri, set()))
        if tag is not None:
            tags.add(tag)
    return dict(found)


class DbmStorage(MutableMapping[str, Entry]):
    """Keeps names in a file of Python's module ``dbm``, which is made if there is none. It has no tags: those that are given are dropped, with a warning in the log.

    The file may have any of the forms that Python knows. It may be used from any thread, but from one program at a time.
    """

    def __init__(self, dbmfile: str) -> None:
        self.dbmfile = dbmfile
        self.lock = threading.Lock()
        with self._opened("init", "c"):
            pass

    @contextmanager
    def _opened(self, doing: str, flag: str = "r") -> Iterator[Any]:
        """The file. What goes wrong with it is a NamingError."""
        with self.lock:
            try:
                with closing(dbm.open(self.dbmfile, flag, 0o600)) as db:  # type: ignore[arg-type]
                    yield db
            except dbm.error as error:
                raise NamingError(f"dbm error in {doing}: {error}") from error

    def __getitem__(self, item: str) -> Entry:
        with self._opened("getitem") as db:
            return _text(db[item.encode("utf-8")]), frozenset()

    def __setitem__(self, key: str, value: Entry) -> None:
        uri, metadata = value
        if metadata:
            logs.logger("naming_storage").warning("DbmStorage doesn't support metadata: that of %s is dropped", key)
        with self._opened("setitem", "w") as db:
            db[key.encode("utf-8")] = uri.encode("utf-8")

    def __delitem__(self, key: str) -> None:
        with self._opened("delitem", "w") as db:
            del db[key.encode("utf-8")]

    def __contains__(self, item: object) -> bool:
        with self._opened("contains") as db:
            return isinstance(item, str) and item.encode("utf-8") in db

    def __len__(self) -> int:
        with self._opened("len") as db:
            return len(db)

    def __iter__(self) -> Iterator[str]:
        with self._opened("iter") as db:
            return iter([_text(key) for key in db.keys()])  # noqa: SIM118

    def clear(self) -> None:
        """Forgets all names."""
        with self._opened("clear", "w") as db:
            for key in list(db.keys()):
                del db[key]

    def optimized_prefix_list(self, prefix: str, return_metadata: bool = False) -> Found:
        """Gives the names that begin with the prefix."""
        return self._matching("optimized_prefix_list", lambda name: name.startswith(prefix), return_metadata)

    def optimized_regex_list(self, regex: str, return_metadata: bool = False) -> Found:
        """Gives the names whose beginning matches the regular expression."""
        try:
            pattern = re.compile(regex)
        except re.error as error:
            raise NamingError(f"invalid regex: {error}") from error
        return self._matching("optimized_regex_list", pattern.match, return_metadata)

    def optimized_metadata_search(
        self, metadata_all: Iterable[str] | None = None, metadata_any: Iterable[str] | None = None, return_metadata: bool = False
    ) -> Found:
        """Raises NamingError: there are no tags."""
        if metadata_all or metadata_any:
            raise NamingError("DbmStorage doesn't support metadata")
        return self.everything(return_metadata)

    def everything(self, return_metadata: bool = False) -> Found:
        """Gives all names."""
        return self._matching("everything", lambda name: True, return_metadata)

    def _matching(self, doing: str, matches: Callable[[str], Any], return_metadata: bool) -> Found:
        found: Found = {}
        with self._opened(doing) as db:
            for key in db.keys():  # noqa: SIM118
                name = _text(key)
                if matches(name):
                    uri = _text(db[key])
                    found[name] = (uri, frozenset()) if return_metadata else uri
        return found

    def remove_items(self, items: Iterable[str]) -> None:
        """Forgets these names; those that are not there are passed over."""
        with self._opened("remove_items", "w") as db:
            for item in items:
                key = item.encode("utf-8")
                if key in db:
                    del db[key]

    def close(self) -> None:
        """Does nothing: the file is open while it is used only."""


def _text(data: bytes) -> str:
    return data.decode("utf-8")
