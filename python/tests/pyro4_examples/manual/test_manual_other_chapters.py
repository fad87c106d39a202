"""The other chapters: introduction, tutorials, configuration, errors, Flame, security and commands."""

from blocks import plays
from scene import SERVER, typed_in

RUNNING = "^Pyro daemon running"
FLAME = {"PYRO_FLAME_ENABLED": "true", "PYRO_SERIALIZERS_ACCEPTED": "pickle"}
VISIT = """
This is Janet.
The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch']
Type a thing you want to store (or empty): {stored[0]}The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch', 'television']
Type something you want to take (or empty): {taken[0]}Thank you, come again!
This is Henry.
The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'television']
Type a thing you want to store (or empty): {stored[1]}The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'television', 'bricks']
Type something you want to take (or empty): {taken[1]}Thank you, come again!
"""
TYPED = ("television", "couch", "bricks", "bike")
STORED = ("Janet stored the television.", "Henry stored the bricks.")
TAKEN = ("Janet took the couch.", "Henry took the bike.")
VISIT_FROM_AFAR = VISIT.format(stored=("", ""), taken=("", ""))


@plays("intro", 0, 2)
def test_a_greeting(scene):
    server = scene.start("greeting-server.py", scene.block(0), ready="^Ready. Object uri = PYRO:")
    prompts = "What is the Pyro uri of the greeting object? What is your name? "
    printed = f"{prompts}Hello, Ann. Here is your fortune message:\nANYTHING\n"
    scene.run(scene.block(2), typed=(server.uri, "Ann"), prints=printed, name="greeting-client.py")


# Conformance: NS-01, URI-03
@plays("intro", 4, 5)
def test_a_greeting_with_a_name(scene):
    scene.start_name_server()
    scene.start("greeting-server.py", scene.block(4), ready="^Ready.")
    printed = "What is your name? Hello, Ann. Here is your fortune message:\nANYTHING\n"
    scene.run(scene.block(5), typed=("Ann",), prints=printed, name="greeting-client.py")


@plays("tutorials", 3, 4, 5)
def test_a_warehouse_without_pyro(scene):
    scene.write("warehouse.py", scene.block(3))
    scene.write("person.py", scene.block(4))
    told = VISIT.format(stored=[f"{line}\n" for line in STORED], taken=[f"{line}\n" for line in TAKEN])
    scene.run(scene.block(5), typed=TYPED, prints=told, name="visit.py")


def see_what_the_warehouse_says(scene, server):
    scene.interrupt(server)
    stored_and_taken = [line for pair in zip(STORED, TAKEN) for line in pair]
    server.wait(10)
    assert server.stdout[-4:] == stored_and_taken, server.output()


@plays("tutorials", 4, 8, 11)
def test_a_warehouse_for_others(scene):
    scene.write("person.py", scene.block(4))
    server = scene.start("warehouse.py", scene.block(8), ready=RUNNING)
    scene.run(scene.block(11), typed=(server.uri, *TYPED), prints=VISIT_FROM_AFAR.replace("\nThis is Janet", "Enter the uri of the warehouse: This is Janet"), name="visit.py")
    see_what_the_warehouse_says(scene, server)


@plays("tutorials", 3, 7, 10, 14)
def test_the_lines_that_make_a_warehouse_one_for_others(scene):
    scene.start_name_server()
    expose = "import Pyro4\nWarehouse = Pyro4.behavior('single')(Pyro4.expose(Warehouse))"
    server = scene.start("warehouse.py", scene.block(3), expose, scene.block(7), ready=RUNNING)
    register = f"import Pyro4\nPyro4.locateNS().register('example.warehouse', '{server.uri}')"
    use = "print(len(warehouse.list_contents()))"
    scene.run(register, scene.block(10), use, scene.block(14), use, typed=(server.uri,), prints="Enter the uri of the warehouse: 5\n5")


# Conformance: NS-01, URI-03
@plays("tutorials", 4, 8, 15)
def test_a_warehouse_with_a_name(scene):
    scene.start_name_server()
    scene.write("person.py", scene.block(4))
    server = scene.start("warehouse.py", scene.block(8, {"ns = False": "ns = True"}), ready=RUNNING)
    scene.run(scene.block(15), typed=TYPED, prints=VISIT_FROM_AFAR, name="visit.py")
    see_what_the_warehouse_says(scene, server)


@plays("tutorials", 19, 20)
def test_stocks_without_pyro(scene):
    scene.write("stockmarket.py", scene.block(19))
    viewer = scene.start("viewer.py", scene.block(20), ready="^Shown quotes: {")
    viewer.wait_for(r"^(NASDAQ|NYSE)\.(AAPL|MSFT|IBM): \d+\.\d+$")
    scene.interrupt(viewer)


# Conformance: NS-01
@plays("tutorials", 22, 23)
def test_stocks_of_others(scene):
    scene.start_name_server()
    scene.start("stockmarket.py", scene.block(22), ready="^Stockmarkets available")
    viewer = scene.start("viewer.py", scene.block(23), ready="^Shown quotes: {")
    assert sorted(viewer.stdout[:2]) == ["found market example.stockmarket.nasdaq", "found market example.stockmarket.newyork"]
    viewer.wait_for(r"^(NASDAQ|NYSE)\.(AAPL|MSFT|IBM): \d+\.\d+$")
    scene.interrupt(viewer)


@plays("tutorials", 3, 26, 27)
def test_a_warehouse_says_on_which_host(scene):
    scene.start_name_server()
    begin = "import Pyro4\nWarehouse = Pyro4.expose(Warehouse)"
    for block in (scene.block(26, {"your_hostname_here": "127.0.0.1", "...": "{Warehouse: None}"}), scene.block(27, {"your_hostname_here": "127.0.0.1"})):
        server = scene.start("warehouse.py", scene.block(3), begin, block, ready=RUNNING)
        assert f"@127.0.0.1:{server.port}" in server.uri
        scene.run("import Pyro4", f"print(len(Pyro4.Proxy('{server.uri}').list_contents()))", prints="5")


@plays("config", 0)
def test_items_are_set_by_the_program(scene):
    scene.run("import Pyro4", scene.block(0), "print(Pyro4.config.COMPRESSION, Pyro4.config.SERVERTYPE)", prints="True multiplex")


@plays("config", 1)
def test_items_are_set_from_the_shell(scene):
    scene.set(scene.block(1))
    scene.run("import Pyro4", "print(Pyro4.config.COMPRESSION, Pyro4.config.SERVERTYPE)", prints="True multiplex")


@plays("commandline", 0)
def test_the_items_are_listed(scene):
    scene.run(typed_in(scene.block(0)), prints="...\nAUTOPROXY = True\n...\nSERVERTYPE = thread\n...\n")


@plays("errors", 0, 1)
def test_an_exception_arrives_with_its_traceback(scene):
    thing = """
@Pyro4.expose
class Thing:
    def div(self, a, b): return a // b
    def method(self): raise ValueError("from afar")
uri = daemon.register(Thing())
"""
    told = "yup, it crashed\nPyro traceback:\nTraceback (most recent call last):\n...\n | ValueError: from afar\n...\n"
    scene.run(SERVER, thing, scene.block(0, {" ... ": "uri"}), "proxy = divider", scene.block(1), prints=told)


# Conformance: SEC-03
@plays("security", 0)
def test_both_sides_have_the_same_key(scene):
    thing = """
import threading
import Pyro4
@Pyro4.expose
class Thing:
    def method(self): return "called"
daemon = Pyro4.Daemon()
proxy = Pyro4.Proxy(daemon.register(Thing()))
"""
    use = """
threading.Thread(target=daemon.requestLoop).start()
print(proxy.method())
try:
    Pyro4.Proxy(proxy._pyroUri).method()
except Pyro4.errors.CommunicationError as error:
    print("hmac" in str(error))
proxy._pyroRelease()
daemon.shutdown()
"""
    scene.run(thing, scene.block(0), use, prints="called\nTrue")


def start_flame(scene, start):
    """A server with Flame, started by a block. Gives its address."""
    scene.env |= FLAME
    begin = "import Pyro4\ndaemon = Pyro4.Daemon()"
    server = scene.start("server.py", begin, start, "print(daemon.uriFor('Pyro.Flame'), flush=True)\ndaemon.requestLoop()", ready="^PYRO:Pyro.Flame@")
    return server, server.uri.partition("@")[2]


# Conformance: API-02
@plays("flame", 0, 1)
def test_modules_of_others_are_used(scene):
    server, address = start_flame(scene, scene.block(0))
    block = scene.block(1, {"hostname:9999": address})
    # Line by line, as it is typed: the last but one raises an exception, as it says.
    printed = "remote host name= ANYTHING\nremote server directory contents= ANYTHING\ncalculated square root= DECIMAL"
    scene.run("import Pyro4", typed_in(block), prints=printed, errors="...\nZeroDivisionError: ZERODIVISION\n...")
    server.wait_for("^Hello there, remote server stdout!")


# Conformance: API-02
@plays("flame", 0, 2, 4, 5)
def test_a_console_and_attributes_of_others(scene):
    _, address = start_flame(scene, scene.block(0))
    typed = "import io, sys\nsys.stdin = io.StringIO('print(6 * 7)\\n')"
    connect = f"import Pyro4.utils.flame\nPyro4.config.SERIALIZER = 'pickle'\nflame = Pyro4.utils.flame.connect('{address}')"
    parts = [typed, connect, scene.block(2), scene.block(4, {'"...."': f"'{address}'"}), scene.block(5)]
    told = "Python ANYTHING\n(Remote console on ANYTHING)\n...\nnow exiting ANYTHING\n"
    scene.run(*parts, prints=">>> 42\n>>> (Remote session ended)\n<ANYTHING object at ADDRESS>\nposix", errors=told)
