"""The blocks of code in the chapters of Pyro4's manual, which is in its source package. They are counted from 0 in each chapter."""

import textwrap

PLAYED = {}
"""The names of the tests that play a block, by its chapter and its number."""


def plays(chapter, *numbers):
    """Marks a test that plays these blocks of a chapter: it gets them from its `scene`, and has to use every one."""

    def mark(test):
        for number in numbers:
            PLAYED.setdefault((chapter, number), []).append(test.__name__)
        test.blocks = [*getattr(test, "blocks", ()), *((chapter, number) for number in numbers)]
        return test

    return mark


def of_manual(folder):
    """The texts of all blocks, by chapter and number; folder: of Pyro4's source package."""
    found = {}
    for chapter in sorted((folder / "docs" / "source").glob("*.rst")):
        for number, text in enumerate(_of_chapter(chapter.read_text(encoding="utf-8").expandtabs().splitlines())):
            found[chapter.stem, number] = text
    return found


def _of_chapter(lines):
    """What stands deeper than a line that ends with two colons, or that is a directive for code."""
    while lines:
        line, *lines = lines
        text = line.strip()
        if text.startswith(".. code-block::") or text.endswith("::") and not text.startswith(".. "):
            count = next((at for at, below in enumerate(lines) if below.strip() and _depth(below) <= _depth(line)), len(lines))
            yield textwrap.dedent("\n".join(lines[:count])).strip("\n") + "\n"
            lines = lines[count:]


def _depth(line):
    return len(line) - len(line.lstrip())
