"""The store: the pixels of a cohort, decoded once, memory-mapped, in physical units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.store.building import build_store
    from workbench.store.settings import StoreSettings
    from workbench.store.store import Store

__all__ = ["Store", "StoreSettings", "build_store"]
_HOMES = {"Store": "store", "StoreSettings": "settings", "build_store": "building"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(f"workbench.store.{_HOMES[name]}"), name)
    raise AttributeError(name)
