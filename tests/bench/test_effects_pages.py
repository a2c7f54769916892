"""docs/features/: a section for each feature, fields that build a model, and tables that say what is stored."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.effects import report, results, run
from bench.effects.features import FEATURES, PAGES, Feature
from bench.effects.variants import NOT_MEASURED, VARIANTS, root_of
from paddle_xformers import XDecoderConfig, XDecoderForCausalLM
from paddle_xformers.config import schema

SMALL = {"num_tokens": 37, "dim": 32, "depth": 3, "heads": 4, "attn_dim_head": 8, "max_seq_len": 64}
NO_PAPER = {
    *("attn-output-projection", "attn-mask-custom", "attn-bias-external", "attn-onnxable", "attn-weight-delta"),
    *("attn-pre-scale-post-talking-heads", "attn-custom-fn", "attn-add-zero-kv", "attn-value-dim-head"),
    *("attn-k-rmsnorm", "attn-value-rmsnorm", "attn-belief"),
    *("attn-mask-key-padding", "pos-custom", "pos-rotary-values", "pos-rel-proj-bias", "norm-unit-offset"),
    *("pos-seq-start", "pos-seq-offset", "layers-verbose"),
    *("residual-fn-kwargs", "residual-gated-multi", "ff-solu", "ff-deep-embed"),
    *("layers-repeat-blocks", "layers-transformer-block", "emb-custom-embedder", "mem-kv-cache", "mem-recycling"),
    *(
        "out-logits",
        "out-logits-bias",
        "out-multiple-heads",
        "out-squeeze",
        "out-next-embed-head",
        "out-intermediates",
        "out-logit-entropies",
    ),
    *("out-return-embeddings", "mod-continuous"),
}


def page(name: str) -> str:
    return (run.PAGES / f"{name}.md").read_text(encoding="utf-8")


def sections(name: str) -> dict[str, str]:
    """Text of each section of a page, by heading."""
    parts = re.split(r"^## (.+)$", page(name), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section(feature: Feature) -> str:
    return sections(feature.page)[feature.title]


def fields_shown(text: str) -> dict[str, Any]:
    """The fields of a section's JSON; none where Python stands in its place."""
    block = re.search(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return json.loads(block[1]) if block else {}


@pytest.mark.parametrize("name", [report.INDEX, *PAGES])
def test_the_tables_say_what_is_stored(name: str) -> None:
    kept = results.load(run.RESULTS)
    assert report.filled(page(name), report.blocks(kept, name), name) == page(name), "make effects ARGS=--table-only"


def test_the_index_misses_no_feature() -> None:
    table = page(report.INDEX)
    assert [feature.id for feature in FEATURES if f"| {feature.link} | `{feature.id}` |" not in table] == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_sections_of_its_features_and_no_others(name: str) -> None:
    assert list(sections(name)) == [feature.title for feature in FEATURES if feature.page == name]


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.id)
def test_a_section_is_complete(feature: Feature) -> None:
    text = section(feature)
    assert "```math\n" in text, "its formula"
    assert "```json\n" in text or "```python\n" in text, "how it is asked for"
    assert re.search(r"\bUse\s", text) or feature.id == "layers-core", "when to use it"
    assert re.search(r"^Keywords: ", text, re.MULTILINE), "what x-transformers and the old port call it"
    assert bool(re.search(r"\]\(https://arxiv\.org/abs/\d{4}\.\d{4,5}\)", text)) == (feature.id not in NO_PAPER)
    for number, target in re.findall(r"\[([\d.]+)\]\(https://arxiv\.org/abs/([\d.]+)\)", text):
        assert number == target
    assert f"<!-- measured: {feature.id} -->" in text


WITH_FIELDS = [feature for feature in FEATURES if fields_shown(section(feature))]


@pytest.mark.parametrize("feature", WITH_FIELDS, ids=lambda feature: feature.id)
def test_the_fields_of_a_section_build_a_model(feature: Feature) -> None:
    fields = fields_shown(section(feature))
    assert set(fields) <= set(schema())  # a configuration keeps what it does not know
    XDecoderForCausalLM(XDecoderConfig(**{**SMALL, **fields}))


@pytest.mark.parametrize("feature", WITH_FIELDS, ids=lambda feature: feature.id)
def test_what_is_measured_is_what_the_section_shows(feature: Feature) -> None:
    shown = set(fields_shown(section(feature))) | {"rotary_pos_emb", "position_embedding"}
    for variant in VARIANTS:
        if variant.name == feature.id and not variant.without:
            assert set(variant.fields) - set(root_of(variant).fields) <= shown


def test_features_of_the_reference_page_are_those_of_the_index() -> None:
    """What is explained is also listed with its proofs."""
    proofs = (run.PAGES.parent / "reference" / "features.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w-]+)` \|", proofs, re.MULTILINE))
    assert {feature.id for feature in FEATURES} - listed == set()


def test_every_reason_is_a_sentence_of_its_own() -> None:
    assert all(not reason.endswith(".") and "|" not in reason for reason in NOT_MEASURED.values())


def test_the_chart_is_there_when_something_is_stored() -> None:
    stored = results.load(run.RESULTS)["runs"]
    assert bool(stored) == (Path(run.RESULTS) / run.CHART).exists()
