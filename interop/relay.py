"""A listener between a client and a server, that lets only so much of an answer through."""

import socket
import threading
from contextlib import suppress


class Relay:
    """Passes one connection on to a port of the same host: all that the client sends, and what the server sends until `hold`; then only on `go_on`."""

    def __init__(self, port, host="127.0.0.1"):
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self._target = (host, port)
        self._limit = None
        self._changed = threading.Condition()
        self._passed = 0
        self._sent = b""
        self._ends = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.go_on()
        for end in self._ends:
            with suppress(OSError):  # it may be closed already
                end.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        for end in [*self._ends, self._listener]:
            end.close()

    def hold_after(self, count):
        """Lets so many more bytes of the server through."""
        with self._changed:
            self._limit = self._passed + count

    def wait_until_held(self):
        """Waits until that is so: the server is in the midst of its answer then, if that is long."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._passed == self._limit, 20)

    @property
    def sent(self):
        """All that the client has sent."""
        return self._sent

    def go_on(self):
        with self._changed:
            self._limit = None
            self._changed.notify_all()

    def _run(self):
        try:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._target)
            self._ends = [client, server]
            upwards = threading.Thread(target=self._pass_on, args=(client, server), daemon=True)
            upwards.start()
            self._answer(server, client)
            client.shutdown(socket.SHUT_RDWR)  # to close it would not do: the other thread still reads from it
        except OSError:
            pass  # the test is over

    def _pass_on(self, source, target):
        try:
            while piece := source.recv(65536):
                self._sent += piece
                target.sendall(piece)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side has gone

    def _answer(self, server, client):
        while piece := self._receive(server):
            client.sendall(piece)
            with self._changed:
                self._passed += len(piece)
                self._changed.notify_all()

    def _receive(self, server):
        with self._changed:
            self._changed.wait_for(lambda: self._limit is None or self._passed < self._limit)
            size = 65536 if self._limit is None else min(65536, self._limit - self._passed)
        try:
            return server.recv(size)
        except ConnectionResetError:
            return b""
