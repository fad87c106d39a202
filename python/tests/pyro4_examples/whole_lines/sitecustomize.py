"""Python imports this when it starts: what the threads of a program print does not get mixed within a line."""

import builtins
import threading

original = builtins.print
lock = threading.RLock()


def print(*args, **options):
    with lock:
        original(*args, **options)


builtins.print = print
