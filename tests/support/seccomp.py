"""A sandbox that refuses one system call, as container runtimes with an old profile do.

    subprocess.run(command, preexec_fn=lambda: refuse_system_call(OPENAT2, errno.EPERM))

The filter (seccomp(2)) is four instructions of classic BPF on the system call's number, for x86-64 and arm64 alike,
where the numbers since 2020 are the same.
"""

import ctypes
import struct

OPENAT2 = 437
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def refuse_system_call(number: int, error: int):
    """From now on `number` fails with `error` in this process and all that it starts. Raises OSError."""
    def one(code, value, if_true=0, if_false=0):
        return struct.pack("HBBI", code, if_true, if_false, value)

    code = b"".join([one(_LOAD, 0), one(_JUMP_EQUAL, number, 0, 1), one(_RETURN, _ERRNO | error), one(_RETURN, _ALLOW)])
    program = _Program(len(code) // 8, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
            _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl refused the filter")
