"""Output classes: PaddleNLP's, with the mems of Transformer-XL and what else they lack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paddle import Tensor

from .._compat import import_paddlenlp
from ..nn.records import LayerRecord

import_paddlenlp()

from paddlenlp.transformers.model_outputs import (  # noqa: E402
    BaseModelOutputWithPastAndCrossAttentions,
    BaseModelOutputWithPoolingAndCrossAttentions,
    CausalLMOutputWithCrossAttentions,
    MaskedLMOutput,
    ModelOutput,
    Seq2SeqLMOutput,
    Seq2SeqModelOutput,
)


def as_asked(output: ModelOutput, return_dict: bool) -> Any:
    """Return an output as PaddleNLP's heads do.

    Args:
        output: What a head gives back.
        return_dict: Whether it is returned as it is.

    Returns:
        The output, or the tuple of its values that are not None, or, if there is but one value, that value.
    """
    if return_dict:
        return output
    values = output.to_tuple()
    return values[0] if len(values) == 1 else values


@dataclass
class XModelOutput(BaseModelOutputWithPastAndCrossAttentions):
    """Output of a bare model.

    Args:
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
        gumbel_log_probs: Logarithms of the probabilities of the keys that queries drew, (b, h, n), of each self
            attention layer that draws; None unless asked for.
        loop_states: What each loop of a looped model gave, (b, n, d) each.
        exit_logits: The exit gate of a looped model after each loop, (b, n, loops).
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    mems: tuple[Tensor, ...] | None = None
    gumbel_log_probs: tuple[Tensor, ...] | None = None
    loop_states: tuple[Tensor, ...] | None = None
    exit_logits: Tensor | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XEncoderOutput(BaseModelOutputWithPoolingAndCrossAttentions):
    """Output of a bare encoder.

    Args:
        gumbel_log_probs: Logarithms of the probabilities of the keys that queries drew, (b, h, n), of each self
            attention layer that draws; None unless asked for (return_gumbel_log_probs).
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    gumbel_log_probs: tuple[Tensor, ...] | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XCausalLMOutput(CausalLMOutputWithCrossAttentions):
    """Output of a causal language model.

    Args:
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
        head_logits: Logits of every output head, the first included, (b, n, v) each; None where there is but one.
        logit_entropies: Entropy in nats of what the logits of each place say, (b, n); None unless asked for.
        next_embed_pred: The predicted embedding of the token after each place, (b, n, d); None unless asked for.
        gumbel_log_probs: Logarithms of the probabilities of the keys that queries drew, (b, h, n), of each self
            attention layer that draws; None unless asked for.
        loop_logits: Logits after each loop of a looped model, (b, n, v) each; None unless asked for.
        exit_logits: The exit gate of a looped model after each loop, (b, n, loops); likewise.
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    mems: tuple[Tensor, ...] | None = None
    head_logits: tuple[Tensor, ...] | None = None
    logit_entropies: Tensor | None = None
    next_embed_pred: Tensor | None = None
    gumbel_log_probs: tuple[Tensor, ...] | None = None
    loop_logits: tuple[Tensor, ...] | None = None
    exit_logits: Tensor | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XMaskedLMOutput(MaskedLMOutput):
    """Output of a masked language model.

    Args:
        cross_attentions: Weights of each cross attention layer, (b, h, n, m); None unless asked for.
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    cross_attentions: tuple[Tensor, ...] | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XNumberLMOutput(ModelOutput):
    """Output of a language model with numbers among its tokens.

    Args:
        loss: Mean loss; None without labels.
        logits: Scores of the next token, (b, n, v).
        numbers: The number of the next token, in case it stands for one, (b, n).
        past_key_values: The cache, if asked for.
        hidden_states: Hidden states before each block, and the last, if asked for.
        attentions: Weights of self attention, if asked for.
        cross_attentions: Weights of cross attention, if asked for.
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
        token_loss: Mean cross entropy of the tokens, if asked for.
        number_loss: Squared error of the numbers, a mean over all tokens that have a label, if asked for.
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    numbers: Tensor | None = None
    past_key_values: tuple[Any, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    mems: tuple[Tensor, ...] | None = None
    token_loss: Tensor | None = None
    number_loss: Tensor | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XMultiInputLMOutput(ModelOutput):
    """Output of a language model over several streams of tokens.

    Args:
        loss: The sum of the mean losses of the streams; None without labels.
        logits: For each stream by its name the scores of its next token, (b, n, v).
        past_key_values: The cache, if asked for.
        hidden_states: Hidden states before each block, and the last, if asked for.
        attentions: Weights of self attention, if asked for.
        cross_attentions: Weights of cross attention, if asked for.
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    loss: Tensor | None = None
    logits: dict[str, Tensor] | None = None
    past_key_values: tuple[Any, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    mems: tuple[Tensor, ...] | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


@dataclass
class XRegressionOutput(ModelOutput):
    """Output of a model that predicts vectors.

    Args:
        loss: Mean loss; None without labels.
        predictions: The vectors, (b, n, dim_out); means where the model is probabilistic.
        variances: Likewise; None unless it is.
        past_key_values: The cache, if asked for.
        hidden_states: Hidden states before each block, and the last, if asked for.
        attentions: Weights of self attention, if asked for.
        cross_attentions: Weights of cross attention, if asked for.
        mems: States for the next segment, see `paddle_xformers.nn.memory`; None unless asked for.
        intermediates: What each layer read and scored, in the order they ran, see `paddle_xformers.nn.records`; None
            unless asked for (return_intermediates).
        memory_states: Likewise the last states of the memory tokens, (b, t, d), where there are any.
    """

    loss: Tensor | None = None
    predictions: Tensor | None = None
    variances: Tensor | None = None
    past_key_values: tuple[Any, ...] | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    mems: tuple[Tensor, ...] | None = None
    intermediates: tuple[LayerRecord, ...] | None = None
    memory_states: Tensor | None = None


def encoder_decoder_output(target: Any, source: Any) -> Seq2SeqModelOutput:
    """Put together what an encoder-decoder gives back.

    Args:
        target: Output of the decoder.
        source: What the decoder saw of the encoder, with `states`, `hidden_states` and `attentions`.
    """
    return Seq2SeqModelOutput(
        last_hidden_state=target.last_hidden_state,
        past_key_values=target.past_key_values,
        decoder_hidden_states=target.hidden_states,
        decoder_attentions=target.attentions,
        cross_attentions=target.cross_attentions,
        encoder_last_hidden_state=source.states,
        encoder_hidden_states=source.hidden_states,
        encoder_attentions=source.attentions,
    )


def encoder_decoder_lm_output(
    hidden: Seq2SeqModelOutput, logits: Tensor, loss: Tensor | None, return_dict: bool
) -> Seq2SeqLMOutput | tuple[Any, ...]:
    """Put together what an encoder-decoder with a language model head gives back.

    Args:
        hidden: Output of the model without a head.
        logits: (b, n, v).
        loss: The mean loss, or None.
        return_dict: Whether to return the object, or a tuple of its values that are not None. With a loss the tuple
            leaves the last hidden state of the encoder out: PaddleNLP's Trainer would collect it.
    """
    output = Seq2SeqLMOutput(
        loss=loss,
        logits=logits,
        past_key_values=hidden.past_key_values,
        decoder_hidden_states=hidden.decoder_hidden_states,
        decoder_attentions=hidden.decoder_attentions,
        cross_attentions=hidden.cross_attentions,
        encoder_last_hidden_state=hidden.encoder_last_hidden_state if return_dict or loss is None else None,
        encoder_hidden_states=hidden.encoder_hidden_states,
        encoder_attentions=hidden.encoder_attentions,
    )
    return output if return_dict else output.to_tuple()
