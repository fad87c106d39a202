"""Writes uris.json: what the URI classes of the real Pyro4 and Pyro5 make of many texts.

Run it with a Python that has both installed: python make_uris.py
"""
import json
import os
import pathlib

for name in [name for name in os.environ if name.startswith("PYRO_")]:
    del os.environ[name]

import Pyro4
import Pyro5.core

TEXTS = [
    # PYRO
    "PYRO:custom_name@localhost:51851",
    "PYRO:obj_0123456789abcdef0123456789abcdef@127.0.0.1:4711",
    "pyro:x@host:1",
    "pYrO:x@host:1",
    "PYRO:x@host:0",
    "PYRO:x@host:65535",
    "PYRO:x@host:007",
    "PYRO:x@host: 55",
    "PYRO:x@host:55 ",
    "PYRO:x@host:+55",
    "PYRO:x@my host:5",
    "PYRO:x@host:5\n",
    "PYRO:x@host:5\n\n",
    "PYRO:x@ho\nst:5",
    "PYRO:Pyro.NameServer@localhost:9090",
    "PYRO:a:b:c@host:5",
    "PYRO:a@b@c:5",
    "PYRO:@@host:5",
    "PYRO:\u00e9\u4e16\U0001f600@h\u00f6st:5",
    "PYRO:x@./u:/tmp/socket",
    "PYRO:x@./u:my sock",
    "PYRO:x@./u:a@b",
    "PYRO:x@[::1]:3456",
    "PYRO:x@[fe80::1%2]:3456",
    "PYRO:x@[2001:DB8::1]:3456",
    "PYRO:x@[::1]:55junk",
    "PYRO:x@[abc]:5",
    # PYRONAME
    "PYRONAME:name",
    "PYRONAME:name@nshost",
    "PYRONAME:name@nshost:9999",
    "PYRONAME:name@nshost:",
    "PYRONAME:name@[::1]",
    "PYRONAME:name@[::1]:9999",
    "PYRONAME:name@[::1]junk",
    "PYRONAME:name@./u:sock",
    "PYRONAME:name@",
    "PYRONAME:@host",
    "PYRONAME:a@@b",
    "pyroname:Name",
    # PYROMETA
    "PYROMETA:tag",
    "PYROMETA:tag1,tag2,tag3",
    "PYROMETA:tag2,tag3,tag1",
    "PYROMETA:tag@nshost",
    "PYROMETA:tag1,tag2@nshost:9999",
    "PYROMETA:tag,tag",
    "PYROMETA:tag,",
    "pyrometa:tag",
    # refused
    "",
    "x",
    "PYRO",
    "PYRO:",
    "PYRO:x",
    "PYRO:x@",
    "PYRO:@host:5",
    "PYRO:x@host",
    "PYRO:x@host:",
    "PYRO:x@host:port",
    "PYRO:x@host:5.0",
    "PYRO:x@host:\x1d5",
    "PYRO:x@host:0x10",
    "PYRO:x@host:5:6",
    "PYRO:x y@host:5",
    "PYRO: x@host:5",
    "PYRO:x\u00a0y@host:5",
    "PYRO:x\x1fy@host:5",
    "PYRO:x@[]:5",
    " PYRO:x@host:5",
    "PYR:x@host:5",
    "PYRO4:x@host:5",
    "PYROLOC:x@host:5",
    "PYRONAMES:x",
    "http://host:5/x",
    "PYRO:x@./u:",
    "PYRO:x@./u:a:b",
    "PYRO:x@./u:p\nq",
    "PYRO:x@[::1]",
    "PYRO:x@[::1]:",
    "PYRO:x@[::1]:port",
    "PYRO:x@[::1",
    "PYRO:x@[[::1]]:1",
    "PYRO:x@[[::1]:1",
    "PYRO:x@::1:3456",
    "PYRO:x@[localhost]:5",
    "PYRO:x@[fe80::1%eth0]:5",
    "PYRONAME:",
    "PYRONAME:a b",
    "PYRONAME:x@[[::1]]",
    "PYRONAME:x@host:port",
    "PYRONAME:x@./u:a:b",
    "PYROMETA:",
    "PYROMETA:a b",
    "PYROMETA:a, b",
    # taken by Python, refused by ferropyro
    "PYRO:x@:55",
    "PYRO:x@host:-5",
    "PYRO:x@host:65536",
    "PYRO:x@host:5_5",
    "PYRO:x@host:\u0665",
    "PYRONAME:x@:55",
    "PYRONAME:x@./u",
    "PYROMETA:,",
    "PYROMETA:b,a@",
    "PYROMETA:@a,B",
]


def outcome(uri_class, text):
    """The state of the URI and its text, or the text of the error."""
    try:
        uri = uri_class(text)
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}
    protocol, obj, sockname, host, port = uri.__getstate__()
    tags = isinstance(obj, set)
    return {
        "protocol": protocol,
        "object": sorted(obj) if tags else obj,
        "sockname": sockname,
        "host": host,
        "port": port,
        "text": None if tags and len(obj) > 1 else str(uri),  # a set has no order, so neither has the text
    }


rows = []
for text in TEXTS:
    row = {"uri": text, "pyro4": outcome(Pyro4.URI, text), "pyro5": outcome(Pyro5.core.URI, text)}
    rows.append(json.dumps(row))
target = pathlib.Path(__file__).with_name("uris.json")
target.write_text("[\n" + ",\n".join(rows) + "\n]\n")
print("%d texts, %d with different outcomes" % (len(rows), sum(r["pyro4"] != r["pyro5"] for r in map(json.loads, rows))))
