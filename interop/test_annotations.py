"""Annotations: small named byte strings beside arguments and results."""

import struct
import uuid

import pytest

import desks
import frames
import peers
from frames import CONNECTFAIL, CONNECTOK, PING, RESULT
from rust_peer import RustError
from servers import Servers

KEY = "the key of both"
# What the annotations of a Pyro4 message may take together.
PYRO4_ROOM = 65535
CHUNK_HEADER, CORR, HMAC = 6, 22, 26
MEGABYTE = 1 << 20
OF_THE_DAEMON = {"DMON": b"of the daemon"}
VALUES = [b"", b"\0", b"CORR", bytes(range(256)), bytes(range(256)) * 200]


@pytest.fixture(scope="module")
def hooked_rust_desk(peer_program):
    """A Rust desk whose daemon adds an annotation to every message."""
    with Servers() as servers:
        yield desks.start_rust_desk(servers, peer_program, "--annotation", "DMON=of the daemon")


@pytest.fixture(scope="module")
def hooked_python_desks():
    with Servers() as servers:
        annotations = {"DMON": "of the daemon"}
        yield {peer.name: desks.start_python_desk(servers, peer, annotations=annotations) for peer in peers.PEERS}


def new_id():
    return str(uuid.uuid4())


# Conformance: ANN-01, ANN-04, ANN-05, ANN-08
@pytest.mark.parametrize("value", VALUES, ids=len)
def test_annotations_travel_as_they_are(pair, value):
    caller = pair.caller()
    caller.annotate("XYZZ", value)
    caller.annotate("\0 \x7f\n", b"a strange key")
    seen = desks.unhex(caller.call("report")["annotations"])
    assert seen == {"XYZZ": value, "\0 \x7f\n": b"a strange key"}
    assert desks.unhex(caller.call("report")["annotations"]) == {}
    caller.call("answer_with", "BACK", value.hex())
    assert caller.answered() == {"BACK": value}


# Conformance: ANN-01
@pytest.mark.parametrize("key", ["XYZ", "XYZZY", "", "\u20ac"])
def test_a_key_of_another_length_goes_nowhere(rust_client, key):
    with pytest.raises(RustError, match="annotation identifier must be 4 ascii characters"):
        rust_client.perform(op="annotate", key=key, value="00")


# Conformance: ANN-02
@pytest.mark.parametrize("hmac", [None, KEY], ids=["unsigned", "signed"])
def test_reserved_keys_break_nothing(servers, peer_program, rust_client, hmac):
    signing = ["--hmac", hmac] if hmac else []
    rust = desks.start_rust_desk(servers, peer_program, *signing)
    python = desks.start_python_desk(servers, peers.PYRO4, **({"hmac": hmac} if hmac else {}))
    callers = [desks.PythonCaller(peers.PYRO4, rust.uri, hmac=hmac), desks.RustCaller(rust_client, python.uri, **({"hmac": hmac} if hmac else {}))]
    for caller in callers:
        for reserved in ("CORR", "HMAC", "STRM", "BLBI"):
            id = new_id()
            caller.set_id(id)
            if caller.is_rust or reserved in ("STRM", "BLBI"):
                caller.annotate(reserved, b"of the program!!")
            caller.annotate("MINE", b"of the program!!")
            report = caller.call("report")
            assert report["correlation_id"] == id
            seen = desks.unhex(report["annotations"])
            assert seen["MINE"] == b"of the program!!"
            if caller.is_rust:
                assert seen.get(reserved) != b"of the program!!"
    python_caller = callers[0]
    for reserved in ("CORR", "HMAC", "STRM", "BLBI"):
        python_caller.call("answer_with", reserved, b"of the program!!".hex())
        assert python_caller.internal().get(reserved) != b"of the program!!"


def room(signed, with_id):
    return PYRO4_ROOM - CHUNK_HEADER - HMAC * signed - CORR * with_id


# Conformance: ANN-03
@pytest.mark.parametrize("with_id", [False, True], ids=["no-id", "id"])
@pytest.mark.parametrize("hmac", [None, KEY], ids=["unsigned", "signed"])
@pytest.mark.parametrize("rust_calls", [False, True], ids=["python-calls-rust", "rust-calls-python"])
def test_a_pyro4_request_has_room_for_so_much(servers, peer_program, rust_client, rust_calls, hmac, with_id):
    keys = {"hmac": hmac} if hmac else {}
    if rust_calls:
        caller = desks.RustCaller(rust_client, desks.start_python_desk(servers, peers.PYRO4, **keys).uri, **keys)
    else:
        options = ["--hmac", hmac] if hmac else []
        caller = desks.PythonCaller(peers.PYRO4, desks.start_rust_desk(servers, peer_program, *options).uri, **keys)
        caller.proxy._pyroBind()
    caller.set_id(new_id() if with_id else None)
    most = room(bool(hmac), with_id)
    caller.annotate("BULK", b"x" * most)
    before = caller.call("report")
    assert desks.unhex(before["annotations"])["BULK"] == b"x" * most
    for length in (most + 1, most + 2, 65536, MEGABYTE):
        caller.annotate("BULK", b"x" * length)
        with pytest.raises(RustError if rust_calls else struct.error) as raised:
            caller.call("report")
        if rust_calls:
            assert raised.value.kind == "Protocol"
            size = length + PYRO4_ROOM - most
            assert raised.value.text == f"the annotations take {size} bytes, a Pyro4 message has room for 65535"
    assert caller.is_connected()
    after = caller.call("report")
    assert after["address"] == before["address"]
    if rust_calls:
        assert after["seq"] == before["seq"] + 1, "nothing was sent in between"


# Conformance: ANN-03
@pytest.mark.parametrize("hmac", [None, KEY], ids=["unsigned", "signed"])
def test_a_pyro4_answer_of_a_rust_server_has_room_for_so_much(servers, peer_program, hmac):
    options = ["--hmac", hmac] if hmac else []
    caller = desks.PythonCaller(peers.PYRO4, desks.start_rust_desk(servers, peer_program, *options).uri, hmac=hmac)
    most = room(bool(hmac), True)
    caller.call("answer_bulk", 1, most)
    assert caller.answered() == {"0000": b"x" * most}
    for length in (most + 1, 65536, MEGABYTE):
        with pytest.raises(peers.PYRO4.errors.ProtocolError) as raised:
            caller.call("answer_bulk", 1, length)
        size = length + PYRO4_ROOM - most
        assert str(raised.value) == f"the annotations take {size} bytes, a Pyro4 message has room for 65535"
        assert caller.call("report")["annotations"].keys() <= {"HMAC"}


# Conformance: ANN-03
def test_a_pyro4_answer_of_a_python_server_may_be_full(rust_client, python_desks):
    caller = desks.RustCaller(rust_client, python_desks["pyro4"].uri)
    most = room(False, True)
    caller.call("answer_bulk", 1, most)
    assert caller.answered() == {"0000": b"x" * most}


# Conformance: ANN-03
def test_many_small_annotations_are_as_good_as_a_few(pair):
    caller = pair.caller()
    if not pair.rust_calls:
        caller.proxy._pyroBind()
    count = 9000 if pair.peer.name == "pyro4" else 20_000
    expected = {f"{number:04x}": b"x" for number in range(count)}
    for key, value in expected.items() if pair.rust_calls else ():
        caller.annotate(key, value)
    if not pair.rust_calls:
        caller.context.annotations = dict(expected)
    assert desks.unhex(caller.call("report")["annotations"]) == expected
    caller.call("answer_bulk", count, 1)
    assert caller.answered() == expected


# Conformance: ANN-03
def test_a_pyro5_annotation_may_have_a_megabyte(rust_client, rust_desk, python_desks):
    for caller in (desks.PythonCaller(peers.PYRO5, rust_desk.uri), desks.RustCaller(rust_client, python_desks["pyro5"].uri)):
        if not caller.is_rust:
            caller.proxy._pyroBind()
        caller.annotate("BULK", b"x" * MEGABYTE)
        assert desks.unhex(caller.call("report")["annotations"]) == {"BULK": b"x" * MEGABYTE}
        caller.call("answer_bulk", 3, MEGABYTE)
        assert list(caller.answered().values()) == [b"x" * MEGABYTE] * 3


# Conformance: ANN-04
def test_every_item_of_a_rust_stream_has_annotations_of_its_own(pyro, rust_desk):
    caller = desks.PythonCaller(pyro, rust_desk.uri)
    items = caller.call("items", 3)
    assert caller.answered() == {}, "the iterator has not run yet"
    for number in range(3):
        assert next(items) == number
        assert caller.answered() == {"ITEM": bytes([number])}
    with pytest.raises(StopIteration):
        next(items)
    assert caller.answered() == {}


# Conformance: ANN-04
def test_every_item_of_a_python_stream_has_annotations_of_its_own(pyro, rust_client, python_desks):
    caller = desks.RustCaller(rust_client, python_desks[pyro.name].uri)
    caller.proxy.perform("items", stream="annotated", method="items", args=[{"t": "int", "v": "3"}])
    for number in range(3):
        assert caller.proxy.perform("next", stream="annotated") == [number]
        assert caller.answered() == {"ITEM": bytes([number])}
    assert caller.proxy.perform("next", stream="annotated") == []
    assert caller.answered() == {}


def message_annotations(version, message):
    """The annotations of a message that came over a plain socket."""
    offset = frames.HEADER_SIZE[version]
    (total,) = struct.unpack_from("!H", message, 18) if version == 48 else struct.unpack_from("!I", message, 16)
    chunks, end = {}, offset + total
    while offset < end:
        key, size = struct.unpack_from("!4sH" if version == 48 else "!4sI", message, offset)
        offset += 6 if version == 48 else 8
        chunks[key.decode()] = message[offset : offset + size]
        offset += size
    return chunks


def annotations_of_all_messages(desk, version):
    """What a server sends along with each kind of message: pairs of a name and (message type, annotations); ids are random."""

    def exchange(sock, name, request):
        sock.sendall(request)
        answer = frames.read_message(sock)
        kind = frames.split(answer)[0][1]
        annotations = message_annotations(version, answer)
        seen[name] = kind, {key: len(value) if key in desks.INTERNAL else value for key, value in annotations.items()}

    def invoke(method, args="()", **options):
        return frames.invoke(version, method, args, object_id="desk", **options)

    seen = {}
    with frames.connected(desk) as sock:
        exchange(sock, "greeting", frames.hello(version, object_id="desk"))
        exchange(sock, "result", invoke("report"))
        exchange(sock, "result with annotation", invoke("answer_with", "('BACK','00')"))
        exchange(sock, "result with that of the daemon", invoke("answer_with", "('DMON','00')"))
        exchange(sock, "exception", invoke("answer_with", "('BACK','no digits')"))
        exchange(sock, "unknown method", invoke("no_such_method"))
        exchange(sock, "ping", frames.frame(version, PING, b"ping"))
    with frames.connected(desk) as sock:
        sock.sendall(frames.hello(version, object_id="desk"))
        frames.read_message(sock)
        exchange(sock, "stream", invoke("items", "(1,)"))
        exchange(sock, "unknown object", frames.invoke(version, "x", object_id="nobody"))
    with frames.connected(desk) as sock:
        exchange(sock, "unknown object in the greeting", frames.hello(version, object_id="nobody"))
    with frames.connected(desk) as sock:
        payload = b"# serpent utf-8 python3.2\n{'handshake':'reject','object':'desk'}"
        exchange(sock, "rejected", frames.frame(version, frames.CONNECT, payload))
    with frames.connected(desk) as sock:
        exchange(sock, "call too early", invoke("report"))
    return seen


# Conformance: ANN-06, ANN-07
def test_the_daemons_hook_adds_to_the_same_messages_as_with_python(pyro, hooked_rust_desk, hooked_python_desks):
    theirs = annotations_of_all_messages(hooked_python_desks[pyro.name], pyro.protocol)
    ours = annotations_of_all_messages(hooked_rust_desk, pyro.protocol)
    if pyro.name == "pyro4":
        assert ours["stream"][1].pop("CORR") == 16  # theirs has none there
        theirs["call too early"][1].pop("CORR", None)  # left over from what its thread did before
    for name, seen in ours.items():
        assert seen == theirs[name], name
        assert seen[1]["DMON"] == b"of the daemon"
    assert {kind for kind, _ in ours.values()} == {CONNECTOK, CONNECTFAIL, RESULT, PING}


# Conformance: ANN-06, ANN-07
def test_the_hook_of_a_pyro4_proxy_adds_to_every_request(servers, peer_program):
    desk = desks.start_rust_desk(servers, peer_program, "--hmac", KEY)

    def own(self):
        return {"PRXY": b"of the proxy"}

    def extended(self):
        return {**super(Extending, self)._pyroAnnotations(), **own(self)}

    Overriding = type("Overriding", (peers.PYRO4.api.Proxy,), {"_pyroAnnotations": own})
    Extending = type("Extending", (peers.PYRO4.api.Proxy,), {"_pyroAnnotations": extended})
    for proxy_class in (Overriding, Extending):
        caller = desks.PythonCaller(peers.PYRO4, desk.uri, proxy_class=proxy_class, hmac=KEY)
        id = new_id()
        caller.set_id(id)
        for report in (caller.call("report"), caller.call("handshake")):
            assert report["correlation_id"] == id
            seen = desks.unhex(report["annotations"])
            assert len(seen.pop("HMAC")) == 20
            assert seen == {"PRXY": b"of the proxy", "CORR": uuid.UUID(id).bytes}


# Conformance: ANN-06, ANN-07
@pytest.mark.parametrize("pyro, hmac", [(peers.PYRO4, None), (peers.PYRO4, KEY), (peers.PYRO5, None)], ids=["pyro4", "pyro4-signed", "pyro5"])
def test_the_hook_of_a_rust_proxy_adds_to_every_request(pyro, servers, rust_client, hmac):
    keys = {"hmac": hmac} if hmac else {}
    desk = desks.start_python_desk(servers, pyro, **keys)
    annotations = {"PRXY": b"of the proxy".hex(), "CORR": "00" * 16, "HMAC": "00" * 20}
    caller = desks.RustCaller(rust_client, desk.uri, annotations=annotations, **keys)
    id = new_id()
    caller.set_id(id)
    corr = {"CORR": uuid.UUID(id).bytes} if pyro.name == "pyro4" else {}
    for _ in range(2):
        report = caller.call("report")
        seen = desks.unhex(report["annotations"])
        assert len(seen.pop("HMAC", b"")) == (20 if hmac else 0)
        assert (report["correlation_id"], seen) == (id, {"PRXY": b"of the proxy", **corr})


# Conformance: ANN-09
def test_annotations_of_an_answer_are_there_until_the_next_call(pair):
    caller = pair.caller()
    caller.call("answer_with", "BACK", "00ff")
    assert caller.answered() == {"BACK": b"\x00\xff"}
    caller.call("report")
    assert caller.answered() == {}
    caller.call("answer_with", "BACK", "00ff")
    caller.call("log_report")
    assert caller.internal() == {}
    caller.call("logged")
    assert caller.answered() == {}


# Conformance: ANN-09
def test_a_rust_client_may_forget_its_annotations(pyro, rust_client, python_desks):
    caller = desks.RustCaller(rust_client, python_desks[pyro.name].uri)
    caller.call("answer_with", "BACK", "00ff")
    caller.annotate("MINE", b"never sent")
    rust_client.perform(op="forget_annotations")
    assert caller.internal() == {}
    assert "MINE" not in caller.call("report")["annotations"]


# Conformance: ANN-10
def test_a_rust_proxy_is_shown_the_annotations_of_every_answer(pyro, rust_client, hooked_python_desks, python_desks):
    caller = desks.RustCaller(rust_client, hooked_python_desks[pyro.name].uri, annotations={})
    caller.call("report")
    caller.call("answer_with", "BACK", "00")
    caller.call("log_report")
    shown = caller.proxy.perform("shown")
    assert [kind for kind, _ in shown] == [CONNECTOK, RESULT, RESULT]
    assert [desks.users(desks.unhex(seen)) for _, seen in shown] == [OF_THE_DAEMON, OF_THE_DAEMON, {**OF_THE_DAEMON, "BACK": b"\0"}]
    caller.release()
    caller.call("report")
    assert [kind for kind, _ in caller.proxy.perform("shown")] == [CONNECTOK, RESULT]
    # Pyro5 has no annotations of its own in them.
    plain = desks.RustCaller(rust_client, python_desks[pyro.name].uri, annotations={})
    plain.call("report")
    kinds = [kind for kind, _ in plain.proxy.perform("shown")]
    assert kinds == ([CONNECTOK, RESULT] if pyro.name == "pyro4" else [])


# Conformance: ANN-10
def test_a_pyro4_proxy_is_shown_the_annotations_of_every_answer(hooked_rust_desk):
    shown = []

    class Watching(peers.PYRO4.api.Proxy):
        def _pyroResponseAnnotations(self, annotations, msgtype):
            shown.append((msgtype, desks.users(annotations)))

    caller = desks.PythonCaller(peers.PYRO4, hooked_rust_desk.uri, proxy_class=Watching)
    caller.call("report")
    caller.call("answer_with", "BACK", "00")
    assert shown == [(CONNECTOK, OF_THE_DAEMON), (RESULT, OF_THE_DAEMON), (RESULT, {**OF_THE_DAEMON, "BACK": b"\0"})]


# Conformance: ANN-11
@pytest.mark.parametrize("servertype", ["thread", "multiplex"])
def test_annotations_of_a_call_that_failed_go_nowhere(pyro, servers, peer_program, servertype):
    desk = desks.start_rust_desk(servers, peer_program, env={"PYRO_SERVERTYPE": servertype})
    first, other = desks.PythonCaller(pyro, desk.uri), desks.PythonCaller(pyro, desk.uri)
    for caller in (first, other, first):
        with pytest.raises(ValueError, match="nope"):
            first.call("annotate_and_raise")
        assert first.answered() == {}
        caller.call("report")
        assert caller.answered() == {}



# Conformance: ANN-03
@pytest.mark.parametrize("pyro, length", [(peers.PYRO4, room(False, False)), (peers.PYRO5, 120_000)], ids=str)
def test_annotations_of_the_first_call_come_with_the_greeting_too(pyro, length, rust_desk):
    caller = desks.PythonCaller(pyro, rust_desk.uri)
    caller.annotate("BULK", b"x" * length)
    assert desks.unhex(caller.call("report")["annotations"]) == {"BULK": b"x" * length}
    assert desks.unhex(caller.call("handshake")["annotations"]) == {"BULK": b"x" * length}


# Conformance: ANN-03
def test_how_much_a_pyro5_greeting_may_bring_along_is_a_setting(servers, peer_program, rust_desk):
    caller = desks.PythonCaller(peers.PYRO5, rust_desk.uri)
    caller.annotate("BULK", b"x" * MEGABYTE)
    with pytest.raises(peers.PYRO5.errors.CommunicationError, match=r"rejected: message too large \(\d+, max=131072\)$"):
        caller.call("report")
    patient = desks.start_rust_desk(servers, peer_program, "--set", f"MAX_HANDSHAKE_SIZE={2 * MEGABYTE}")
    caller = desks.PythonCaller(peers.PYRO5, patient.uri)
    caller.annotate("BULK", b"x" * MEGABYTE)
    assert desks.unhex(caller.call("report")["annotations"]) == {"BULK": b"x" * MEGABYTE}
