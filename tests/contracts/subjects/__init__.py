"""The models that the contracts run over: one small file for each family, found by itself.

A new family joins by a file here that sets `SUBJECTS`, a tuple of `Subject`. A subject says how to call one model
class; which fields it is tried with comes from the configuration class. Most families need one subject, for the head
with the most parameters:

    SUBJECTS = (Subject("xnew", XNewConfig, XNewForX, inputs=inputs, labels=labels),)

- `inputs(model, b, n)` gives the arguments of a forward, `labels(inputs)` those that make it return a loss.
- Images have no mask: `mask=None` leaves out the contracts about padding. Pooled results: `per_token=False`.
- Decoders add `causal=True`, `grows="input_ids"` (the argument that takes new tokens beside a cache), `generates=True`.
- Fields that only another head uses: a second subject with `own=(TheirOptions,)`. Every field of the configuration must
  be tried by one of the family's subjects, or `test_every_field_has_a_case` fails.
- A field whose work is not in the result of a forward: `effect_elsewhere`, with the test that proves it.

Keep it tiny: a family's contracts should take less than a minute on one core.
"""

from __future__ import annotations

import importlib
import pkgutil

from .subject import Subject


def _found() -> tuple[Subject, ...]:
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return tuple(subject for module in modules for subject in getattr(module, "SUBJECTS", ()))


SUBJECTS = _found()
