"""Peak memory of this process, on each system its own way."""

from __future__ import annotations

import sys
from pathlib import Path

_MIB = 1024.0 * 1024.0


def peak_mib() -> float:
    """The most memory this process had resident at once, in MiB."""
    if sys.platform == "linux":
        # Not getrusage: there a new process starts with the peak of the one that started it.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024.0
    if sys.platform == "win32":
        return _windows() / _MIB
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _MIB


def _windows() -> float:
    import ctypes

    names = ("PeakWorkingSetSize", "WorkingSetSize", "a", "b", "c", "d", "PagefileUsage", "PeakPagefileUsage")

    class Counters(ctypes.Structure):
        _fields_ = (("cb", ctypes.c_uint32), ("PageFaultCount", ctypes.c_uint32), *((name, ctypes.c_size_t) for name in names))

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    if not kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.cb):
        raise OSError("Windows did not tell the memory of this process")
    return float(counters.PeakWorkingSetSize)
