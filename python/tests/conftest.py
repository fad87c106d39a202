"""The tests of the Python package."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))
# A user's own settings must not decide what the tests see.
for variable in [name for name in os.environ if name.startswith("PYRO_")]:
    del os.environ[variable]

# The real packages, to compare with. They use names of Python that are deprecated.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import Pyro4.core  # noqa: F401
    import Pyro5.api  # noqa: F401
with warnings.catch_warnings():
    warnings.simplefilter("error")
    import ferropyro  # noqa: F401
# They switch their loggers off, and ours have the same names.
for family in ("Pyro4", "Pyro5"):
    logging.getLogger(family).setLevel(logging.NOTSET)


def pytest_configure() -> None:
    # Behind `&` of a shell without job control Ctrl-C is ignored, and programs that are started inherit that: none could be interrupted.
    if os.name == "posix" and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def default_configuration() -> Iterator[None]:
    """Every test starts and ends with the default configuration."""
    from ferropyro.configuration import config

    config.reset()
    yield
    config.reset()
