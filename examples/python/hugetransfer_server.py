"""Does the work of examples/hugetransfer/server.rs. It needs Pyro5, or with that word Pyro4: python hugetransfer_server.py [Pyro4]"""

import sys

import serpent

if "Pyro4" in sys.argv:
    import Pyro4 as pyro

    pyro.config.SERIALIZERS_ACCEPTED = {"serpent", "json", "marshal", "msgpack"}
else:
    import Pyro5.api as pyro


@pyro.expose
class Luggage:
    def transfer(self, data):
        if isinstance(data, dict):
            data = serpent.tobytes(data)  # what serpent makes of bytes
        return len(data)

    def download_chunks(self, size):
        for start in range(0, size, 200_000):
            yield bytearray(min(200_000, size - start))


daemon = pyro.Daemon()
print("URI =", daemon.register(Luggage, "example.hugetransfer"), flush=True)
daemon.requestLoop()
