"""Blobs: data that dispatchers pass on without a look into them, whatever the language of the dispatcher."""

import hashlib
import marshal
import struct
import zlib

import Pyro4.core
import Pyro4.util
import Pyro5.api
import Pyro5.serializers
import pytest

import tagged
from frames import INVOKE, RESULT, connected, frame, hello, invoke, read_message, split
from peers import PEERS
from servers import Servers
from workshop import proxy_for, start_python_workshop, start_workshop, uri_of

SERIALIZERS = ["serpent", "json", "marshal", "msgpack", "pickle"]
# Long enough for compression, and outside of ASCII.
WORDS = ["naïve"] * 100
CONTENTS = [[1, " ".join(WORDS)], [2, ""]]
KEEP_SERIALIZED = {48: 64, 502: 32}
EXCEPTION, COMPRESSED = 1, 2


class Parcel:
    """Known to this client, and to the listener at the other end."""

    def __init__(self, number, words):
        self.number = number
        self.words = words


PARCELS = [Parcel(1, WORDS), Parcel(2, [])]


@pytest.fixture(scope="module", params=["plain", "compressed"])
def compression(request):
    return request.param == "compressed"


@pytest.fixture(scope="module")
def rust(peer_program, compression):
    with Servers() as servers:
        yield start_workshop(servers, peer_program, COMPRESSION=int(compression))


@pytest.fixture(scope="module")
def python(compression):
    with Servers() as servers:
        yield {peer.name: start_python_workshop(servers, peer, COMPRESSION=compression) for peer in PEERS}


@pytest.fixture
def parcels(pyro, compression):
    """Parcels as arguments of this process' proxies."""
    pyro.api.config.COMPRESSION = compression
    base = Pyro4.util.SerializerBase if pyro.name == "pyro4" else Pyro5.serializers.SerializerBase
    base.register_class_to_dict(Parcel, lambda parcel: {"__class__": "shop.Parcel", **vars(parcel)})
    yield PARCELS
    base.unregister_class_to_dict(Parcel)


def blob_of(pyro, info, data):
    return (Pyro4.core if pyro.name == "pyro4" else Pyro5.api).SerializedBlob(info, data)


def hash_of(pyro, serializer, object_id, method, data):
    """Of the message that the client made at the beginning."""
    serializers = Pyro4.util._serializers if pyro.name == "pyro4" else Pyro5.serializers.serializers
    return hashlib.sha256(serializers[serializer].dumpsCall(object_id, method, data, {})).hexdigest()


def connect(*chain):
    """Tells dispatchers where they pass blobs on to; gives the URI of the first. Each is a Peer that can call it, its server, and its object id."""
    uris = [uri_of(server, object_id) for _, server, object_id in chain]
    for (peer, _, _), uri, to in zip(chain, uris, [*uris[1:], None], strict=True):
        with peer.api.Proxy(uri) as dispatcher:
            dispatcher.connect(to)
    return uris[0]


# Conformance: BLOB-01, BLOB-03, BLOB-05
@pytest.mark.parametrize("listener", PEERS, ids=str)
@pytest.mark.parametrize("serializer", ["serpent", "marshal", "msgpack", "pickle"])  # Python cannot open a blob in json
def test_from_python_over_rust_to_python(pyro, rust, python, parcels, serializer, listener):
    uri = connect((pyro, rust, "blobs.first"), (listener, python[listener.name], "blobs.first"))
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(uri) as dispatcher:
        info, contents, digest = dispatcher.dispatch(blob_of(pyro, "two parcels", parcels))
    assert (info, contents) == ("two parcels", CONTENTS)
    assert digest == hash_of(pyro, serializer, "blobs.first", "dispatch", parcels)


# Conformance: BLOB-03
def test_from_python_over_rust_and_python_and_rust_to_python(pyro, rust, python, parcels):
    server = python[pyro.name]
    uri = connect(
        (pyro, rust, "blobs.first"),
        (pyro, server, "blobs.first"),
        (pyro, rust, "blobs.second"),
        (pyro, server, "blobs.second"),
    )
    with pyro.api.Proxy(uri) as dispatcher:
        info, contents, digest = dispatcher.dispatch(blob_of(pyro, 12, parcels))
    assert (info, contents) == (12, CONTENTS)
    assert digest == hash_of(pyro, "serpent", "blobs.first", "dispatch", parcels)


# Conformance: BLOB-03, BLOB-05
def test_from_rust_over_python_to_rust(pyro, rust, python, rust_client, compression):
    uri = connect((pyro, python[pyro.name], "blobs.first"), (pyro, rust, "blobs.first"))
    dispatcher = rust_client.proxy(uri, config={"COMPRESSION": str(int(compression))})
    attributes = [[name, tagged.describe(value)] for name, value in vars(PARCELS[0]).items()]
    parcels = {"t": "list", "v": [{"t": "obj", "class": "shop.Parcel", "attrs": attributes}]}
    delivered = dispatcher.perform("send_blob", method="dispatch", info=tagged.describe("label"), data=parcels)
    assert delivered == ["label", CONTENTS[:1]]


# Conformance: BLOB-01, BLOB-02
@pytest.mark.parametrize("serializer", SERIALIZERS[:-1])  # a pickle has the class by its real name
def test_a_rust_listener_opens_the_blob_of_a_python_client(pyro, rust, parcels, serializer):
    uri = connect((pyro, rust, "blobs.first"))
    pyro.api.config.SERIALIZER = serializer
    with pyro.api.Proxy(uri) as listener:
        blob = blob_of(pyro, "label", parcels)
        assert listener.dispatch(blob) == ["label", CONTENTS]
        assert listener.label(blob) == "label"
        assert listener.open(blob_of(pyro, None, [1, "x"])) == [1, "x"]


def blbi(version, value):
    size = struct.pack("!H" if version == 48 else "!I", len(value))
    return b"BLBI" + size + value


def answer_on(sock):
    """Whether it is an exception, and its payload."""
    ((_, kind, flags, _, _, payload),) = split(read_message(sock))
    assert kind == RESULT
    return bool(flags & EXCEPTION), zlib.decompress(payload) if flags & COMPRESSED else payload


# Conformance: BLOB-02
def test_a_payload_that_cannot_be_read_is_no_error_before_somebody_wants_to(pyro, rust):
    version = pyro.protocol
    with connected(rust) as sock:
        sock.sendall(hello(version, "blobs.first"))
        read_message(sock)

        def call(method, payload):
            annotation = blbi(version, marshal.dumps(("label", "blobs.first", method)))
            sock.sendall(frame(version, INVOKE, payload, flags=KEEP_SERIALIZED[version], annotations=annotation))
            return answer_on(sock)

        garbage = b"this is not serpent ((("
        assert call("label", garbage) == (False, b"# serpent utf-8 python3.2\n'label'")
        failed, answer = call("open", garbage)
        assert failed and b"'__class__':'" in answer
        # The connection goes on.
        assert call("label", b"") == (False, b"# serpent utf-8 python3.2\n'label'")


# Conformance: BLOB-05
def test_a_blob_without_its_annotation_is_refused_as_python_does(pyro, rust, python):
    version = pyro.protocol
    answers = []
    for server in (rust, python[pyro.name]):
        with connected(server) as sock:
            sock.sendall(hello(version, "blobs.first"))
            read_message(sock)
            sock.sendall(invoke(version, "label", object_id="blobs.first", flags=KEEP_SERIALIZED[version]))
            failed, answer = answer_on(sock)
            answers.append((failed, b"KeyError" in answer, b"BLBI" in answer))
    assert answers == [(True, True, True)] * 2


# Conformance: BLOB-04
def test_a_blob_is_the_only_argument(pyro, rust):
    text = "if SerializedBlob is used, it must be the only argument"
    blob = blob_of(pyro, "label", [1])
    with proxy_for(pyro, rust, "blobs.first") as proxy:
        if pyro.name == "pyro4":
            with pytest.raises(pyro.errors.SerializeError, match=text):
                proxy.label(blob, x=1)
        with pytest.raises(pyro.errors.SerializeError, match=text):
            proxy.label(blob, 1)
        assert proxy.label(blob) == "label"
