"""A ping-pong over a plain socket: `listen REPLY`, `client REQUEST REPLY PORT`, with the lengths of what is sent."""
import os
import socket
import sys
import threading
import time


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def listen(reply):
    data = b"." * int(reply)
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        threading.Thread(target=end_with_input, daemon=True).start()
        connection, _ = server.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while connection.recv(65536):
            connection.sendall(data)


def call(request, reply, port):
    data = b"." * int(request)
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ping():
            connection.sendall(data)
            return connection.recv(65536)

        assert len(ping()) == int(reply)
        print("ready", flush=True)
        for line in sys.stdin:
            wanted = float(line)
            calls, passed, start = 0, 0.0, time.perf_counter()
            while passed < wanted:
                for _ in range(16):
                    ping()
                calls += 16
                passed = time.perf_counter() - start
            print(calls, passed, flush=True)


if sys.argv[1] == "listen":
    listen(*sys.argv[2:])
else:
    call(*sys.argv[2:])
