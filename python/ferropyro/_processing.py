"""What programs for ``processing`` use beside its module ``connection``: the key that the processes of a program share."""

from __future__ import annotations

import multiprocessing
from multiprocessing import ProcessError
from multiprocessing.process import BaseProcess

__all__ = ["CurrentProcess", "ProcessError", "currentProcess"]


class CurrentProcess:
    """A process of multiprocessing, with the names of processing."""

    def __init__(self, process: BaseProcess) -> None:
        self._process = process

    def getAuthKey(self) -> bytes:
        """The key that listeners and clients take that are to authenticate and are given none. It is random unless it was set, and the children that multiprocessing starts have it too."""
        return bytes(self._process.authkey)

    def setAuthKey(self, authkey: bytes) -> None:
        """Sets the key. Raises TypeError if it is not bytes."""
        if not isinstance(authkey, bytes):
            raise TypeError(f"a key is bytes, and not of the type {type(authkey).__name__}")
        self._process.authkey = authkey


def currentProcess() -> CurrentProcess:
    """Gives this process."""
    return CurrentProcess(multiprocessing.current_process())
