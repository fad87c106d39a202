"""A Python object for examples/futures_proxy.rs. It needs Pyro5, or Pyro4 when it is called with that word: python futures_server.py [Pyro4]"""

import sys
import threading

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
else:
    import Pyro5.api as pyro

meeting = threading.Barrier(10)


@pyro.expose
class Office:
    def meet(self):
        """Comes back when ten callers are here at once."""
        return meeting.wait(timeout=30)

    def divide(self, a, b):
        if b == 0:
            raise ValueError("nobody divides by 0 here")
        return a // b

    def add(self, value, increase):
        return value + increase


daemon = pyro.Daemon()
print("URI =", daemon.register(Office(), "office"), flush=True)
daemon.requestLoop()
