"""The examples around the name server, and those of Pyro's tutorial."""

from stage import CLIENT, INTERRUPTED, End, Example, Start, Stop, Text, Wait

RUNNING = "^Pyro daemon running"

DEVICES = {
    "laserprinter": "printer",
    "matrixprinter": "printer",
    "photoprinter": "printer",
    "tapestorage": "storage",
    "diskstorage": "storage",
    "telephone": "communication",
    "faxmachine": "communication",
}


def found(*kinds, names=()):
    """The lines for the devices of these kinds, or of these names."""
    chosen = [name for name, kind in DEVICES.items() if kind in kinds or name in names]
    return "".join(f"   example.resource.{name} -> PYRO:OBJECT@127.0.0.1:PORT\n" for name in chosen)


ENTRIES = "".join(f"example.resource.{name}\n   uri: PYRO:OBJECT@127.0.0.1:PORT\n   meta: TAGS\n\n" for name in DEVICES)

# A name server gives names in the order of its store.
NS_METADATA = Example(
    "ns-metadata",
    (Start("program", "example.py", side=CLIENT), End("program")),
    {
        "program": Text(
            f"""
Pyro.NameServer
   uri: PYRO:Pyro.NameServer@127.0.0.1:PORT
   meta: class:Pyro4.naming.NameServer

{ENTRIES}
all storage:
{found("storage")}
all FAST printers:
{found(names=["laserprinter"])}
all storage OR communication devices :
{found("storage", "communication")}
all FAST printers (after photoprinter upgrade):
{found(names=["laserprinter", "photoprinter"])}
all resource types:
{found(*DEVICES.values())}

PYROMETA protocol for easy yellow-pages lookup:

Proxy to look up 'any nameserver' via its class metadata:
     <PACKAGE.core.Proxy at ADDRESS; not connected; for PYROMETA:class:Pyro4.naming.NameServer>
Proxy for 'any namesever' bound to candidate:
     PYRO:Pyro.NameServer@127.0.0.1:PORT
Proxy for 'any slow printer':
     <PACKAGE.core.Proxy at ADDRESS; not connected; for PYROMETA:TAGS>
(this example doesn't actually implement these objects so we leave it at that)
""",
            in_any_order=True,
        )
    },
    name_server=True,
)


def listener(topic):
    return Text(f"""
Listener for topic {topic} waiting for data.
Received custom data (type=<class 'customdata.CustomData'>):
    a=42, b=hello world, c=TIME
""")


BLOB_DISPATCH = Example(
    "blob-dispatch",
    (
        Start("dispatcher", "dispatcher.py", folder="dispatcher", ready=RUNNING),
        Start("cars", "main.py cars", folder="listeners", ready="waiting for data", side=CLIENT),
        Start("boats", "main.py boats", folder="listeners", ready="waiting for data", side=CLIENT),
        Start("client", "client.py", folder="client", typed=("cars", "boats", "planes", ""), side=CLIENT),
        End("client"),
        Stop("boats"),
        Stop("cars"),
        Stop("dispatcher"),
    ),
    {
        "dispatcher": Text("""
Object <class '__main__.Dispatcher'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.blobdispatcher
Pyro daemon running.
New listener for topic cars registered: PYRO:OBJECT@127.0.0.1:PORT
New listener for topic boats registered: PYRO:OBJECT@127.0.0.1:PORT
Dispatching blob with name: cars
Dispatching blob with name: boats
Dispatching blob with name: planes
"""),
        "cars": listener("cars"),
        "boats": listener("boats"),
        "client": Text("""
Enter topic to send data on (just enter to quit) processed
Enter topic to send data on (just enter to quit) processed
Enter topic to send data on (just enter to quit) processed
Enter topic to send data on (just enter to quit)
"""),
    },
    name_server=True,
)

QUOTES = """\
Shown quotes: {'SYMBOL', 'SYMBOL', 'SYMBOL'}
<<
SYMBOL.SYMBOL: DECIMAL
>>
"""


def stockquotes(phase, steps=(), texts=None, found="", **options):
    """steps, texts: those of the stock market; found: the viewer's first lines."""
    return Example(
        "stockquotes",
        (
            *steps,
            Start("viewer", "viewer.py", folder=phase, ready="^NYSE.IBM", side=CLIENT),
            Wait("viewer", "^NASDAQ"),
            Stop("viewer"),
            *(Stop(step.name) for step in steps),
        ),
        {**(texts or {}), "viewer": Text(f"{found}{QUOTES}", **INTERRUPTED)},
        title=phase,
        **options,
    )


def distributed_stockquotes(phase, **options):
    return stockquotes(
        phase,
        (Start("stockmarket", "stockmarket.py", folder=phase, ready="^Stockmarkets available"),),
        {"stockmarket": Text("Stockmarkets available.")},
        """\
<<
found market example.stockmarket.nasdaq
>>
found market example.stockmarket.newyork
<<
found market example.stockmarket.nasdaq
>>
""",
        name_server=True,
        **options,
    )


def warehouse(phase, visit, typed, server=None, title="", **options):
    """visit: the visitors' Text; server: the warehouse's lines where it is a program of its own."""
    steps = [Start("visit", "visit.py", folder=phase, typed=typed, side=CLIENT), End("visit")]
    texts = {"visit": visit}
    if server:
        steps = [Start("warehouse", "warehouse.py", folder=phase, ready=RUNNING), *steps, Stop("warehouse")]
        texts["warehouse"] = Text(server)
    return Example("warehouse", tuple(steps), texts, title=title or phase, **options)


TYPED = ("table", "bike", "", "couch")  # Janet's deposit and what she takes, then Henry's


def visits(prompt="", tells=("", "", "")):
    """What the two visitors print; tells: what the warehouse prints between, where it is the same program."""
    stored, took, took_too = tells
    return Text(f"""
{prompt}This is Janet.
The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch']
Type a thing you want to store (or empty): {stored}The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch', 'table']
Type something you want to take (or empty): {took}Thank you, come again!
This is Henry.
The warehouse contains: ['chair', 'flashlight', 'laptop', 'couch', 'table']
Type a thing you want to store (or empty): The warehouse contains: ['chair', 'flashlight', 'laptop', 'couch', 'table']
Type something you want to take (or empty): {took_too}Thank you, come again!
""")


TOLD = ("Janet stored the table.\n", "Janet took the bike.\n", "Henry took the couch.\n")
SERVED = """
Object <class '__main__.Warehouse'>:
    uri = PYRO:{object}@127.0.0.1:PORT{name}
Pyro daemon running.
"""
UNNAMED = SERVED.format(object="example.warehouse", name="")
NAMED = SERVED.format(object="OBJECT", name="\n    name = example.warehouse")
NOT_IN_LIST = Text(
    """
This is Janet.
The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch']
Type a thing you want to store (or empty): The warehouse contains: ['chair', 'bike', 'flashlight', 'laptop', 'couch']
Type something you want to take (or empty):
""",
    errors="""
Traceback (most recent call last):
...
  File "FOLDER/warehouse/phase3/person.py", line 28, in retrieve
    warehouse.take(self.name, item)
...
ValueError: list.remove(x): x not in list
 +--- This exception occured remotely (Pyro) - Remote traceback:
 | Traceback (most recent call last):
...
 |   File "FOLDER/warehouse/phase3/warehouse.py", line 15, in take
 |     self.contents.remove(item)
...
 | ValueError: list.remove(x): x not in list
 +--- End of remote traceback
""",
    status=1,
)

EXAMPLES = [
    NS_METADATA,
    BLOB_DISPATCH,
    stockquotes("phase1"),
    distributed_stockquotes("phase2"),
    distributed_stockquotes("phase3", port=9092),
    warehouse("phase1", visits(tells=TOLD), TYPED),
    warehouse("phase2", visits("Enter the uri of the warehouse: "), ("{warehouse}", *TYPED), UNNAMED + "".join(TOLD)),
    warehouse("phase3", visits(), TYPED, NAMED + "".join(TOLD), name_server=True),
    warehouse("phase3", NOT_IN_LIST, ("", "spoon"), NAMED, title="error", name_server=True),
]
