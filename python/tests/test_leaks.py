"""Calls by the thousand leave nothing behind."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import pytest
from peers import objects

import ferropyro

# 100,000 were measured by hand; the variable takes that many again.
CALLS = int(os.environ.get("FERROPYRO_LEAK_CALLS", "3000"))
ROOM = 2 << 20


def resident(process: int | str = "self") -> int:
    """The memory of a process, in bytes."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(sys.platform != "linux", reason="the memory is read from /proc")
@pytest.mark.timeout(600)
def test_calls_and_what_goes_along_with_them_leave_no_memory_behind() -> None:
    value = {"list": [1, 2.5, "text", b"bytes"], "nested": {"tuple": (1, 2), "set": {1, 2}}}
    with objects("ferropyro") as uris, ferropyro.Proxy(uris["lab"]) as lab:
        server = lab.process()

        def call(count: int) -> None:
            for number in range(count):
                lab.echo(value)
                if number % 20 == 0:
                    with pytest.raises(ValueError):
                        lab.fail("value")
                    assert list(lab.numbers(2)) == [0, 1]
                    lab.level = 1
                    lab.uri()

        call(CALLS // 5)
        gc.collect()
        before = resident(), resident(server)
        call(CALLS)
        gc.collect()
        grown = resident() - before[0], resident(server) - before[1]
        assert max(grown) < ROOM


@pytest.mark.skipif(sys.platform != "linux", reason="the descriptors are read from /proc")
def test_a_proxy_that_nobody_holds_closes_its_connection() -> None:
    descriptors = Path("/proc/self/fd")
    with objects("ferropyro") as uris:
        before = len(list(descriptors.iterdir()))
        for _ in range(50):
            assert ferropyro.Proxy(uris["lab"]).add(1) == 11
            echo = ferropyro.Proxy(uris["lab"]).echo
            assert echo(1) == 1
        assert len(list(descriptors.iterdir())) <= before + 1
