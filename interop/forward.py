"""Passes on TCP connections as a router with port forwarding does: `forward.py HOST PORT TO_HOST TO_PORT`. Prints a line when it listens."""

import socket
import sys
import threading

host, port, to_host, to_port = sys.argv[1:]


def pass_on(source, target):
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


with socket.create_server((host, int(port))) as door:
    print("forwarding", flush=True)
    while True:
        outside, _ = door.accept()
        inside = socket.create_connection((to_host, int(to_port)))
        for ends in [(outside, inside), (inside, outside)]:
            threading.Thread(target=pass_on, args=ends, daemon=True).start()
