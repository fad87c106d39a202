"""The notation in which the examples say what a program prints, line by line:

NUMBER, PORT, ...   what differs from run to run (WORDS)
UUID1, UUID2, ...   the same, and each is one and the same value wherever it stands; not for lines in any order
...                 alone in a line: any lines, or none
<<   >>             alone in a line, around lines that are there any number of times, or not at all
"""

import re

WORDS = {
    "NUMBER": r"\d+",
    "DECIMAL": r"\d+\.\d+",
    "PORT": r"\d+",
    "ADDRESS": "0x[0-9a-f]+",
    "UUID": "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
    "OBJECT": "obj_[0-9a-f]{32}",
    "TIME": r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d+",
    "FOLDER": r"\S*",
    "TAGS": r"[\w:.]+(?:, ?[\w:.]+)*",
    "TAGSET": r"(?:\{'[\w:.]+'\}|\['[\w:.]+'\])",
    "SYMBOL": "(?:NASDAQ|NYSE|AAPL|MSFT|IBM)",
    # Three digits or four, as random numbers have them.
    "HEX": "[0-9a-fx]+",
    "PACKAGE": "(?:Pyro4|ferropyro)",
    # Python has changed its text.
    "ZERODIVISION": "(?:integer )?division (?:or modulo )?by zero",
    "ANYTHING": ".*",
}
ANY_LINES = "..."
OPEN, CLOSE = "<<", ">>"


def check(text, printed):
    """Raises AssertionError when these lines are not what the text says."""
    lines = _lines(text)
    found = "".join(f"{line}\n" for line in printed)
    if not re.fullmatch(_pattern_of_all(lines), found):
        missing = _first_missing(lines, found)
        what = "printed more than it should" if missing is None else f"printed something else than {missing!r}"
        raise AssertionError("\n".join([what, "--- expected:", *lines]))


def _first_missing(lines, found):
    """The first of these lines that is not there behind those before it; None when all are there, and more."""
    for count in reversed(range(len(lines) + 1)):
        head = lines[:count]
        if head.count(OPEN) == head.count(CLOSE) and re.match(_pattern_of_all(head), found):
            return lines[count] if count < len(lines) else None
    return None


def check_in_any_order(text, printed):
    """The same when the lines may come in any order; those between << and >> are there any number of times, each by itself."""
    missing, free = _lines(text), []
    if OPEN in missing:
        start, end = missing.index(OPEN), missing.index(CLOSE)
        free = missing[start + 1 : end]
        del missing[start : end + 1]
    for line in printed:
        found = next((one for one in [*missing, *free] if re.fullmatch(_pattern(one), line)), None)
        assert found is not None, f"printed a line that is not expected (any more): {line!r}"
        if found in missing:
            missing.remove(found)
    assert not missing, "\n".join(["did not print:", *missing])


def _lines(text):
    return text.removeprefix("\n").splitlines()


def _pattern_of_all(lines):
    blocks = {ANY_LINES: r"(?:.*\n)*?", OPEN: "(?:", CLOSE: ")*"}
    known = set()
    return "".join(blocks.get(line) or rf"{_pattern(line, known)}\n" for line in lines)


def _pattern(line, known=None):
    """known: which of the numbered words have a value already."""
    parts = re.split(rf"\b((?:{'|'.join(WORDS)})\d?)\b", line.rstrip(" "))
    # Texts here have no spaces at the ends of their lines.
    return "".join(_part(part, known) for part in parts) + " *"


def _part(part, known):
    if part in WORDS:
        return WORDS[part]
    if part[:-1] not in WORDS:
        return re.escape(part)
    if part in known:
        return f"(?P={part})"
    known.add(part)
    return f"(?P<{part}>{WORDS[part[:-1]]})"
