"""A decoder that runs its stack several times: how often, with what, and which result counts."""

from __future__ import annotations

import dataclasses
from typing import Any

import paddle
from paddle import Tensor

from ...config import StackOptions
from ...errors import InputError
from ...nn.attention.cache import rounds_held
from ...nn.calls import StackCall, StackOutput
from ...nn.linear import Linear
from ...nn.rounds import drawn_count, exit_steps, run_rounds
from ..extras import Extras

# The field that each argument needs.
_NEEDS = {"recycle_steps": "recycling", "looped_steps": "looped"}


class DecoderExtras(Extras, total=False):
    """What the forward of a decoder takes beside its own arguments; None is as good as leaving one out.

    Attributes:
        recycle_steps: How often the stack runs (needs recycling). Beside a cache it runs as often as for the tokens in
            it, and the argument may be left out. Elsewhere the default is train_max_recycle_steps, and a number from 1
            to that is drawn in training: on the host, from what paddle.seed starts.
        looped_steps: How often the stack runs (needs looped); default max_looped_steps, beside a cache as for the
            tokens in it.
    """

    recycle_steps: int | None
    looped_steps: int | None


def rounds_asked_for(extras: Any) -> dict[str, int]:
    """Take the numbers of runs out of the further arguments of a forward.

    Args:
        extras: As `DecoderExtras`; the arguments are taken out of them.

    Returns:
        Those that are not None, by name.

    Raises:
        InputError: If one is no number of runs.
    """
    given = {name: extras.pop(name, None) for name in _NEEDS}
    asked = {name: value for name, value in given.items() if value is not None}
    for name, value in asked.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{name}={value!r} is not allowed; give an int of at least 1")
    return asked


class DecoderRounds:
    """Recycling and looping; mixed in before the backbone, whose stack it runs."""

    # From PretrainedModel and Backbone.
    training: bool
    stack: Any

    def build_rounds(self, options: StackOptions) -> None:
        """Build what stands between two runs, and the gate that ends them.

        Args:
            options: Everything the model is built from.
        """
        rounds = options.rounds
        self.recycled_proj = Linear(options.dim, options.dim) if rounds.recycling else None
        self.exit_gate = Linear(options.dim, 1) if rounds.looped else None

    def with_rounds(self, call: StackCall, asked: dict[str, int]) -> StackCall:
        """Return a call that says how often the stack runs.

        Args:
            call: What is asked of the stack.
            asked: Numbers of runs that the caller gave, by the name of the argument.

        Raises:
            InputError: If one has no effect, or the cache holds another number.
        """
        rounds = self.stack.options.rounds
        for name in asked:
            field = _NEEDS[name]
            if not getattr(rounds, field):
                raise InputError(f"{name} has no effect while {field}=False; set it or leave the argument out")
        if not rounds.recycling and not rounds.looped:
            return call
        number = next(iter(asked.values()), None)
        held = rounds_held(call.cache, self.stack.steps_of(call))
        if number and held and number != held:
            raise InputError(
                f"{next(iter(asked))}={number}, but past_key_values holds what {held} runs of the stack kept; a token "
                "runs as often as those before it: give that number, or leave it out"
            )
        return dataclasses.replace(call, rounds=number or held or self._usual_rounds())

    def _usual_rounds(self) -> int:
        rounds = self.stack.options.rounds
        if rounds.looped:
            return int(rounds.max_looped_steps)
        most = int(rounds.train_max_recycle_steps)
        return drawn_count(most) if self.training else most

    def run_stack(self, x: Tensor, tokens: Tensor, call: StackCall) -> StackOutput:
        """Run the stack as often as `call.rounds` says; see `run_rounds`.

        Args:
            x: Memory tokens and embedded new tokens, (b, n, d).
            tokens: Positions of the new tokens, (b or 1, n - lead).
            call: What is asked.
        """
        if self.recycled_proj is not None:
            return run_rounds(self.stack, x, tokens, call, self._recycled, last_learns=True)[0]
        if self.exit_gate is None:
            return super().run_stack(x, tokens, call)  # type: ignore[misc, no-any-return]
        output, loops = run_rounds(self.stack, x, tokens, call, lambda x, given: given, last_learns=False)
        output.loops = loops
        output.exit_logits = paddle.concat([self.exit_gate(states) for states in loops], axis=-1)  # (b, n, loops)
        threshold = self.stack.options.rounds.looped_exit_prob_threshold
        if threshold is not None:
            chosen = exit_steps(output.exit_logits, threshold).unsqueeze(2)  # (b, n, 1, loops)
            each = paddle.stack(loops, axis=-1)  # (b, n, d, loops)
            output.hidden = (each * chosen.astype(each.dtype)).sum(axis=-1)
            output.hidden_states[-1:] = [output.hidden] if output.hidden_states else []
        return output

    def _recycled(self, x: Tensor, given: Tensor) -> Tensor:
        projected: Tensor = self.recycled_proj(given.detach())  # type: ignore[misc]
        return x + projected
