"""Numbers among tokens: some of the tokens stand for a number, and both heads are compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XValConfig, XValForCausalLM

from .subject import SMALL, Inputs, Subject, context, tokens


def inputs(model: Any, b: int, n: int) -> Inputs:
    rng = np.random.default_rng(4)
    ids = tokens(b, n).numpy()
    ids[rng.random(ids.shape) < 0.3] = model.config.numerical_token_id
    numbers = rng.normal(size=ids.shape).astype("float32")
    return {"input_ids": paddle.to_tensor(ids), "input_numbers": paddle.to_tensor(numbers), **context(model, b)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"], "number_labels": given["input_numbers"]}


class Numbers(Subject):
    """Logits and numbers side by side."""

    def result_of(self, output: Any) -> paddle.Tensor:
        if "logits" not in output:
            return output.last_hidden_state
        return paddle.concat([output.logits, output.numbers.unsqueeze(-1)], axis=-1)

    def embedded(self, model: Any, inputs: Inputs) -> Inputs:
        rest = {name: value for name, value in inputs.items() if name not in ("input_ids", "input_numbers")}
        looked_up = model.base_model.embeddings.look_up(inputs["input_ids"], inputs["input_numbers"])
        return {**rest, "inputs_embeds": looked_up}


SUBJECTS = (
    Numbers(
        "xval",
        XValConfig,
        XValForCausalLM,
        inputs,
        labels,
        small={**SMALL, "numerical_token_id": 5},
        length=14,
        padded=("input_ids", "input_numbers"),
        causal=True,
        grows="input_ids",
        grow_along=("input_numbers",),
        generates=True,
        share=0,
        effect_elsewhere={
            "numerical_loss_weight": "the loss only: tests/models/xval/test_loss.py",
            "max_mem_len": "needs a second segment: tests/models/test_mems.py",
            "shift_mem_down": "likewise",
        },
    ),
)
