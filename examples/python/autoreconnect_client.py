"""Does the work of examples/autoreconnect/client.rs. It needs Pyro5, or with that word Pyro4: python autoreconnect_client.py URI [Pyro4]"""

import itertools
import sys
import time

if "Pyro4" in sys.argv:
    import Pyro4 as pyro
    from Pyro4.errors import ConnectionClosedError
else:
    import Pyro5.api as pyro
    from Pyro5.errors import ConnectionClosedError


def call(counter, number):
    """Makes the call, twice if the connection was lost: nobody knows then whether the first one was made."""
    while True:
        try:
            return counter.count(number)
        except ConnectionClosedError:
            print("the connection is lost: start the server again", flush=True)
            counter._pyroReconnect()
            print("connected again", flush=True)


with pyro.Proxy(sys.argv[1]) as counter:
    for number in itertools.count(1):
        call(counter, number)
        print("call", number, flush=True)
        time.sleep(0.25)
