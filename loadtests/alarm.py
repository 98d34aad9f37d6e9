"""Waiting to a tenth of a millisecond: the event loop's own timers count whole ones and come late."""

import ctypes
import os
import sys
from contextlib import suppress

import gevent
from gevent.hub import get_hub

READ = 1


class _Setting(ctypes.Structure):
    """Linux's `struct itimerspec`: repeated after seconds and nanoseconds, and due in so many."""

    _fields_ = [(name, ctypes.c_long) for name in ("every", "every_nano", "due", "due_nano")]


class Alarm:
    """One greenlet's clock, by Linux's timerfd; elsewhere it is gevent's sleep. Close it after."""

    def __init__(self) -> None:
        self._descriptor = -1
        if sys.platform == "linux":
            self._library = ctypes.CDLL(None, use_errno=True)
            # By the monotonic clock, as perf_counter counts.
            self._descriptor = self._library.timerfd_create(1, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor >= 0:
            self._watcher = get_hub().loop.io(self._descriptor, READ)

    def sleep(self, seconds: float) -> None:
        """Let others run for so long; for 0 or less, once."""
        nanoseconds = int(seconds * 1e9)
        if self._descriptor < 0 or nanoseconds <= 0:
            gevent.sleep(max(seconds, 0.0))
            return
        setting = _Setting(0, 0, *divmod(nanoseconds, 1_000_000_000))
        self._library.timerfd_settime(self._descriptor, 0, ctypes.byref(setting), None)
        get_hub().wait(self._watcher)
        with suppress(BlockingIOError):
            os.read(self._descriptor, 8)

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._watcher.close()
            os.close(descriptor)
