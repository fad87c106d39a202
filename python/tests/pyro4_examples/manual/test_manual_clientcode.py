"""The chapter about clients."""

from blocks import plays
from scene import SERVER


def served(thing):
    """The beginning of a program whose blocks call this object: its class is Thing, its proxy is `proxy`."""
    return f"{SERVER}\n{thing}\nuri = daemon.register(Thing(), 'thing')\nproxy = Pyro4.Proxy(uri)\n"


# Conformance: URI-01, URI-03, URI-04
@plays("clientcode", 0, 2, 3)
def test_uris_are_texts_or_objects(scene):
    parts = [part for number in (0, 2, 3) for part in (scene.block(number), "print(Pyro4.URI(uri_string) == Pyro4.URI(Pyro4.URI(uri_string)))")]
    scene.run("import Pyro4", *parts, prints="True\nTrue\nTrue")


# Conformance: NS-01
@plays("clientcode", 1, 4)
def test_an_object_is_looked_up_and_called(scene):
    scene.start_name_server()
    music = """
class MediaServerException(Exception): pass
@Pyro4.expose
class Thing:
    def load_playlist(self, name): self.name = name
    def play(self): pass
    def current_song(self): return f"one of the {self.name}"
"""
    register = "with Pyro4.locateNS() as names: names.register('musicserver', uri)"
    scene.run(served(music), register, scene.block(1), scene.block(4), prints="Currently playing: one of the 90s rock")


@plays("clientcode", 5)
def test_an_attribute_is_read(scene):
    thing = """
@Pyro4.expose
class Thing:
    @property
    def velocity(self): return 25
"""
    scene.run(served(thing), scene.block(5, {'"..."': "uri"}), prints="velocity =  25")


# Conformance: API-03
@plays("clientcode", 6)
def test_a_proxy_is_released_by_with(scene):
    thing = "@Pyro4.expose\nclass Thing:\n    def method(self): print('called')"
    scene.run(served(thing), scene.block(6, {'"....."': "uri"}), "print(obj._pyroConnection)", prints="called\nNone")


@plays("clientcode", 7, 8, 9)
def test_calls_are_made_together(scene):
    thing = """
@Pyro4.expose
class Thing:
    def method1(self): return 1
    def method2(self): return 2
    def methodN(self): return "N"
"""
    oneway = ["batch.method1()", scene.block(8), "print(results)"]
    later = ["batch = Pyro4.batch(proxy)", "batch.method2()", "batch.methodN()", scene.block(9)]
    scene.run(served(thing), scene.block(7), *oneway, *later, prints="1\n2\nN\nNone\n2\nN")


@plays("clientcode", 10)
def test_items_come_one_after_the_other(scene):
    thing = "@Pyro4.expose\nclass Thing:\n    def things(self): yield from ('one', 'two')"
    scene.run(served(thing), scene.block(10, {'"..."': "uri"}), prints="one\ntwo")


# Conformance: FUT-02, FUT-07
@plays("clientcode", 11)
def test_a_remote_call_is_made_in_the_background(scene):
    thing = """
going_on = threading.Event()
@Pyro4.expose
class Thing:
    def remotemethod(self):
        going_on.wait()
        return 42
"""
    scene.run(served(thing), scene.block(11, {"# ...do some other stuff...": "going_on.set()"}), prints="value available? False\nresultvalue= 42")


# Conformance: API-02
@plays("clientcode", 12)
def test_an_error_in_a_callback_is_seen_on_both_sides(scene):
    thing = """
import logging
logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
for name in ("Pyro4.core", "Pyro4.threadpoolserver"):
    logging.getLogger(name).setLevel(logging.WARNING)
@Pyro4.expose
class Thing:
    def call_back(self, callback):
        try:
            callback.call()
        except ZeroDivisionError as error:
            print("server:", error)
"""
    both = """
callback = Callback()
daemon.register(callback)
proxy.call_back(callback)
"""
    printed = "callback received from server!\nserver: ZERODIVISION"
    warned = "...\nWARNING Pyro4.ANYTHING\n...\nZeroDivisionError: ZERODIVISION\n..."
    scene.run(served(thing), scene.block(12), both, prints=printed, errors=warned)


@plays("clientcode", 13, 14, 15, 16, 17)
def test_timeouts_and_attempts_are_set(scene):
    thing = "@Pyro4.expose\nclass Thing: pass"
    blocks = [scene.block(number) for number in (13, 14, 15, 16, 17)]
    scene.run(
        served(thing),
        *blocks,
        "print(Pyro4.config.COMMTIMEOUT, Pyro4.config.ONEWAY_THREADED, Pyro4.config.MAX_RETRIES)",
        "print(proxy._pyroTimeout, proxy._pyroMaxRetries, Pyro4.Proxy(uri)._pyroTimeout, Pyro4.Proxy(uri)._pyroMaxRetries)",
        prints="1.5 True 3\n1.5 3 1.5 3",
    )


# Conformance: API-01
@plays("clientcode", 18)
def test_a_lost_connection_is_made_again(scene):
    scene.set("$ export PYRO_SERVERTYPE=multiplex")
    restarted = """
import threading
import Pyro4
@Pyro4.expose
class Thing:
    def method(self): return "answered"
def serve(port=0):
    daemon = Pyro4.Daemon(port=port)
    daemon.register(Thing(), "thing")
    thread = threading.Thread(target=daemon.requestLoop)
    thread.start()
    return daemon, thread
def stop(daemon, thread):
    daemon.shutdown()
    thread.join()
    daemon.close()
first = serve()
proxy = Pyro4.Proxy(first[0].uriFor("thing"))
class obj:
    def _pyroReconnect():
        print("lost")
        proxy._pyroReconnect()
proxy.method()
port = proxy._pyroUri.port
stop(*first)
second = serve(port)
"""
    scene.run(restarted, scene.block(18), "print(proxy.method())\nstop(*second)", prints="lost\nanswered")
