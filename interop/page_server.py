"""Objects of the real Pyro for the tests of the gateway's page: `page_server.py pyro4|pyro5`. Prints `URI = PYRO:lab@...` when it listens."""

import sys
import threading

if sys.argv[1] == "pyro4":
    import Pyro4 as api
else:
    import Pyro5.api as api


@api.expose
@api.behavior(instance_mode="single")
class Lab:
    def __init__(self):
        self._level = 1
        self.released = threading.Semaphore(0)

    def code(self, *args, **kwargs):
        """What has arrived, in ASCII."""
        return ascii([list(args), sorted(kwargs.items())])

    def give(self, value):
        return value

    def numbers(self):
        return {"nan": float("nan"), "low": -float("inf"), "big": 2**70, "one": 1.0}

    def fail(self, text):
        raise ValueError(text)

    def fail_with(self, texts):
        error = ValueError(*texts)
        error.texts = texts
        raise error

    def ticks(self):
        number = 0
        while True:
            number += 1
            yield number

    def steps(self, count):
        """Each item when it is released."""
        for number in range(1, count + 1):
            self.released.acquire()
            yield {"step": number}

    def release(self):
        self.released.release()

    def wait(self):
        self.released.acquire()
        return "released"

    @property
    def level(self):
        return self._level

    @level.setter
    def level(self, value):
        if value == "wrong":
            raise ValueError("no level")
        self._level = value


def main():
    daemon = api.Daemon(host="127.0.0.1")
    print("URI = %s" % daemon.register(Lab, "lab"))
    sys.stdout.flush()
    daemon.requestLoop()


main()
