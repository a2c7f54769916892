"""SiLU, `x * sigmoid(x)` (1702.03118)."""

from __future__ import annotations

from paddle.nn import functional as F

# Not F.silu: on the CPU its gradient is nan where x is below about -89 (paddlepaddle 3.3.1), that of swish is 0.
silu = F.swish
