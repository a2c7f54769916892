"""From image files, bytes, PIL images and arrays to what the models of images take."""

from __future__ import annotations

from .processor import XImageProcessor

__all__ = ["XImageProcessor"]
