"""The encoder-decoder against x-transformers' XTransformer: states, logits, loss, gradients, decoding, generation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from parity_models import numpy_weights, paddle
from seq2seq_cases import CASES, SMALL, Case
from test_parity import CACHE_TOLERANCE, PARAMETER_TOLERANCE, TOLERANCE, assert_close
from x_transformers import XTransformer

from paddle_xformers import CheckpointError, XSeq2SeqConfig, XSeq2SeqForConditionalGeneration, XSeq2SeqModel
from paddle_xformers.convert import from_x_transformers, load_x_transformers
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import RULES

BATCH, SOURCE, TARGET = 2, 11, 9


class Pair:
    """A case, its two models with equal weights, and what both give."""

    def __init__(self, case: Case) -> None:
        self.case = case
        options = {**SMALL, **case.options}
        self.theirs = XTransformer(**options).eval()
        generator = torch.Generator().manual_seed(7)
        with torch.no_grad():
            for parameter in self.theirs.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        self.config = XSeq2SeqConfig(**{**options, **case.ours})
        self.ours = XSeq2SeqForConditionalGeneration(self.config)
        self.ours.eval()
        load_x_transformers(self.ours, numpy_weights(self.theirs))
        draw = np.random.default_rng(11)
        self.source = draw.integers(0, options["enc_num_tokens"], (BATCH, SOURCE))
        self.target = draw.integers(0, options["dec_num_tokens"], (BATCH, TARGET))
        self.target[1, -2:] = self.config.ignore_index
        self.mask = None
        if case.padded:
            self.mask = np.arange(SOURCE) < np.array([[SOURCE - 4], [SOURCE]])
        self.prefix = draw.standard_normal((BATCH, case.prefix, 32)).astype("float32") if case.prefix else None
        self._run_theirs()
        self._run_ours()

    @property
    def valid(self) -> np.ndarray:
        """Places of prefix and source that are no padding."""
        mask = np.ones((BATCH, SOURCE), bool) if self.mask is None else self.mask
        return np.pad(mask, ((0, 0), (self.case.prefix, 0)), constant_values=True)

    def _run_theirs(self) -> None:
        mask = None if self.mask is None else torch.tensor(self.mask)
        source, target = torch.tensor(self.source), torch.tensor(self.target)
        prefix = None if self.prefix is None else torch.tensor(self.prefix)
        states = self.theirs.encoder(source, mask=mask, prepend_embeds=prefix, return_embeddings=True)
        self.their_states = states.detach().numpy()
        wrapper = self.theirs.decoder
        loss = self.theirs(source, target, mask=mask, src_prepend_embeds=prefix)
        loss.backward()
        self.their_loss = loss.item()
        self.their_gradients = {
            name: (torch.zeros_like(parameter) if parameter.grad is None else parameter.grad).numpy()
            for name, parameter in self.theirs.named_parameters(remove_duplicate=False)
        }
        ids = torch.where(target == wrapper.ignore_index, wrapper.pad_value, target)
        logits = wrapper.net(ids, context=states, context_mask=torch.tensor(self.valid))
        self.their_logits = logits.detach().numpy()

    @property
    def read(self) -> paddle.Tensor:
        """What the decoder reads: the target without its last token; what is ignored becomes padding."""
        ids = np.where(self.target == self.config.ignore_index, self.config.pad_token_id or 0, self.target)
        return paddle.to_tensor(ids[:, :-1])

    @property
    def given(self) -> dict[str, paddle.Tensor]:
        """What our encoder reads."""
        given = {"input_ids": self.source, "attention_mask": self.mask, "encoder_prepend_embeds": self.prefix}
        return {name: paddle.to_tensor(value) for name, value in given.items() if value is not None}

    def _run_ours(self) -> None:
        output = self.ours(
            **self.given,
            decoder_input_ids=self.read,
            labels=paddle.to_tensor(self.target[:, 1:]),
            return_dict=True,
        )
        output.loss.backward()
        self.our_states = output.encoder_last_hidden_state.numpy()
        self.our_logits, self.our_loss = output.logits.numpy(), float(output.loss)
        self.our_gradients = {
            name: paddle.zeros_like(p).numpy() if p.grad is None else p.grad.numpy()
            for name, p in self.ours.state_dict().items()
        }
        self.ours.clear_gradients()


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.name)
def pair(request: Any) -> Pair:
    return Pair(request.param)


def test_states_of_the_source(pair: Pair) -> None:
    assert_close(pair.our_states[pair.valid], pair.their_states[pair.valid], TOLERANCE, "states")


def test_logits_and_loss(pair: Pair) -> None:
    assert_close(pair.our_logits, pair.their_logits[:, :-1], TOLERANCE, "logits")
    assert pair.our_loss == pytest.approx(pair.their_loss, rel=TOLERANCE)


def test_gradients(pair: Pair) -> None:
    assert np.abs(pair.their_gradients["encoder.token_emb.emb.weight"]).max() > 1e-3
    theirs: dict[str, np.ndarray] = {}
    for part, level, own in (
        ("encoder", "encoder.", pair.config.encoder_config()),
        ("decoder", "decoder.net.", pair.config.decoder_config()),
    ):
        given = {k.removeprefix(level): v for k, v in pair.their_gradients.items() if k.startswith(level)}
        theirs |= apply_rules(RULES, given, own.stack_options(), f"xseq2seq.{part}", unit_offset=False)
    assert theirs.keys() <= pair.our_gradients.keys()
    for name, gradient in theirs.items():
        tolerance = TOLERANCE if name.endswith("word_embeddings.weight") else PARAMETER_TOLERANCE
        assert_close(pair.our_gradients[name], gradient, tolerance, name)


def test_decoding_with_a_cache(pair: Pair) -> None:
    found, cache = [], None
    ids = pair.read
    for start, stop in ((0, 3), (3, 4), (4, 5), (5, TARGET - 1)):
        piece = ids[:, start:stop]
        output = pair.ours(
            **pair.given,
            decoder_input_ids=piece,
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
        )
        found.append(output.logits.numpy())
        cache = output.past_key_values
    assert_close(np.concatenate(found, axis=1), pair.their_logits[:, :-1], CACHE_TOLERANCE, "logits")


def test_greedy_generation(pair: Pair) -> None:
    """Both pick the likeliest token from one start token on; theirs takes no vectors in front of the source."""
    if pair.prefix is not None:
        return
    mask = None if pair.mask is None else torch.tensor(pair.mask)
    start = torch.full((BATCH, 1), 5)
    theirs = pair.theirs.generate(torch.tensor(pair.source), start, 6, mask=mask, temperature=0.0, cache_kv=False)
    ours, _ = pair.ours.generate(
        **{"attention_mask": paddle.ones([BATCH, SOURCE], dtype="int64"), **pair.given},
        decoder_start_token_id=5,
        max_new_tokens=6,
    )
    np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_the_base_model_takes_the_same_weights() -> None:
    pair = Pair(CASES[0])
    base = XSeq2SeqModel(pair.config)
    load_x_transformers(base, numpy_weights(pair.theirs))
    for name, value in base.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), pair.ours.state_dict()[f"xseq2seq.{name}"].numpy(), err_msg=name)


@pytest.mark.parametrize("unit_offset", [True, False])
def test_gains_with_and_without_offset(unit_offset: bool) -> None:
    pair = Pair(CASES[0])
    weights = numpy_weights(pair.theirs)
    arrays = from_x_transformers(weights, pair.config, unit_offset=unit_offset)
    for part, level in (("encoder", "encoder"), ("decoder", "decoder.net")):
        stored = weights[f"{level}.attn_layers.final_norm.gamma"]
        gain = arrays[f"xseq2seq.{part}.stack.final_norm.weight"]
        np.testing.assert_array_equal(gain, stored + 1 if unit_offset else stored)


def test_weights_of_another_kind_of_model_are_refused() -> None:
    pair = Pair(CASES[0])
    weights = numpy_weights(pair.theirs)
    with pytest.raises(CheckpointError, match="attn_layers.* begin with 'encoder.' or 'decoder.'"):
        from_x_transformers({k.partition(".")[2]: v for k, v in weights.items()}, pair.config)
    only = {name: value for name, value in weights.items() if name.startswith("encoder.")}
    with pytest.raises(CheckpointError, match=r"nothing for .*decoder"):
        load_x_transformers(pair.ours, only)
