"""The daemon and its client over a pair of sockets, with the real Pyro: `socketpair.py threads|fork|child [Pyro4|Pyro5]`.

threads: in two threads. fork: in two processes. child: the client of examples/socketpair/child.rs, with its end of the pair as standard input.
"""

import importlib
import os
import socket
import sys
import threading

mode = sys.argv[1]
package = sys.argv[2] if len(sys.argv) > 2 else "Pyro5"
api = importlib.import_module("Pyro5.api" if package == "Pyro5" else package)


@api.expose
class Echo:
    def echo(self, text):
        return f"echo of {text}"


def serve(end):
    daemon = api.Daemon(connected_socket=end)
    daemon.register(Echo, "echo")
    daemon.requestLoop()


def call(end):
    for texts in [("hello 1", "hello 2"), ("hello 3", "hello 4")]:
        with api.Proxy("echo", connected_socket=end) as echo:
            for text in texts:
                print(echo.echo(text), flush=True)


if mode == "child":
    call(socket.socket(fileno=os.dup(0)))
    sys.exit()

ours, theirs = socket.socketpair()
if mode == "threads":
    serving = threading.Thread(target=serve, args=(theirs,))
    serving.start()
    call(ours)
    ours.close()
    serving.join()
elif os.fork() == 0:
    theirs.close()
    call(ours)
    sys.exit()
else:
    ours.close()
    serve(theirs)
    os.wait()
print("the daemon has ended")
