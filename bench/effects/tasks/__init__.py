"""What the runs are trained on, by name."""

from __future__ import annotations

from bench.effects.plan import Plan
from bench.effects.tasks.base import Task, Texts
from bench.effects.tasks.digits import Digits, Rows, ToldRows
from bench.effects.tasks.halves import Seq2Seq, Targets
from bench.effects.tasks.text import Segments, Text


def make_tasks(plan: Plan, texts: Texts) -> dict[str, Task]:
    """Return every task by name.

    Args:
        plan: Sizes.
        texts: The text.
    """
    return {
        "text": Text(plan, texts),
        "segments": Segments(plan, texts),
        "targets": Targets(plan, texts),
        "seq2seq": Seq2Seq(plan, texts),
        "digits": Digits(plan),
        "rows": Rows(plan),
        "told": ToldRows(plan),
    }
