"""Two operators that torchvision registers from compiled code, declared where that code does not load.

A torchvision wheel built for another torch (a CUDA wheel beside CPU torch) cannot load its compiled operators; its
import then fails with "operator torchvision::nms does not exist", and so do lightly, timm and MONAI, which import it.
A declaration is enough for the import; nothing here calls the operators.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path

import torch

SCHEMAS = {
    "nms": "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

_library: torch.library.Library | None = None


def declare() -> bool:
    """Declare the operators unless torchvision's own are there; returns whether that was needed.

    To be called before torchvision, timm, lightly or MONAI is imported. A second call does nothing.
    """
    global _library
    if _library is not None:
        return True
    if present() or _own_operators_load():
        return False
    library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS.values():
        library.define(schema)
    _library = library  # the declarations live as long as this reference
    return True


def present() -> bool:
    """Whether the operators are registered."""
    return all(hasattr(torch.ops.torchvision, name) for name in SCHEMAS)


def _own_operators_load() -> bool:
    """Load torchvision's compiled operators, as its import would do; False where it has none or they do not fit."""
    package = importlib.util.find_spec("torchvision")
    if package is None or not package.origin:
        return False
    folder = Path(package.origin).parent
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    compiled = next((folder / f"_C{end}" for end in suffixes if (folder / f"_C{end}").exists()), None)
    if compiled is None:
        return False
    try:
        torch.ops.load_library(compiled)
    except OSError:
        return False
    return present()
