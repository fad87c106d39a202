"""The examples of what a client can do with calls."""

from stage import CLIENT, INTERRUPTED, End, Example, Start, Stop, Text, Wait

RUNNING = "^Pyro daemon running"

ECHOSERVER = Example(
    "echoserver",
    (
        Start("server", "-m Pyro4.test.echoserver", ready="^echoserver running"),
        Start("client", "client.py", typed=("{server}",), side=CLIENT),
        End("client"),
        End("server"),
    ),
    {
        "server": Text("""
Starting Pyro's built-in test echo server.
Warning: HMAC key not set. Anyone can connect to this server!
object name: test.echoserver
echo uri: PYRO:test.echoserver@localhost:PORT
echoserver running.
"""),
        "client": Text("""
First start the built-in test echo server with something like:
$ python -m Pyro4.test.echoserver
Enter the server's uri that was printed:

got back from the server: hello
got back from the server: [1, 2, 3, 4]
got element from remote iterator: one
got element from remote iterator: two
got element from remote iterator: three

caught an exception (expected), traceback:
Traceback (most recent call last):
  File "FOLDER/echoserver/client.py", line 27, in <module>
    echoserver.error()
...
ValueError: expected error from echoserver error() method
 +--- This exception occured remotely (Pyro) - Remote traceback:
 | Traceback (most recent call last):
...
 |     raise ValueError("expected error from echoserver error() method")
 | ValueError: expected error from echoserver error() method
 +--- End of remote traceback


shutting down the test echo server. (restart it if you want to run this again)
"""),
    },
)

ATTRIBUTES = Example(
    "attributes",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", typed=("{server}",), side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text("""
Object <class '__main__.Thingy'>:
    uri = PYRO:example.attributes@127.0.0.1:PORT
Pyro daemon running.
"""),
        "client": Text("""
enter attribute server object uri:
Direct attribute access:
p.prop_value= 42
adding 500 to p.prop_value
p.prop_value= 542
actual remote value:  542  (via p.getValue() remote method call)

calling p.__dunder__()....:  yep

Accessing unexposed attributes:
accessing p.sub...
ok, got expected error: remote object 'PYRO:example.attributes@127.0.0.1:PORT1' has no exposed attribute or method 'sub'
accessing p.value...
ok, got expected error: remote object 'PYRO:example.attributes@127.0.0.1:PORT1' has no exposed attribute or method 'value'
accessing p._value...
ok, got expected error: remote object 'PYRO:example.attributes@127.0.0.1:PORT1' has no exposed attribute or method '_value'
accessing p.__value...
ok, got expected error: remote object 'PYRO:example.attributes@127.0.0.1:PORT1' has no exposed attribute or method '__value'

Trying dotted name traversal:
value gotten from p.prop_sub= {'name': 'value'}

Trying to update the dictionary directly on the remote object...
value gotten from p.prop_sub= {'name': 'value'}   (should be unchanged!)

Trying longer dotted name: p.prop_sub.foobar.attribute
ok, got expected error (local only): 'dict' object has no attribute 'foobar'
"""),
    },
)

COMPLEX_ERROR = """
Traceback (most recent call last):
...
  File "FOLDER/exceptions/client.py", line {line}, in <module>
    print(test.complexerror()){comment}
...
TypeError: unsupported operand type(s) for //: 'str' and 'int'
 +--- This exception occured remotely (Pyro) - Remote traceback:
 | Traceback (most recent call last):
...
 |   File "FOLDER/exceptions/excep.py", line 26, in complexerror
 |     x.crash()
...
 |   File "FOLDER/exceptions/excep.py", line 34, in crash
 |     self.crash2('going down...')
...
 |   File "FOLDER/exceptions/excep.py", line 38, in crash2
 |     x = arg // 2
...
 | TypeError: unsupported operand type(s) for //: 'str' and 'int'
 +--- End of remote traceback
"""

EXCEPTIONS = Example(
    "exceptions",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text("""
Object <class 'excep.TestClass'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.exceptions
Pyro daemon running.
"""),
        "client": Text(
            f"""
0.2222222222222222
DIVIDE BY ZERO: ZERODIVISION
DIVIDE BY ZERO: ZERODIVISION
VALUERROR: a valueerror! Great!
ValueError('a valueerror! Great!'), a valueerror! Great!
ANOTHER ERROR: a runtime error!
UNSERIALIZABLE ERROR: unsupported serialized class: excep.UnserializableError

*** invoking server method that crashes, catching traceback ***
CAUGHT ERROR  >>> unsupported operand type(s) for //: 'str' and 'int'
Printing Pyro traceback >>>>>>{COMPLEX_ERROR.format(line=41, comment="")}
<<<<<<< end of Pyro traceback

*** installing pyro's excepthook
*** invoking server method that crashes, not catching anything ***
""",
            errors=COMPLEX_ERROR.format(line=51, comment="  # due to the excepthook, the exception will show the pyro error"),
            status=1,
        ),
    },
    name_server=True,
)

ONEWAY = Example(
    "oneway",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", side=CLIENT),
        End("client"),
        Wait("server", "^work's done!"),
        Stop("server"),
    ),
    {
        "server": Text(
            """
Object <class '__main__.Server'>:
    uri = PYRO:OBJECT@127.0.0.1:PORT
    name = example.oneway
Pyro daemon running.
start request received. Starting work...
nothing got called, doing nothing
nothing got called, doing nothing
nothing got called, doing nothing
nothing got called, doing nothing
6
5
4
3
2
1
work is done!
ready status requested (True)
work work.. 1
work work.. 2
work work.. 3
work work.. 4
work work.. 5
work work.. 6
work work.. 7
work work.. 8
work work.. 9
work work.. 10
work's done!
<<
ready status requested (False)
>>
""",
            in_any_order=True,
        ),
        "client": Text("""
starting server using a oneway call
doing some more oneway calls inbetween

Now contacting the server to see if it's done.
we are faster, so you should see a few attempts,
until the server is finished.
server done?
no, trying again
<<
server done?
no, trying again
>>
server done?
yes!
getting the result from the server: The result :)

Calling oneway work method, server will continue working while we are done (check the server console output).
"""),
    },
    name_server=True,
    seconds=17,
)

# The client's last call waits for ever for a daemon that is not in its loop.
TIMEOUT = Example(
    "timeout",
    (
        Start("server", "server.py", ready="^Server ready"),
        Start("client", "client.py", ready="^Feel free to abort", side=CLIENT),
        Stop("client", again=True),
        Stop("server"),
    ),
    {
        "server": Text(
            """
Server ready.
sleeping 2
sleeping 2
sleeping 2
sleeping 3
done.
done.
done.
done.
""",
            in_any_order=True,
        ),
        "client": Text(
            """
No timeout is configured. Calling delay with 2 seconds.
Timeout set to 1 seconds. Calling delay with 2 seconds.
TimeoutError! As expected!
COMMTIMEOUT is set globally. Calling delay with 2 seconds.
TimeoutError! As expected!
No timeout is configured. Calling delay with 3 seconds.
Trying to connect to the frozen daemon.
Timeout set to 1 seconds. Trying to connect.
TimeoutError! As expected!
Disabling timeout and trying to connect again. This may take forever now.
Feel free to abort with ctrl-c or ctrl-break.
""",
            **INTERRUPTED,
        ),
    },
    name_server=True,
    measures=True,
    seconds=9,
)

STREAMING = Example(
    "streaming",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", typed=("{server}",), side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text("""
Note: iter-streaming has been enabled in the Pyro config.
Object <class '__main__.Streamer'>:
    uri = PYRO:example.streamer@127.0.0.1:PORT
Pyro daemon running.
"""),
        "client": Text("""
Enter streaming server uri:
normal list:
[1, 2, 3, 4, 5, 6, 7, 8, 9]

via iterator:
[1, 2, 3, 4, 5, 6, 7, 8, 9]

via generator:
[1, 2, 3, 4, 5, 6, 7, 8, 9]

slow generator:
1
2
3
4
5
6
7
8
9
"""),
    },
    seconds=5,
)

# The batch that was sent in the background is not emptied, so that the last one begins with its five calls.
BATCHEDCALLS = Example(
    "batchedcalls",
    (
        Start("server", "server.py", ready=RUNNING),
        Start("client", "client.py", typed=("{server}",), side=CLIENT),
        End("client"),
        Stop("server"),
    ),
    {
        "server": Text(
            """
Object <class '__main__.Thingy'>:
    uri = PYRO:example.batched@127.0.0.1:PORT
Pyro daemon running.
beginning normal calls
end of normal calls
beginning batch #1
end of batch #1
beginning batch #2
end of batch #2
beginning batch #3
end of batch #3
beginning batch #3
end of batch #3
""",
            in_any_order=True,
        ),
        "client": Text("""
enter server object uri: Normal remote calls...
that took DECIMAL seconds (NUMBER calls/sec)

Batched remote calls...
processing the results...
total time taken DECIMAL seconds (NUMBER calls/sec)
batched calls were DECIMAL times faster than normal remote calls

Oneway batched remote calls...
executing batch, there will be no result values. Check server to see printed messages...
total time taken DECIMAL seconds (NUMBER calls/sec)
oneway batched calls were DECIMAL times faster than normal remote calls

Batched remote calls, asynchronous...
executing the batch... (should return immediately because async)
processing the results...(should wait until async results become available)
results= [0, 42, 30, 2, 0]

Batch with an error. Dividing a number by decreasing divisors...
getting results...
100//3 = 0
100//2 = 42
100//1 = 30
100//0 = 2
100//-1 = 0
100//-2 = 33
100//-3 = 50
100//-4 = 100
A divide by zero error occurred during the batch! (expected)
Traceback (most recent call last):
  File "FOLDER/batchedcalls/client.py", line 97, in <module>
    for result in batch():
...
ZeroDivisionError: ZERODIVISION
 +--- This exception occured remotely (Pyro) - Remote traceback:
 | Traceback (most recent call last):
...
 |   File "FOLDER/batchedcalls/server.py", line 14, in divide
 |     return a // b
...
 | ZeroDivisionError: ZERODIVISION
 +--- End of remote traceback

"""),
    },
    seconds=24,
)

FUTURES = Example(
    "futures",
    (Start("program", "futures.py", side=CLIENT), End("program")),
    {
        "program": Text("""

* just a single future call:
>>> myfunction called with: a=5, b=6, extra=None
result value= 11

* several calls chained:
>>> myfunction called with: a=5, b=6, extra=None
>>> myfunction called with: a=11, b=10, extra=None
>>> myfunction called with: a=21, b=20, extra=something
result value= 41
"""),
    },
)


def asynchronous(client, seconds, asks, output, **options):
    """The example async with one of its clients; asks: the calls that the server tells of, one a line; options: of the client's text."""
    return Example(
        "async",
        (
            Start("server", "server.py", ready=RUNNING),
            Start("client", f"{client}.py", typed=("{server}",), side=CLIENT),
            End("client"),
            Stop("server"),
        ),
        {
            "server": Text(
                f"""
Object <class '__main__.Thingy'>:
    uri = PYRO:example.async@127.0.0.1:PORT
Pyro daemon running.{asks}""",
                in_any_order=True,
            ),
            "client": Text(output, **options),
        },
        title=client,
        seconds=seconds,
    )


EXAMPLES = [
    ECHOSERVER,
    ATTRIBUTES,
    EXCEPTIONS,
    ONEWAY,
    TIMEOUT,
    STREAMING,
    BATCHEDCALLS,
    FUTURES,
    asynchronous(
        "client",
        19,
        """
dividing 100 by 5 after a slight delay
dividing 100 by 5 after a slight delay
dividing 100 by 5 after a slight delay
multiply 5 by 20, no delay
multiply 5 by 30, no delay
dividing 100 by 0 after a slight delay
dividing 100 by 5 after a slight delay
dividing 100 by 7 after a slight delay
dividing 100 by 6 after a slight delay
dividing 100 by 5 after a slight delay
dividing 100 by 4 after a slight delay
dividing 100 by 3 after a slight delay
""",
        """
enter async server object uri: * normal call: (notice the delay)
result= 20

* async call:
result value available? False
client can do other stuff here.
getting result value...(will block until available)
resultvalue= 20

* async call, with normal call inbetween:
client does normal call:  100
client does normal call:  150
getting result value of async call...(will block until available)
resultvalue= 20

* async call with exception:
getting result value...
got exception (expected): ZeroDivisionError('ZERODIVISION')

* async call with timeout:
checking if ready within 2 seconds...
status after waiting= False
checking again if ready within 5 seconds...(should be ok now)
status after waiting= True
available= True
resultvalue= 20

* a few async calls at the same time:
getting values...
result= 14
result= 16
result= 20
result= 25
result= 33

done.
""",
    ),
    asynchronous(
        "client_batch",
        34,
        """
dividing 100 by 5 after a slight delay
dividing 99 by 9 after a slight delay
dividing 555 by 2 after a slight delay
dividing 100 by 5 after a slight delay
dividing 99 by 9 after a slight delay
dividing 555 by 2 after a slight delay
dividing 1 by 1 after a slight delay
dividing 100 by 0 after a slight delay
dividing 100 by 5 after a slight delay
dividing 99 by 9 after a slight delay
dividing 555 by 2 after a slight delay
""",
        """
enter async server object uri:
* batch async call:
getting results...
result value available? False
client can do other stuff here.
such as sleeping ;-)
sleeping some more, batch takes a while
getting result values...(will block until available)
resultvalues= [20, 11, 277]

* batch async call with chained function:
getting result values...(will block until available)
>>> async batch function called, returning: [21, 12, 278]
>>> async batch function called, returning: [22, 13, 279]
>>> async batch function called, returning: [23, 14, 280]
final value= [23, 14, 280]

* batch async call with exception:
getting result values...
got exception (expected): ZeroDivisionError('ZERODIVISION')

* batch async call with timeout:
checking if ready within 2 seconds...
status after wait= False
checking again if ready within 10 seconds...(should be ok now)
status after wait= True
available= True
resultvalues= [20, 11, 277]

done.
""",
    ),
    asynchronous(
        "client_callchain",
        21,
        """
dividing 100 by 0 after a slight delay
dividing 100 by 0 after a slight delay
dividing 100 by 5 after a slight delay
dividing 100 by 5 after a slight delay
multiply 5 by 6, no delay
dividing 100 by 5 after a slight delay
adding 1 to 20, no delay
adding 2 to 21, no delay
adding 3 to 23, no delay
""",
        """
enter async server object uri:
* async call with error:
ERRORHANDLER:  ZERODIVISION
^^^^ above an error message should be printed out...

* async call with error, but without errorhandler:
^^^^ above, no error message should be printed out...
expected error occurred when trying to obtain the result: ZERODIVISION

* async call with call chain:
sleeping 4 seconds
>>> async function called with value=20 increase=1
>>> async function called with value=21 increase=1
>>> async function called with value=22 increase=1
back from sleep
final value= 23

* async call with call chain that is set 'too late':
>>> async function called with value=20 increase=1
>>> async function called with value=21 increase=1
>>> async function called with value=22 increase=1
final value= 23

* async call with call chain, where calls have extra arguments:
sleeping 1 second
>>> async func called with some arguments: a=30, b=1, extra=None
>>> async func called with some arguments: a=31, b=2, extra=42
>>> async func called with some arguments: a=33, b=3, extra=last one
back from sleep
final value= 36

* async call with call chain, where calls are new non-async pyro calls:
getting result value (will block until available)
final value= 26

done.
""",
        # The chain may be faster than the main thread, which tells that it sleeps.
        in_any_order=True,
    ),
]
