"""Pyro4's own examples, as they are in its source package, with the real Pyro4 and with ours on either side. See examples.py."""

import contextlib

import pytest

import source
from examples import EXAMPLES, NOT_PLAYED
from stage import CLIENT, ORIGINAL, OURS, SERVER, Stage, TooLate

LONG = 12  # seconds
BASELINE = (ORIGINAL, ORIGINAL)
PAIRS = [BASELINE, (OURS, OURS), (OURS, ORIGINAL), (ORIGINAL, OURS)]


def plays():
    for example in EXAMPLES:
        for server, client in PAIRS:
            if server is client or example.sides == {SERVER, CLIENT}:
                marks = _marks(example, server, client)
                yield pytest.param(example, server, client, id=f"{example}-{server}-{client}", marks=marks)


def _marks(example, server, client):
    """What takes long is for --full, and so is ours on both sides of what was played with it on each."""
    if (server, client) == BASELINE:
        return [pytest.mark.baseline]
    is_played_in_pairs = server is client and example.sides == {SERVER, CLIENT}
    return [pytest.mark.full] if example.seconds > LONG or is_played_in_pairs else []


@pytest.fixture
def runners(request, server, client):
    if OURS in (server, client):
        request.getfixturevalue("ferropyro_installed")
    return {SERVER: server, CLIENT: client}


@pytest.fixture
def reserved(example):
    """The port that the example insists on is its own for the time of the test."""
    with source.locked(f"port-{example.port}") if example.port else contextlib.nullcontext():
        yield


@pytest.mark.timeout(200)
@pytest.mark.parametrize("example, server, client", list(plays()))
def test_an_example_of_pyro4_runs_unchanged(example, runners, pyro4_examples, reserved, servers):
    for attempts_left in (2, 1, 0):
        try:
            Stage(example, pyro4_examples, servers, runners).play()
            break
        except TooLate:
            servers.stop()
            if not attempts_left:
                raise


def test_every_example_of_pyro4_is_played_or_listed_with_the_reason(pyro4_examples):
    folders = {folder.name for folder in pyro4_examples.iterdir() if folder.is_dir()}
    played = {example.name for example in EXAMPLES}
    assert played & NOT_PLAYED.keys() == set()
    assert played | NOT_PLAYED.keys() == folders
