"""Whether this kernel lets a process have an io_uring."""

import ctypes
import os

IO_URING_SETUP = 425
PARAMETERS_BYTES = 120


def has_ring():
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(PARAMETERS_BYTES))
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True
