"""A server to try things with: ``python -m ferropyro.utils.echoserver``, or ``pyro4-test-echoserver``."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

from .. import naming
from ..configuration import config
from ..core import Daemon, expose, oneway

__all__ = ["EchoServer", "startNameServer", "main"]

OBJECT_NAME = "test.echoserver"
# Seconds that the slow methods take.
SLOW = 5


@expose
class EchoServer:
    """The object of the server. If ``verbose`` is set it prints what it is asked for."""

    _verbose = False
    _must_shutdown = False

    def echo(self, message: Any) -> Any:
        """Gives back the message."""
        self._say(f"echo: {message!r}")
        return message

    def error(self) -> None:
        """Raises an exception."""
        self._say("error: generating exception")
        raise ValueError("expected error from echoserver error() method")

    def error_with_text(self) -> None:
        """Raises another exception."""
        self._say("error: generating exception")
        raise ValueError("the message of the error")

    @oneway
    def oneway_echo(self, message: Any) -> str:
        """As ``echo``, and nobody waits for it."""
        self._say(f"oneway_echo: {message!r}")
        return "bogus return value"

    def slow(self) -> str:
        """Answers after some seconds."""
        self._say("slow: waiting a bit...")
        time.sleep(SLOW)
        self._say("slow: returning result")
        return "Finally, an answer!"

    @oneway
    def oneway_slow(self) -> str:
        """As ``slow``, and nobody waits for it."""
        self._say("oneway_slow: waiting a bit...")
        time.sleep(SLOW)
        self._say("oneway_slow: returning result")
        return "bogus return value"

    def generator(self) -> Iterator[str]:
        """Gives three words, one after the other."""
        yield from ("one", "two", "three")

    def nan(self) -> float:
        """Gives what is no number."""
        return float("nan")

    def inf(self) -> float:
        """Gives infinity."""
        return float("inf")

    def _private(self) -> str:
        return "should not be allowed"

    def __private(self) -> str:
        return "should not be allowed"

    def __dunder__(self) -> str:
        return "should be allowed (dunder)"

    def shutdown(self) -> None:
        """Ends the server."""
        self._say("shutting down")
        self._must_shutdown = True

    @property
    def verbose(self) -> bool:
        """Whether it prints what it is asked for."""
        return self._verbose

    @verbose.setter
    def verbose(self, onoff: bool) -> None:
        self._verbose = bool(onoff)

    def _say(self, text: str) -> None:
        if self._verbose:
            print(f"{time.asctime()} - {text}")


class NameServer(threading.Thread):
    """A name server in a thread of its own."""

    def __init__(self, hostname: str, hmac: bytes | None = None) -> None:
        super().__init__(daemon=True)
        self.uri, self.ns_daemon, self.bc_server = naming.startNS(hostname, hmac=hmac)

    def run(self) -> None:
        self.ns_daemon.requestLoop()


def startNameServer(host: str, hmac: bytes | None = None) -> NameServer:
    """Starts a name server in this program."""
    nameserver = NameServer(host, hmac)
    nameserver.start()
    return nameserver


def main(args: list[str] | None = None, returnWithoutLooping: bool = False) -> Any:
    """Runs the server with these arguments of a command line. With ``returnWithoutLooping`` it gives the daemon, the object and its URI."""
    parser = argparse.ArgumentParser(prog="pyro4-test-echoserver", description="A server to try things with.")
    parser.add_argument("-H", "--host", default="localhost", help="the host name to listen on (default: localhost)")
    parser.add_argument("-p", "--port", type=int, default=0, help="the port to listen on")
    parser.add_argument("-u", "--unixsocket", help="the path of a Unix domain socket to listen on")
    parser.add_argument("-n", "--naming", action="store_true", help="register with the name server")
    parser.add_argument("-N", "--nameserver", action="store_true", help="start a name server too")
    parser.add_argument("-v", "--verbose", action="store_true", help="print what is asked for")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument("-k", "--key", help="the HMAC key; better is the environment variable PYRO_HMAC_KEY")
    options = parser.parse_args(args)
    key = (options.key or os.environ.get("PYRO_HMAC_KEY", "")).encode("utf-8") or None
    quiet = options.quiet and not options.verbose
    if not quiet:
        print("Starting Pyro's built-in test echo server.")
        if key is None:
            print("Warning: HMAC key not set. Anyone can connect to this server!")
    config.SERVERTYPE = "multiplex"
    nameserver = startNameServer(options.host, key) if options.nameserver else None
    daemon = Daemon(options.host, options.port, options.unixsocket)
    daemon._pyroHmacKey = key
    echo = EchoServer()
    echo.verbose = options.verbose
    uri = daemon.register(echo, OBJECT_NAME)
    if options.naming or nameserver is not None:
        where = (None, None) if nameserver is None else (nameserver.uri.host, nameserver.uri.port)
        with naming.locateNS(*where, hmac_key=key) as names:
            names.register(OBJECT_NAME, uri)
            if options.verbose:
                print(f"using name server at {names._pyroUri}")
    elif options.verbose:
        print("not using a name server.")
    if not quiet:
        print(f"object name: {OBJECT_NAME}")
        print(f"echo uri: {uri}")
        print("echoserver running.")
    if returnWithoutLooping:
        return daemon, echo, uri
    daemon.requestLoop(lambda: not echo._must_shutdown)
    daemon.close()
    return None


if __name__ == "__main__":
    main()
