"""Does the work of examples/hugetransfer/client.rs. It needs Pyro5, or with that word Pyro4: python hugetransfer_client.py URI [full] [Pyro4]"""

import sys
import time

import serpent

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
    from Pyro4.errors import CommunicationError, SerializeError
else:
    import Pyro5.api as pyro
    from Pyro5.errors import CommunicationError, SerializeError

MB = 1_000_000
SIZE = 5 * MB


def receive(server):
    return sum(len(serpent.tobytes(piece)) for piece in server.download_chunks(SIZE))


def measure(server, times, data):
    """What the table shows. A serializer may not have the type, and a server may not take the serializer."""
    start = time.perf_counter()
    try:
        sizes = [receive(server) if data is None else server.transfer(data) for _ in range(times)]
    except (SerializeError, TypeError):
        return "not possible"
    except CommunicationError as error:
        return f"refused: {error}"
    if sizes != [SIZE] * times:
        return f"{sizes} bytes have arrived, not {SIZE}"
    return f"{times * SIZE / MB / (time.perf_counter() - start):.0f} MB/s"


times = 10 if "full" in sys.argv else 1
for serializer in ("serpent", "json", "marshal", "msgpack"):
    pyro.config.SERIALIZER = serializer
    with pyro.Proxy(sys.argv[1]) as server:
        for data in ("x" * SIZE, b"x" * SIZE, bytearray(b"x" * SIZE), None):
            name = "iterator" if data is None else type(data).__name__
            print(f"{serializer:<7}  {name:<9}  {measure(server, times, data)}")
