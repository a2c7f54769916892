"""The package imports in milliseconds, and its public names load at first use."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import paddle_xformers
from paddle_xformers import errors

ROOT = Path(paddle_xformers.__file__).parent


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT.parent, check=False)


def test_import_loads_no_framework():
    code = (
        "import sys, paddle_xformers; dir(paddle_xformers); paddle_xformers.ConfigError;"
        "paddle_xformers.tune; print([m for m in ('paddle', 'paddlenlp', 'numpy') if m in sys.modules])"
    )
    result = run_python(code)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_import_loads_almost_nothing():
    code = (
        "import sys; before = set(sys.modules); import paddle_xformers; new = set(sys.modules) - before;"
        "outside = {name.partition('.')[0] for name in new} - sys.stdlib_module_names;"
        "print(sorted(outside), len(new))"
    )
    outside, count = run_python(code).stdout.rsplit(maxsplit=1)
    assert outside == "['paddle_xformers']"
    assert int(count) < 60  # so the import takes milliseconds; a clock would depend on the machine's load


def test_version_is_a_literal_that_the_build_can_read():
    tree = ast.parse((ROOT / "_version.py").read_text(encoding="utf-8"))
    values = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__version__"
        and isinstance(node.value, ast.Constant)
    ]
    assert values == [paddle_xformers.__version__] == ["0.1.0"]


@pytest.mark.parametrize(
    "name", ["ConfigError", "InputError", "CheckpointError", "ContractError", "DependencyError", "XFormersError"]
)
def test_errors_are_public(name):
    assert getattr(paddle_xformers, name) is getattr(errors, name)


def test_dir_lists_names_before_they_are_loaded():
    names = dir(paddle_xformers)
    assert set(paddle_xformers.__all__) < set(names)
    assert {"XDecoderForCausalLM", "XByteTokenizer", "tune_cpu", "register", "config", "nn", "serving"} < set(names)
    assert names == sorted(names)


def test_type_checkers_see_every_public_name():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    homes = {name: f"paddle_xformers.{home}" for name, home in paddle_xformers._HOME.items()}
    assert seen == homes


def test_unknown_name_suggests_the_near_one():
    with pytest.raises(
        AttributeError, match=r"no attribute 'XDecoderForCausalML': did you mean 'XDecoderForCausalLM'\?"
    ):
        paddle_xformers.XDecoderForCausalML  # noqa: B018


def test_unknown_name_that_is_near_nothing_lists_the_names():
    with pytest.raises(AttributeError, match="its public names are .*XDecoderModel"):
        paddle_xformers.qqqq  # noqa: B018


def test_model_names_register_at_first_use_and_error_names_do_not(monkeypatch):
    calls = []
    fake = {
        "paddle_xformers.models": SimpleNamespace(XDecoderModel="the class"),
        "paddle_xformers.auto": SimpleNamespace(register=lambda: calls.append("register")),
    }
    for name, module in fake.items():
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("XDecoderModel", "InputError"):
        monkeypatch.delitem(vars(paddle_xformers), name, raising=False)
    assert paddle_xformers.InputError is errors.InputError
    assert calls == []
    assert paddle_xformers.XDecoderModel == "the class"
    assert paddle_xformers.XDecoderModel == "the class"
    assert calls == ["register"]
    del vars(paddle_xformers)["XDecoderModel"]
