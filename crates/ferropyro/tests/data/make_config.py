"""Writes config_pyro4.json and config_pyro5.json: the config items of the real Pyro4 and Pyro5, their defaults and their dump.

Run it with a Python that has both installed: python make_config.py
"""
import json
import os
import pathlib

for name in [name for name in os.environ if name.startswith("PYRO_")]:
    del os.environ[name]

import Pyro4.configuration
import Pyro5.configure


def plain(value):
    """The value as JSON can hold it."""
    return sorted(value) if isinstance(value, set) else value


def settings(dump):
    """The lines of a dump behind its heading; the rest names the machine."""
    lines = dump.split("\n")
    start = next(i for i, line in enumerate(lines) if line.endswith("configuration settings:"))
    return lines[start + 1:]


def write(name, items, dump):
    capture = {"items": {key: plain(value) for key, value in sorted(items.items())}, "dump": settings(dump)}
    pathlib.Path(__file__).with_name(name).write_text(json.dumps(capture, indent=1) + "\n")


write("config_pyro4.json", Pyro4.config.asDict(), Pyro4.config.dump())
write("config_pyro5.json", Pyro5.config.as_dict(), Pyro5.config.dump())
