"""PaddleNLP is imported quietly before a test imports any of its modules."""

from __future__ import annotations

from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
