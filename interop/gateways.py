"""HTTP gateways, Pyro's own and ours, and a client that asks them."""

import http.client
import json
import re
import sys
from dataclasses import dataclass, field

from nameservers import link
from servers import free_port

READY = r"^Pyro HTTP gateway running on http://.*:(\d+)/pyro/$"


@dataclass(frozen=True)
class Ask:
    """A request."""

    path: str
    method: str = "GET"
    body: str = None
    headers: dict = field(default_factory=dict)

    def __str__(self):
        return " ".join(filter(None, [self.method, self.path, self.body, *(f"{k}:{v}" for k, v in self.headers.items())]))


@dataclass
class Reply:
    status: int
    headers: dict
    body: str

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        """The body without what differs from one run to the next: tracebacks, and the order of members."""
        try:
            value = self.json
        except ValueError:
            return self.body
        if isinstance(value, dict) and value.get("__exception__"):
            value["attributes"].pop("_pyroTraceback", None)
            # The system's words, as Python and as Rust have them.
            return re.sub(r"\[Errno (\d+)\] ([\w ]+)", r"\2 (os error \1)", json.dumps(value))
        if isinstance(value, dict) and set(value) == {"methods", "attributes"}:
            return json.dumps({name: sorted(members) for name, members in value.items()})
        return self.body


def send(port, ask, host="127.0.0.1", timeout=20):
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        headers = dict(ask.headers)
        if ask.body is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection.request(ask.method, ask.path, ask.body and ask.body.encode(), headers)
        reply = connection.getresponse()
        return Reply(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read().decode())
    finally:
        connection.close()


def get(port, path, **headers):
    """headers: X_Pyro_Options="oneway"."""
    return send(port, Ask(path, headers={name.replace("_", "-"): value for name, value in headers.items()}))


def settings(names_port):
    return {"PYRO_NS_HOST": "127.0.0.1", "PYRO_NS_PORT": str(names_port)}


def start_real(servers, peer, names_port, *options, env=None):
    """The gateway of that generation of Pyro, and its port."""
    port = free_port()
    module = "Pyro4.utils.httpgateway" if peer.name == "pyro4" else "Pyro5.utils.httpgateway"
    args = [sys.executable, "-W", "ignore", "-m", module, "-H", "127.0.0.1", "-p", port, *options]
    return servers.start(args, ready=READY, env={**settings(names_port), **(env or {})}), port


def start(servers, program, names_port, *options, env=None, host="127.0.0.1"):
    """Ours, and its port; program: [path, "httpgateway"] or [link]."""
    args = [*program, "-H", host, "-p", "0", *options]
    server = servers.start(args, ready=READY, env={**settings(names_port), **(env or {})})
    return server, int(server.wait_for(READY).group(1))


def start_link(servers, folder, ferropyro, peer, names_port, *options, env=None):
    """Ours, by the name of that generation's gateway."""
    program = [link(folder, ferropyro, f"{peer.name}-httpgateway")]
    return start(servers, program, names_port, *options, env=env)
