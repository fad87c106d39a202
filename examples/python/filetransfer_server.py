"""Does the work of examples/filetransfer/server.rs. It needs Pyro5, or with that word Pyro4: python filetransfer_server.py [Pyro4]"""

import socket
import sys
import tempfile
import threading
import uuid
import zlib

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
else:
    import Pyro5.api as pyro

PIECE = 65000


def file_of(data, times):
    """A file without a name that has these bytes so many times."""
    file = tempfile.TemporaryFile()
    for _ in range(times):
        file.write(data)
    file.seek(0)
    return file


class RawSockets:
    """A second port beside the daemon's, where whoever brings a ticket gets the bytes of a file."""

    def __init__(self):
        self._files = {}
        self._listener = socket.create_server(("localhost", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    def offer(self, file):
        ticket = str(uuid.uuid4())
        self._files[ticket] = file
        return ticket, self._listener.getsockname()[:2]

    def _accept(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._send, args=(connection,), daemon=True).start()

    def _send(self, connection):
        with connection:
            ticket = connection.recv(36, socket.MSG_WAITALL).decode()
            with self._files.pop(ticket) as file:
                connection.sendfile(file)


RAW_SOCKETS = RawSockets()


@pyro.expose
class FileServer:
    def get_with_pyro(self, size):
        return b"x" * size

    def iterator(self, size):
        piece = max(size // 100, 1)
        for start in range(0, size, piece):
            yield b"x" * min(piece, size - start)

    def annotation_stream(self, with_checksum=False):
        with file_of(b"1234567890!" * 1000, 5000) as file:
            while data := file.read(PIECE):
                pyro.current_context.response_annotations = {"FDAT": data}
                yield file.tell(), zlib.crc32(data) if with_checksum else 0

    def prepare_file_blob(self, size):
        return RAW_SOCKETS.offer(file_of(b"x" * size, 1))

    def prepare_memory_blob(self, size):
        return self.prepare_file_blob(size)


daemon = pyro.Daemon()
print("URI =", daemon.register(FileServer, "example.filetransfer"), flush=True)
daemon.requestLoop()
