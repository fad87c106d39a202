"""Does the work of examples/blob_dispatch/client.rs. It needs Pyro5, or with that word Pyro4: python blob_dispatch_client.py URI TOPIC [Pyro4]"""

import sys

import weather

if "Pyro4" in sys.argv:
    from Pyro4 import Proxy
    from Pyro4.core import SerializedBlob
    from Pyro4.util import SerializerBase
else:
    from Pyro5.api import Proxy, SerializedBlob, SerializerBase

SerializerBase.register_class_to_dict(weather.Report, weather.to_dict)

uri, topic = sys.argv[1:3]
report = weather.Report("lighthouse", -3.5, ["grey", "snow"])
with Proxy(uri) as dispatcher:
    listeners = dispatcher.publish(SerializedBlob(topic, report))
print(f"{topic}: {listeners} heard it")
