"""The chapter of tips and tricks."""

import pytest

from blocks import plays
from stage import ORIGINAL

LOGGED = """
import logging
logging.getLogger("Pyro4.core").debug("a message")
logging.shutdown()
with open("pyro.log") as log:
    print(log.readlines()[-1].partition(",")[2])
"""
NAT_PORT = 9999  # the one in the manual


# Conformance: LOG-02, LOG-03
@plays("tipstricks", 0)
def test_the_log_is_switched_on_from_the_shell(scene):
    commands = scene.block(0)
    scene.set(commands)
    name = commands.split()[-1]
    scene.run("import Pyro4", LOGGED, prints="Pyro4.core,DEBUG] a message\n\n", name=name)


# Conformance: LOG-02, LOG-03
@plays("tipstricks", 1)
def test_the_log_is_switched_on_by_the_program(scene):
    scene.run(scene.block(1), LOGGED, prints="Pyro4.core,DEBUG] a message\n\n")


# Conformance: LOG-05
@plays("tipstricks", 2)
def test_the_log_of_the_program_is_used(scene):
    names = ["Pyro4", "Pyro4.core", "Pyro4.naming"]
    if scene.runner is ORIGINAL:
        names = ["Pyro4.core"]  # there the level of Pyro4 is overwritten
    says = """
for name in ("Pyro4", "Pyro4.core", "Pyro4.naming"):
    logging.getLogger(name).debug("a message")
"""
    scene.run(scene.block(2), says, errors="...\n" + "".join(f"DEBUG:{name}:a message\n" for name in names))


# Conformance: WIRE-02, API-02
@plays("tipstricks", 5)
def test_the_version_of_the_protocol_is_a_constant(scene):
    _, program, _ = scene.block(5).split('"')
    scene.run(program, prints="48")


# Conformance: FUT-01, FUT-02
@plays("tipstricks", 6)
def test_a_function_is_called_in_the_background(scene):
    scene.run("import Pyro4", scene.block(6), "print(summation, type(result) is Pyro4.futures.FutureResult)", prints="9 True")


# Conformance: FUT-01, FUT-03
@plays("tipstricks", 7)
def test_calls_in_the_background_are_chained(scene):
    functions = """
import Pyro4
def something(number): return [number]
def somethingelse(before, number): return [*before, number]
def lastthing(before, optionalargument): return [*before, optionalargument]
"""
    scene.run(functions, scene.block(7), "print(futurecall(1).value)", prints="[1, 44, 'something']")


# Conformance: NAT-01, NAT-02, API-03
@plays("tipstricks", 8, 9)
@pytest.mark.parametrize("registered", ["Something", "Something()"])  # manuals before 4.46 register an object here
def test_uris_have_the_address_outside_of_the_nat(scene, one_at_a_time, registered):
    with one_at_a_time(f"port-{NAT_PORT}"):
        scene.run(
            "import Pyro4\n@Pyro4.expose\nclass Something: pass",
            scene.block(8, {"Something": registered}),
            scene.block(9),
            "print(uri2)\nd.close()",
            prints=f"""
PYRO:thing@pyro.server.com:5555
PYRO:thing@pyro.server.com:5555
PYRO:thing@127.0.0.1:{NAT_PORT}
PYRO:thing@127.0.0.1:{NAT_PORT}
""",
        )
