"""What a forward of a stack gives back, put together from what its layers gave."""

from __future__ import annotations

from .attention.cache import PADDING, known, prepended
from .calls import Shared, StackCall, StackOutput
from .layer import LayerResult
from .memory import next_mems
from .sizes import sizes


def collected(
    output: StackOutput, call: StackCall, shared: Shared, results: list[LayerResult], max_mem_len: int
) -> StackOutput:
    """Turn what the layers gave back into what was asked for.

    Args:
        output: With the last hidden state; it is completed.
        call: What is asked.
        shared: What the layers shared.
        results: What they gave, in the order they ran.
        max_mem_len: How many places mems keep.
    """
    b = sizes(output.hidden)[0]
    if call.use_cache:
        keys = shared.places.keys
        keys = (keys[:, : keys.shape[1] - shared.room] if shared.room else keys).expand([b, -1])
        front = prepended(call.cache) if call.prepended is None else call.prepended
        output.cache = (known(keys, front, call.columns), *(result.state for result in results if result.state))
    if call.output_hidden_states:
        output.hidden_states.append(output.hidden)
    if call.output_attentions:
        attended = [(result.kind, result.attention.weights) for result in results if result.attention is not None]
        output.attentions = [weights for kind, weights in attended if kind == "a"]
        output.cross_attentions = [weights for kind, weights in attended if kind == "c"]
    if call.log_probs:
        drawn = [result.attention.log_probs for result in results if result.kind == "a" and result.attention]
        output.log_probs = [chances for chances in drawn if chances is not None]
    if call.intermediates:
        output.records = [result.record() for result in results]
    if call.return_mems:
        valid = (shared.places.queries > PADDING).expand([b, -1])
        reads = [result.trace.read for result in results if result.kind == "a"]
        output.mems = next_mems(call.mems, reads, valid, max_mem_len)
    return output
