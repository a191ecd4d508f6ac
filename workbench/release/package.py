"""The folder that leaves the house: weights, preprocessing, ONNX, an MLflow model, the card, and what it rests on.

No picture of a patient is in it: the example is noise. No pickle is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from workbench.errors import InputError, OperationFailed
from workbench.models import checkpoint, classifier
from workbench.release import preprocessing
from workbench.release.card_page import as_html, as_markdown
from workbench.release.mlflow_code import model_code
from workbench.release.model_card import Card
from workbench.release.onnx_file import Answers, check_installed, probes, write_onnx
from workbench.review.reviewed_model import CLASSIFIER, ReviewedModel
from workbench.runs.status import write_json, write_text

FORMATS = ("safetensors", "onnx", "mlflow")
EXAMPLE, MANIFEST, SUMS = "example.safetensors", "export.json", "SHA256SUMS"


def check_target(out: Path, formats: Sequence[str]) -> None:
    """See that a package can be written there, before anything is recorded.

    Raises:
        InputError: The folder holds something, a format is unknown, or its libraries are not installed.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InputError(
            f"There is no format '{unknown[0]}'." if unknown else "No format is named.",
            where="formats",
            todo=f"Choose from {', '.join(FORMATS)}.",
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("The folder to export to holds something already.", where=out, todo="Name a new folder.")
    if "onnx" in formats:
        check_installed()


def write_package(
    model: ReviewedModel,
    card: Card,
    out: Path,
    formats: Sequence[str],
    stated: dict[str, Any],
    told: Callable[[str], None] = lambda sentence: None,
) -> dict[str, Any]:
    """Write the package; the folder is complete or absent.

    Args:
        model: What to export.
        card: Its card.
        out: The folder, absent or empty.
        formats: Of ``FORMATS``.
        stated: What stands in ``export.json`` besides: who, the gate's conditions, the override, the chain's head.
        told: Gets a sentence for each step.

    Returns:
        What stands in ``export.json``.

    Raises:
        InputError: The model's files do not fit.
        OperationFailed: ONNX differs, or a file cannot be written.
    """
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        content = _write(model, card, part, formats, stated, told)
        if out.is_dir():
            out.rmdir()
        part.rename(out)
    except OSError as error:
        raise OperationFailed(f"The export cannot be written: {error.strerror}.", where=out) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return content


def _write(
    model: ReviewedModel,
    card: Card,
    folder: Path,
    formats: Sequence[str],
    stated: dict[str, Any],
    told: Callable[[str], None],
) -> dict[str, Any]:
    parity: dict[str, Any] = {}
    steps = preprocessing.describe(model)
    write_json(folder / preprocessing.FILE, steps)
    if model.kind == CLASSIFIER:
        loaded = classifier.load_classifier(model.folder)
        encoder, whole, outputs = loaded.encoder, Answers(loaded).eval(), ["logits", "probabilities"]
    else:
        loaded = encoder = checkpoint.load_encoder(model.folder)
        whole, outputs = encoder, ["features"]
    shape = (encoder.in_channels, encoder.size, encoder.size)
    if "safetensors" in formats:
        told("Weights as safetensors.")
        if model.kind == CLASSIFIER:
            checkpoint.save_encoder(folder, encoder, _encoder_facts(model))
            shutil.copyfile(model.weights, folder / classifier.WEIGHTS)
            facts = {**model.facts, "preprocessing": preprocessing.FILE}
            checkpoint.write_facts(folder / classifier.FACTS, facts)
        else:
            shutil.copyfile(model.weights, folder / checkpoint.WEIGHTS)
            checkpoint.write_facts(folder / checkpoint.FACTS, {**model.facts, "preprocessing": preprocessing.FILE})
    _write_example(whole, folder / EXAMPLE, shape, outputs)
    if "onnx" in formats:
        told("ONNX, and its answers beside torch's.")
        found = write_onnx(whole, folder / f"{model.kind}.onnx", shape, outputs)
        parity[f"{model.kind}.onnx"] = found.plain()
        if model.kind == CLASSIFIER:
            parity["encoder.onnx"] = write_onnx(encoder, folder / "encoder.onnx", shape, ["features"]).plain()
    if "mlflow" in formats:
        told("MLflow model.")
        _write_mlflow(model, folder / "mlflow")
    write_text(folder / "card.md", as_markdown(card))
    write_text(folder / "card.html", as_html(card))
    write_json(folder / "card.json", card.plain())
    content = {
        "schema_version": 1, "kind": model.kind, "run": model.run_id, "weights_sha256": model.digest,
        "formats": list(formats), "exported": datetime.now(UTC).isoformat(timespec="seconds"), "parity": parity,
        **stated,
    }  # fmt: skip
    write_json(folder / MANIFEST, content)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    lines = [f"{_sha256(file)}  {file.relative_to(folder).as_posix()}" for file in files]
    write_text(folder / SUMS, "\n".join(lines) + "\n")
    return content


def _encoder_facts(model: ReviewedModel) -> dict[str, Any]:
    """Where the classifier's encoder comes from; after fine-tuning it is no longer the one it started from."""
    facts = {name: model.facts.get(name) for name in ("cohort", "cohort_version", "store_settings", "store_digest")}
    source = dict(model.facts.get("source_facts") or {})
    same = model.facts.get("method") == "probe"
    lineage = {name: source[name] for name in ("pool_digest", "pool_scans", "site_key_fingerprint") if name in source}
    return {
        **facts, **lineage, "method": source.get("method", "") if same else "finetune", "run_id": model.run_id,
        "source": model.facts.get("source", ""),
    }  # fmt: skip


def _write_example(network: torch.nn.Module, file: Path, shape: tuple[int, int, int], outputs: list[str]) -> None:
    """Two pictures of noise and what the network answers, to test a rebuilt one by."""
    from safetensors.torch import save_file

    images = torch.from_numpy(probes(shape)[4:6].copy())
    with torch.inference_mode():
        answers = network(images)
    found = answers if isinstance(answers, tuple) else (answers,)
    save_file({"images": images, **{n: a.contiguous() for n, a in zip(outputs, found, strict=True)}}, str(file))


def _write_mlflow(model: ReviewedModel, folder: Path) -> None:
    import mlflow

    # MLflow asks for type hints that it then refuses for arrays of images, past Python's filter of warnings.
    with (
        mock.patch("mlflow.pyfunc.utils.data_validation.color_warning"),
        mock.patch.dict(os.environ, {"MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}),
    ):
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(model_code()),
            artifacts={"weights": str(model.weights), "facts": str(model.folder / f"{model.kind}.json")},
            pip_requirements=["torch", "torchvision", "timm", "safetensors", "numpy"],
        )
    pickles = [file for file in folder.rglob("*") if file.suffix in (".pkl", ".pickle", ".pt", ".pth")]
    if pickles:
        raise OperationFailed("MLflow wrote a pickle, which must not leave.", where=pickles[0].name)


def read_manifest(folder: Path) -> dict[str, Any]:
    """``export.json`` of a package.

    Raises:
        InputError: It is no package, or a file of it was changed.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError("This is no exported model.", where=folder) from error
    for line in lines:
        digest, _, name = line.partition("  ")
        file = folder / name
        if not file.is_file() or _sha256(file) != digest:
            raise InputError(f"The file '{name}' of this export is gone or was changed.", where=folder)
    return content


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
