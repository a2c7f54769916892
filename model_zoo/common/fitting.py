"""From fresh weights to a saved model, once: what every recipe does between its data and its evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from model_zoo.common.plan import Plan
from model_zoo.common.progress import newest_checkpoint
from model_zoo.common.runs import Run
from model_zoo.common.threads import fastest
from model_zoo.common.training import remove_checkpoints, seed_all, train
from paddle_xformers import tune_cpu


def fit(
    run: Run,
    plan: Plan,
    seed: int,
    make: Callable[[], Any],
    rows: Any,
    save: Callable[[Any], None],
    collate: Any,
) -> bool:
    """Train and save a model, unless an earlier session has.

    Args:
        run: Where.
        plan: Length and pace.
        seed: Of weights, dropout and order.
        make: Makes the model with fresh weights.
        rows: The training data, dicts of the model's arguments.
        save: Writes the trained model, and what is needed to use it, into `run.model`.
        collate: Makes a batch of a list of rows.

    Returns:
        Whether the model is trained; False if it was interrupted.
    """
    tuned = "threads" in tune_cpu().applied  # before the first matrix product; False: the user has chosen
    if run.outcome is not None:
        print(f"Training was finished before; delete {run.folder}, or give another --output, to train again.")
        return True
    seed_all(seed)
    model = make()
    learning = sum(int(one.size) for one in model.parameters() if not one.stop_gradient)
    whole = sum(int(one.size) for one in model.parameters())
    print(f"Model: {whole:,} weights, {learning:,} of them learn; {plan.steps:,} steps of {plan.batch}", flush=True)
    if tuned:
        print(f"Threads: {fastest(_step(model, rows, plan.batch, collate))} (the fastest of those tried)", flush=True)
    checkpoint = newest_checkpoint(run.folder)
    if checkpoint is not None:
        print(f"Going on from {checkpoint}", flush=True)
    seed_all(seed)  # the steps that were timed have used up random numbers
    outcome = train(model, rows, plan, run.folder, seed, collate)
    if outcome["interrupted"]:
        return False
    model.eval()
    save(model)
    run.note(outcome={**outcome, "parameters": whole, "learning": learning})
    remove_checkpoints(run.folder)
    return True


def _step(model: Any, rows: Any, batch: int, collate: Any) -> Callable[[], None]:
    """A step of training without its update."""
    first = collate([rows[number] for number in range(min(batch, len(rows)))])

    def step() -> None:
        model.train()
        model(**first)[0].backward()
        model.clear_gradients()

    return step
