"""Stops one thread of a server, as a debugger does it: signals stop whole processes.

For tests of what others notice of a worker that does nothing.
"""

import contextlib
import ctypes
import os
import pathlib

import pytest

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def thread_named(pid, name) -> int:
    """The thread of this process that has this name; the only one."""
    (task,) = [task for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
               if (task / "comm").read_text() == name + "\n"]
    return int(task.name)


@contextlib.contextmanager
def stopped(thread):
    """The thread of another process does not run meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)

    def ptrace(what):
        return libc.ptrace(ctypes.c_long(what), ctypes.c_long(thread), ctypes.c_void_p(0), ctypes.c_void_p(0))

    if ptrace(PTRACE_SEIZE) != 0:
        pytest.skip("no thread can be stopped here")
    ptrace(PTRACE_INTERRUPT)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        ptrace(PTRACE_DETACH)
