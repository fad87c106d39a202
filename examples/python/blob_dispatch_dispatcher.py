"""Does the work of examples/blob_dispatch/dispatcher.rs. It needs Pyro5, or with that word Pyro4: python blob_dispatch_dispatcher.py [Pyro4]"""

import sys
from copy import copy

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
else:
    import Pyro5.api as pyro


@pyro.expose
@pyro.behavior(instance_mode="single")
class Dispatcher:
    def __init__(self):
        self.listeners = {}

    def register(self, topic, listener):
        print("a listener for", topic, flush=True)
        self.listeners.setdefault(topic, []).append(listener)

    def publish(self, blob):
        listeners = self.listeners.get(blob.info, [])
        print(f"{blob.info}: passed on to {len(listeners)}", flush=True)
        for listener in listeners:
            with copy(listener) as proxy:  # one that belongs to this thread
                proxy.receive(blob)
        return len(listeners)


daemon = pyro.Daemon()
print("URI =", daemon.register(Dispatcher, "example.dispatcher"), flush=True)
daemon.requestLoop()
