"""An encoder on disk: ``encoder.safetensors`` with its weights, ``encoder.json`` with all else that it takes to use it.

Neither needs this repository's training code, and neither is ever unpickled.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from workbench.errors import InputError
from workbench.models.checkpoint_files import CheckpointFiles
from workbench.models.encoders import VALUE_RANGE, Encoder, build_encoder
from workbench.models.weight_files import load_exactly, write_safetensors

WEIGHTS, FACTS = "encoder.safetensors", "encoder.json"
FILES = CheckpointFiles("encoder", WEIGHTS, FACTS, ("architecture", "in_channels", "size"), made_by="pretraining")
SCHEMA_VERSION = 1
PACKAGES = ("torch", "torchvision", "timm", "safetensors")


def save_encoder(folder: Path, encoder: Encoder, facts: Mapping[str, Any] | None = None) -> Path:
    """Write an encoder's checkpoint; each file is complete or absent.

    Args:
        folder: Made if absent.
        encoder: What to save.
        facts: Where it comes from: ``method, pool_digest, pool_groups_digest, site_key_fingerprint, cohort,
            settings_digest, store_digest`` and the like. No path of a scan and no identifier.

    Returns:
        The folder.

    Raises:
        OperationFailed: The files cannot be written.
    """
    folder = Path(folder)
    digest = write_safetensors(folder / WEIGHTS, encoder.state_dict(), {"format": "workbench encoder"})
    write_facts(folder / FACTS, {**dict(facts or {}), **describe(encoder), "weights_sha256": digest, **_made()})
    return folder


def load_encoder(path: str | Path, *, size: int | None = None) -> Encoder:
    """Load an encoder in eval mode, on the CPU.

    Args:
        path: A folder with ``encoder.safetensors`` and ``encoder.json``, or either file.
        size: Side in pixels of the images it shall take; a vision transformer's position embeddings are resized.

    Returns:
        A module that maps ``(N, C, H, W)`` in [0, 1] to ``(N, D)``.

    Raises:
        InputError: There is no encoder, its two files do not fit each other, or the weights do not fit the network.
    """
    folder = FILES.find(path)
    facts = FILES.read_facts(folder)
    weights = FILES.read_weights(folder, facts)
    encoder = rebuild(facts, folder / FACTS)
    load_exactly(encoder, weights, folder / WEIGHTS)
    if size and size != encoder.size:
        encoder = resized(encoder, size)
    return encoder.eval()


def read_facts(path: str | Path) -> dict[str, Any]:
    """The contents of ``encoder.json``.

    Raises:
        InputError: It is absent, or is not the description of an encoder.
    """
    return FILES.read_facts(path)


def describe(encoder: Encoder) -> dict[str, Any]:
    """What it takes to build the encoder again and to feed it."""
    return {
        "schema_version": SCHEMA_VERSION,
        "architecture": encoder.name,
        "arguments": encoder.arguments,
        "recipe": encoder.recipe,
        "in_channels": encoder.in_channels,
        "size": encoder.size,
        "feature_dim": encoder.feature_dim,
        "value_range": list(VALUE_RANGE),
        "normalisation": {"mean": encoder.mean.tolist(), "std": encoder.std.tolist()},
    }


def rebuild(facts: Mapping[str, Any], where: Path) -> Encoder:
    """The network that the facts describe, with random weights.

    Raises:
        InputError: The facts do not describe a network of this program.
    """
    try:
        return build_encoder(
            str(facts["architecture"]),
            in_channels=int(facts["in_channels"]),
            size=int(facts["size"]),
            seed=0,
            **facts.get("arguments", {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError("The description of the encoder is not complete.", where=where) from error


def resized(encoder: Encoder, size: int) -> Encoder:
    """The same encoder for images of another size; position embeddings are resampled (timm).

    Raises:
        InputError: The patch size does not divide the size.
    """
    from workbench.models.initialise import load_weights

    other = build_encoder(encoder.name, in_channels=encoder.in_channels, size=size, seed=0, **encoder.arguments)
    load_weights(other, encoder.state_dict())
    return other.train(encoder.training)


def write_facts(file: Path, facts: Mapping[str, Any]) -> None:
    """Write a JSON object atomically."""
    from workbench.runs.status import write_text

    write_text(file, json.dumps(facts, indent=1, default=str) + "\n")


def _made() -> dict[str, Any]:
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"created": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions}
