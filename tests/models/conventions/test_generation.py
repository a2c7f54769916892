"""What PaddleNLP's GenerationTesterMixin asks of models that generate, in our words, of every family and bundle.

`generate` gives what PaddleNLP's loop of each strategy gives, called by hand with the same processors.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest
from paddlenlp.generation import BeamSearchScorer

from ...contracts.subjects.subject import Subject
from .members import MEMBERS, each_model

NEW = 4
each_generating = each_model(lambda member: member.subject.generates and member.is_main and member.suffix != "Model")


def test_every_family_that_generates_tokens_by_paddlenlps_loops_is_here():
    found = {member.subject.config.model_type for member in MEMBERS if member.subject.generates}
    assert found == {"xdecoder", "xseq2seq", "xcaption", "xval"}


def prompt(subject: Subject, model: Any) -> tuple[dict[str, Any], paddle.Tensor, dict[str, Any]]:
    """Arguments of generate, and of a loop: the tokens that go on, and the rest."""
    inputs = subject.feed(model, n=6)
    if not model.config.is_encoder_decoder:
        ids = inputs["input_ids"]
        rest = {name: value for name, value in inputs.items() if name != "input_ids"}
        rest["attention_mask"] = paddle.ones([2, 1, 6, 6], dtype="int64")  # as PaddleNLP's own tests pass it
        return {"input_ids": ids, **rest}, ids, rest
    del inputs["decoder_input_ids"]
    states = model.get_encoder()(inputs[model.main_input_name], return_dict=True).last_hidden_state
    rest = {"encoder_output": states}
    if subject.mask is not None:
        rest["attention_mask"] = paddle.ones(states.shape[:2], dtype="int64")
    return inputs, paddle.full([2, 1], model.config.bos_token_id, dtype="int64"), rest


def assert_same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(found[0].numpy(), expected[0].numpy())
    np.testing.assert_allclose(found[1].numpy(), expected[1].numpy(), atol=1e-5)


@each_generating
def test_each_strategy_is_paddlenlps_loop(subject: Subject, fields):
    model = subject.build(fields)
    given, ids, rest = prompt(subject, model)
    config = model.config
    most = ids.shape[1] + NEW
    ends = {"pad_token_id": config.pad_token_id, "eos_token_id": config.eos_token_id}

    def generated(**settings: Any) -> Any:
        return model.generate(**given, max_new_tokens=NEW, **settings)

    def repeated(times: int) -> tuple[paddle.Tensor, dict[str, Any]]:
        return model.expand_inputs_for_generation(ids, times, **rest)

    with paddle.no_grad():
        plain = model.get_logits_processor(eos_token_id=config.eos_token_id)
        greedy = generated(decode_strategy="greedy_search")
        assert_same(greedy, model.greedy_search(ids, plain, most, **ends, **rest))
        assert greedy[0].shape[0] == 2 and greedy[0].shape[1] <= NEW
        for count in (1, 3):
            drawn = generated(decode_strategy="sampling", top_k=1, num_return_sequences=count)
            many, more = repeated(count)
            assert_same(drawn, model.sample(many, plain, most, **ends, top_k=1, **more))
            np.testing.assert_array_equal(drawn[0].numpy(), greedy[0].numpy().repeat(count, axis=0))
        for beams, groups, kept in ((3, 1, 1), (3, 1, 2), (4, 2, 1), (4, 2, 2)):
            asked = {"num_beams": beams, "num_beam_groups": groups, "diversity_rate": 0.5 if groups > 1 else 0.0}
            found = generated(decode_strategy="beam_search", num_return_sequences=kept, **asked)
            assert found[0].shape[0] == 2 * kept
            processors = model.get_logits_processor(eos_token_id=config.eos_token_id, **asked)
            scorer = BeamSearchScorer(
                2, max_length=most, num_beams=beams, num_beam_groups=groups, num_beam_hyps_to_keep=kept
            )
            many, more = repeated(beams)
            if groups > 1:
                expected = model.group_beam_search(many, scorer, processors, most, **ends, **more)
            else:
                expected = model.beam_search(many, scorer, processors, most, 0.0, **ends, **more)
            assert_same(found, expected)


@each_generating
def test_from_the_first_token_alone(subject: Subject, fields):
    """Texts begin with bos_token_id where nothing is given; an encoder-decoder begins so after each source."""
    model = subject.build(fields)
    given = subject.feed(model, n=6)
    first = paddle.full([2, 1], model.config.bos_token_id, dtype="int64")
    if model.config.is_encoder_decoder:
        del given["decoder_input_ids"]
        found, expected = given, {**given, "decoder_input_ids": first}
    else:
        context = {name: value[:1] for name, value in given.items() if name.startswith("encoder_")}
        found, expected = context, {**context, "input_ids": first[:1]}
    for strategy in ({}, {"decode_strategy": "beam_search", "num_beams": 2}):
        tokens = [model.generate(**one, max_new_tokens=NEW, **strategy)[0].numpy() for one in (found, expected)]
        np.testing.assert_array_equal(*tokens)


@each_generating
def test_a_model_that_generates_says_so(subject: Subject, fields):
    model = subject.build(fields)
    assert model.can_generate()
    assert not model.base_model.can_generate()
    with pytest.raises(ValueError):
        model.generate(**prompt(subject, model)[0], max_new_tokens=0)
