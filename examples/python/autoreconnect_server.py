"""Does the work of examples/autoreconnect/server.rs. It needs Pyro5, or with that word Pyro4: python autoreconnect_server.py [PORT | name] [Pyro4]"""

import sys

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
    from Pyro4 import locateNS as locate_ns
else:
    import Pyro5.api as pyro
    from Pyro5.api import locate_ns

NAME = "example.autoreconnect"


@pyro.expose
class Counter:
    def count(self, number):
        print("call", number, flush=True)


port = next((int(word) for word in sys.argv if word.isdigit()), 0)  # 0: a free one
daemon = pyro.Daemon(port=port)
uri = daemon.register(Counter, NAME)
if "name" in sys.argv:
    with locate_ns() as name_server:
        name_server.register(NAME, uri)  # in the place of the one that is gone
print("URI =", uri, flush=True)
daemon.requestLoop()
