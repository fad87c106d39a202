from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import pytest
import Pyro4.errors
import Pyro4.util
import Pyro5.errors

from ferropyro import errors, util
from ferropyro.configuration import config

NAMES = [name for name, value in vars(Pyro4.errors).items() if isinstance(value, type)]


# Conformance: API-01
@pytest.mark.parametrize("real", [Pyro4.errors, Pyro5.errors])
def test_the_exceptions_form_the_tree_of_pyro(real: object) -> None:
    for name in NAMES:
        ours = getattr(errors, name)
        theirs = getattr(real, name)
        assert [c.__name__ for c in ours.__mro__] == [c.__name__ for c in theirs.__mro__]


def raised(function: Callable[[], object]) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def fail_deeply() -> None:
    class Clumsy:
        def __repr__(self) -> str:
            raise ValueError("no text")

    clumsy = Clumsy()
    number = 42
    raise KeyError(number, str(type(clumsy)))


def test_a_traceback_is_followed_by_the_remote_one() -> None:
    error = raised(fail_deeply)
    error._pyroTraceback = ["first\n", "second\nthird\n"]  # type: ignore[attr-defined]
    info = type(error), error, error.__traceback__
    assert "".join(util.getPyroTraceback(*info)) == "".join(Pyro4.util.getPyroTraceback(*info))
    ours = "".join(errors.get_pyro_traceback(*info))
    assert ours == "".join(Pyro5.errors.get_pyro_traceback(*info))
    assert ours.endswith("Remote traceback:\n | first\n | second\n | third\n +--- End of remote traceback\n")


def test_without_arguments_the_handled_exception_is_shown() -> None:
    try:
        fail_deeply()
    except KeyError:
        assert errors.format_traceback() == Pyro4.util.formatTraceback()
        assert errors.get_pyro_traceback()[-1].startswith("KeyError: (42")


def test_a_detailed_traceback_shows_the_variables() -> None:
    error = raised(fail_deeply)
    lines = errors.format_traceback(type(error), error, error.__traceback__, detailed=True)
    assert "    number = 42\n" in lines
    assert "    clumsy = <ERROR>\n" in lines
    assert f" EXCEPTION {type(error)}: {error}\n" in lines
    config.DETAILED_TRACEBACK = True
    assert errors.get_pyro_traceback(type(error), error, error.__traceback__) == lines


def test_an_exception_object_in_the_place_of_its_type_is_refused() -> None:
    with pytest.raises(TypeError, match="ex_type should be an exception type"):
        errors.get_pyro_traceback(ValueError("x"))  # type: ignore[arg-type]


@pytest.mark.parametrize("hook", [errors.excepthook, util.excepthook])
def test_the_hook_prints_to_standard_error(hook: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.NamingError("unknown name: x")
    error._pyroTraceback = "one text\nof two lines"  # type: ignore[attr-defined]
    hook(type(error), error, None)
    assert " | one text\n | of two lines\n" in capsys.readouterr().err
