"""Python imports this when it starts: what the threads of a program print, or the processes that it has forked, does not get mixed within a line."""

import builtins
import threading

original = builtins.print
lock = threading.RLock()


def print(*args, sep=" ", end="\n", **options):
    text = (" " if sep is None else sep).join(str(arg) for arg in args)
    with lock:
        # As one text it is written at once.
        original(text + ("\n" if end is None else end), end="", **options)


builtins.print = print
