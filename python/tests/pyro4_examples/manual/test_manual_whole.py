"""Every block of code in the manual is played by a test, or is in the list of those that are not."""

# Marks its tests.
import test_manual_clientcode
import test_manual_nameserver
import test_manual_other_chapters
import test_manual_servercode
import test_manual_tipstricks  # noqa: F401
from blocks import PLAYED

OUTPUT = "what a program or a tool prints"
SHELL = "commands of a shell, and what they print"

NOT_PLAYED = {
    ("tipstricks", 3): "needs a server of Pyro 3",
    ("tipstricks", 4): "needs netcat, and a server that speaks first: that of 4.82 does not",
    ("tipstricks", 10): OUTPUT,
    ("nameserver", 1): SHELL,
    ("nameserver", 2): SHELL,
    ("nameserver", 13): OUTPUT,
    ("nameserver", 14): OUTPUT,
    ("config", 2): OUTPUT,
    ("errors", 2): OUTPUT,
    ("errors", 3): OUTPUT,
    ("flame", 3): OUTPUT,
    ("intro", 1): SHELL,
    ("intro", 3): SHELL,
    ("intro", 6): SHELL,
    ("pyrolite", 0): "Java",
    ("pyrolite", 1): "C#",
    ("pyrolite", 2): "Java",
    ("tutorials", 0): "a drawing",
    ("tutorials", 1): OUTPUT,
    ("tutorials", 2): OUTPUT,
    ("tutorials", 6): SHELL,
    ("tutorials", 9): SHELL,
    ("tutorials", 12): SHELL,
    ("tutorials", 13): OUTPUT,
    ("tutorials", 16): SHELL,
    ("tutorials", 17): OUTPUT,
    ("tutorials", 18): OUTPUT,
    ("tutorials", 21): SHELL,
    ("tutorials", 24): SHELL,
    ("tutorials", 25): SHELL,
}


def test_every_block_is_played_or_is_known_not_to_be(manual):
    assert [block for block in manual if block not in PLAYED and block not in NOT_PLAYED] == []
    assert len(manual) == 119


def test_the_lists_have_only_blocks_that_are_there(manual):
    assert [block for block in [*PLAYED, *NOT_PLAYED] if block not in manual] == []
    assert [block for block in NOT_PLAYED if block in PLAYED] == []
