"""Random views of a whole batch at once, on whatever device it lies. ``AugmentSettings`` can be read without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.augmentation.settings import AugmentSettings

if TYPE_CHECKING:
    from workbench.augmentation.batch import BatchAugment

__all__ = ["AugmentSettings", "BatchAugment"]


def __getattr__(name: str) -> Any:
    if name == "BatchAugment":
        from workbench.augmentation.batch import BatchAugment

        return BatchAugment
    raise AttributeError(name)
