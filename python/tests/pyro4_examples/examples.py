"""Pyro4's examples as they are played by test_examples.py: which programs, in which order, what is typed, and what each prints with the real Pyro4."""

import examples_calls
import examples_more
import examples_names
import examples_servers

EXAMPLES = [*examples_calls.EXAMPLES, *examples_servers.EXAMPLES, *examples_names.EXAMPLES, *examples_more.EXAMPLES]
NOT_PLAYED = examples_more.NOT_PLAYED
