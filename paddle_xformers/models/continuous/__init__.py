"""Sequences of vectors in, sequences of vectors out, in both directions or causal."""

from __future__ import annotations

from .configuration import XContinuousConfig
from .modeling import XContinuousForRegression, XContinuousModel, XContinuousPretrainedModel

__all__ = ["XContinuousConfig", "XContinuousForRegression", "XContinuousModel", "XContinuousPretrainedModel"]
