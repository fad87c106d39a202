"""Machines of their own for a test: two network namespaces of Linux with a cable between them, and programs that see another /etc/hosts."""

import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from workshop import eventually


def need_root(*tools):
    """Skips the test where this user cannot make namespaces. In CI root must be able to."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can make namespaces")
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{', '.join(missing)} is not installed")
    assert not missing


def with_hosts(tmp_path, *lines):
    """What to put before a command so that it finds these lines in /etc/hosts, beside localhost."""
    need_root("unshare", "mount")
    hosts = tmp_path / "hosts"
    hosts.write_text("\n".join(["127.0.0.1 localhost", *lines, ""]), encoding="utf-8")
    return ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', str(hosts)]


class TwoMachines:
    """Two namespaces, `server` and `client`, as what to put before a command that runs there; each knows the other's address."""

    server_address = "10.173.7.1"
    client_address = "10.173.7.2"
    _numbers = itertools.count()

    def __init__(self):
        need_root("ip")
        number = next(self._numbers)
        self._names = [f"ferropyro-{os.getpid()}-{number}-{side}" for side in ("server", "client")]
        self.server, self.client = (["ip", "netns", "exec", name] for name in self._names)
        self._server_name, self._client_name = self._names

    def __enter__(self):
        try:
            self._set_up()
        except Exception:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info):
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def enter_client(self):
        """From now on this thread is on the client's machine: its sockets, and the programs that it starts."""
        with open(f"/var/run/netns/{self._client_name}") as namespace:
            enter(namespace)

    def enter_server(self):
        """The same for the server's machine."""
        with open(f"/var/run/netns/{self._server_name}") as namespace:
            enter(namespace)

    @contextmanager
    def on_server(self):
        """This thread is on the server's machine, with the sockets that it makes and the programs that it starts."""
        with open("/proc/thread-self/ns/net") as own, open(f"/var/run/netns/{self._server_name}") as namespace:
            enter(namespace)
            try:
                yield
            finally:
                enter(own)

    def let_broadcasts_through(self):
        """From now on what is broadcast to 255.255.255.255 goes over the cable."""
        for name in self._names:
            ip("-n", name, "route", "add", "255.255.255.255", "dev", "cable")

    def pull_out(self, end):
        """Pulls the cable out of the "server" or of the "client": the other one notices nothing but silence."""
        ip("-n", self._name_of(end), "link", "set", "cable", "down")

    def plug_in(self, end):
        """Plugs the cable in again, and waits until something comes through: Linux may take a second to notice, in which all is lost."""
        ip("-n", self._name_of(end), "link", "set", "cable", "up")
        with ThreadPoolExecutor(1, initializer=self.enter_client) as client:
            client.submit(eventually, self._is_connected, True).result()

    def _name_of(self, end):
        return {"server": self._server_name, "client": self._client_name}[end]

    def _is_connected(self):
        """Tries a port where nobody listens: whether the other machine says so."""
        try:
            socket.create_connection((self.server_address, 1), timeout=0.1)
        except OSError as error:
            return isinstance(error, ConnectionRefusedError)

    def _set_up(self):
        server, client = self._names
        for name in self._names:
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", server, "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", client)
        for name, address in zip(self._names, (self.server_address, self.client_address)):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "cable")
        ip("-n", server, "link", "set", "cable", "up")
        self.plug_in("client")


def ip(*args):
    done = subprocess.run(["ip", *args], capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr


def enter(namespace):
    """Puts this thread, and none of the others, into a network namespace. Python has that from 3.12 on only."""
    clone_newnet = 0x40000000
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), clone_newnet) != 0:
        raise OSError(ctypes.get_errno(), "setns")
