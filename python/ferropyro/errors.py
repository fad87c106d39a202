"""The exceptions of Pyro, and what shows the remote traceback that one of them may carry.

An exception that was raised on a server has the attribute ``_pyroTraceback``: the lines of the traceback over there.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from types import FrameType, TracebackType
from typing import Any

__all__ = [
    "PyroError",
    "CommunicationError",
    "ConnectionClosedError",
    "TimeoutError",
    "ProtocolError",
    "MessageTooLargeError",
    "SerializeError",
    "NamingError",
    "DaemonError",
    "SecurityError",
    "get_pyro_traceback",
    "format_traceback",
    "excepthook",
]


class PyroError(Exception):
    """The base of all errors of Pyro."""


class CommunicationError(PyroError):
    """Something went wrong between client and server."""


class ConnectionClosedError(CommunicationError):
    """The connection ended before the work was done."""


class TimeoutError(CommunicationError):
    """The other side did not answer within the time limit."""


class ProtocolError(CommunicationError):
    """A message was not what the protocol says it should be, or the server refused the connection."""


class MessageTooLargeError(ProtocolError):
    """A message is longer than MAX_MESSAGE_SIZE allows."""


class SerializeError(ProtocolError):
    """A value cannot be written by the serializer, or the data that arrived cannot be made a value again."""


class NamingError(PyroError):
    """No name server was found, or it does not know the name, or refuses it."""


class DaemonError(PyroError):
    """A daemon was used in a way that it does not allow."""


class SecurityError(PyroError):
    """Something was refused because it could do harm."""


def get_pyro_traceback(
    ex_type: type[BaseException] | None = None,
    ex_value: BaseException | None = None,
    ex_tb: TracebackType | None = None,
    title: str = "This exception occurred remotely (Pyro) - Remote traceback:",
) -> list[str]:
    """Gives the lines of an exception's traceback, followed by those of the remote one, under ``title``, if it carries one.

    Without arguments it is the exception that is being handled.
    """
    from .configuration import config

    ex_type, ex_value, ex_tb = _exception(ex_type, ex_value, ex_tb)
    lines = format_traceback(ex_type, ex_value, ex_tb, config.DETAILED_TRACEBACK)
    remote = getattr(ex_value, "_pyroTraceback", None)
    return lines + _remote_lines(remote, title) if remote else lines


def format_traceback(
    ex_type: type[BaseException] | None = None,
    ex_value: BaseException | None = None,
    ex_tb: TracebackType | None = None,
    detailed: bool = False,
) -> list[str]:
    """Gives the lines of an exception's traceback; ``detailed`` ones show the variables of each function as well.

    Without an exception it is the one that is being handled.
    """
    ex_type, ex_value, ex_tb = _exception(ex_type, ex_value, ex_tb)
    if not detailed:
        return traceback.format_exception(ex_type, ex_value, ex_tb)
    rule = "-" * 52 + "\n"
    title = f" EXCEPTION {ex_type}: {_text(ex_value, str)}\n"
    lines = [rule, title, " Extended stacktrace follows (most recent call last)\n"]
    first = True
    while ex_tb is not None:
        lines.append(rule)
        # The first function is the one that caught the exception: its variables tell nothing about it.
        lines += _frame_lines(ex_tb.tb_frame, ex_tb.tb_lineno, with_values=not first)
        first = False
        ex_tb = ex_tb.tb_next
    return lines + [rule, title, rule]


def excepthook(
    ex_type: type[BaseException], ex_value: BaseException | None, ex_tb: TracebackType | None
) -> None:
    """For ``sys.excepthook``: prints an uncaught exception with its remote traceback."""
    sys.stderr.write("".join(get_pyro_traceback(ex_type, ex_value, ex_tb)))


_Exception = tuple["type[BaseException] | None", "BaseException | None", "TracebackType | None"]


def _exception(
    ex_type: type[BaseException] | None, ex_value: BaseException | None, ex_tb: TracebackType | None
) -> _Exception:
    if ex_type is not None and ex_value is None and ex_tb is None and not isinstance(ex_type, type):
        raise TypeError("invalid argument: ex_type should be an exception type, or just supply no arguments at all")
    if ex_type is None and ex_tb is None:
        return sys.exc_info()
    return ex_type, ex_value, ex_tb


def _remote_lines(remote: Any, title: str) -> list[str]:
    # A peer may have sent anything under this name.
    texts = [remote] if isinstance(remote, str) else [str(line) for line in remote]
    lines = [f" +--- {title}"]
    for text in texts:
        lines += [f"\n | {line}" for line in text.removesuffix("\n").split("\n")]
    return [*lines, "\n +--- End of remote traceback\n"]


def _frame_lines(frame: FrameType, line_number: int, with_values: bool) -> list[str]:
    code = frame.f_code
    values = frame.f_locals
    place = f"{type(values['self']).__name__}.{code.co_name}" if "self" in values else code.co_name
    source = linecache.getline(code.co_filename, line_number).strip()
    lines = [f'File "{code.co_filename}", line {line_number}, in {place}\n', f"Source code:\n    {source}\n"]
    if with_values:
        lines.append("Local values:\n")
        for name in sorted(values):
            lines.append(f"    {name} = {_text(values[name], repr)}\n")
            if name == "self":
                attributes = getattr(values[name], "__dict__", {})
                lines += [f"        self.{key} = {_text(value, repr)}\n" for key, value in attributes.items()]
    return lines


def _text(value: object, show: Any) -> str:
    """The text of a value. A broken ``__repr__`` must not hide the exception that is being shown."""
    try:
        return str(show(value))
    except Exception:
        return "<ERROR>"
