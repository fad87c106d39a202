"""Desks (servers that tell what their calls bring along) and their callers, of Rust and of Python, behind one set of names."""

import json
import sys
import uuid
from pathlib import Path

import pytest

import peers
import rust_peer

INTERNAL = ("CORR", "HMAC", "STRM", "BLBI")
NO_ID = "None"


def start_rust_desk(servers, program, *options, env=None):
    """`interop_peer desk`, see interop/peer/src/desk.rs; `uri` is that of the desk."""
    return servers.start([program, "desk", *options], ready=rust_peer.READY, env={**peers.ACCEPT_ALL, **(env or {})})


def start_python_desk(servers, peer, **options):
    """context_server.py with a generation of the real Pyro; `uri` is that of the desk."""
    if peer.name == "pyro4":
        accepted = {"SERIALIZERS_ACCEPTED": peers.SERIALIZERS}
        options["config"] = {**accepted, **options.get("config", {})}
    program = Path(__file__).parent / "context_server.py"
    return servers.start([sys.executable, program, peer.name, json.dumps(options)], ready=rust_peer.READY)


def unhex(annotations):
    """The annotations of a report as bytes."""
    return {key: bytes.fromhex(digits) for key, digits in annotations.items()}


def users(annotations):
    """Those that are not Pyro's own."""
    return {key: value for key, value in annotations.items() if key not in INTERNAL}


class PythonCaller:
    """The real Pyro calls a desk."""

    is_rust = False

    def __init__(self, peer, uri, proxy_class=None, serializer="serpent", hmac=None, compression=False):
        self.peer = peer
        self.context = peer.api.current_context
        peer.api.config.COMPRESSION = compression
        peer.api.config.SERIALIZER = serializer
        self.proxy = (proxy_class or peer.api.Proxy)(uri)
        if hmac:
            self.proxy._pyroHmacKey = hmac.encode()

    def set_id(self, id):
        self.context.correlation_id = uuid.UUID(id) if id else None

    def annotate(self, key, value):
        """For the next call, and no other."""
        self.context.annotations = {**self.context.annotations, key: value}

    def call(self, method, *args):
        try:
            return getattr(self.proxy, method)(*args)
        finally:
            self.context.annotations = {}  # Pyro5 would go on sending them

    def internal(self):
        """All annotations of the last answer."""
        return {key: bytes(value) for key, value in self.context.response_annotations.items()}

    def answered(self):
        return users(self.internal())

    def greet(self, data):
        """Connects with this handshake data; gives the answer."""
        self.proxy._pyroHandshake = data
        answers = []
        object.__setattr__(self.proxy, "_pyroValidateHandshake", answers.append)
        self.proxy._pyroBind()
        (answer,) = answers
        return answer

    def refused(self, data):
        """Tries to connect with this handshake data; gives the text of the refusal."""
        self.proxy._pyroHandshake = data
        with pytest.raises(self.peer.errors.CommunicationError) as raised:
            self.proxy._pyroBind()
        assert not self.is_connected()
        return str(raised.value)

    def close(self):
        self.proxy._pyroRelease()

    def release(self):
        self.proxy._pyroRelease()

    def is_connected(self):
        return self.proxy._pyroConnection is not None

    def address(self):
        return list(self.proxy._pyroConnection.sock.getsockname())


class RustCaller:
    """The Rust client calls a desk."""

    is_rust = True

    def __init__(self, client, uri, compression=False, **options):
        if compression:
            options["config"] = {"COMPRESSION": "1"}
        self.client = client
        self._uri, self._options = uri, options
        self.proxy = client.proxy(uri, **options)
        client.perform(op="forget_annotations")
        self.set_id(None)

    def set_id(self, id):
        self.client.perform(op="set_correlation_id", id=id)

    def annotate(self, key, value):
        self.client.perform(op="annotate", key=key, value=value.hex())

    def call(self, method, *args):
        return self.proxy.call(method, *args)

    def internal(self):
        return unhex(self.client.perform(op="response_annotations"))

    def answered(self):
        return users(self.internal())

    def greet(self, data):
        """Connects with this handshake data; gives the answer."""
        self._open_anew(data)
        return self.proxy.perform("handshake")

    def refused(self, data):
        """Tries to connect with this handshake data; gives the text of the refusal."""
        self._open_anew(data)
        with pytest.raises(rust_peer.RustError) as raised:
            self.proxy.perform("bind")
        assert raised.value.kind == "Communication"
        assert not self.is_connected()
        return raised.value.text

    def _open_anew(self, data):
        self.close()
        self.proxy = self.client.proxy(self._uri, handshake=data, **self._options)

    def close(self):
        self.proxy.perform("close")

    def release(self):
        self.proxy.perform("release")

    def is_connected(self):
        return self.proxy.perform("connected")


class Pair:
    """Callers and a desk in different languages. The callers end with it: the desk has a worker for each of them."""

    def __init__(self, peer, rust_calls, rust_client, rust_desk, python_desks):
        self.peer = peer
        self.rust_calls = rust_calls
        self._client = rust_client
        self._callers = []
        self.desk = python_desks[peer.name] if rust_calls else rust_desk

    def caller(self, **options):
        if self.rust_calls:
            caller = RustCaller(self._client, self.desk.uri, dialect=self.peer.protocol, **options)
        else:
            caller = PythonCaller(self.peer, self.desk.uri, **options)
        self._callers.append(caller)
        return caller

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for caller in self._callers:
            caller.close()
