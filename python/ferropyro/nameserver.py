"""A name server in Python: the object that others ask, for a daemon of the program's own, and what belongs to it.

``startNS`` makes the one that is written in Rust, which is faster. This one takes storages that are written in Python.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

from . import logs, socketutil
from ._ferropyro import URI
from .configuration import config
from .constants import DAEMON_NAME, NAMESERVER_NAME
from .errors import NamingError
from .exposing import expose

__all__ = ["MemoryStorage", "NameServer", "AutoCleaner"]


class MemoryStorage(dict[str, Any]):
    """Keeps names in memory: they are gone when the program ends."""

    def __setitem__(self, key: str, value: tuple[str, Any]) -> None:
        uri, metadata = value
        super().__setitem__(key, (uri, metadata or frozenset()))

    def optimized_prefix_list(self, prefix: str, return_metadata: bool = False) -> None:
        """Gives None: the name server looks for itself."""

    def optimized_regex_list(self, regex: str, return_metadata: bool = False) -> None:
        """Gives None: the name server looks for itself."""

    def optimized_metadata_search(self, metadata_all: Any = None, metadata_any: Any = None, return_metadata: bool = False) -> None:
        """Gives None: the name server looks for itself."""

    def everything(self, return_metadata: bool = False) -> dict[str, Any]:
        """Gives all names and their URIs, or their URIs and tags."""
        return dict(self) if return_metadata else {name: uri for name, (uri, _) in self.items()}

    def remove_items(self, items: Iterable[str]) -> None:
        """Forgets these names; those that are not there are passed over."""
        for item in items:
            self.pop(item, None)

    def close(self) -> None:
        """Does nothing."""


@expose
class NameServer:
    """Knows names, the URIs that they stand for, and their tags (``metadata``).

    ``storageProvider`` keeps them: a storage of :mod:`ferropyro.naming_storage`, or an object with the same methods.
    """

    def __init__(self, storageProvider: Any = None) -> None:
        # A storage without names counts as false.
        self.storage: Any = MemoryStorage() if storageProvider is None else storageProvider
        self.lock: AbstractContextManager[Any] = threading.RLock()

    def count(self) -> int:
        """Gives the number of names."""
        return len(self.storage)

    def lookup(self, name: str, return_metadata: bool = False) -> Any:
        """Gives the URI that a name stands for; with ``return_metadata`` the URI and the list of its tags."""
        uri, metadata = self._entry(name)
        return (URI(uri), list(metadata or ())) if return_metadata else URI(uri)

    def _entry(self, name: str) -> tuple[str, Any]:
        try:
            entry: tuple[str, Any] = self.storage[name]
        except KeyError:
            raise NamingError(f"unknown name: {name}") from None
        return entry

    def register(self, name: str, uri: URI | str, safe: bool = False, metadata: Iterable[str] | None = None) -> None:
        """Lets a name stand for a URI. A name that is there already gets the new one; if ``safe`` is set that is a NamingError."""
        if not isinstance(uri, (URI, str)):
            raise TypeError("only URIs or strings can be registered")
        text = str(uri if isinstance(uri, URI) else URI(uri))
        _check_name(name)
        tags = _tags(metadata, "metadata")
        with self.lock:
            if safe and name in self.storage:
                raise NamingError(f"name already registered: {name}")
            self.storage[name] = text, tags

    def set_metadata(self, name: str, metadata: Iterable[str] | None) -> None:
        """Gives a name other tags."""
        _check_name(name)
        tags = _tags(metadata, "metadata")
        with self.lock:
            self.storage[name] = self._entry(name)[0], tags

    def remove(self, name: str | None = None, prefix: str | None = None, regex: str | None = None) -> int:
        """Forgets a name, or those that begin with a prefix or match a regular expression. Gives how many there were. The name server's own stays."""
        with self.lock:
            if name and name != NAMESERVER_NAME and name in self.storage:
                del self.storage[name]
                return 1
            if not prefix and not regex:
                return 0
            names = [found for found in self.list(prefix=prefix or None, regex=None if prefix else regex) if found != NAMESERVER_NAME]
            self.storage.remove_items(names)
            return len(names)

    def list(
        self,
        prefix: str | None = None,
        regex: str | None = None,
        metadata_all: Iterable[str] | None = None,
        metadata_any: Iterable[str] | None = None,
        return_metadata: bool = False,
    ) -> dict[str, Any]:
        """Gives names and their URIs as text; with ``return_metadata`` their URIs and lists of tags.

        All of them, or those that begin with ``prefix``, match ``regex`` at their beginning, or have all or any of these tags: one of the four.
        """
        if sum(each is not None for each in (prefix, regex, metadata_all, metadata_any)) > 1:
            raise ValueError("you can only filter on one thing at a time")
        with self.lock:
            found = self._search(prefix, regex, metadata_all, metadata_any, return_metadata)
        return {name: (uri, [*tags]) for name, (uri, tags) in found.items()} if return_metadata else found

    def yplookup(self, meta_all: Iterable[str] | None = None, meta_any: Iterable[str] | None = None, return_metadata: bool = True) -> dict[str, Any]:
        """Gives the names that have all or any of these tags, as Pyro5's name server does."""
        if meta_all and meta_any:
            raise ValueError("you can't use meta_all or meta_any at the same time")
        if not meta_all and not meta_any:
            return {}
        with self.lock:
            return self._search(None, None, meta_all, meta_any, return_metadata)

    def _search(self, prefix: str | None, regex: str | None, every: Any, some: Any, return_metadata: bool) -> dict[str, Any]:
        """What a storage finds, or else what is found in all that it has."""
        found: dict[str, Any] | None
        if prefix:
            found = self.storage.optimized_prefix_list(prefix, return_metadata)
            return self._matching(lambda name, _: name.startswith(prefix), return_metadata) if found is None else found
        if regex:
            pattern = _pattern(regex)
            found = self.storage.optimized_regex_list(regex, return_metadata)
            return self._matching(lambda name, _: pattern.match(name), return_metadata) if found is None else found
        if every:
            tags = _tags(every, "metadata_all")
            found = self.storage.optimized_metadata_search(metadata_all=tags, return_metadata=return_metadata)
            return self._matching(lambda _, own: tags <= own, return_metadata) if found is None else found
        if some:
            tags = _tags(some, "metadata_any")
            found = self.storage.optimized_metadata_search(metadata_any=tags, return_metadata=return_metadata)
            return self._matching(lambda _, own: tags & own, return_metadata) if found is None else found
        everything: dict[str, Any] = self.storage.everything(return_metadata)
        return everything

    def _matching(self, matches: Any, return_metadata: bool) -> dict[str, Any]:
        entries = self.storage.everything(return_metadata=True).items()
        return {name: (uri, tags) if return_metadata else uri for name, (uri, tags) in entries if matches(name, set(tags or ()))}

    def ping(self) -> None:
        """Does nothing: who can call it knows that the name server is there."""


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise TypeError("name must be a str")


def _tags(tags: Any, what: str) -> set[str]:
    if isinstance(tags, str):
        raise TypeError(f"{what} should not be a str, but another iterable (set, list, etc)")
    return set(tags or ())


def _pattern(regex: str) -> re.Pattern[str]:
    try:
        return re.compile(regex)
    except re.error as error:
        raise NamingError(f"invalid regex: {error}") from error


class AutoCleaner(threading.Thread):
    """Removes names whose servers cannot be reached for a while: it looks every NS_AUTOCLEAN seconds.

    ``nameserver`` is a :class:`NameServer`, or a proxy for one. It runs from :meth:`start` until ``stop`` is set.
    """

    min_autoclean_value = 3
    # Seconds that a server may be away.
    max_unreachable_time = 20.0
    loop_delay = 2.0
    override_autoclean_min = False

    def __init__(self, nameserver: Any) -> None:
        if config.NS_AUTOCLEAN <= 0:
            raise ValueError("NS_AUTOCLEAN is not set: nothing is to be cleaned")
        if not self.override_autoclean_min and config.NS_AUTOCLEAN < self.min_autoclean_value:
            raise ValueError(f"NS_AUTOCLEAN cannot be smaller than {self.min_autoclean_value}")
        super().__init__(name="ferropyro-autoclean", daemon=True)
        self.nameserver = nameserver
        self.stop = False
        self.last_cleaned = time.time()
        # Since when a name's server is away.
        self.unreachable: dict[str, float] = {}

    def run(self) -> None:
        """Cleans until ``stop`` is set."""
        while not self.stop:
            time.sleep(self.loop_delay)
            if time.time() - self.last_cleaned >= config.NS_AUTOCLEAN:
                self._clean()
                self.last_cleaned = time.time()

    def _clean(self) -> None:
        known = self.nameserver.list()
        self.unreachable = {name: since for name, since in self.unreachable.items() if name in known}
        for name, uri in known.items():
            if name in (DAEMON_NAME, NAMESERVER_NAME):
                continue
            if _is_reachable(URI(uri)):
                self.unreachable.pop(name, None)
            elif time.time() - self.unreachable.setdefault(name, time.time()) >= self.max_unreachable_time:
                logs.logger("naming").info("autoclean: %s is removed: nobody answers at %s", name, uri)
                self.nameserver.remove(name)
                del self.unreachable[name]


def _is_reachable(uri: URI) -> bool:
    """Whether somebody listens there. Of a name in the place of an address nothing is known, so it counts as reachable."""
    where: Any = uri.sockname or (uri.host, uri.port)
    if uri.protocol != "PYRO":
        return True
    try:
        socketutil.createSocket(connect=where, timeout=config.COMMTIMEOUT or 5).close()
    except OSError:
        return False
    return True
