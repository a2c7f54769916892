"""Several streams of tokens, given as one tensor; the logits of all streams are compared."""

from __future__ import annotations

from typing import Any

import paddle

from paddle_xformers import XMultiInputConfig, XMultiInputForCausalLM

from .subject import SMALL, Inputs, Subject, context, tokens

STREAMS = {"stream_names": ["note", "pitch"], "stream_num_tokens": [37, 41]}


def inputs(model: Any, b: int, n: int) -> Inputs:
    return {"input_ids": paddle.stack([tokens(b, n), tokens(b, n, seed=2)], axis=-1), **context(model, b)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"]}


class Streams(Subject):
    """The logits of all streams side by side."""

    def result_of(self, output: Any) -> paddle.Tensor:
        if "logits" not in output:
            return output.last_hidden_state
        return paddle.concat(list(output.logits.values()), axis=-1)

    def embedded(self, model: Any, inputs: Inputs) -> Inputs:
        rest = {name: value for name, value in inputs.items() if name != "input_ids"}
        return {**rest, "inputs_embeds": model.base_model.embeddings.look_up(inputs["input_ids"])}


SUBJECTS = (
    Streams(
        "xmultiinput",
        XMultiInputConfig,
        XMultiInputForCausalLM,
        inputs,
        labels,
        small={name: value for name, value in SMALL.items() if name != "num_tokens"} | STREAMS,
        length=14,
        causal=True,
        grows="input_ids",
        share=1,
        effect_elsewhere={
            "max_mem_len": "needs a second segment: tests/models/test_mems.py",
            "shift_mem_down": "likewise",
        },
    ),
)
