"""A Flame server: ``python -m ferropyro.utils.flameserver``. FLAME_ENABLED has to be set. See :mod:`ferropyro.utils.flame`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from ..configuration import config
from ..daemon import Daemon
from ..nsc import hmac_key
from . import flame

__all__ = ["main"]


def main(args: Sequence[str] | None = None, returnWithoutLooping: bool = False) -> Any:
    """Runs the server with these arguments of a command line. With ``returnWithoutLooping`` it gives the daemon and the server's URI."""
    parser = argparse.ArgumentParser(prog="python -m ferropyro.utils.flameserver", description="Gives clients the whole of this Python.")
    parser.add_argument("-H", "--host", default="localhost", help="the host name to listen on (default: localhost)")
    parser.add_argument("-p", "--port", type=int, default=0, help="the port to listen on")
    parser.add_argument("-u", "--unixsocket", help="the path of a Unix domain socket to listen on")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    parser.add_argument("-k", "--key", help="the HMAC key; better is the environment variable PYRO_HMAC_KEY")
    options = parser.parse_args(args)
    key = hmac_key(options.key)
    if not options.quiet:
        print("Starting Pyro Flame server.")
        if not key:
            print("Warning: HMAC key not set. Anyone can connect to this server!")
    config.SERIALIZERS_ACCEPTED = {"pickle"}
    daemon = Daemon(options.host, options.port, options.unixsocket)
    daemon._pyroHmacKey = key
    uri = flame.start(daemon)
    if not options.quiet:
        print(f"server uri: {uri}")
        print("server is running.", flush=True)
    if returnWithoutLooping:
        return daemon, uri
    daemon.requestLoop()
    daemon.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
