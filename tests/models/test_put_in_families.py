"""What is put into layers while streams of tokens, vectors and texts with numbers go on."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from ..contracts.subjects.subject import Subject, drawn
from ..contracts.subjects.xcontinuous import SUBJECTS as VECTORS
from ..contracts.subjects.xmultiinput import SUBJECTS as STREAMS
from ..contracts.subjects.xval import SUBJECTS as NUMBERS

N, NEW, M = 9, 4, 3
FAMILIES = {"streams": STREAMS[0], "vectors": VECTORS[0], "numbers": NUMBERS[0]}
AROUND: dict[str, dict[str, Any]] = {
    "": {},
    "memory, rotary": {"num_memory_tokens": 2, "rotary_pos_emb": True},
    "shift, kv heads": {"shift_tokens": 1, "attn_kv_heads": 2},
}
# Vectors are fed back; no text ends early.
OF_FAMILY = {"xcontinuous": {"dim_out": 10}, "xval": {"eos_token_id": None}}
GATE = {"learned_reinject_input_gate": True}
KEEP = np.ones([2, N], "int64")
KEEP[0, 2] = KEEP[1, 5:7] = 0


def given(name: str) -> dict[str, Any]:
    """Arguments of generate(), those that have an entry for each token for those to come as well."""
    arguments = {
        "condition": {"in_attn_cond": drawn(1, 2, N + NEW, 32)},
        "one condition": {"in_attn_cond": drawn(1, 2, 32)},
        "residuals": {"self_attn_kv_residuals": drawn(2, 2, 2, N + NEW, 32)},
        "front": {"self_attn_additional_kv": [tuple(drawn(3 + side, 2, 2, M, 8) for side in (0, 1))]},
        "hidden": {"self_attn_kv_mask": paddle.to_tensor(KEEP)},
    }
    return arguments[name]


def until(arguments: dict[str, Any], stop: int) -> dict[str, Any]:
    """The same for a forward over the first tokens."""
    cut = dict(arguments)
    for name in ("in_attn_cond", "self_attn_kv_residuals"):
        if name in cut and cut[name].ndim > 2:
            cut[name] = cut[name][..., :stop, :]
    if "self_attn_kv_mask" in cut:
        more = paddle.ones([2, stop - N], dtype="int64")
        cut["self_attn_kv_mask"] = paddle.concat([cut["self_attn_kv_mask"], more], axis=1)
    return cut


def told(subject: Subject, model: Any, inputs: dict[str, Any], **more: Any) -> list[paddle.Tensor]:
    """What generate() gives, one tensor for each thing that goes in."""
    found = model.generate(**inputs, max_new_tokens=NEW, **more)
    if subject is FAMILIES["vectors"]:
        return [found]
    if subject is FAMILIES["streams"]:
        return [paddle.stack(list(found.values()), axis=-1)]
    return [found.ids, found.numbers]


def by_hand(subject: Subject, model: Any, inputs: dict[str, Any], arguments: dict[str, Any]) -> list[paddle.Tensor]:
    """The same, by forwards over everything so far."""
    for stop in range(N, N + NEW):
        output = subject.output(model, inputs, **until(arguments, stop))
        if subject is FAMILIES["vectors"]:
            new = {"inputs": output.predictions[:, -1:]}
        elif subject is FAMILIES["numbers"]:
            new = {"input_ids": output.logits[:, -1:].argmax(-1), "input_numbers": output.numbers[:, -1:]}
        else:
            new = {"input_ids": paddle.stack([part[:, -1:].argmax(-1) for part in output.logits.values()], -1)}
        inputs = {**inputs, **{name: paddle.concat([inputs[name], value], axis=1) for name, value in new.items()}}
    return [value[:, N:] for name, value in inputs.items() if name in new]


@pytest.mark.parametrize("subject", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("name", ["condition", "one condition", "residuals", "front", "hidden"])
def test_each_step_has_its_part_of_it(subject, around, name):
    fields = {**around, **(GATE if "condition" in name else {}), **OF_FAMILY.get(subject.name, {})}
    model, arguments = subject.build(fields), given(name)
    inputs = {kind: value for kind, value in subject.feed(model, n=N).items() if kind != "in_attn_cond"}
    expected = by_hand(subject, model, inputs, arguments)
    for cached in (True, False):
        found = told(subject, model, inputs, **arguments, use_cache=cached)
        for one, other in zip(found, expected, strict=True):
            one, other = one.numpy(), other.numpy()
            seen = ~np.isnan(one.astype("float64"))
            np.testing.assert_allclose(one[seen], other[seen], atol=1e-4)


@pytest.mark.parametrize("subject", FAMILIES.values(), ids=FAMILIES)
def test_what_does_not_fit_is_refused(subject):
    model = subject.build({**GATE, **OF_FAMILY.get(subject.name, {})})
    inputs = {kind: value for kind, value in subject.feed(model, n=N).items() if kind != "in_attn_cond"}
    with pytest.raises(InputError, match="in_attn_cond is missing: learned_reinject_input_gate=True"):
        told(subject, model, inputs)
    with pytest.raises(InputError, match=f"in_attn_cond covers {N} tokens.*are {N + NEW}"):
        told(subject, model, inputs, in_attn_cond=drawn(1, 2, N, 32))
    with pytest.raises(InputError, match="in_atn_cond.*did you mean.*in_attn_cond"):
        told(subject, model, inputs, in_atn_cond=drawn(1, 2, 32))
