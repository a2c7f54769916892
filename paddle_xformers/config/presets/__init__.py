"""Well-known architectures, without weights: one file for each family.

A new one is a line in its family's table, with the number of parameters that was published for it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...errors import ConfigError
from ..suggest import nearest
from .decoder import DECODERS
from .encoder import ENCODERS
from .preset import Preset
from .seq2seq import SEQ2SEQS
from .vit import VITS

# By the model_type of the family.
PRESETS: Mapping[str, Mapping[str, Preset]] = {
    "xdecoder": DECODERS,
    "xencoder": ENCODERS,
    "xseq2seq": SEQ2SEQS,
    "xvit": VITS,
}


def find_preset(model_type: str, name: str) -> Preset:
    """Return a preset of a family.

    Args:
        model_type: The family, such as `xdecoder`.
        name: Name of the preset.

    Raises:
        ConfigError: If the family has no preset of that name.
    """
    table = PRESETS.get(model_type, {})
    if isinstance(name, str) and name in table:
        return table[name]
    raise ConfigError(f"{name!r} is not a preset of {model_type}; {_advice(model_type, str(name))}")


def _advice(model_type: str, name: str) -> str:
    """What to do about an unknown name: another spelling, another family, or the list."""
    others = [other for other, table in PRESETS.items() if name in table]
    if others:
        return f"it is one of {others[0]}"
    table = PRESETS.get(model_type)
    if not table:
        return "this family has none, so give the fields themselves"
    near = nearest(name.lower(), table)
    hint = f"did you mean {' or '.join(repr(candidate) for candidate in near)}? " if near else ""
    return f"{hint}There are: {', '.join(table)}" if hint else f"there are: {', '.join(table)}"


__all__ = ["PRESETS", "Preset", "find_preset"]
