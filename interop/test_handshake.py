"""The handshake: what is sent and answered, refusals, and everything that can go wrong in the first message."""

import marshal
import re
import socket
import struct
import threading
import uuid
import zlib
from contextlib import contextmanager

import pytest

import desks
import frames
import peers
from frames import CONNECT, CONNECTFAIL, CONNECTOK, PING, RESULT, frame, hello, invoke
from rust_peer import RustError, start_server
from servers import Servers

GARBAGE = bytes(range(200))
HELLO_DICT = b"# serpent utf-8 python3.2\n{'handshake':'hello','object':'obj.test'}"


class TestRefusals:
    # Conformance: HS-04
    def test_the_reason_of_the_validator_reaches_the_python_client(self, pyro, rust_server):
        proxy = pyro.api.Proxy(rust_server.uri)
        proxy._pyroHandshake = "reject"
        with pytest.raises(pyro.errors.CommunicationError) as raised:
            proxy._pyroBind()
        assert str(raised.value) == (
            f"connection to ('localhost', {rust_server.port}) rejected: handshake refused by validator"
        )
        proxy._pyroHandshake = "reject-unicode"
        with pytest.raises(pyro.errors.CommunicationError, match="rejected: refused \u20ac$"):
            proxy._pyroBind()
        proxy._pyroHandshake = "hello"
        assert proxy.add(1, 2) == 3

    # Conformance: HS-04
    def test_the_reason_of_the_validator_reaches_the_rust_client(self, pyro, rust_client, python_servers):
        server = python_servers[pyro.name]
        refused = rust_client.proxy(server.uri, handshake="reject")
        with pytest.raises(RustError) as raised:
            refused.perform("metadata")
        assert raised.value.kind == "Communication"
        assert raised.value.text == f"connection to ('127.0.0.1', {server.port}) rejected: handshake refused by validator"
        assert rust_client.proxy(server.uri).call("add", 1, 2) == 3

    # Conformance: HS-04
    def test_an_unknown_object_is_refused(self, pyro, rust_server, rust_client, python_servers):
        with pyro.api.Proxy(rust_server.uri.replace("obj.test", "nobody")) as proxy:
            with pytest.raises(pyro.errors.CommunicationError, match="rejected: unknown object$"):
                proxy._pyroBind()
        proxy = rust_client.proxy(python_servers[pyro.name].uri.replace("obj.test", "nobody"))
        with pytest.raises(RustError, match="rejected: unknown object$"):
            proxy.perform("metadata")

    # Conformance: HS-02, HS-03
    def test_handshake_data_of_any_kind_travels_both_ways(self, pyro, rust_server, rust_client, python_servers):
        data = {"user": "me", "numbers": [1, 2]}
        answers = []
        proxy_class = type("Asking", (pyro.api.Proxy,), {"_pyroValidateHandshake": lambda self, answer: answers.append(answer)})
        proxy = proxy_class(rust_server.uri)
        proxy._pyroHandshake = data
        proxy._pyroBind()
        proxy._pyroRelease()
        assert answers == [{"you-sent": data}]
        proxy = rust_client.proxy(python_servers[pyro.name].uri, handshake=data)
        assert proxy.perform("handshake") == {"you-sent": data}


HANDSHAKES = {
    "none": None,
    "bool": True,
    "number": -(2**31),
    "float": 1.5,
    "text": "\u00fcser \u20ac 'n' \"password\"",
    "list": ["a", ["list", 1]],
    "empty": [],
    "dict": {"user": "irmen", "password": "secret"},
    "nested": {"a": [{"b": {"c": [None, {"d": []}]}}, 2.5]},
}


class TestHooks:
    # Conformance: HS-02, HS-03
    @pytest.mark.parametrize("serializer", ["serpent", "json", "marshal", "msgpack", "pickle"])
    def test_the_hook_of_the_daemon_is_asked_with_what_the_proxy_sent(self, pair, serializer):
        for data in HANDSHAKES.values():
            caller = pair.caller(serializer=serializer)
            answer = caller.greet(data)
            assert answer == ["you sent", data]
            seen = caller.call("handshake")
            assert (seen["data"], type(seen["data"])) == (data, type(data))

    # Conformance: HS-02
    def test_a_proxy_says_hello(self, pair):
        assert pair.caller().call("handshake")["data"] == "hello"

    # Conformance: HS-03
    def test_a_daemon_says_hello(self, pyro, ferropyro, servers, rust_client, real_echo_server):
        assert rust_client.proxy(real_echo_server.uri).perform("handshake") == "hello"
        echo = servers.start([ferropyro, "echo", "-p", "0"], ready="^echoserver running")
        answers = []
        proxy_class = type("Asking", (pyro.api.Proxy,), {"_pyroValidateHandshake": lambda self, answer: answers.append(answer)})
        proxy_class(echo.uri)._pyroBind()
        assert answers == ["hello"]

    # Conformance: HS-03
    def test_the_hook_of_the_daemon_knows_who_connects(self, pair):
        caller = pair.caller()
        id = str(uuid.uuid4())
        caller.set_id(id)
        caller.annotate("MINE", b"goes along")
        report = caller.call("report")
        seen = caller.call("handshake")
        assert seen["address"] == report["address"]
        if not pair.rust_calls:
            assert seen["address"] == caller.address()
        assert seen["correlation_id"] == id
        if not pair.rust_calls:
            assert desks.unhex(seen["annotations"])["MINE"] == b"goes along"
            assert seen["serializer"] == report["serializer"]

    # Conformance: HS-04
    def test_who_is_refused_may_come_again(self, pair):
        caller = pair.caller()
        refused = caller.refused("reject")
        host = "localhost" if pair.desk.uri.endswith(f"@localhost:{pair.desk.port}") else "127.0.0.1"
        assert refused == f"connection to ('{host}', {pair.desk.port}) rejected: nope"
        assert pair.caller().greet(["me"]) == ["you sent", ["me"]]

    # Conformance: HS-05
    def test_a_rust_proxy_may_refuse_what_the_daemon_answers(self, pyro, rust_client, python_desks):
        proxy = rust_client.proxy(python_desks[pyro.name].uri, handshake=["me"], judge=[2, 3])
        address = proxy.call("report")["address"]
        assert proxy.call("report")["address"] == address
        proxy.perform("release")
        for _ in range(2):
            with pytest.raises(RustError, match="^not my daemon") as raised:
                proxy.call("report")
            assert raised.value.kind == "Value"
            assert not proxy.perform("connected")
        assert proxy.call("report")["address"] != address
        assert proxy.perform("shown") == [["you sent", ["me"]]] * 4

    # Conformance: HS-05
    def test_a_python_proxy_may_refuse_what_a_rust_daemon_answers(self, pyro, rust_desk):
        answers = []

        class Judging(pyro.api.Proxy):
            def _pyroValidateHandshake(self, answer):
                answers.append(answer)
                if len(answers) == 2:
                    raise ValueError("not my daemon")

        proxy = Judging(rust_desk.uri)
        proxy._pyroHandshake = ["me"]
        assert proxy.report()["seq"] == 1
        proxy._pyroRelease()
        with pytest.raises(ValueError, match="not my daemon"):
            proxy.report()
        proxy._pyroRelease()  # it leaves the connection open
        proxy.report()
        assert answers == [["you sent", ["me"]]] * 3


V48_ONLY, V502_ONLY, BOTH = (48,), (502,), (48, 502)
NOT_PYRO = {48: "invalid data or unsupported protocol version", 502: "invalid data"}
WRONG_TYPE = {48: "invalid msg type {} received", 502: "invalid msg type {} received (expected: 1)"}

# The client ends its side of the connection, and the server ends the other without a word.
CUT_OFF = object()
# First messages: name, versions, the bytes, and the text of the refusal (None: the connection is closed without one).
# A stranger is refused in the newer protocol.
FIRST_MESSAGES = [
    ("an HTTP request", V502_ONLY, lambda v: b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", NOT_PYRO),
    ("a TLS greeting", V502_ONLY, lambda v: bytes.fromhex("16030100c8010000c40303") + GARBAGE, NOT_PYRO),
    ("zeros", V502_ONLY, lambda v: bytes(100), NOT_PYRO),
    ("garbage", V502_ONLY, lambda v: GARBAGE, NOT_PYRO),
    ("an older protocol", V502_ONLY, lambda v: frame(44, CONNECT, HELLO_DICT), {502: "invalid protocol version: 44"}),
    ("a newer protocol", V502_ONLY, lambda v: frame(503, CONNECT, HELLO_DICT), {502: "invalid protocol version: 503"}),
    (
        "a wrong checksum",
        BOTH,
        lambda v: hello(v, break_check=True),
        {48: "header checksum mismatch", 502: "invalid message or protocol version"},
    ),
    ("a call first", BOTH, lambda v: invoke(v, "echo", "(1,)"), {v: text.format(4) for v, text in WRONG_TYPE.items()}),
    ("a ping first", BOTH, lambda v: frame(v, PING, b"ping"), {v: text.format(6) for v, text in WRONG_TYPE.items()}),
    ("an unknown type", BOTH, lambda v: frame(v, 99), {v: text.format(99) for v, text in WRONG_TYPE.items()}),
    (
        "an unknown serializer",
        BOTH,
        lambda v: hello(v, serializer=77),
        dict.fromkeys(BOTH, "message used serializer that is not accepted: 77"),
    ),
    ("pickle", V48_ONLY, lambda v: frame(48, CONNECT, b"\x80\x02.", serializer=4), {48: "message used serializer that is not accepted: 4"}),
    ("no payload", BOTH, lambda v: frame(v, CONNECT), dict.fromkeys(BOTH, "")),
    ("a payload that is no serpent", BOTH, lambda v: frame(v, CONNECT, b"not serpent at all("), dict.fromkeys(BOTH, "")),
    ("a payload that is no dict", BOTH, lambda v: frame(v, CONNECT, b"# serpent utf-8 python3.2\n'hello'"), dict.fromkeys(BOTH, "")),
    ("no handshake", BOTH, lambda v: frame(v, CONNECT, b"# serpent utf-8 python3.2\n{'object':'obj.test'}"), dict.fromkeys(BOTH, "'handshake'")),
    (
        "no object",
        BOTH,
        lambda v: frame(v, CONNECT, b"# serpent utf-8 python3.2\n{'handshake':'hello'}", flags=16 if v == 48 else 0),
        dict.fromkeys(BOTH, "'object'"),
    ),
    ("a broken compression", BOTH, lambda v: frame(v, CONNECT, HELLO_DICT, flags=2), dict.fromkeys(BOTH, "")),
    (
        "a bomb",
        BOTH,
        lambda v: frame(v, CONNECT, zlib.compress(bytes(2**24)), flags=2),
        dict.fromkeys(BOTH, ""),
    ),
    ("a negative length", V48_ONLY, lambda v: frame(48, CONNECT, HELLO_DICT, length=-1), dict.fromkeys(BOTH, "")),
    ("more than the limit", V48_ONLY, lambda v: frame(48, CONNECT, b"", length=0x7FFFFFFF), None),
    ("more than the limit in Pyro5", V502_ONLY, lambda v: frame(502, CONNECT, b"", length=0xFFFFFFFF), dict.fromkeys(BOTH, "message too large")),
    (
        "annotations that do not fit",
        V502_ONLY,
        lambda v: hello(v, annotations=b"ABCD\xff\xff\xff\xff"),
        {502: "annotation chunk length exceeds remaining data"},
    ),
    ("a piece of an annotation", V48_ONLY, lambda v: hello(v, annotations=b"ABC"), {48: "unpack requires a buffer of 6 bytes"}),
    ("half a header", BOTH, lambda v: hello(v)[:13], CUT_OFF),
    ("half a payload", BOTH, lambda v: hello(v)[:-13], CUT_OFF),
    ("one byte", V48_ONLY, lambda v: b"P", CUT_OFF),
    ("nothing", V48_ONLY, lambda v: b"", CUT_OFF),
]
CASES = [
    pytest.param(version, make(version), texts[version] if isinstance(texts, dict) else texts, id=f"{name}-{version}")
    for name, versions, make, texts in FIRST_MESSAGES
    for version in versions
]


# Conformance: HS-06, WIRE-03
@pytest.mark.parametrize("version, message, text", CASES)
def test_a_bad_first_message_is_refused_and_the_server_lives_on(small_server, version, message, text):
    server, peer = small_server
    # As many times as there are workers: a worker that did not come back would be missed below.
    for _ in range(2):
        with frames.connected(server) as sock:
            sock.sendall(message)
            if text is CUT_OFF:
                sock.shutdown(socket.SHUT_WR)
            received = frames.read_to_end(sock)
        if text is None or text is CUT_OFF:
            assert received == b""
            continue
        ((answer_version, kind, _, _, serializer, payload),) = frames.split(received)
        assert (answer_version, kind) == (version, CONNECTFAIL)
        told = marshal.loads(payload) if serializer == frames.MARSHAL[version] else payload.decode()
        assert text in told
    with peer.api.Proxy(server.uri) as proxy:
        assert proxy.add(1, 2) == 3


SMALL = {
    "thread": {"PYRO_THREADPOOL_SIZE": "2", "PYRO_THREADPOOL_SIZE_MIN": "1"},
    "multiplex": {"PYRO_SERVERTYPE": "multiplex", "PYRO_MAX_CONNECTIONS": "2"},
}


@pytest.fixture(scope="module", params=SMALL)
def small_server(request, peer_program):
    """A server with so few workers that a lost one is noticed, and a generation to ask it with."""
    with Servers() as servers:
        yield start_server(servers, peer_program, env=SMALL[request.param]), peers.PYRO5


# Conformance: HS-06
@pytest.mark.parametrize("version", BOTH)
def test_every_prefix_of_a_greeting_can_be_the_end(small_server, version):
    server, peer = small_server
    greeting = hello(version)
    for length in range(len(greeting)):
        with frames.connected(server) as sock:
            sock.sendall(greeting[:length])
            sock.shutdown(socket.SHUT_WR)
            assert frames.read_to_end(sock) == b"", length
    with peer.api.Proxy(server.uri) as proxy:
        assert proxy.add(1, 2) == 3


# Conformance: HS-01
@pytest.mark.parametrize("version", BOTH)
def test_nothing_is_called_before_the_handshake(rust_server, version, pyro):
    with frames.connected(rust_server) as sock:
        sock.sendall(invoke(version, "oneway_log", "('too early',)", flags=4) + hello(version))
        ((_, kind, _, _, _, _),) = frames.split(frames.read_to_end(sock))
    assert kind == CONNECTFAIL
    with pyro.api.Proxy(rust_server.uri) as proxy:
        proxy.oneway_log("in time")
        assert proxy.wait_for_log(1)[0] == "in time"


# Conformance: HS-06
@pytest.mark.parametrize("version", BOTH)
def test_who_stays_silent_is_told_so_after_the_timeout(servers, peer_program, version):
    server = start_server(servers, peer_program, env={"PYRO_COMMTIMEOUT": "0.3"})
    with frames.connected(server) as sock:
        sock.sendall(hello(version)[:8])
        ((answer_version, kind, _, seq, serializer, payload),) = frames.split(frames.read_to_end(sock))
    assert (answer_version, kind, seq, serializer) == (version, CONNECTFAIL, 0, frames.MARSHAL[version])
    assert marshal.loads(payload) == "receiving: timeout"


# Conformance: HS-06
def test_a_silent_client_holds_up_nobody(pyro, rust_server):
    with frames.connected(rust_server) as silent, frames.connected(rust_server) as half:
        half.sendall(hello(48)[:20])
        with pyro.api.Proxy(rust_server.uri) as proxy:
            assert proxy.add(1, 2) == 3
        silent.sendall(hello(502))
        assert struct.unpack("!H", frames.read_message(silent)[4:6]) == (502,)
        half.sendall(hello(48)[20:])
        assert struct.unpack("!H", frames.read_message(half)[4:6]) == (48,)


def test_a_message_may_come_in_pieces_of_a_byte(rust_server):
    for version in BOTH:
        with frames.connected(rust_server) as sock:
            for byte in hello(version) + invoke(version, "add", "(1,2)", seq=7):
                sock.sendall(bytes([byte]))
            frames.read_message(sock)
            ((_, kind, _, seq, _, payload),) = frames.split(frames.read_message(sock))
        assert (kind, seq, payload) == (frames.RESULT, 7, b"# serpent utf-8 python3.2\n3")


@contextmanager
def answering(message):
    """A server that gives everybody this answer; its URI."""

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                frames.read_message(client)
                client.sendall(message)
                client.shutdown(socket.SHUT_WR)
                frames.read_to_end(client)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"PYRO:obj.test@127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def serpent(text):
    return b"# serpent utf-8 python3.2\n" + text.encode()


META = "{'methods':['add'],'oneway':[],'attrs':[]}"
WELCOME = serpent("{'handshake':'hello','meta':%s}" % META)
NOT_ENOUGH = "Communication", "cannot connect to .*: receiving: not enough data"
# Answers to the greeting: name, the bytes, and the kind and text of the error.
ANSWERS = [
    ("nothing", lambda v: b"", NOT_ENOUGH),
    ("half a header", lambda v: frame(v, CONNECTOK, WELCOME)[:13], NOT_ENOUGH),
    ("half a payload", lambda v: frame(v, CONNECTOK, WELCOME)[:-13], NOT_ENOUGH),
    ("an announced gigabyte", lambda v: frame(v, CONNECTOK, WELCOME, length=2**30 - 1000), NOT_ENOUGH),
    ("more than the limit", lambda v: frame(v, CONNECTOK, WELCOME, length=2**31 - 1), ("MessageTooLarge", "")),
    ("garbage", lambda v: GARBAGE, ("Protocol", "invalid data")),
    ("HTTP", lambda v: b"HTTP/1.1 400 Bad Request\r\n\r\n", ("Protocol", "invalid data")),
    ("a wrong checksum", lambda v: frame(v, CONNECTOK, WELCOME, break_check=True), ("Protocol", "")),
    ("a result", lambda v: frame(v, RESULT, serpent("3")), ("Protocol", "invalid msg type 5 received")),
    ("an unknown serializer", lambda v: frame(v, CONNECTOK, WELCOME, serializer=77), ("Serialize", "invalid serializer in response: 77")),
    ("pickle", lambda v: frame(v, CONNECTOK, b"\x80\x02.", serializer=4 if v == 48 else 99), ("Serialize", "invalid serializer in response: ")),
    ("no serpent", lambda v: frame(v, CONNECTOK, b"not serpent at all(", flags=16 if v == 48 else 0), ("Serialize", "")),
    ("no dict", lambda v: frame(v, CONNECTOK, serpent("'hello'"), flags=16 if v == 48 else 0), ("Serialize", "")),
    ("a refusal", lambda v: frame(v, CONNECTFAIL, serpent("'nope'")), ("Communication", "connection to .* rejected: nope$")),
    ("a refusal of bytes", lambda v: frame(v, CONNECTFAIL, marshal.dumps(b"nope"), serializer=frames.MARSHAL[v]), ("Communication", "connection to .* rejected: nope$")),
    ("a refusal without a reason", lambda v: frame(v, CONNECTFAIL, serpent("None")), ("Communication", r"connection to .* rejected: \?$")),
    ("a broken refusal", lambda v: frame(v, CONNECTFAIL, b"("), ("Communication", r"connection to .* rejected: \?$")),
    ("an object without members", lambda v: frame(v, CONNECTOK, serpent("{'handshake':1,'meta':{'methods':[],'oneway':[],'attrs':[]}}"), flags=16 if v == 48 else 0), ("Pyro", "doesn't expose any methods or attributes")),
]


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize("make, expected", [pytest.param(make, expected, id=name) for name, make, expected in ANSWERS])
def test_a_client_stands_every_answer_to_its_greeting(rust_client, version, make, expected):
    kind, text = expected
    with answering(make(version)) as uri:
        for dialect in ({"dialect": version}, {}):
            proxy = rust_client.proxy(uri, timeout=10, **dialect)
            with pytest.raises(RustError) as raised:
                proxy.call("add", 1, 2)
            assert (raised.value.kind, bool(re.search(text, raised.value.text))) == (kind, True), raised.value.text
            assert not proxy.perform("connected")
