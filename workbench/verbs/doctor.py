"""``workbench doctor``: what this machine has, what is missing, and the command that mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil

from pydantic import BaseModel, Field

from workbench.config import Result, Settings
from workbench.runs.progress import Progress
from workbench.runs.workspace import Workspace

PACKAGES = (
    "torch",
    "torchvision",
    "pytorch-lightning",
    "lightly",
    "timm",
    "monai",
    "pydicom",
    "mlflow",
    "streamlit",
    "python-gdcm",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "pyjpegls",
    "dicomsdl",
    "ray",
)
OPTIONAL = {"ray": "pip install 'medical-imaging-workbench[ray]'   (only for engine=ray)"}
NEEDED_GB = 5.0


class DoctorSettings(Settings):
    """Nothing to set."""

    decoders: bool = Field(default=True, description="List the decoder of every transfer syntax.")


class Problem(BaseModel):
    """Something missing, and what mends it."""

    what: str
    mend: str


class DoctorResult(Result):
    """What was found."""

    python: str
    versions: dict[str, str]
    devices: list[str]
    cores: int
    memory_gb: float
    disk_free_gb: float
    workspace: str
    decoders: dict[str, str]
    problems: list[Problem]

    @property
    def exit_code(self) -> int:
        """1 when something that is needed is missing."""
        return 1 if self.problems else 0

    def summary(self) -> str:
        """The findings as a page of text."""
        lines = [f"Python {self.python}, {self.cores} cores, {self.memory_gb:.0f} GB memory", "", "Packages:"]
        lines += [f"  {name:<20} {version}" for name, version in self.versions.items()]
        lines += ["", "Devices:", *(f"  {device}" for device in self.devices)]
        lines += ["", f"Workspace: {self.workspace} ({self.disk_free_gb:.0f} GB free)"]
        if self.decoders:
            lines += ["", "Decoders:", *(f"  {syntax:<56} {name}" for syntax, name in self.decoders.items())]
        lines += ["", "Nothing is missing." if not self.problems else "To mend:"]
        lines += [f"  {problem.what}\n      {problem.mend}" for problem in self.problems]
        return "\n".join(lines)


def doctor(settings: DoctorSettings, *, workspace: Workspace, progress: Progress | None = None) -> DoctorResult:
    """Look at versions, devices, decoders and disk."""
    import psutil

    problems = []
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "absent" + (" (optional)" if name in OPTIONAL else "")
            if name not in OPTIONAL:
                problems.append(Problem(what=f"{name} is not installed.", mend="make install"))
    devices = _devices(problems)
    existing = next(folder for folder in (workspace.root, *workspace.root.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if free < NEEDED_GB:
        problems.append(
            Problem(what=f"Only {free:.1f} GB free under {existing}.", mend="Free space, or use --workspace elsewhere.")
        )
    if not os.access(existing, os.W_OK):
        problems.append(
            Problem(what=f"{existing} cannot be written to.", mend="Use --workspace with a folder of yours.")
        )
    return DoctorResult(
        python=platform.python_version(),
        versions=versions,
        devices=devices,
        cores=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / 1e9,
        disk_free_gb=free,
        workspace=str(workspace.root),
        decoders=_decoders(problems) if settings.decoders else {},
        problems=problems,
    )


def _devices(problems: list[Problem]) -> list[str]:
    try:
        import torch
    except (ImportError, OSError) as error:
        problems.append(Problem(what=f"torch cannot be imported: {error}", mend="make install"))
        return []
    found = [f"CPU: {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"]
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        found.append(f"GPU {number}: {properties.name}, {properties.total_memory / 1e9:.0f} GB")
    if not torch.cuda.is_available():
        found.append("no GPU: training runs on the CPU")
    return found


def _decoders(problems: list[Problem]) -> dict[str, str]:
    from workbench.dicom import decoders

    table = {}
    for row in decoders.report():
        table[f"{row.name} ({row.uid})"] = ", ".join(row.plugins) or "none"
        if not row.plugins:
            problems.append(Problem(what=f"Nothing decodes {row.name}.", mend=row.mend))
    return table
