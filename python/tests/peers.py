"""Programs at the other end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SERVER = Path(__file__).parent / "peer_server.py"
PEERS = ["pyro4", "pyro5", "ferropyro"]


@contextmanager
def objects(peer: str, *options: str, server: Path = SERVER) -> Iterator[dict[str, str]]:
    """The URIs of a peer's objects, by their names."""
    with subprocess.Popen([sys.executable, server, peer, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            uris: dict[str, str] = {}
            for line in process.stdout:
                if line.strip() == "ready":
                    break
                name, uri = line.split()
                uris[name] = uri
            yield uris
        finally:
            process.kill()
