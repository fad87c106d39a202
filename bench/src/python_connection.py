"""An echo listener or a client with Python's multiprocessing.connection: `listen CARGO`, `client CARGO PORT`; CARGO is object or bytes."""
import os
import sys
import threading
import time
from multiprocessing.connection import Client, Listener

role, cargo = sys.argv[1:3]


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def echo(conn):
    try:
        while True:
            if cargo == "object":
                conn.send(conn.recv())
            else:
                conn.send_bytes(conn.recv_bytes())
    except EOFError:
        pass


def listen():
    threading.Thread(target=end_with_input, daemon=True).start()
    listener = Listener(("127.0.0.1", 0))
    print(listener.address[1], flush=True)
    while True:
        threading.Thread(target=echo, args=(listener.accept(),), daemon=True).start()


def client(port):
    conn = Client(("127.0.0.1", int(port)))
    sent = [1, 2.5, "three"]
    data = b"." * (1 << 20)

    def there_and_back():
        if cargo == "object":
            conn.send(sent)
            assert conn.recv() == sent
        else:
            conn.send_bytes(data)
            assert len(conn.recv_bytes()) == len(data)

    answer_samples(there_and_back, 16 if cargo == "object" else 1)


def answer_samples(measured, batch):
    """Each line of input says for how many seconds to measure."""
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = float(line)
        calls = 0
        start = time.perf_counter()
        passed = 0.0
        while calls == 0 or passed < wanted:
            for _ in range(batch):
                measured()
            calls += batch
            passed = time.perf_counter() - start
        print(calls, passed, flush=True)


if role == "listen":
    listen()
else:
    client(sys.argv[3])
