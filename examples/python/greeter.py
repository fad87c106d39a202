"""A Python object for examples/call_python.rs. It needs Pyro5, or Pyro4 when it is called with that word: python greeter.py [Pyro4]"""

import sys

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
else:
    import Pyro5.api as pyro


@pyro.expose
class Greeter:
    def greet(self, name, loudly=False):
        return f"Hello, {name}{'!' if loudly else '.'}"

    def facts(self):
        return {"python": sys.version_info[0], "pi": (3.14, [3, 14]), "nothing": None}

    def fail(self):
        raise ValueError("this is Python")


daemon = pyro.Daemon()
print("URI =", daemon.register(Greeter(), "greeter"), flush=True)
daemon.requestLoop()
