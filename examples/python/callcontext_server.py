"""Shows all that is known about a call, as examples/callcontext/server.rs does: python callcontext_server.py [KEY]

It needs Pyro5; with a key to sign all messages it needs Pyro4.
"""

import sys

KEY = sys.argv[1] if len(sys.argv) > 1 else None
if KEY:
    import Pyro4 as pyro
    from Pyro4.constants import PROTOCOL_VERSION
else:
    import Pyro5.api as pyro
    from Pyro5.protocol import PROTOCOL_VERSION

SERIALIZERS = {1: "serpent", 2: "json", 3: "marshal"}
TEMPLATE = """\
{method}("{message}")
  peer: {address[0]}:{address[1]}
  connection: {connection}
  protocol: {pyro} (protocol {version})
  serializer: {serializer}
  sequence number: {context.seq}
  flags: {context.msg_flags}
  correlation id: {context.correlation_id}
  annotation QSTN: {question}"""


def describe(method, message):
    context = pyro.current_context
    text = TEMPLATE.format(
        method=method,
        message=message,
        address=context.client_sock_addr,
        connection=id(context.client),
        pyro=pyro.__name__.partition(".")[0],
        version=PROTOCOL_VERSION,
        serializer=SERIALIZERS[context.serializer_id],
        context=context,
        question=bytes(context.annotations["QSTN"]).decode(),
    )
    print(text, flush=True)


@pyro.expose
class Echo:
    def echo(self, message):
        describe("echo", message)
        pyro.current_context.response_annotations = {"LGTH": str(len(message)).encode()}
        return message

    @pyro.oneway
    def tell(self, message):
        describe("tell", message)


class Daemon(pyro.Daemon):
    def annotations(self):
        return {"DAEM": b"every answer has this"}


daemon = Daemon()
if KEY:
    daemon._pyroHmacKey = KEY.encode()
print("URI =", daemon.register(Echo, "example.callcontext"), flush=True)
daemon.requestLoop()
