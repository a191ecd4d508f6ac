"""A workspace made by hand for the app's tests: real DICOM files indexed for real, runs with fabricated figures."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from workbench.config import Settings
from workbench.runs.folder import RunFolder
from workbench.runs.status import RunStatus
from workbench.runs.workspace import Workspace


class AnySettings(Settings):
    """Settings of whatever verb, for run folders made by hand."""

    model_config = {**Settings.model_config, "extra": "allow"}


def xray(seed: int, *, lesion: bool, side: int = 128) -> np.ndarray:
    """A chest-like picture: ``(side, side)`` uint16, 12 bits, bright bones and dark lungs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    body = np.exp(-(((x / 0.85) ** 4) + ((y / 1.2) ** 6)))
    picture = 2600 * body
    for sign in (-1, 1):
        cx, cy = sign * (0.4 + 0.03 * rng.normal()), -0.05 + 0.04 * rng.normal()
        picture -= 1500 * np.exp(-((((x - cx) / 0.27) ** 2 + ((y - cy) / 0.55) ** 2) ** 2))
    picture += 700 * np.exp(-((x / 0.07) ** 2)) * body
    picture += 900 * np.exp(-(((x - 0.12) / 0.25) ** 2 + ((y - 0.25) / 0.3) ** 2))
    for rib in range(7):
        curve = y - (-0.6 + 0.17 * rib) - 0.25 * x**2
        picture += 170 * np.exp(-((curve / 0.025) ** 2)) * body
    if lesion:
        cx, cy = 0.4 * rng.choice([-1, 1]), rng.uniform(-0.3, 0.2)
        picture += 650 * np.exp(-(((x - cx) ** 2 + (y - cy) ** 2) / 0.012))
    picture += rng.normal(0, 45, picture.shape) + 60
    return np.clip(picture, 0, 4095).astype(np.uint16)


def write_dicom(file: Path, pixels: np.ndarray, *, patient: str, number: int, **extra: Any) -> str:
    """Write a small digital radiograph; returns its SOP instance UID."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[patient, str(number)])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(file), Dataset(), file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.PatientID, data.PatientName = patient, "<img src=x onerror=alert(1)>"
    data.StudyInstanceUID = generate_uid(entropy_srcs=[patient, "study"])
    data.SeriesInstanceUID = generate_uid(entropy_srcs=[patient, str(number), "series"])
    data.Modality, data.BodyPartExamined, data.ViewPosition = "DX", "CHEST", "PA"
    data.Manufacturer, data.ManufacturerModelName = "Phantom Works", "Aurora"
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.Rows, data.Columns, data.SamplesPerPixel = pixels.shape[0], pixels.shape[1], 1
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PhotometricInterpretation = "MONOCHROME2"
    data.WindowCenter, data.WindowWidth = 1700, 3000
    data.PixelSpacing = data.ImagerPixelSpacing = [1.4, 1.4]
    for name, value in extra.items():
        setattr(data, name, value)
    data.PixelData = pixels.tobytes()
    file.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(file, enforce_file_format=True)
    return str(data.SOPInstanceUID)


def make_scans(folder: Path, patients: int = 12) -> Path:
    """Radiographs of some patients, two bad files, and ``labels.csv`` beside the folder ``dicom``."""
    rows = ["patient,label"]
    for number in range(patients):
        patient, lesion = f"P{number:03d}", number % 3 == 0
        rows.append(f"{patient},{'lesion' if lesion else 'clear'}")
        for image in range(1 + number % 2):
            extra = {"PatientSex": "FM"[number % 2], "PatientAge": f"{30 + number % 60:03d}Y"}
            if number % 4 == 0:
                extra.update(ViewPosition="AP", ManufacturerModelName="Borealis")
            pixels = xray(1000 * number + image, lesion=lesion)
            write_dicom(folder / "dicom" / patient / f"{image}.dcm", pixels, patient=patient, number=image, **extra)
    (folder / "dicom" / "notes.txt").write_text("not a picture")
    (folder / "dicom" / "cut.dcm").write_bytes((folder / "dicom" / "P000" / "0.dcm").read_bytes()[:3000])
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder / "dicom"


def index_scans(workspace: Workspace, name: str = "chest", patients: int = 12, *, labelled: bool = True) -> Path:
    """Index the scans for real; returns their folder."""
    from workbench.config import load_settings
    from workbench.verbs import VERBS

    folder = make_scans(workspace.root / "scans", patients)

    def call(verb: str, **values: Any) -> None:
        model, function = VERBS[verb].load()
        function(load_settings(model, values=values), workspace=workspace)

    call("index", sources=[str(folder)], cohort=name, workers=1)
    if labelled:
        call("label", cohort=name, labels=str(folder.parent / "labels.csv"), key="patient", column="label")
    return folder


def make_run(workspace: Workspace, kind: str, name: str, settings: dict[str, Any], **status: Any) -> RunFolder:
    """A run folder with a status."""
    run = RunFolder.create(workspace, kind, AnySettings.model_validate({"name": name, **settings}), name, quiet=True)
    now = time.time()
    facts = {"state": "finished", "started": now - 600, "ended": now - 60, "heartbeat": now, **status}
    RunStatus(**facts).write(run.path)
    return run


def make_pretraining(
    workspace: Workspace, name: str = "overnight", *, epochs: int = 60, planned: int = 60, **more: Any
):
    """A pretraining run with a loss that falls and meters that rise."""
    settings = {"method": "simclr", "cohort": "chest", "size": 64, "encoder": "resnet18", "epochs": planned}
    settings.update(more.pop("settings", {}))
    run = make_run(workspace, "pretrain", name, settings, **more)
    rng = np.random.default_rng(1)
    for epoch in range(1, epochs + 1):
        event = {
            "step": 14 * epoch,
            "epoch": epoch,
            "loss": 2.1 + 2.4 * math.exp(-epoch / 14) + 0.02 * rng.normal(),
            "lr": 1e-3,
            "images_per_s": 180 + 5 * rng.normal(),
        }
        if epoch % 4 == 0 or epoch == 1:
            event["knn_auc"] = 0.82 - 0.25 * math.exp(-epoch / 20) + 0.008 * rng.normal()
            event["probe_auc"] = 0.88 - 0.26 * math.exp(-epoch / 16) + 0.008 * rng.normal()
            event["feature_std"], event["rank_me"] = 0.04, 60 + epoch / 2
        run.event(**event)
    if epochs == planned:
        facts = {"architecture": "resnet18", "size": settings["size"], "method": settings["method"]}
        (run.path / "encoder.json").write_text(json.dumps(facts))
        (run.path / "result.json").write_text(json.dumps({"images_per_s": 181.0, "collapse": "", "run_id": name}))
    return run


def make_classifier(workspace: Workspace, name: str = "reader", **status: Any) -> RunFolder:
    """A classifier with metrics and a saliency picture."""
    from PIL import Image

    run = make_run(workspace, "finetune", name, {"cohort": "chest", "encoder": "overnight"}, **status)

    def figure(value: float | None, low: float | None, high: float | None, note: str = "") -> dict[str, Any]:
        return {"value": value, "low": low, "high": high, "n": 15, "n_patients": 11, "note": note}

    wide = "wide: only 11 test patients in one class"
    metrics = {
        "auc": figure(0.873, 0.742, 0.951, wide),
        "average_precision": figure(0.81, 0.66, 0.92, wide),
        "balanced_accuracy": figure(0.79, 0.68, 0.9),
        "sensitivity": figure(0.84, 0.76, 0.9),
        "specificity": figure(0.9, 0.8, 0.96),
        "brier": figure(0.14, 0.1, 0.19),
        "log_loss": figure(0.41, None, None),
    }
    (run.path / "metrics.json").write_text(json.dumps(metrics))
    facts = {"method": "probe", "encoder": "overnight", "n_patients": 30, "n_scans": 45}
    (run.path / "result.json").write_text(json.dumps({**facts, "test_patients": 11, "test_scans": 15}))
    (run.path / "predictions.parquet").write_bytes(b"PAR1")
    Image.fromarray(np.zeros((60, 200, 3), np.uint8)).save(run.path / "saliency.png")
    return run


CURVES = {
    ("SimCLR", "probe"): (0.74, 0.81, 0.86, 0.89, 0.905),
    ("MAE", "probe"): (0.70, 0.76, 0.82, 0.86, 0.885),
    ("scratch", "finetune"): (0.62, 0.69, 0.77, 0.83, 0.88),
    ("SimCLR", "finetune"): (0.73, 0.80, 0.87, 0.90, 0.92),
    ("MAE", "finetune"): (0.69, 0.75, 0.83, 0.87, 0.90),
}
BUDGETS = ("10", "25", "50", "100", "all")


def study_summary() -> dict[str, Any]:
    """A ``summary.json`` of the kind that the study writes."""
    n = (10.0, 25.0, 50.0, 100.0, 374.0)
    curve = [
        {"arm": arm, "protocol": protocol, "budget": BUDGETS[i], "n": n[i], "n_patients": n[i], "draws": 20,
         "value": value, "low": value - 0.07 / (1 + 0.3 * i), "high": value + 0.06 / (1 + 0.3 * i), "draw_sd": 0.02,
         "se": {"test": 0.02, "draw": 0.005, "pool": 0.01}}
        for (arm, protocol), values in CURVES.items()
        for i, value in enumerate(values)
    ]  # fmt: skip
    comparisons = []
    for (arm, protocol), values in CURVES.items():
        if arm == "scratch":
            continue
        gaps = [value - other for value, other in zip(values, CURVES[("scratch", "finetune")], strict=True)]
        helps = arm == "SimCLR"
        sentence = (
            f"{arm} helps: it ranks better than scratch by more than 0.01 (difference of the area +0.071, 95 % "
            "interval +0.022 to +0.120)."
            if helps
            else f"No benefit shown for {arm} over scratch (difference of the area +0.029, 95 % interval -0.021 to "
            "+0.079); a difference below 0.070 could not have been detected."
        )
        comparisons.append(
            {
                "arm": arm, "protocol": protocol, "reference": "scratch", "reference_protocol": "finetune",
                "primary": protocol == "probe",
                "verdict": {"short": "helps" if helps else "no benefit shown", "sentence": sentence,
                            "detectable": 0.07, "supported_margin": 0.08},
                "area": {"difference": 0.07, "low": 0.02, "high": 0.12, "se": 0.02, "df": 30, "p": 0.01, "p_holm": 0.1},
                "differences": [
                    {"budget": BUDGETS[i], "n": n[i], "value": gap, "low": gap - 0.06, "high": gap + 0.06,
                     "point_low": gap - 0.05, "point_high": gap + 0.05}
                    for i, gap in enumerate(gaps)
                ],
                "labels_saved": {"text": "2.9x (1.6-5.2x)", "factor": 2.9, "low": 1.6, "high": 5.2} if helps else None,
                "per_budget": [],
                "warnings": [],
            }
        )  # fmt: skip
    return {
        "schema_version": 1, "metric": "auc", "unit": "scan", "budget_unit": "patients", "headline_protocol": "probe",
        "reference": "scratch", "verdict": " ".join(c["verdict"]["sentence"] for c in comparisons if c["primary"]),
        "test": {"scans": 300, "units": 300, "patients": 126, "fewest_patients": 48}, "curve": curve,
        "comparisons": comparisons, "labels_saved": {}, "not_run": ["Fine-tuning was not run at 250 labels."],
        "warnings": ["Only 26 test patients in the smallest class: intervals are wide."],
    }  # fmt: skip


def make_study(workspace: Workspace, name: str = "answer", **status: Any) -> RunFolder:
    """A finished study with summary, report and a figure."""
    from PIL import Image

    run = make_run(workspace, "study", name, {"cohort": "chest"}, **status)
    (run.path / "summary.json").write_text(json.dumps(study_summary()))
    (run.path / "report.html").write_text("<html><body>report</body></html>")
    (run.path / "figures").mkdir()
    Image.fromarray(np.full((80, 120, 3), 255, np.uint8)).save(run.path / "figures" / "curve.png")
    return run


def audit_figures(source: str = "reader", weights: str = "ab" * 32) -> dict[str, Any]:
    """An ``audit.json`` with one clear, one possible and no difference, one group too small, some not recorded."""

    def three(value: float) -> dict[str, float]:
        return {"value": value, "low": value - 0.06, "high": value + 0.05}

    def group(
        name: str, quality: float, positive: int, *, comparable: bool = True, **differences: Any
    ) -> dict[str, Any]:
        shown = positive >= 10
        point = {"arm": "model", "protocol": "probe", "budget": "all", "n": 300.0,
                 "auc": three(quality), "sensitivity": three(quality - 0.1), "specificity": three(0.9)}  # fmt: skip
        return {
            "name": name, "comparable": comparable, "units": 4 * positive, "patients": 3 * positive,
            "positive_patients": positive, "negative_patients": 2 * positive, "shown": shown,
            "judged": comparable and positive >= 30, "note": "", "points": [point] if shown else [],
            "differences": [{"metric": metric, **facts} for metric, facts in differences.items()],
        }  # fmt: skip

    clear = {"value": -0.11, "low": -0.19, "high": -0.03, "p_holm": 0.01, "named": True}
    possible = {"value": 0.05, "low": 0.004, "high": 0.1, "p_holm": 0.2, "named": False}
    none = {"value": 0.01, "low": -0.03, "high": 0.05, "p_holm": 1.0, "named": False}
    sex = [
        group("female", 0.91, 70, auc={**clear, "value": 0.11, "low": 0.03, "high": 0.19}, specificity=none),
        group("male", 0.80, 80, auc=clear, sensitivity=possible, specificity=none),
        group("not recorded", 0.85, 12, comparable=False),
    ]
    scanner = [group("Aurora", 0.86, 90, auc=none), group("Borealis", 0.84, 60, auc=none), group("Old", 0.5, 4)]
    return {
        "schema_version": 1, "verdict": "It does not work equally well by sex.", "warnings": ["Intervals are wide."],
        "source": {"kind": "finetune", "run_id": source, "model": source}, "cohort": "chest", "weights_sha256": weights,
        "question": {"positive": ["lesion"], "name": "lesion", "said": "lesion against clear."},
        "arm": "model", "protocol": "probe", "budget": "all", "n": 300.0, "unit": "scan",
        "test": {"units": 648, "patients": 486, "positive_patients": 162, "negative_patients": 324},
        "everyone": group("everyone", 0.86, 162),
        "attributes": [
            {"name": "sex", "verdict": {"short": "disparity remains", "sentence": "By sex: AUC is lower for male."},
             "groups": sex},
            {"name": "scanner", "verdict": {"short": "no disparity detected", "sentence": "By scanner: none detected."},
             "groups": scanner},
        ],
        "skipped": [{"name": "site", "reason": "only one value"}],
    }  # fmt: skip


def make_audit(workspace: Workspace, name: str = "fairness", source: str = "reader", **status: Any) -> RunFolder:
    """A finished audit of the classifier ``source``."""
    run = make_run(workspace, "audit", name, {"source": source}, **status)
    (run.path / "audit.json").write_text(json.dumps(audit_figures(source)))
    (run.path / "audit.html").write_text("<html><body>audit</body></html>")
    return run
