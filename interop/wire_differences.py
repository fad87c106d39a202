"""Where our server deliberately answers otherwise than the real one in the captured conversations: by reason, then name.

Each name has our reaction, a line a message (`*` stands for any text) and then whether the connection is left open.
"""

WELCOME_48, WELCOME_502 = "48 CONNECTOK seq 0", "502 CONNECTOK seq 0"


def in_both(name, *reaction):
    """The same reaction in both protocols; `V` stands for the number."""
    return {f"{version}:{name}": [line.replace("V ", f"{version} ", 1) for line in reaction] for version in (48, 502)}


ONE_PORT_SERVES_BOTH_PROTOCOLS = {
    "48:pyro5-hello": [WELCOME_502, "closed"],
    "502:handshake/version-48": [WELCOME_48, "closed"],
}

# Nobody knows what a stranger understands.
STRANGERS_ARE_REFUSED_IN_THE_NEWER_PROTOCOL = {
    "48:handshake/wrong-magic": ["502 CONNECTFAIL seq 0 marshal: 'invalid data'", "closed"],
    "48:handshake/http-request": ["502 CONNECTFAIL seq 0 marshal: 'invalid data'", "closed"],
    "48:handshake/version-47": ["502 CONNECTFAIL seq 0 marshal: 'invalid protocol version: 47'", "closed"],
    "48:handshake/version-49": ["502 CONNECTFAIL seq 0 marshal: 'invalid protocol version: 49'", "closed"],
    "48:multiplex/wrong-version": ["502 CONNECTFAIL seq 0 marshal: 'invalid protocol version: 47'", "closed"],
    "48:commtimeout/silence-before-handshake": ["502 CONNECTFAIL seq 0 marshal: 'receiving: timeout'", "closed"],
}

# The real texts are those of Python's compiler and interpreter; ours say what is wrong.
OUR_WORDS_FOR_WHAT_CANNOT_BE_READ = {
    **in_both("handshake/garbage-payload", "V CONNECTFAIL seq 0 serpent: *", "closed"),
    **in_both("handshake/empty-payload", "V CONNECTFAIL seq 0 serpent: *", "closed"),
    **in_both("handshake/payload-not-dict", "V CONNECTFAIL seq 0 serpent: *dict with*handshake*object*", "closed"),
    **in_both("call/garbage-payload", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: raise ValueError*", "open"),
    **in_both("call/method-not-text", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: raise ValueError*text*", "open"),
    "48:call/object-not-text": [WELCOME_48, "48 RESULT seq 1 serpent: raise ValueError*text*", "open"],
    **in_both("call/params-string", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: raise TypeError*no tuple or list*", "open"),
    "48:call/batch-flag-on-plain-call": [WELCOME_48, "48 RESULT seq 1 serpent: raise TypeError*batch*", "48 RESULT seq 2 serpent: 'hi'", "open"],
    "502:call/batch-flag-on-plain-call": [WELCOME_502, "502 RESULT seq 1 serpent: raise TypeError*batch*", "502 RESULT seq 2 serpent: 'hi'", "open"],
}

# What was left out, or is None, can only mean that there is nothing.
CALLS_MAY_LACK_THEIR_KEYWORD_ARGUMENTS = {
    **in_both("call/three-tuple", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: 'hi'", "open"),
    **in_both("call/kwargs-none", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: 'hi'", "open"),
}

# Nothing is ever imported here, so a class that nobody knows can do no harm.
CLASSES_THAT_NOBODY_KNOWS_ARE_DATA = in_both("call/refused-class", "V CONNECTOK seq 0", "V RESULT seq 1 serpent: *some.Thing*", "open")

# The text is the real one. The real server closes then, and the client, which does not expect that, cannot make its next call.
THE_CONNECTION_SURVIVES_A_REFUSED_CLASS = in_both(
    "call/refused-dunder-class",
    "V CONNECTOK seq 0",
    "V RESULT seq 1 serpent: raise *SecurityError*refused to deserialize types with double underscores in their name: __main__.Thing*",
    "open",
)

# The real server closes without a word, or answers in the serializer that it does not accept.
A_REFUSED_SERIALIZER_IS_NAMED_IN_MARSHAL = {
    "502:handshake/unknown-serializer": ["502 CONNECTFAIL seq 5 marshal: 'message used serializer that is not accepted: 99'", "closed"],
    "48:call/not-accepted-serializer": [WELCOME_48, "48 RESULT seq 1 marshal: raise Pyro4.errors.SerializeError*accepted: 4*", "closed"],
    **in_both("call/unknown-serializer", "V CONNECTOK seq 0", "V RESULT seq 1 marshal: raise *SerializeError*accepted: 99*", "closed"),
}

# In marshal, since nothing of the payload was understood; the text is the real one.
A_BROKEN_COMPRESSION_IS_TOLD_IN_MARSHAL = {
    "48:handshake/compressed-flag-but-plain": [
        "48 CONNECTFAIL seq 0 marshal: 'Error -3 while decompressing data: incorrect header check'",
        "closed",
    ],
}

DIFFERENCES = {
    **ONE_PORT_SERVES_BOTH_PROTOCOLS,
    **STRANGERS_ARE_REFUSED_IN_THE_NEWER_PROTOCOL,
    **OUR_WORDS_FOR_WHAT_CANNOT_BE_READ,
    **CALLS_MAY_LACK_THEIR_KEYWORD_ARGUMENTS,
    **CLASSES_THAT_NOBODY_KNOWS_ARE_DATA,
    **THE_CONNECTION_SURVIVES_A_REFUSED_CLASS,
    **A_REFUSED_SERIALIZER_IS_NAMED_IN_MARSHAL,
    **A_BROKEN_COMPRESSION_IS_TOLD_IN_MARSHAL,
}
