"""The reference of the fields: search, text, the command line, and what importing it costs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import paddle_xformers
from paddle_xformers.__main__ import main
from paddle_xformers.config import RULES, SEQ2SEQ, schema
from paddle_xformers.config.options import ALL_GROUPS
from paddle_xformers.config.reference import as_markdown, as_text, rules_as_markdown, search, spellings_of

ROOT = Path(paddle_xformers.__file__).parents[1]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False)


def names(word: str) -> list[str]:
    return [info.name for info in search(schema(), word)]


def test_an_empty_word_finds_every_field():
    assert names("") == list(schema())


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("rotary_base", "rotary_base"),  # a name
        ("ROTARY", "rotary_layout"),  # in any case
        ("stochastic depth", "layer_dropout"),  # a meaning
        ("mem-shift-down", "shift_mem_down"),  # a feature
        ("use_rmsnorm", "norm"),  # another spelling
    ],
)
def test_a_word_is_searched_everywhere(word, found):
    assert found in names(word)


def test_what_does_not_exist_is_not_found():
    assert names("no such thing") == []


def test_spellings_of_a_field():
    assert spellings_of("norm") == [
        "use_rmsnorm",
        "use_scalenorm",
        "use_simple_rmsnorm",
        "use_dynamic_tanh",
        "use_derf",
        "use_adaptive_layernorm",
        "use_adaptive_rmsnorm",
        "use_rezero",
    ]
    assert spellings_of("dim") == []


def test_text_of_a_field():
    text = as_text(search(schema(), "use_rmsnorm"), width=60)
    assert text.startswith("norm = 'layernorm'\n    Kind of norm. ")
    assert "'rmsnorm'" in text
    assert "Also spelt: use_rmsnorm," in text
    assert "Paper: 1607.06450" in text
    assert max(map(len, text.splitlines())) <= 60


def test_pages_hold_every_field_and_every_rule():
    page = as_markdown(schema(ALL_GROUPS))
    own = [name for name in schema(ALL_GROUPS) if not name.startswith("cross_attn_")]
    assert [name for name in own if f"| `{name}` |" not in page] == []
    assert "`cross_attn_dim_context`" in page
    assert rules_as_markdown().count("\n| `") == len(RULES)
    for line in [*page.splitlines(), *rules_as_markdown().splitlines()]:
        cells = line.replace("\\|", "").count("|")
        assert cells in (0, 3, 8), line


def test_command_line_prints_matching_fields():
    result = python("-m", "paddle_xformers", "fields", "sinkhorn")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("hyper_conn_sinkhorn_iters = 5\n")


def test_command_line_prints_all_fields(capsys):
    assert main(["fields"]) == 0
    printed = capsys.readouterr().out
    assert [name for name in schema(ALL_GROUPS) if f"{name} = " not in printed] == []


def test_command_line_prints_the_fields_of_a_part(capsys):
    assert main(["fields", "dec_rotary"]) == 0
    printed = capsys.readouterr().out
    assert "dec_rotary_base = 10000" in printed and "enc_" not in printed
    assert main(["fields", "enc_cross_attn"]) == 1
    assert main(["fields", "rotary"]) == 0
    assert "dec_rotary" not in capsys.readouterr().out


def test_the_page_says_which_fields_parts_have():
    page = as_markdown(schema(), {"XSeq2Seq": SEQ2SEQ})
    assert (
        "XSeq2Seq has the fields of both its parts, as `enc_*` for the encoder and as `dec_*` for the decoder" in page
    )
    assert "the decoder always has `cross_attend=True`" in page
    assert "`enc_depth`" not in page
    assert all(f"`{name}`" in page for name in SEQ2SEQ.own())
    rules = rules_as_markdown([SEQ2SEQ, SEQ2SEQ])  # families share rules
    assert rules.count("\n| `") == len(RULES) + len(SEQ2SEQ.rules)


def test_command_line_suggests_the_near_name(capsys):
    assert main(["fields", "rotary_bsae"]) == 1
    caught = capsys.readouterr()
    assert caught.out == ""
    assert "no field matches 'rotary_bsae'; did you mean rotary_base" in caught.err


def test_the_config_room_loads_neither_paddle_nor_paddlenlp():
    code = (
        "import sys, paddle_xformers.config, paddle_xformers.config.reference, paddle_xformers.__main__;"
        "print([name for name in ('paddle', 'paddlenlp', 'numpy') if name in sys.modules])"
    )
    result = python("-c", code)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
