"""Does the work of examples/blob_dispatch/listener.rs. It needs Pyro5, or with that word Pyro4: python blob_dispatch_listener.py URI TOPIC [Pyro4]"""

import sys

import weather

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
    from Pyro4.util import SerializerBase
else:
    import Pyro5.api as pyro
    from Pyro5.api import SerializerBase

SerializerBase.register_dict_to_class(weather.CLASS, weather.from_dict)


@pyro.expose
class Listener:
    def receive(self, blob):
        report = blob.deserialized()
        print(f"{report.station}: {report.degrees} degrees, {', '.join(report.sky)}", flush=True)


uri, topic = sys.argv[1:3]
daemon = pyro.Daemon()
listener = Listener()
daemon.register(listener)
with pyro.Proxy(uri) as dispatcher:
    dispatcher.register(topic, listener)
print("listening to", topic, flush=True)
daemon.requestLoop()
