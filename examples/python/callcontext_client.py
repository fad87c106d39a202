"""Calls examples/callcontext/server.rs as examples/callcontext/client.rs does: python callcontext_client.py URI [KEY [hooks]]

It needs Pyro5; with a key to sign all messages it needs Pyro4, and only that has the hooks.
"""

import sys
import uuid

URI, KEY, HOOKS = (sys.argv[1:] + [None, None])[:3]
if KEY:
    from Pyro4 import Proxy, current_context
else:
    from Pyro5.api import Proxy, current_context


class ProxyWithHooks(Proxy):
    def _pyroAnnotations(self):
        return {"QSTN": b"is it a hook?"}

    def _pyroResponseAnnotations(self, annotations, msgtype):
        print("message of type", msgtype)
        show(annotations)


def show(annotations):
    for key, value in sorted(annotations.items()):
        if key == "CORR":
            print("  CORR: the correlation id")
        elif key == "HMAC":
            print("  HMAC: a signature of", len(value), "bytes")
        else:
            print(f"  {key}: {bytes(value).decode()}")


def context(proxy):
    current_context.annotations = {"QSTN": b"how long is it?"}
    print("echo:", proxy.echo("hello"))
    show(current_context.response_annotations)
    current_context.annotations = {"QSTN": b"who cares?"}
    proxy.tell("a oneway call")
    print("tell")
    show(current_context.response_annotations)


def hooks(proxy):
    print("echo:", proxy.echo("hello again"))
    proxy.tell("another oneway call")
    print("tell")


current_context.correlation_id = uuid.uuid4()
print("correlation id:", current_context.correlation_id)
with ProxyWithHooks(URI) if HOOKS else Proxy(URI) as proxy:
    if KEY:
        proxy._pyroHmacKey = KEY.encode()
    hooks(proxy) if HOOKS else context(proxy)
