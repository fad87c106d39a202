"""The Rust test program (interop/peer): as a server for Python clients, and as a client of Python servers."""

import json
import subprocess
import threading

import tagged
from servers import clean_environment

READY = r"^URI = PYRO:"


def start_server(servers, program, *options, env=None):
    """The server mode; `uri` is that of obj.test. Settings are PYRO_ variables in env, or `--set ITEM=VALUE`."""
    return servers.start([program, "serve", *options], ready=READY, env=env)


def uri_of(server, object_id):
    """The URI of another object of a server."""
    return server.uri.replace("obj.test", object_id)


class RustError(Exception):
    """What the Rust library reported: kind, text, display; class_name, args_, attrs, traceback of a remote exception."""

    def __init__(self, error):
        super().__init__(error.get("display", error["text"]))
        self.kind = error["kind"]
        self.text = error["text"]
        self.class_name = error.get("class")
        self.args_ = [tagged.value(arg) for arg in error.get("args", [])]
        self.attrs = tagged.value(error["attrs"]) if "attrs" in error else {}
        self.traceback = error.get("traceback", "")


class RustClient:
    """A running client process, of the blocking client or with `--async` of the async one. Its proxies share it; a call blocks the process."""

    def __init__(self, program, *options, env=None):
        self._process = subprocess.Popen(
            [str(program), "client", *options],
            env=clean_environment(**(env or {})),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._lock = threading.Lock()
        self._count = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def kill(self):
        """Ends it at once, as nothing but the system can."""
        self._process.kill()

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    @property
    def pid(self):
        return self._process.pid

    def proxy(self, uri, **options):
        """A proxy in the Rust process. Options: serializer, hmac, handshake, timeout (seconds), dialect (46, 47, 48, 502), config ({ITEM: text})."""
        name = self.new_name("proxy")
        if "handshake" in options:
            options["handshake"] = tagged.describe(options["handshake"])
        self.perform(op="open", proxy=name, uri=str(uri), **options)
        return RustProxy(self, name)

    def new_name(self, kind):
        self._count += 1
        return f"{kind}{self._count}"

    def begin(self, **command):
        """Sends a command, and waits for nothing."""
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()

    def perform(self, **command):
        with self._lock:
            self.begin(**command)
            return self.answer()

    def answer(self):
        """The answer to what was begun."""
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the Rust client ended with {self._process.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RustError(answer["error"])
        return tagged.value(answer["ok"])


class RustProxy:
    def __init__(self, client, name):
        self._client = client
        self._name = name

    def perform(self, op, **command):
        return self._client.perform(op=op, proxy=self._name, **command)

    def call(self, method, *args, **kwargs):
        return self._invoke("call", method, args, kwargs)

    def oneway(self, method, *args):
        return self._invoke("oneway", method, args, {})

    def begin(self, op, method, *args):
        """Sends the command for a call, and waits for nothing."""
        self._client.begin(op=op, proxy=self._name, method=method, args=[tagged.describe(arg) for arg in args])

    def get(self, name):
        return self.perform("get", name=name)

    def set(self, name, value):
        return self.perform("set", name=name, value=tagged.describe(value))

    def items(self, method, *args):
        """The item stream that a method gives back."""
        stream = self._client.new_name("stream")
        self.perform("items", stream=stream, method=method, args=[tagged.describe(arg) for arg in args])
        return RustItems(self, stream)

    def _invoke(self, op, method, args, kwargs):
        args = [tagged.describe(arg) for arg in args]
        kwargs = [[name, tagged.describe(value)] for name, value in kwargs.items()]
        return self.perform(op, method=method, args=args, kwargs=kwargs)


class RustItems:
    """The items of a stream, as an iterator; `drop()` is what happens in Rust when one is dropped."""

    def __init__(self, proxy, name):
        self._proxy = proxy
        self._name = name

    def __iter__(self):
        return self

    def __next__(self):
        for item in self._proxy.perform("next", stream=self._name):
            return item
        raise StopIteration

    def returned(self):
        return self._proxy.perform("returned", stream=self._name)

    def drop(self):
        self._proxy.perform("drop", stream=self._name)
