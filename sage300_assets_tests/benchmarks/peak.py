"""Peak memory of this process, on each system its own way."""

from __future__ import annotations

import ctypes
import importlib
import platform
import struct
from pathlib import Path

_MIB = 1024.0 * 1024.0


def peak_mib() -> float:
    """The most memory this process had resident at once, in MiB."""
    system = platform.system()
    if system == "Linux":
        # Not getrusage: there a new process starts with the peak of the one that started it.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024.0
    if system == "Windows":
        return _windows() / _MIB
    usage = importlib.import_module("resource")
    return float(usage.getrusage(usage.RUSAGE_SELF).ru_maxrss) / _MIB


def _windows() -> int:
    """PeakWorkingSetSize of PROCESS_MEMORY_COUNTERS: the first of eight sizes behind two numbers of four bytes."""
    size = 8 + 8 * 8
    counters = ctypes.create_string_buffer(size)
    struct.pack_into("<I", counters, 0, size)
    kernel = ctypes.CDLL("kernel32")
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    kernel.K32GetProcessMemoryInfo.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
    if not kernel.K32GetProcessMemoryInfo(kernel.GetCurrentProcess(), counters, size):
        raise OSError("Windows did not tell the memory of this process")
    peak: int = struct.unpack_from("<Q", counters, 8)[0]
    return peak
