"""Daemons and proxies with a configuration of their own."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import pytest

import ferropyro
from ferropyro import naming
from ferropyro.errors import CommunicationError, PyroError


class Plain:
    def echo(self, value: Any) -> Any:
        return value


def served(daemon: ferropyro.Daemon) -> threading.Thread:
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    return thread


def test_a_daemon_has_the_values_of_its_own_configuration() -> None:
    mine = ferropyro.config.copy()
    mine.REQUIRE_EXPOSE = False
    mine.SERIALIZERS_ACCEPTED = {"json"}
    mine.SERVERTYPE = "multiplex"
    with ferropyro.Daemon(config=mine) as daemon, ferropyro.Daemon() as other:
        uri, other_uri = daemon.register(Plain(), "plain"), other.register(Plain(), "plain")
        threads = [served(daemon), served(other)]
        with ferropyro.Proxy(uri) as proxy, pytest.raises(CommunicationError, match="serializer that is not accepted"):
            proxy.echo(1)
        theirs = ferropyro.config.copy()
        theirs.SERIALIZER = "json"
        with ferropyro.Proxy(uri, config=theirs) as proxy, ferropyro.Proxy(other_uri) as hidden:
            assert proxy.echo(1) == 1
            with copy.copy(proxy) as another:
                assert another.echo(2) == 2
            with pytest.raises(PyroError, match="doesn't expose any methods"):
                hidden.echo(1)
        daemon.shutdown()
        other.shutdown()
        for thread in threads:
            thread.join()


def test_a_proxy_has_the_values_of_its_own_configuration_and_its_copies_have_them_too() -> None:
    mine = ferropyro.config.copy()
    mine.COMMTIMEOUT = 5.0
    mine.MAX_RETRIES = 3
    proxy = ferropyro.Proxy("PYRO:nobody@localhost:1", config=mine)
    for each in (proxy, copy.copy(proxy)):
        assert (each._pyroTimeout, each._pyroMaxRetries) == (5.0, 3)
    for each in (pickle.loads(pickle.dumps(proxy)), ferropyro.Proxy("PYRO:nobody@localhost:1")):
        assert (each._pyroTimeout, each._pyroMaxRetries) == (None, 0)
    assert ferropyro.config.COMMTIMEOUT == 0


def test_a_name_server_is_looked_for_where_the_given_configuration_says() -> None:
    _, names, _ = naming.startNS("127.0.0.1", 0)
    with names:
        thread = served(names)
        mine = ferropyro.config.copy()
        mine.NS_HOST, mine.NS_PORT = "127.0.0.1", names.uriFor("x").port
        with ferropyro.locateNS(config=mine) as nameserver:
            nameserver.ping()
            assert nameserver._pyroConfig is mine
        names.shutdown()
        thread.join()


def test_what_is_no_configuration_is_refused() -> None:
    wrong: Any = {"COMMTIMEOUT": 5}
    for make in (lambda: ferropyro.Daemon(config=wrong), lambda: ferropyro.Proxy("PYRO:a@b:1", config=wrong), lambda: ferropyro.locateNS(config=wrong)):
        with pytest.raises(TypeError, match="config is a configuration"):
            make()
