"""A ping-pong over a plain socket: `listen REPLY`, `client REQUEST REPLY PORT`, with the lengths of what is sent.

A server of many clients: `serve REQUEST REPLY`. A client that sends many bytes and gets them back, and its server: `bulk-listen`, `bulk SIZE PORT`.
"""
import os
import selectors
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


def serve(request, reply):
    """Whatever a client asks, it gets the same bytes."""
    request, data = int(request), b"." * int(reply)
    threading.Thread(target=end_with_input, daemon=True).start()
    selector = selectors.DefaultSelector()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as server:
        print(f"PYRO:fixed@127.0.0.1:{server.getsockname()[1]}", flush=True)
        selector.register(server, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is server:
                    connection, _ = server.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(connection, selectors.EVENT_READ)
                    continue
                received = key.fileobj.recv(request, socket.MSG_WAITALL)
                if received:
                    key.fileobj.sendall(data)
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


def bulk_listen():
    threading.Thread(target=end_with_input, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=bulk_echo, args=(connection,), daemon=True).start()


def bulk_echo(connection):
    buffer = bytearray(int.from_bytes(connection.recv(8, socket.MSG_WAITALL), "big"))
    while connection.recv_into(buffer, len(buffer), socket.MSG_WAITALL):
        connection.sendall(buffer)


def bulk(size, port):
    data = b"." * int(size)
    buffer = bytearray(len(data))
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        connection.sendall(len(data).to_bytes(8, "big"))
        print("ready", flush=True)
        for line in sys.stdin:
            wanted = float(line)
            calls, passed, start = 0, 0.0, time.perf_counter()
            while calls == 0 or passed < wanted:
                connection.sendall(data)
                assert connection.recv_into(buffer, len(buffer), socket.MSG_WAITALL) == len(data)
                calls += 1
                passed = time.perf_counter() - start
            print(calls, passed, flush=True)


ROLES = {"listen": listen, "client": call, "serve": serve, "bulk-listen": bulk_listen, "bulk": bulk}
ROLES[sys.argv[1]](*sys.argv[2:])
