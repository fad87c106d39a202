"""Does the work of examples/filetransfer/client.rs. It needs Pyro5, or with that word Pyro4: python filetransfer_client.py URI [full] [Pyro4]"""

import socket
import sys
import time
import zlib

import serpent

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
else:
    import Pyro5.api as pyro

MB = 1_000_000


def plain_calls(server, times):
    for _ in range(times):
        data = serpent.tobytes(server.get_with_pyro(10 * MB))
        assert len(data) == 10 * MB
    return times * 10 * MB


def iterator(server, times):
    for _ in range(times):
        size = sum(len(serpent.tobytes(piece)) for piece in server.iterator(10 * MB))
        assert size == 10 * MB
    return times * 10 * MB


def annotations(server):
    """The pieces come along with the items; each item tells where in the file its piece ends, and the checksum of the piece."""
    size = 0
    for position, checksum in server.annotation_stream(True):
        piece = pyro.current_context.response_annotations["FDAT"]
        size += len(piece)
        assert size == position
        assert zlib.crc32(piece) == checksum
    pyro.current_context.response_annotations.clear()
    return size


def raw_sockets(tickets, blob):
    """The server gives tickets; who brings one to its raw socket gets the bytes, and nothing else."""
    for ticket, address in tickets:
        size = 0
        with socket.create_connection(tuple(address)) as connection:
            connection.sendall(ticket.encode())
            while data := connection.recv(1 << 18):
                size += len(data)
        assert size == blob
    return len(tickets) * blob


def measure(name, transfer, *args):
    start = time.perf_counter()
    size = transfer(*args)
    rate = size / MB / (time.perf_counter() - start)
    print(f"{name:<11}  {size // MB:>3} MB  {rate:.0f} MB/s")


times, blobs, blob = (10, 10, 40 * MB) if "full" in sys.argv else (2, 4, 20 * MB)
with pyro.Proxy(sys.argv[1]) as server:
    measure("plain calls", plain_calls, server, times)
    measure("iterator", iterator, server, times)
    measure("annotations", annotations, server)
    tickets = [server.prepare_file_blob(blob) for _ in range(blobs)]
    measure("raw sockets", raw_sockets, tickets, blob)
