"""The examples of what a server can know of its clients, and do for them."""

import signal

from stage import CLIENT, INTERRUPTED, End, Example, Start, Stop, Text, Wait

RUNNING = "^Pyro daemon running"
GREETING = r"""
    Got response (msgtype=2). Annotations:
      CORR -> UUID
      DDAA -> b'custom response annotation set by the daemon'
      HMAC -> [...]"""
RESPONSE = GREETING.replace("msgtype=2", "msgtype=5")


def echoed(message, seq, flags=0, annotation="Hello, I am a custom annotation from the proxy!"):
    """What the server of callcontext prints for a call."""
    return f"""

Got Message: {message}
  thread:  NUMBER
  obj.pyroid:  example.context
  obj.daemon:  <__main__.CustomDaemon at ADDRESS; 127.0.0.1:PORT - IPv4; 2 objects>
  context.client:  ANYTHING
  context.client_sock_addr:  ('127.0.0.1', PORT)
  context.seq:  {seq}
  context.msg_flags:  {flags}
  context.serializer_id:  1
  context.correlation_id: UUID
  custom annotation 'XYZZ': b'{annotation}'"""


ONEWAY = 4  # the flag
HELLOS = "".join(echoed(f"hello-{number}", number + 1) for number in range(4))
ONES_OWN = [text.replace("UUID", "UUID1") for text in (GREETING, RESPONSE)]  # with the client's own correlation id
NEW_PROXY = "\nSending one message from new proxy..." + "".join(ONES_OWN)

CALLCONTEXT = Example(
    "callcontext",
    (
        Start("server", "server.py", ready="^PYRO:"),
        Start("client", "client.py", typed=("{server}", ""), side=CLIENT),
        End("client"),
        Wait("server", r"via new way\(2\)"),
        Stop("server"),
    ),
    {
        "server": Text(
            f"""
Server is ready. You can use the following URI to connect:
PYRO:example.context@127.0.0.1:PORT{HELLOS}{5 * echoed("hello-NUMBER", 1)}{echoed("hello-ONEWAY-1", 1, ONEWAY)}{echoed("hello-ONEWAY-2", 2, ONEWAY)}{echoed("hello-ASYNC", 1)}\
{echoed("hi there - new method of annotation access in client", 1, annotation="custom annotation from client via new way(1)")}\
{echoed("hi there ONEWAY - new method of annotation access in client", 2, ONEWAY, "custom annotation from client via new way(2)")}
""",
            in_any_order=True,
        ),
        "client": Text(f"""
correlation id set to: UUID1
Enter the URI of the server object:
------- (older) method to get annotations via callback on custom proxy... -----

Sending a few messages using one proxy...{ONES_OWN[0]}{4 * ONES_OWN[1]}{5 * NEW_PROXY}
Sending a oneway message... (should only print a connection ok response){ONES_OWN[0]}
Sending another oneway message... (should not print a response at all)
Asynchronous proxy message...{GREETING}{RESPONSE}

------- get annotations via normal proxy and the call context... -----

press enter:normal call
Annotations in response were:  {{'CORR': ANYTHING, 'DDAA': b'custom response annotation set by the daemon', 'HMAC': ANYTHING}}

oneway call
Annotations in response were:  {{}}
   (should be empty because oneway!)

See the console output on the server for more results.
"""),
    },
)


def handshake(title, word, verdict, farewell, client):
    """farewell: the last line of the server; client: its Text."""
    return Example(
        "handshake",
        (
            Start("server", "server.py", ready="secret code"),
            Start("client", "client.py", typed=("{server}", word), side=CLIENT),
            End("client"),
            Wait("server", farewell),
            Stop("server"),
        ),
        {
            "server": Text(f"""
Server is ready. You can use the following URI to connect:
PYRO:Pyro.Daemon@127.0.0.1:PORT
When asked, enter the following secret code:  pancakes
Daemon received handshake request from: ('127.0.0.1', PORT1)
Handshake data: {word}
{verdict}
"""),
            "client": client,
        },
        title=title,
    )


PROMPTS = (
    "Enter the URI of the server object: "
    "Enter the secret code of the server (or make a mistake on purpose to see what happens): connecting..."
)
HANDSHAKES = [
    handshake(
        "right",
        "pancakes",
        "Secret code okay! Connection accepted.\nDaemon client disconnects: ('127.0.0.1', PORT1)",
        "client disconnects",
        Text(f"""
{PROMPTS}
Proxy received handshake response data:  ['how', 'are', 'you', 'doing']
Connection ok!
done.
"""),
    ),
    handshake(
        "wrong",
        "waffles",
        "Secret code wrong! Connection refused.",
        "Connection refused",
        Text(
            PROMPTS,
            errors="""
Traceback (most recent call last):
...
  File "FOLDER/handshake/client.py", line 21, in <module>
    proxy._pyroBind()
...
PACKAGE.errors.CommunicationError: connection to ('127.0.0.1', PORT) rejected: wrong secret code, connection refused
""",
            status=1,
        ),
    ),
]

INSTANCEMODE = Example(
    "instancemode",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text("""
Object <class '__main__.SingleInstance'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT1
    name = instance.single
Object <class '__main__.SessionInstance'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT1
    name = instance.session
Object <class '__main__.PercallInstance'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT1
    name = instance.percall
Pyro daemon running.
[NUMBER] PercallInstance.msg: hello1
[NUMBER] PercallInstance.msg: hello2
[NUMBER] PercallInstance.msg: hello3
[NUMBER1] SessionInstance.msg: hello1
[NUMBER1] SessionInstance.msg: hello1
[NUMBER1] SessionInstance.msg: hello1
[NUMBER2] SessionInstance.msg: hello2
[NUMBER2] SessionInstance.msg: hello2
[NUMBER2] SessionInstance.msg: hello2
[NUMBER3] SingleInstance.msg: hello1
[NUMBER3] SingleInstance.msg: hello1
[NUMBER3] SingleInstance.msg: hello1
[NUMBER3] SingleInstance.msg: hello2
[NUMBER3] SingleInstance.msg: hello2
[NUMBER3] SingleInstance.msg: hello2
"""),
        "client": Text("""
Showing the different instancing modes.
The number printed, is the id of the instance that handled the call.

-----PERCALL (different number every time) -----
NUMBER
NUMBER
NUMBER

-----SESSION (same numbers within session) -----
(NUMBER1, 'UUID1')
(NUMBER1, 'UUID1')
(NUMBER1, 'UUID1')
 ..new proxy..
(NUMBER2, 'UUID2')
(NUMBER2, 'UUID2')
(NUMBER2, 'UUID2')

-----SINGLE (same number always) -----
NUMBER3
NUMBER3
NUMBER3
NUMBER3
NUMBER3
NUMBER3
"""),
    },
    name_server=True,
)

SESSION = "\n[SessionboundDatabase] new instance and connection for user: user123"
STORED = "".join(f"\nDB: user user123 stores: number = {number}\nDB: user user123 retrieve: number" for number in (100, 101, 102))

# The last part is there to fail, in some of its calls and differently each time.
USERSESSION = Example(
    "usersession",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", typed=("", ""), side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text(
            f"""
Object <class '__main__.SingletonDatabase'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.usersession.singletondb
Object <class '__main__.SessionboundDatabase'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.usersession.sessiondb
Pyro daemon running.{4 * SESSION}
[SingletonDatabase] new instance and connection
DB: user user123 stores: number = 42
DB: user user123 retrieve: number
DB: user user123 stores: number = 43
DB: user user123 retrieve: number
DB: user user123 stores: number = 42
DB: user user123 retrieve: number
DB: user user123 stores: number = 43
DB: user user123 retrieve: number{2 * STORED}
<<
DB: user user123 stores: number = NUMBER
DB: user user123 retrieve: number
>>
""",
            in_any_order=True,
        ),
        "client": Text(
            """

***** Sequential access using multiple proxies on the Session-Bound Database... (no issues)

***** Sequential access using multiple proxies on the Singleton Database... (no issues)

***** Multiple concurrent proxies on the Session-Bound Database... (no issues)
enter to start: [Thread-NUMBER] num=NUMBER
[Thread-NUMBER] num=NUMBER
[Thread-NUMBER] num=NUMBER
[Thread-NUMBER] num=NUMBER
[Thread-NUMBER] num=NUMBER
[Thread-NUMBER] num=NUMBER

***** Multiple concurrent proxies on the Singleton Database... (threading problem)
enter to start:ANYTHING
<<
[Thread-NUMBER] num=NUMBER
>>
""",
            errors="...",
        ),
    },
    name_server=True,
)


def resourcetracking(title, typed, middle, server, client):
    """middle: the steps between the client's start and the end of all; server: its lines from the two allocations on."""
    return Example(
        "resourcetracking",
        (
            Start("server", "server.py", ready=RUNNING),
            Start("client", "client.py", typed=("{server}", *typed), side=CLIENT),
            *middle,
            Wait("server", "^    resources: "),
            Wait("server", "^Resource: closing", times=2),
            Stop("server"),
        ),
        {
            "server": Text(
                f"""
Object <class '__main__.Service'>:
    uri = PYRO:service@127.0.0.1:PORT
Pyro daemon running.
service: allocated resource HEX1  for client ('127.0.0.1', PORT1)
service: allocated resource HEX2  for client ('127.0.0.1', PORT1)
{server}"""
            ),
            "client": client,
        },
        title=title,
    )


ALLOCATED = """
Enter the URI of the server object: currently allocated resources: []
allocating resource... HEX
allocating resource... HEX

hit Enter now to continue normally or ^C/break to abort the connection forcefully:"""
ABANDONED = """\
client disconnects: ('127.0.0.1', PORT1)
    resources:  ['HEX3', 'HEX4']
Resource: closing HEX3
Resource: closing HEX4
"""
HAS_ALLOCATED = "^$"  # the line before its prompt

RESOURCETRACKING = [
    resourcetracking(
        "freed",
        ("",),
        (End("client"),),
        """\
Resource: closing HEX1
Resource: closing HEX2
client disconnects: ('127.0.0.1', PORT1)
    resources:  []
""",
        Text(f"""{ALLOCATED}free resources normally...
allocated resources: []
done.
"""),
    ),
    resourcetracking(
        "interrupted",
        (),
        (Wait("client", HAS_ALLOCATED), Stop("client", again=True)),
        ABANDONED,
        Text(ALLOCATED, **INTERRUPTED),
    ),
    resourcetracking(
        "killed",
        (),
        (Wait("client", HAS_ALLOCATED), Stop("client", signal.SIGKILL)),
        ABANDONED,
        Text(ALLOCATED, status=-signal.SIGKILL),
    ),
]

WORKERS = "".join(
    f"""
server: adding worker {number}
Worker {number} created
Worker {number} busy...
Worker {number} done. Informing callback client."""
    for number in range(1, 6)
)

CALLBACK = Example(
    "callback",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text(
            f"""
Object <class '__main__.CallbackServer'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.callback
Pyro daemon running.{WORKERS}
""",
            in_any_order=True,
        ),
        "client": Text(
            """
creating a bunch of workers
waiting for all work complete...
callback: worker 1 reports work is done!
callback: worker 2 reports work is done!
callback: worker 3 reports work is done!
callback: worker 4 reports work is done!
callback: worker 5 reports work is done!
done!
""",
            in_any_order=True,
        ),
    },
    title="workers",
    name_server=True,
    seconds=6,
)


def crash(number, line):
    """What the server of the second callback example tells of a callback that failed in this line."""
    return f"""

server: doing callback {number} to client
got an exception from the callback:
Traceback (most recent call last):
  File "FOLDER/callback/server2.py", line NUMBER, in doCallback
    callback.call{number}()
...
ZeroDivisionError: ZERODIVISION
 +--- This exception occured remotely (Pyro) - Remote traceback:
 | Traceback (most recent call last):
...
 |   File "FOLDER/callback/client2.py", line {line}, in call{number}
 |     return self.crash()
...
 |   File "FOLDER/callback/client2.py", line 17, in crash
 |     return a // b
...
 | ZeroDivisionError: ZERODIVISION
 +--- End of remote traceback

"""


CALLBACK_ERRORS = Example(
    "callback",
    (
        Start("server", "server2.py", ready=RUNNING),
        Start("client", "client2.py", side=CLIENT),
        Wait("server", "callbacks done"),
        Wait("client", "ZeroDivisionError", stream="stderr"),
        Stop("client"),
        Stop("server"),
    ),
    {
        "server": Text(f"""
Object <class '__main__.CallbackServer'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.callback2
Pyro daemon running.
{crash(1, 23)}{crash(2, 30)}server: callbacks done.

"""),
        "client": Text(
            """
<<
waiting for callbacks to arrive...
(ctrl-c/break the program once it's done)
>>


callback 1 received from server!
going to crash - you won't see the exception here, only on the server


callback 2 received from server!
going to crash - but you will see the exception here too
""",
            errors="""
[TIME,Pyro4.ANYTHING,WARNING] ANYTHING
...
  File "FOLDER/callback/client2.py", line 30, in call2
...
ZeroDivisionError: ZERODIVISION
...
""",
        ),
    },
    title="errors",
    name_server=True,
)


def socketpair(title, head):
    """head: the first lines."""
    return Example(
        "socketpair",
        (Start("program", f"pair-{title}.py", side=CLIENT), End("program")),
        {
            "program": Text(f"""
{head}
server got message:  hello!
client got reply: thank you
server got message:  hello again!
client got reply: thank you
server got message:  hello2!
client got reply: thank you
server got message:  hello2 again!
client got reply: thank you

The end.
""")
        },
        title=title,
    )


LOCATION = "./u:<<not-bound>>"
SOCKETPAIRS = [
    # Client and daemon, two processes: either may be the first.
    socketpair("fork", "Process PID=NUMBER: Pyro ANYTHING\n\nProcess PID=NUMBER: Pyro ANYTHING\n"),
    socketpair("thread", f"(Pyro daemon running on {LOCATION} )\n"),
]


def autoreconnect(title, suffix, typed, prompt, first, again, **options):
    """The server is stopped and started anew; suffix: of the programs; first, again: what the server prints at its first and its second start."""
    call = "Method called with 42\nYou can now try to stop this server with ctrl-C/ctrl-Break\n"
    return Example(
        "autoreconnect",
        (
            Start("first server", f"server{suffix}.py", ready="^Server started"),
            Start("client", f"client{suffix}.py", typed=typed, ready="^Sleeping", side=CLIENT),
            Stop("first server"),
            Wait("client", "restart the server now"),
            Start("second server", f"server{suffix}.py", ready="^Method called"),
            Stop("client"),
            Stop("second server"),
        ),
        {
            "first server": Text(f"{first}{call}<<\n{call}>>\n"),
            "second server": Text(f"{again}{call}<<\n{call}>>\n"),
            "client": Text(
                f"""{prompt}call...
<<
Sleeping 1 second
call...
>>
Connection lost. REBINDING...
(restart the server now)
call...
<<
Sleeping 1 second
>>
<<
call...
>>
""",
                **INTERRUPTED,
            ),
        },
        title=title,
        **options,
    )


STARTED = """
Autoreconnect using PYRO uri.
Server started, uri: PYRO:example.autoreconnect_fixed_objectid@127.0.0.1:7777
"""
AUTORECONNECTS = [
    autoreconnect(
        "uri",
        "",
        ("{first server}",),
        "Autoreconnect using PYRO uri.\nEnter the uri that the server printed:",
        STARTED,
        STARTED,
        port=7777,
    ),
    autoreconnect(
        "name",
        "NS",
        None,
        "Autoreconnect using Name Server.\n",
        """
Autoreconnect using Name Server.
There was no previous registration in the name server.
Server started.
""",
        """
Autoreconnect using Name Server.
Object still exists in Name Server with id: OBJECT
Previous daemon socket port: PORT
Server started.
""",
        name_server=True,
    ),
]

EXAMPLES = [
    CALLCONTEXT,
    *HANDSHAKES,
    INSTANCEMODE,
    USERSESSION,
    *RESOURCETRACKING,
    CALLBACK,
    CALLBACK_ERRORS,
    *SOCKETPAIRS,
    *AUTORECONNECTS,
]
