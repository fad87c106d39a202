"""The chapter of the name server."""

from blocks import plays
from scene import SERVER, typed_in

THING = """
@Pyro4.expose
class Thing:
    def backup(self): print("backup")
    def printstuff(self): print("printed")
    def method(self): print("method")
"""
URIS = """
for line in LINES.splitlines():
    uri = Pyro4.URI(line.partition("#")[0].strip())
    print(uri.protocol, sorted(uri.object) if uri.protocol == "PYROMETA" else uri.object, uri.host, uri.port)
"""


def registered(name, *tags):
    """The beginning of a program that registers a thing."""
    return f"{SERVER}{THING}\nwith Pyro4.locateNS() as names:\n    names.register({name!r}, daemon.register(Thing), metadata={[*tags]!r})\n"


# Conformance: URI-01
@plays("nameserver", 0)
def test_uris_name_objects(scene):
    found = "PYRO obj_dcf713ac20ce4fb2a6e72acaeba57dfd localhost 51850\nPYRO custom_name localhost 51851"
    scene.run("import Pyro4", f"LINES = {scene.block(0)!r}", URIS, prints=found)


# Conformance: URI-03
@plays("nameserver", 3)
def test_uris_with_names_may_tell_the_name_server(scene):
    name = "some_logical_object_name"
    found = f"PYRONAME {name} None None\nPYRONAME {name} nshostname NUMBER\nPYRONAME {name} nshostname 9090"
    scene.run("import Pyro4", f"LINES = {scene.block(3, {'nsport': '9090'})!r}", URIS, prints=found)


# Conformance: URI-04
@plays("nameserver", 6)
def test_uris_with_tags_may_tell_the_name_server(scene):
    found = """
PYROMETA ['metatag'] None None
PYROMETA ['metatag1', 'metatag2', 'metatag3'] None None
PYROMETA ['metatag'] nshostname NUMBER
PYROMETA ['metatag'] nshostname 9090
"""
    scene.run("import Pyro4", f"LINES = {scene.block(6, {'nsport': '9090'})!r}", URIS, prints=found)


# Conformance: NS-01, URI-03, URI-06
@plays("nameserver", 4, 5)
def test_a_name_is_resolved_by_hand_and_by_the_proxy(scene):
    scene.start_name_server()
    scene.run(registered("Department.BackupServer"), scene.block(4), scene.block(5), prints="backup\nbackup")


# Conformance: URI-04, META-01
@plays("nameserver", 7)
def test_an_object_is_found_by_its_tag(scene):
    scene.start_name_server()
    scene.run(registered("printer", "resource.printer"), scene.block(7), prints="printed")


# Conformance: URI-04, META-07
@plays("nameserver", 20)
def test_an_object_is_found_by_all_its_tags(scene):
    scene.start_name_server()
    other = "with Pyro4.locateNS() as names: names.register('slow', 'PYRO:slow@localhost:1', metadata=['resource.printer'])"
    scene.run(registered("printer", "resource.printer", "performance.fast"), other, f"eval({scene.block(20)!r}).printstuff()", prints="printed")


# Conformance: NS-01, URI-03, URI-04, URI-06, API-02
@plays("nameserver", 8, 9, 10, 11)
def test_names_are_resolved_in_four_ways(scene):
    scene.start_name_server()
    blocks = [scene.block(number) for number in (8, 9, 10)]
    scene.run(registered("objectname", "metatag1", "metatag2"), *blocks, scene.block(11), "obj.method()", prints="method\n" * 4)


@plays("nameserver", 12)
def test_a_client_with_pickle_finds_no_name_server(scene):
    scene.start_name_server()
    program = f"""
import Pyro4
Pyro4.config.SERIALIZER = "pickle"
try:
    Pyro4.locateNS()
except Pyro4.errors.NamingError as error:
    # Ours goes on, and tells where it has looked.
    print(f"Pyro4.errors.{{type(error).__name__}}: {{error}}".startswith({scene.block(12).strip()!r}))
"""
    scene.run(program, prints="True")


# Conformance: NS-32, NP-06
@plays("nameserver", 15)
def test_the_name_server_is_told_to_accept_pickle(scene):
    scene.set(scene.block(15))
    scene.start_name_server()
    scene.run("import Pyro4\nPyro4.config.SERIALIZER = 'pickle'\nprint(Pyro4.locateNS().count())", prints="1")


# Conformance: META-01, META-03, META-04, META-05, META-07, META-08
@plays("nameserver", 16, 17, 18, 19)
def test_registrations_have_tags(scene):
    port = scene.start_name_server().port
    session = "\n".join([scene.block(number) for number in (16, 17, 18, 19)])
    # Where the manual has sets the real Pyro4 gives lists.
    scene.run(
        "import Pyro4\nns = Pyro4.locateNS()",
        typed_in(session),
        prints=f"""
(<PACKAGE.core.URI at ADDRESS; PYRO:printer1@host:1234>, TAGSET)
{{'Pyro.NameServer': ('PYRO:Pyro.NameServer@127.0.0.1:{port}', TAGSET), 'printer.secondfloor': ('PYRO:printer1@host:1234', TAGSET)}}
{{'printer.secondfloor': 'PYRO:printer1@host:1234'}}
{{}}
{{'printer.secondfloor': 'PYRO:printer1@host:1234'}}
""",
    )
