"""LoRA (2106.09685) by paddlenlp.peft: train small factors beside frozen weights, then add them in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp.peft import LoRAConfig, LoRAModel  # noqa: E402

TARGETS = [".*(q|k|v|o)_proj.*"]


def adapt(model: Any, rank: int, whole: str) -> Any:
    """Freeze a model but for new factors of its attention projections.

    Args:
        model: The model.
        rank: Of the factors.
        whole: Pattern of the modules that learn as a whole, such as a new head.

    Returns:
        The model with its factors.
    """
    settings = LoRAConfig(target_modules=TARGETS, trainable_modules=[whole], r=rank, lora_alpha=2 * rank)
    adapted = LoRAModel(model, settings)
    adapted.mark_only_lora_as_trainable()
    return adapted


def save_adapters(adapted: Any, folder: Path) -> None:
    """Save what was learned, without the frozen weights.

    Args:
        adapted: What `adapt` gave.
        folder: For the files; LoRAModel.from_pretrained reads them.
    """
    adapted.save_pretrained(str(folder))


def merged(adapted: Any, plain: Any) -> Any:
    """Add the factors to the weights beside them.

    Args:
        adapted: What `adapt` gave.
        plain: A model of the same configuration; its weights are replaced.

    Returns:
        `plain`, which computes what `adapted` does.
    """
    adapted.eval()
    adapted.merge()
    plain.set_state_dict({name: value for name, value in adapted.model.state_dict().items() if "lora_" not in name})
    return plain
