"""What the tests of the manual get."""

import pytest

import blocks
from scene import Scene
from stage import ORIGINAL, OURS


@pytest.fixture(scope="session")
def manual(pyro4_source):
    """The blocks of all chapters."""
    return blocks.of_manual(pyro4_source)


@pytest.fixture(params=[OURS, pytest.param(ORIGINAL, marks=pytest.mark.baseline)], ids=str)
def scene(request, manual, tmp_path, servers):
    """Where the blocks are played that the test is marked with."""
    if request.param is OURS:
        request.getfixturevalue("ferropyro_installed")
    scene = Scene({key: manual[key] for key in request.function.blocks}, tmp_path, servers, request.param)
    yield scene
    assert not scene.unused, f"the test does not play {[*scene.unused]}"
