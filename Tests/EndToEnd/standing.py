"""Stops a process at a system call of its choosing, as one that hangs there would stand: for x86-64 Linux."""

import ctypes
import os
import platform
import signal

from support import Skipped, expect

SYSTEM_CALL, DETACH, ATTACH, PEEK_USER = 24, 17, 16, 3
NUMBER_OF_CALL = 15 * 8  # orig_rax in struct user
SEND_TO = 44


def stop_while_sending(pid):
    """Stops `pid`, which must be under load, where it is about to send an answer: in the middle of a loop turn."""
    if platform.machine() != "x86_64":
        raise Skipped("knows the registers of x86-64 only")
    trace = ctypes.CDLL(None, use_errno=True).ptrace
    trace.restype = ctypes.c_long
    trace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if trace(ATTACH, pid, None, None) != 0:
        raise Skipped(f"ptrace is not allowed here: {os.strerror(ctypes.get_errno())}")
    _, status = os.waitpid(pid, 0)
    for _ in range(100_000):
        expect(os.WIFSTOPPED(status), f"{pid} runs: {status}")
        if trace(PEEK_USER, pid, NUMBER_OF_CALL, None) == SEND_TO:
            break
        trace(SYSTEM_CALL, pid, None, None)
        _, status = os.waitpid(pid, 0)
    else:
        raise AssertionError(f"{pid} sends nothing")
    trace(DETACH, pid, None, signal.SIGSTOP)
