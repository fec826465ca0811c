"""Waiting for a condition until a deadline. The only place in the end-to-end tests that sleeps."""

import os
import time

DEADLINE_SECONDS = float(os.environ.get("MARTLET_TEST_DEADLINE", "10"))
_POLL_SECONDS = 0.005


class DeadlineExceeded(Exception):
    """What was waited for did not happen in time."""


def wait_until(condition, what, seconds=DEADLINE_SECONDS):
    """Polls until condition() is true and returns its value; says what was awaited when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise DeadlineExceeded(f"{what} did not happen within {seconds:g} s")
        time.sleep(_POLL_SECONDS)


def pace(seconds):
    """Spaces bytes out on purpose, for a slow reader or a slow writer; never to wait for somebody else."""
    time.sleep(seconds)
