"""The mathematics: pure paddle, no paddlenlp.

Letters in shape comments, everywhere in this package:

    b  batch            n  queries: the tokens of this call     h  heads           d  dim
    s  streams          m  keys: mems, memory and past tokens   g  key/value heads k  head_dim
    t  memory tokens       in front of the tokens of this call  f  inner width     v  vocabulary
    w  width of a query and a key, which is head_dim unless heads share them
"""

from __future__ import annotations

from .._compat import import_paddle

import_paddle()
