"""Devices in the yellow pages of a name server, as ns_metadata/devices.rs has them. The last word may be Pyro4."""

import importlib
import sys
import threading

port, package = sys.argv[1], (sys.argv + ["Pyro5"])[2]
Pyro = importlib.import_module("Pyro4" if package == "Pyro4" else "Pyro5.api")
NamingError = importlib.import_module(f"{package}.errors").NamingError
locate = Pyro.locateNS if package == "Pyro4" else Pyro.locate_ns

DEVICES = {
    "laserprinter": {"resource:printer", "performance:fast"},
    "matrixprinter": {"resource:printer", "performance:slow"},
    "photoprinter": {"resource:printer", "performance:slow"},
    "tapestorage": {"resource:storage", "performance:slow"},
    "diskstorage": {"resource:storage", "performance:fast"},
}


@Pyro.expose
class Device:
    def __init__(self, name):
        self.name = name

    def describe(self):
        return f"I am the {self.name}"


def search(ns, **tags):
    if package == "Pyro4":
        return ns.list(**{f"metadata_{how}": wanted for how, wanted in tags.items()})
    return ns.yplookup(**{f"meta_{how}": wanted for how, wanted in tags.items()})


def show(ns, what, **tags):
    print(f"{what}: [{', '.join(sorted(search(ns, **tags)))}]")


daemon, ns = Pyro.Daemon(), locate("localhost", int(port))
for name, tags in DEVICES.items():
    ns.register(f"example.device.{name}", daemon.register(Device(name), name), metadata=tags)
threading.Thread(target=daemon.requestLoop, daemon=True).start()

_, tags = ns.lookup("example.device.laserprinter", return_metadata=True)
if not tags:
    raise SystemExit("this name server keeps no tags: look at its storage")
print("the laserprinter has", ", ".join(sorted(tags)))

show(ns, "storage", all=["resource:storage"])
show(ns, "fast printers", all=["resource:printer", "performance:fast"])
ns.set_metadata("example.device.photoprinter", ["resource:printer", "performance:fast"])
show(ns, "fast printers, now", all=["resource:printer", "performance:fast"])
show(ns, "fast, or storage", any=["resource:storage", "performance:fast"])
show(ns, "printers for storage", all=["resource:storage", "resource:printer"])

with Pyro.Proxy(f"PYROMETA:resource:storage,performance:slow@localhost:{port}") as slow:
    print("slow storage:", slow.describe())
try:
    with Pyro.Proxy(f"PYROMETA:resource:scanner@localhost:{port}") as scanner:
        print("a scanner:", scanner.describe())
except NamingError as error:
    print("a scanner:", error)

ns.remove(prefix="example.device.")
