"""The exceptions of the package: each message names the argument, its value, what is allowed and what to do."""

from __future__ import annotations


class XFormersError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(XFormersError, ValueError):
    """A configuration field, or a combination of fields, that no model can be built from."""


class InputError(XFormersError, ValueError):
    """An argument of a call (tensor, text, file, number) that the model cannot work with."""


class CheckpointError(XFormersError, OSError):
    """A checkpoint that is missing, incomplete, corrupt, or could not be written."""


class ContractError(XFormersError, AssertionError):
    """A part of a user's own that does not keep what every part must (see `paddle_xformers.testing`)."""


class DependencyError(XFormersError, ImportError):
    """A third-party package that is missing or has an unusable version."""
