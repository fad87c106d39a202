"""Asks the object of the server twice: by the name server whose port is given. The last word may be Pyro4."""

import importlib
import sys

port, package = sys.argv[1], (sys.argv + ["Pyro5"])[2]
Pyro = importlib.import_module("Pyro4" if package == "Pyro4" else "Pyro5.api")

for name in ["Ada", "Grace"]:
    with Pyro.Proxy(f"PYRONAME:example.eventloop@localhost:{port}") as greeter:
        print(greeter.hello(name))
