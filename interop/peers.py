"""The two generations of the real Pyro, behind one set of names."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import Pyro4
import Pyro4.naming
import Pyro5.api
import Pyro5.errors

from servers import run


PICKLES = ["pickle", "cloudpickle", "dill"]
SERIALIZERS = ["serpent", "json", "marshal", "msgpack", *PICKLES]
ACCEPT_ALL = {"PYRO_SERIALIZERS_ACCEPTED": ",".join(SERIALIZERS)}


@dataclass(frozen=True)
class Peer:
    """One generation: its modules, its programs, and the few functions that are spelled differently."""

    name: str  # pyro4, pyro5
    protocol: int  # the version number on the wire
    api: ModuleType  # Daemon, Proxy, URI, expose, config, current_context ...
    errors: ModuleType
    name_server_program: str
    control_program: str
    echo_program: str

    def __str__(self):
        return self.name

    def locate_ns(self, *args, **kwargs):
        locate = self.api.locateNS if self.name == "pyro4" else self.api.locate_ns
        return locate(*args, **kwargs)

    def start_name_server(self, servers, *options, env=None, python=sys.executable):
        """The real name server on a free port of localhost, without broadcast; its `uri` and `port` say where."""
        args = [python, "-m", self.name_server_program, "-n", "localhost", "-p", "0", "-x", *options]
        return servers.start(args, ready=r"^URI = PYRO:", env=env)

    def start_echo_server(self, servers, *options, env=None, python=sys.executable):
        """The real test.echoserver on a free port of localhost."""
        args = [python, "-m", self.echo_program, "-p", "0", *options]
        return servers.start(args, ready=r"^echoserver running", env=env)

    def start_test_server(self, servers, env=None, python=sys.executable, **options):
        """python_server.py on a free port, accepting every serializer; options as it describes them. `uri` is that of obj.test."""
        if self.name == "pyro4":
            accepted = {"SERIALIZERS_ACCEPTED": SERIALIZERS}
            options["config"] = {**accepted, **options.get("config", {})}
        program = Path(__file__).parent / "python_server.py"
        return servers.start([python, program, self.name, json.dumps(options)], ready=r"^URI = PYRO:", env=env)

    def nsc(self, port, *command, env=None, input=None, python=sys.executable):
        """Runs the real control tool against the name server on this port of localhost."""
        return run([python, "-m", self.control_program, "-n", "localhost", "-p", port, *command], env=env, input=input)


PYRO4 = Peer("pyro4", 48, Pyro4, Pyro4.errors, "Pyro4.naming", "Pyro4.nsc", "Pyro4.test.echoserver")
PYRO5 = Peer("pyro5", 502, Pyro5.api, Pyro5.errors, "Pyro5.nameserver", "Pyro5.nsc", "Pyro5.utils.echoserver")
PEERS = (PYRO4, PYRO5)


def is_impossible(params):
    """Whether these parameters of a test ask for a pickle in Pyro5, which has none."""
    names = [str(value) for value in params.values()]
    return PYRO5.name in names and any(name in PICKLES for name in names)


def reset_settings():
    """Both packages as they are after the import: settings, and what calls left in this thread's context."""
    Pyro4.config.reset(False)
    Pyro5.api.config.reset(False)
    for context in (Pyro4.current_context, Pyro5.api.current_context):
        context.annotations = {}
        context.response_annotations = {}
        context.correlation_id = None
