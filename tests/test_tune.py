"""What tune_cpu sets, skips and reports. How much faster it gets is no test's business."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from paddle_xformers import tune
from paddle_xformers.errors import InputError
from paddle_xformers.tune import Lever, TuneReport, tune_cpu

ROOT = Path(tune.__file__).parent.parent
AVX2 = frozenset({"avx2"})
AVX512 = AVX2 | tune._AVX512
VARIABLES = ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS")


def in_fresh_process(code: str, **variables: str) -> dict:
    """Run code where neither variable is set but those given; return what it prints as JSON."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | variables
    prelude = "import json, os, sys\nfrom paddle_xformers import tune\n"
    result = subprocess.run(
        [sys.executable, "-c", prelude + code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.fixture
def machine(monkeypatch):
    """Choose what the code sees of the machine; nothing of this process is really changed."""
    monkeypatch.setattr(tune, "_bundled_library", lambda name: Path(name))
    monkeypatch.setattr(tune, "_paddle_is_imported", lambda: False)
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that monkeypatch restores it
        monkeypatch.delenv(name)

    def choose(vendor="AuthenticAMD", flags=AVX512):
        monkeypatch.setattr(tune, "_processor", lambda: (vendor, flags))

    choose()
    return choose


@pytest.fixture
def libraries(monkeypatch):
    """Record calls of library functions instead of making them."""
    calls = []

    class Library:
        def __init__(self, name):
            self.name = name

        def __getattr__(self, function):
            def call(*args):
                calls.append((self.name, function, *(getattr(value, "value", value) for value in args)))
                return 1

            return call

    monkeypatch.setattr(ctypes, "CDLL", Library)
    return calls


def test_kernels_are_named_for_amd_by_its_features(machine):
    assert tune._choose_kernels() == Lever("kernels", True, "MKL_DEBUG_CPU_TYPE=7")
    assert os.environ["MKL_DEBUG_CPU_TYPE"] == "7"
    del os.environ["MKL_DEBUG_CPU_TYPE"]
    machine(flags=AVX512 - {"avx512bw"})
    assert tune._choose_kernels() == Lever("kernels", True, "MKL_DEBUG_CPU_TYPE=5")


@pytest.mark.parametrize(
    ("vendor", "flags", "reason"),
    [
        ("GenuineIntel", AVX512, "only AMD processors need it, and this one is GenuineIntel"),
        ("", frozenset(), "only AMD processors need it, and this one is of unknown make"),
        ("AuthenticAMD", frozenset({"sse4_2"}), "the processor lacks AVX2"),
    ],
)
def test_kernels_are_left_alone_elsewhere(machine, vendor, flags, reason):
    machine(vendor, flags)
    assert tune._choose_kernels() == Lever("kernels", False, reason)
    assert "MKL_DEBUG_CPU_TYPE" not in os.environ


def test_kernels_chosen_by_the_user_stay(machine, monkeypatch):
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "5")
    assert tune._choose_kernels() == Lever("kernels", False, "MKL_DEBUG_CPU_TYPE=5 is set already")
    assert os.environ["MKL_DEBUG_CPU_TYPE"] == "5"


def test_kernels_named_late_are_reported_so(machine, monkeypatch):
    monkeypatch.setattr(tune, "_paddle_is_imported", lambda: True)
    assert "without effect if it has multiplied matrices before" in tune._choose_kernels().detail


def test_threads_are_set_in_both_libraries_in_loading_order(machine, libraries):
    assert tune._set_threads(3) == Lever("threads", True, "3 in libiomp5.so and libmklml_intel.so")
    assert libraries == [
        ("libiomp5.so", "omp_set_num_threads", 3),
        ("libmklml_intel.so", "MKL_Set_Num_Threads", 3),
    ]


def test_threads_default_to_the_cores_of_the_process(machine, libraries, monkeypatch):
    monkeypatch.setattr(tune, "_usable_cores", lambda: 5)
    tune._set_threads(None)
    assert [count for *_, count in libraries] == [5, 5]


def test_threads_chosen_by_the_user_stay_unless_asked(machine, libraries, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert tune._set_threads(None) == Lever("threads", False, "OMP_NUM_THREADS=4 is set already")
    assert libraries == []
    assert tune._set_threads(2).applied


def test_one_thread_that_paddle_itself_set_is_no_choice_of_the_user(machine, libraries, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not tune._set_threads(None).applied
    monkeypatch.setattr(tune, "_paddle_is_imported", lambda: True)
    assert tune._set_threads(None).applied


def test_library_that_cannot_be_loaded_is_a_reason_not_an_error(machine, monkeypatch):
    def refuse(name):
        raise OSError("wrong ELF class")

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    assert tune._set_threads(2) == Lever("threads", False, "libiomp5.so cannot be used: wrong ELF class")


def test_allocator_gets_its_three_options(monkeypatch, libraries):
    monkeypatch.setattr(tune, "_is_glibc", lambda: True)
    assert tune._keep_freed_memory().applied
    assert libraries == [
        (None, "mallopt", -4, 0),
        (None, "mallopt", -1, 1 << 30),
        (None, "mallopt", -2, 256 << 20),
    ]


def test_platform_without_any_lever_skips_each_with_a_reason(monkeypatch):
    monkeypatch.setattr(tune, "_bundled_library", lambda name: None)
    monkeypatch.setattr(tune, "_is_glibc", lambda: False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_DEBUG_CPU_TYPE", raising=False)
    report = tune_cpu()
    assert report.applied == ()
    no_mkl = "this Paddle does not bundle MKL, or Paddle is not installed"
    assert report.skipped == {"kernels": no_mkl, "threads": no_mkl, "allocator": "the C library is not glibc"}


def test_c_library_without_the_question_is_not_glibc(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "confstr", unknown)
    assert not tune._is_glibc()


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True])
def test_bad_number_of_threads_is_refused(threads):
    with pytest.raises(InputError, match="give a whole number of at least 1"):
        tune_cpu(threads)


def test_report_reads_as_a_table_and_is_frozen():
    report = TuneReport((Lever("kernels", True, "A=1"), Lever("allocator", False, "no glibc")))
    assert str(report) == "kernels   applied  A=1\nallocator skipped  no glibc"
    with pytest.raises(FrozenInstanceError):
        report.levers = ()


def test_real_call_sets_threads_quietly_and_may_be_repeated():
    code = """
first, second = tune.tune_cpu(2), tune.tune_cpu(2)
early = "paddle" in sys.modules
import ctypes
from paddle_xformers._compat import import_paddle
paddle = import_paddle()
mkl = tune._bundled_library("libmklml_intel.so")
threads = mkl and ctypes.CDLL(str(mkl)).MKL_Get_Max_Threads()
product = paddle.matmul(paddle.ones([40, 30]), paddle.ones([30, 20]))
right = bool((product == 30).all())
kernels = os.environ.get("MKL_DEBUG_CPU_TYPE")
print(json.dumps([early, first.skipped, second.skipped, threads, right, kernels]))
"""
    early, first, second, threads, right, kernels = in_fresh_process(code)
    assert (early, right) == (False, True)
    assert set(second) - set(first) <= {"kernels"}  # the variable is set already, by the first call
    assert threads == (None if "threads" in first else 2)
    assert (kernels is None) == ("kernels" in first)


def test_variable_of_the_user_survives_a_real_call():
    code = "report = tune.tune_cpu(); print(json.dumps([report.skipped, os.environ['MKL_DEBUG_CPU_TYPE']]))"
    skipped, value = in_fresh_process(code, MKL_DEBUG_CPU_TYPE="5")
    assert (skipped["kernels"], value) == ("MKL_DEBUG_CPU_TYPE=5 is set already", "5")
