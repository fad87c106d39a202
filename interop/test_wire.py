"""Bytes on the wire: what a plain client captured from real servers sends is sent to ours, and the reactions are compared."""

import ast
import base64
import json
import marshal
import pickle
import socket
import zlib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import frames
from rust_peer import start_server
from servers import Servers
from wire_differences import DIFFERENCES

VECTORS = Path(__file__).parent.parent / "vectors"
NAMES = {frames.CONNECTOK: "CONNECTOK", frames.CONNECTFAIL: "CONNECTFAIL", frames.RESULT: "RESULT", frames.PING: "PING"}
SERIALIZERS = {48: ["", "serpent", "json", "marshal", "pickle"], 502: ["", "serpent", "marshal", "json"]}
EXCEPTION = 1

def conversations():
    for name in ["conv_pyro4_48_raw", "conv_pyro5_502_raw"]:
        version = 48 if "pyro4" in name else 502
        for line in (VECTORS / f"{name}.json").read_text().splitlines():
            conversation = json.loads(line)
            yield pytest.param(version, conversation, id=f"{version}:{conversation['name']}")


@pytest.fixture(scope="module")
def server_with(peer_program):
    """server_with(settings of a conversation): a server, one for all conversations with the same settings."""
    running = {}
    with Servers() as servers:

        def start(settings):
            key = json.dumps(settings, sort_keys=True)
            if key not in running:
                options = ["--hmac", settings["hmac"]] if "hmac" in settings else []
                env = {f"PYRO_{name}": in_environment(value) for name, value in settings.get("config", {}).items()}
                running[key] = start_server(servers, peer_program, *options, env=env)
            return running[key]

        yield start


def in_environment(value):
    return ",".join(value) if isinstance(value, list) else str(value)


# Conformance: WIRE-01, WIRE-03, HS-06
@pytest.mark.parametrize("version, conversation", list(conversations()))
def test_the_reaction_is_that_of_the_real_server(server_with, version, conversation):
    settings = conversation.get("server_settings") or {}
    expected = captured_reaction(conversation)
    actual = our_reaction(server_with(settings), version, conversation)
    name = f"{version}:{conversation['name']}"
    if name not in DIFFERENCES:
        assert actual == expected
        return
    assert actual != expected, "no difference any more: take it out of the table"
    ours = DIFFERENCES[name]
    assert len(actual) == len(ours) and all(map(fnmatchcase, actual, ours)), f"{actual} is not as the table says: {ours}"


# Conformance: WIRE-01
@pytest.mark.parametrize("version, number", [(48, "0030"), (502, "01f6")])
def test_the_first_bytes_of_an_answer_tell_the_protocol(rust_server, version, number):
    with frames.connected(rust_server) as sock:
        sock.sendall(frames.hello(version))
        assert frames.read_message(sock)[:6] == b"PYRO" + bytes.fromhex(number)


# Conformance: WIRE-01, WIRE-03
def test_a_hundred_digits_are_answered_by_a_refusal(rust_server):
    with frames.connected(rust_server) as sock:
        sock.sendall(b"%0100d" % 1)
        received = frames.read_to_end(sock)
    assert received[:4] == b"PYRO"
    ((_, kind, _, seq, _, payload),) = frames.split(received)
    assert (kind, seq, marshal.loads(payload)) == (frames.CONNECTFAIL, 0, "invalid data")


def captured_reaction(conversation):
    received = b"".join(data_of(event) for event in conversation["events"] if event["from"] == "server" and "close" not in event)
    closes = [event["from"] for event in conversation["events"] if "close" in event]
    return [*map(summary, frames.split(received)), "closed" if closes[0] == "server" else "open"]


def our_reaction(server, version, conversation):
    """Sends what the client sent, waiting for as many answers as the real server gave at each point; ends by looking who is still there."""
    events = [event for event in conversation["events"] if "close" not in event]
    closes = [event["from"] for event in conversation["events"] if "close" in event]
    settings = conversation.get("server_settings") or {}
    signed, waits = "hmac" in settings, "COMMTIMEOUT" in settings.get("config", {})
    messages = []
    with frames.connected(server) as sock:
        for event in events:
            if event["from"] == "server":
                for _ in frames.split(data_of(event)):
                    messages += frames.split(frames.read_message(sock))
            elif not send(sock, data_of(event)):
                break
        greeted = any(message[1] == frames.CONNECTOK for message in messages)
        if greeted and not (signed or waits):
            rest, state = answers_before_pong(sock, version)
        else:
            # No ping can be sent, so who was not told to go has to go first.
            if closes[0] == "client":
                sock.shutdown(socket.SHUT_WR)
            rest, state = frames.split(frames.read_to_end(sock)), "closed" if closes[0] == "server" else "open"
    return [*map(summary, messages + rest), state]


def send(sock, data):
    """False when the other side has gone."""
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def answers_before_pong(sock, version):
    """What else comes, and whether the server is still there to answer a ping."""
    rest = []
    if send(sock, frames.frame(version, frames.PING, b"still there?", seq=65000)):
        while message := frames.read_message(sock):
            ((_, kind, _, seq, _, _),) = parsed = frames.split(message)
            if (kind, seq) == (frames.PING, 65000):
                return rest, "open"
            rest += parsed
    return rest, "closed"


def summary(message):
    version, kind, flags, seq, serializer, payload = message
    described = f"{version} {NAMES[kind]} seq {seq}"
    if kind == frames.CONNECTOK:
        return described
    if kind == frames.PING:
        return f"{described} {payload}"
    content = decoded(SERIALIZERS[version][serializer], payload)
    if flags & EXCEPTION:
        content = f"raise {class_and_args(content)}"
    else:
        content = repr(content)
    return f"{described} {SERIALIZERS[version][serializer]}: {content}"


def decoded(serializer, payload):
    if serializer == "serpent":
        return ast.literal_eval(payload.decode().partition("\n")[2])
    if serializer == "json":
        return json.loads(payload)
    if serializer == "marshal":
        return marshal.loads(payload)
    return pickle.loads(payload)  # captured from a real server


def class_and_args(error):
    if isinstance(error, dict):
        name = error["__class__"].replace("builtins.", "")
        return name + repr(tuple(error["args"]))
    return f"{type(error).__module__}.{type(error).__name__}{error.args!r}"


def data_of(event):
    if "hex" in event:
        return bytes.fromhex(event["hex"])
    if "b64" in event:
        return base64.b64decode(event["b64"])
    return zlib.decompress(base64.b64decode(event["zb64"]))


def test_the_table_of_differences_names_conversations_that_exist():
    names = {case.id for case in conversations()}
    assert set(DIFFERENCES) <= names
