"""The desk with the real Pyro: `context_server.py pyro4|pyro5 [OPTIONS AS JSON]`; the same as interop/peer/src/desk.rs.

Its object `desk` tells what its calls bring along. Options: config ({ITEM: value}), hmac, annotations ({KEY: text}: those of the daemon's hook).
Prints `URI = PYRO:desk@...` when it listens. Bytes travel as hexadecimal digits here, so that no serializer touches them.
"""

import json
import sys
import threading

OPTIONS = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}

if sys.argv[1] == "pyro4":
    import Pyro4 as api
else:
    import Pyro5.api as api

for name, setting in OPTIONS.get("config", {}).items():
    setattr(api.config, name, set(setting) if name == "SERIALIZERS_ACCEPTED" else setting)


def report(address):
    context = api.current_context
    return {
        "address": list(address),
        "seq": context.seq,
        "flags": context.msg_flags,
        "serializer": context.serializer_id,
        "correlation_id": str(context.correlation_id),
        "annotations": {key: bytes(value).hex() for key, value in context.annotations.items()},
    }


class Desk:
    def __init__(self):
        self.log = []
        self.changed = threading.Condition()

    @api.expose
    def report(self):
        return report(api.current_context.client_sock_addr)

    @api.expose
    def report_with(self, _text):
        return self.report()

    @api.expose
    @api.oneway
    def log_report(self):
        with self.changed:
            self.log.append(report(api.current_context.client_sock_addr))
            self.changed.notify_all()

    @api.expose
    def logged(self):
        with self.changed:
            while not self.log:
                self.changed.wait()
            return self.log.pop(0)

    @api.expose
    def handshake(self):
        return api.current_context.client.seen_in_handshake

    @api.expose
    def answer_with(self, key, value):
        api.current_context.response_annotations = {key: bytes.fromhex(value)}

    @api.expose
    def answer_bulk(self, count, length):
        api.current_context.response_annotations = {f"{number:04x}": b"x" * length for number in range(count)}

    @api.expose
    def annotate_and_raise(self):
        api.current_context.response_annotations = {"OOPS": b"of a call that failed"}
        raise ValueError("nope")

    @api.expose
    def items(self, count):
        for number in range(count):
            api.current_context.response_annotations = {"ITEM": bytes([number])}
            yield number

    @api.expose
    def hand_on(self, uri, method):
        with api.Proxy(uri) as proxy:
            return getattr(proxy, method)()

    @api.expose
    @api.oneway
    def hand_on_unanswered(self, uri, method):
        self.hand_on(uri, method)


class Daemon(api.Daemon):
    def validateHandshake(self, conn, data):
        if data == "reject":
            raise ValueError("nope")
        conn.seen_in_handshake = {**report(conn.sock.getpeername()), "data": data}
        return ["you sent", data]

    def annotations(self):
        return {key: text.encode() for key, text in OPTIONS.get("annotations", {}).items()}


def main():
    daemon = Daemon(host="127.0.0.1")
    if "hmac" in OPTIONS:
        daemon._pyroHmacKey = OPTIONS["hmac"].encode()
    print(f"URI = {daemon.register(Desk(), 'desk')}", flush=True)
    daemon.requestLoop()


main()
