"""An echo server or client with another library for calls between Python programs: `serve KIND`, `client KIND ADDRESS MESSAGE`; KIND is rpyc, grpcio or connection.

Each is set up as its documentation shows it, with what that says about speed, and in each the client checks once that the text has come back:

rpyc: the threaded server, its usual one. The client asks for the remote function once and keeps it, since `root.echo(...)` would be two requests a call.
grpcio: the synchronous server and client, which are faster than its asynchronous ones on one core, with protobuf's StringValue through generic handlers, which is what
generated code does too.
connection: multiprocessing.connection, with a thread for the client; it has no calls, so that a text is sent and received at each end.
"""
import os
import sys
import threading
import time


def end_with_input():
    sys.stdin.read()
    os._exit(0)


def announce(port):
    """Tells where a server listens, which from now on lives as long as its standard input."""
    print(f"127.0.0.1:{port}", flush=True)
    threading.Thread(target=end_with_input, daemon=True).start()


def serve_rpyc():
    import rpyc
    from rpyc.utils.server import ThreadedServer

    class Echo(rpyc.Service):
        def exposed_echo(self, message):
            return message

    server = ThreadedServer(Echo, hostname="127.0.0.1", port=0)
    announce(server.port)
    server.start()


def connect_rpyc(host, port):
    import rpyc
    from rpyc.core.stream import SocketStream

    # As rpyc.connect does it, but that one leaves TCP_NODELAY off.
    connection = rpyc.connect_stream(SocketStream.connect(host, port, nodelay=True))
    return connection.root.echo


def serve_grpcio():
    from concurrent.futures import ThreadPoolExecutor

    import grpc
    from google.protobuf.wrappers_pb2 import StringValue

    def echo(request, context):
        return StringValue(value=request.value)

    handler = grpc.unary_unary_rpc_method_handler(echo, StringValue.FromString, StringValue.SerializeToString)
    server = grpc.server(ThreadPoolExecutor(max_workers=10))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("bench.Echo", {"Echo": handler})])
    announce(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination()


def connect_grpcio(host, port):
    import grpc
    from google.protobuf.wrappers_pb2 import StringValue

    channel = grpc.insecure_channel(f"{host}:{port}")
    method = channel.unary_unary(
        "/bench.Echo/Echo", request_serializer=StringValue.SerializeToString, response_deserializer=StringValue.FromString
    )
    return lambda message: method(StringValue(value=message)).value


def serve_connection():
    from multiprocessing.connection import Listener

    def echo(connection):
        try:
            while True:
                connection.send(connection.recv())
        except EOFError:
            pass

    with Listener(("127.0.0.1", 0)) as listener:
        announce(listener.address[1])
        while True:
            threading.Thread(target=echo, args=(listener.accept(),), daemon=True).start()


def connect_connection(host, port):
    from multiprocessing.connection import Client

    connection = Client((host, port))

    def call(message):
        connection.send(message)
        return connection.recv()

    return call


def answer_samples(call, message):
    """Each line of input says for how many seconds to measure."""
    assert call(message) == message
    print("ready", flush=True)
    for line in sys.stdin:
        wanted = float(line)
        calls = 0
        start = time.perf_counter()
        passed = 0.0
        while calls == 0 or passed < wanted:
            for _ in range(16):
                call(message)
            calls += 16
            passed = time.perf_counter() - start
        print(calls, passed, flush=True)


SERVERS = {"rpyc": serve_rpyc, "grpcio": serve_grpcio, "connection": serve_connection}
CLIENTS = {"rpyc": connect_rpyc, "grpcio": connect_grpcio, "connection": connect_connection}

role, kind = sys.argv[1:3]
if role == "serve":
    SERVERS[kind]()
else:
    host, port = sys.argv[3].rsplit(":", 1)
    answer_samples(CLIENTS[kind](host, int(port)), sys.argv[4])
