"""`tune_cpu`: three settings of the process that make Paddle faster on CPUs, applied only when asked for.

What they are, and what each brought on a machine of 2 cores (AMD EPYC with AVX-512, paddlepaddle 3.3.1,
float32):

- **Matrix kernels.** Paddle bundles Intel's MKL of 2019, which gives AMD processors a slow generic path.
  The environment variable MKL_DEBUG_CPU_TYPE names the path to take (7: AVX-512, 5: AVX2). A product of
  2048 x 512 by 512 x 2048 went from 24 to 91 GFLOP/s.
- **Threads.** Paddle uses one thread. With two, it went from 106 to 206 (with the other two applied). The
  number is set in Paddle's own libraries: OMP_NUM_THREADS would do it too, but then Paddle prints a warning
  at import.
- **Allocator.** glibc maps and unmaps every large tensor afresh, and each page of it faults once. Keeping
  freed memory took the sum of two tensors of 16 MB from 10 to 2 ms. The price: memory once used stays with
  the process.

Call it first in a program, before Paddle's first matrix product.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from paddle_xformers.errors import InputError

# mallopt's parameters (malloc.h) and our values for them.
_MALLOC_OPTIONS = (
    ("M_MMAP_MAX", -4, 0),  # never a mapping of its own for a large tensor
    ("M_TRIM_THRESHOLD", -1, 1 << 30),  # keep up to 1 GiB of freed memory
    ("M_TOP_PAD", -2, 256 << 20),  # grow in steps of 256 MiB
)
_MKL_VARIABLE = "MKL_DEBUG_CPU_TYPE"
_AVX512 = frozenset({"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"})
# In the order in which they load: the second needs the first.
_THREAD_LIBRARIES = (("libiomp5.so", "omp_set_num_threads"), ("libmklml_intel.so", "MKL_Set_Num_Threads"))


@dataclass(frozen=True)
class Lever:
    """What became of one setting.

    Attributes:
        name: "kernels", "threads" or "allocator".
        applied: Whether the setting was made.
        detail: The value set, or the reason why nothing was.
    """

    name: str
    applied: bool
    detail: str


@dataclass(frozen=True)
class TuneReport:
    """What `tune_cpu` did.

    Attributes:
        levers: One entry a setting.
    """

    levers: tuple[Lever, ...]

    @property
    def applied(self) -> tuple[str, ...]:
        """Names of the settings that were made."""
        return tuple(lever.name for lever in self.levers if lever.applied)

    @property
    def skipped(self) -> dict[str, str]:
        """Names of the settings that were not made -> why."""
        return {lever.name: lever.detail for lever in self.levers if not lever.applied}

    def __str__(self) -> str:
        """One line a setting."""
        return "\n".join(
            f"{lever.name:<10}{'applied' if lever.applied else 'skipped'}  {lever.detail}" for lever in self.levers
        )


def tune_cpu(threads: int | None = None) -> TuneReport:
    """Make Paddle faster on this CPU, for the rest of the process; nothing else in the package calls it.

    It imports nothing of Paddle, asks the network nothing, and may be called again. Where a setting does
    not exist (macOS, Windows, a C library other than glibc, another Paddle build) it is skipped, with the
    reason.

    Args:
        threads: Threads of a matrix product. None takes the cores this process may use, unless
            OMP_NUM_THREADS already says otherwise. Give 1 to each of several processes that share the
            cores.

    Returns:
        What was applied, and what was skipped and why; print it to read it.

    Raises:
        InputError: `threads` is not a positive whole number.
    """
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads is {threads!r}: give a whole number of at least 1, or None for all cores.")
    return TuneReport((_choose_kernels(), _set_threads(threads), _keep_freed_memory()))


def _choose_kernels() -> Lever:
    """Name MKL's code path for AMD processors, before MKL chooses for itself."""

    def skip(reason: str) -> Lever:
        return Lever("kernels", False, reason)

    if _MKL_VARIABLE in os.environ:
        return skip(f"{_MKL_VARIABLE}={os.environ[_MKL_VARIABLE]} is set already")
    if _bundled_library("libmklml_intel.so") is None:
        return skip("this Paddle does not bundle MKL, or Paddle is not installed")
    vendor, flags = _processor()
    if vendor != "AuthenticAMD":
        return skip(f"only AMD processors need it, and this one is {vendor or 'of unknown make'}")
    if "avx2" not in flags:
        return skip("the processor lacks AVX2")
    os.environ[_MKL_VARIABLE] = "7" if flags >= _AVX512 else "5"
    late = " (paddle was already imported: without effect if it has multiplied matrices before)"
    return Lever("kernels", True, f"{_MKL_VARIABLE}={os.environ[_MKL_VARIABLE]}{late * _paddle_is_imported()}")


def _set_threads(threads: int | None) -> Lever:
    """Tell Paddle's own OpenMP and MKL how many threads to use."""
    if threads is None and _user_chose_threads():
        return Lever("threads", False, f"OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']} is set already")
    count = threads if threads is not None else _usable_cores()
    done = []
    for name, function in _THREAD_LIBRARIES:
        path = _bundled_library(name)
        if path is None:
            continue
        try:
            getattr(ctypes.CDLL(str(path)), function)(ctypes.c_int(count))
        except (OSError, AttributeError) as error:
            return Lever("threads", False, f"{name} cannot be used: {error}")
        done.append(name)
    if not done:
        return Lever("threads", False, "this Paddle does not bundle MKL, or Paddle is not installed")
    return Lever("threads", True, f"{count} in {' and '.join(done)}")


def _keep_freed_memory() -> Lever:
    """Tell glibc to keep freed memory instead of giving it back to the system at once."""
    if not _is_glibc():
        return Lever("allocator", False, "the C library is not glibc")
    libc = ctypes.CDLL(None)
    refused = [name for name, number, value in _MALLOC_OPTIONS if libc.mallopt(number, value) != 1]
    if refused:
        return Lever("allocator", False, f"glibc refused {', '.join(refused)}")
    return Lever("allocator", True, ", ".join(f"{name}={value}" for name, _, value in _MALLOC_OPTIONS))


def _paddle_is_imported() -> bool:
    return "paddle" in sys.modules


def _user_chose_threads() -> bool:
    """Whether OMP_NUM_THREADS was set by the user; Paddle sets it to 1 at import when it was not."""
    value = os.environ.get("OMP_NUM_THREADS")
    return value is not None and not (value == "1" and _paddle_is_imported())


def _usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_glibc() -> bool:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except (AttributeError, ValueError, OSError):  # Windows has no confstr, others do not know the name
        return False


def _bundled_library(name: str) -> Path | None:
    """Find a library in Paddle's own folder, without importing Paddle."""
    spec = importlib.util.find_spec("paddle")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "libs" / name
    return path if path.is_file() else None


def _processor() -> tuple[str, frozenset[str]]:
    """Read the maker and the feature flags of the first processor; empty where Linux does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", frozenset()
    fields: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())
