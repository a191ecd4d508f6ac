"""``preprocessing.json``: every step from a DICOM file to what the network takes, for those who rebuild it."""

from __future__ import annotations

from typing import Any

from workbench.errors import InputError
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel
from workbench.store.fitting import AIR_HU, LUMA
from workbench.store.settings import StoreSettings

FILE = "preprocessing.json"
SCHEMA_VERSION = 1


def describe(model: ReviewedModel) -> dict[str, Any]:
    """The steps in order, with their constants.

    Raises:
        InputError: The model's description lacks its encoder or the settings of its store.
    """
    encoder = model.facts.get("encoder") if model.kind == CLASSIFIER else model.facts
    if not encoder or "normalisation" not in encoder:
        raise InputError("The description of the model does not say how its input is made.", where=model.folder)
    given = model.facts.get("store_settings") or {"size": encoder["size"], "channels": encoder["in_channels"]}
    store = StoreSettings.model_validate(given)
    channels = (
        f"grey: {LUMA[0]:.3f} R + {LUMA[1]:.3f} G + {LUMA[2]:.3f} B" if store.channels == 1 else "three, grey repeated"
    )
    steps = [
        {"step": "modality", "does": "stored values to CT in HU (Modality LUT, PS3.3 C.11.1); others as calibrated"},
        {"step": "polarity", "does": "MONOCHROME1 is inverted within its bits, so that bright is bright"},
        {"step": "channels", "does": channels},
        {"step": "square pixels", "does": "rows and columns are resampled by the pixel spacing or aspect ratio"},
        {
            "step": "scale",
            "does": f"the longer side becomes {store.size} pixels, averaging by area; padding is left out",
        },
        {
            "step": "letterbox",
            "does": f"centred in {store.size} x {store.size}; outside 0; CT {AIR_HU:g} HU or the window's low end",
        },
        {
            "step": "range",
            "does": "low and high to 0 and 1, cut off at both ends",
            "CT, HU": list(store.ct_window),
            "others, percentiles of what is not padding": list(store.percentiles),
        },
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "store_settings": store.plain(),
        "steps": steps,
        "input": {
            "shape": ["N", encoder["in_channels"], encoder["size"], encoder["size"]],
            "type": "float32",
            "range": encoder.get("value_range", [0.0, 1.0]),
        },
        "normalisation": {**encoder["normalisation"], "where": "inside the network: do not apply it again"},
        "output": _output(model, encoder),
    }


def _output(model: ReviewedModel, encoder: dict[str, Any]) -> dict[str, Any]:
    if model.kind != CLASSIFIER:
        return {"features": ["N", encoder["feature_dim"]]}
    final = "sigmoid of each" if model.task == "multilabel" else "softmax"
    return {
        "logits": ["N", len(model.classes)],
        "probabilities": final,
        "classes": model.classes,
        "unit": model.facts.get("unit", "scan"),
        "pooling": "mean of the probabilities of the unit's scans",
    }
