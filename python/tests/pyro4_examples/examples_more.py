"""Examples of objects of one's own classes, of proxies as results, of sockets in the file system, and of servers that call each other; and those that are not played."""

from stage import CLIENT, End, Example, Start, Stop, Text, Wait

REGISTERED = """
Object <class '__main__.{cls}'>:
    uri = PYRO:example.{name}@127.0.0.1:PORT
Pyro daemon running.
"""


def asks_for_uri(name, ready, last, server, client):
    """A server, and a client that asks for its URI. last: the last line of the server."""
    return Example(
        name,
        (
            Start("server", "server.py", ready=ready),
            Start("client", "client.py", typed=("{server}",), side=CLIENT),
            End("client"),
            Wait("server", last),
            Stop("server"),
        ),
        {"server": Text(server), "client": Text(client)},
    )


def servers_in_a_circle():
    names = "ABC"
    return Example(
        "circular",
        (
            *(Start(name, f"serv{name}.py", ready=f"Server started {name}") for name in names),
            Start("client", "client.py", side=CLIENT),
            End("client"),
            *(Stop(name) for name in names),
        ),
        {
            "A": Text("Server started A\nI'm A, passing to B\nBack at A; we completed the circle!\n"),
            "B": Text("Server started B\nI'm B, passing to C\n"),
            "C": Text("Server started C\nI'm C, passing to A\n"),
            "client": Text("Result=['passed on from A', 'passed on from B', 'passed on from C', 'complete at A']\n"),
        },
        name_server=True,
    )


EXAMPLES = [
    asks_for_uri(
        "autoproxy",
        "^Pyro daemon running",
        "last then",
        REGISTERED.format(cls="Factory", name="autoproxy")
        + "Thingy 1 says: I am the first\nThingy 2 says: I am second\nThingy 3 says: I am last then...\n",
        "enter factory server object uri: Creating things.\nSpeaking stuff.\n",
    ),
    asks_for_uri(
        "ser_custom",
        "^Pyro daemon running",
        "othermethod called",
        REGISTERED.format(cls="Server", name="customclasses")
        + """{deserializer hook, converting to class: {'__class__': 'waheeee-custom-thingy', 'number-attribute': 42}}

method called, arg= <Thingy @ADDRESS, number=42>
{serializer hook, converting to dict: <Thingy @ADDRESS, number=999>}
{deserializer hook, converting to class: {'number': 42, '__class__': 'mycustomclasses.OtherThingy'}}

othermethod called, arg= <OtherThingy @ADDRESS, number=42>
""",
        """
Enter the URI of the server object:
Transferring thingy...
{serializer hook, converting to dict: <Thingy @ADDRESS, number=42>}
{deserializer hook, converting to class: {'__class__': 'waheeee-custom-thingy', 'number-attribute': 999}}
type of response object: <class 'mycustomclasses.Thingy'>
response: <Thingy @ADDRESS, number=999>

Transferring otherthingy...
{deserializer hook, converting to class: {'number': 999, '__class__': 'mycustomclasses.OtherThingy'}}
type of response object: <class 'mycustomclasses.OtherThingy'>
response: <OtherThingy @ADDRESS, number=999>
""",
    ),
    asks_for_uri(
        "thirdpartylib",
        "uri:  PYRO:",
        "private method",
        """
wrapped class registered, uri:  PYRO:example.thirdpartylib@127.0.0.1:PORT
Awesome object is called with:  how are you?
Weird!
This should be a private method...
""",
        """
Enter the URI of the thirdparty library object: awesome
couldn't call weird() due to serialization error of the result value! (is ok)
boo
""",
    ),
    servers_in_a_circle(),
]

# The other folders, and why nobody plays what is in them.
BY_HAND = "played by hand with the package at both ends, with the same result: it leaves something behind, or prints what differs from run to run"
NOT_YET = "nobody has looked at it yet"
NOT_PLAYED = {
    "autoretry": NOT_YET,
    "banks": BY_HAND,
    "benchmark": "takes long, and prints times",
    "chatbox": "for people who talk",
    "deadlock": "waits for ever, on purpose",
    "diffie-hellman": "does not run: the key of a daemon that serves already cannot be changed",
    "disconnects": "for people who pull out a cable",
    "distributed-computing": BY_HAND,
    "distributed-computing2": NOT_YET,
    "distributed-computing3": NOT_YET,
    "distributed-mandelbrot": "needs a display",
    "eventloop": "listens for broadcasts on an address of the network; test_sockets.py has its loops",
    "extended-pickle": BY_HAND,
    "filetransfer": "does not run: asks the socket of a daemon's server where it listens",
    "flame": "test_flame.py has what it does",
    "gui_eventloop": "needs a display",
    "http": "for browsers and Node.js; test_httpgateway.py has the gateway",
    "hugetransfer": "takes long, and prints times",
    "itunes": "needs a Mac",
    "maxsize": NOT_YET,
    "messagebus": NOT_YET,
    "nameserverstress": "takes long, and prints what differs from run to run",
    "nonameserver": BY_HAND,
    "proxysharing": NOT_YET,
    "robots": "needs the package pygame",
    "servertypes": "takes long, and prints times",
    "shoppingcart": BY_HAND,
    "ssl": "its certificates have expired",
    "stockquotes-old": "as stockquotes, for older versions",
    "timezones": "needs packages for time zones",
    "unixdomainsock": BY_HAND,
}
