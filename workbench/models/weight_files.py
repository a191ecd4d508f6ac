"""Files of weights, read without ever unpickling objects: safetensors, or torch files with tensors alone."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from workbench.errors import InputError, OperationFailed

CONTAINERS = ("state_dict", "model", "model_state_dict", "model_state", "module", "net")
TEACHERS = ("teacher", "model_ema", "ema", "state_dict_ema", "student")


def read_tensors(file: Path) -> dict[str, Tensor]:
    """The named tensors of a file.

    Containers such as ``{"state_dict": ...}`` or ``{"teacher": ..., "student": ...}`` (DINO; the teacher is taken) are
    opened.

    Raises:
        InputError: The file is absent, is no file of weights, or holds pickled objects other than tensors.
    """
    file = Path(file)
    if not file.is_file():
        raise InputError("The file of weights does not exist.", where=file, todo="Check the path.")
    if file.suffix == ".safetensors":
        return read_safetensors(file)
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            "The file holds pickled objects besides tensors, and those are never loaded.",
            where=file,
            todo="Save its state dict alone (torch.save(model.state_dict(), ...)) or as safetensors.",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(
            "The file is not a readable file of weights.", where=file, todo="Bring a whole copy of it."
        ) from error
    tensors = unwrap(content)
    if not tensors:
        raise InputError("The file holds no named tensors.", where=file)
    return tensors


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        InputError: It is absent, damaged or cut short.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(file)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"The weights cannot be read: {error}.", where=file, todo="Bring a whole copy of the file."
        ) from error


def unwrap(content: Any) -> dict[str, Tensor]:
    """The mapping of names to tensors inside a loaded checkpoint; empty when there is none."""
    while isinstance(content, Mapping):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        inner = [name for name in (*TEACHERS, *CONTAINERS) if isinstance(content.get(name), Mapping)]
        if not inner:
            return tensors
        content = content[inner[0]]
    return {}


def write_safetensors(file: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Write atomically (a temporary name, then renamed).

    Returns:
        SHA-256 of the file, hexadecimal.

    Raises:
        OperationFailed: The disk is full or the folder cannot be written to.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    temporary = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, temporary, dict(metadata))
        digest = file_digest(temporary)
        temporary.replace(file)
    except (OSError, SafetensorError) as error:
        temporary.unlink(missing_ok=True)
        raise OperationFailed(
            f"The weights cannot be written: {error}.", where=file, todo="Free disk space or check the permissions."
        ) from error
    return digest


def file_digest(file: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def differences(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """What does not fit between two sets of tensors, one sentence each."""
    sentences = [f"'{name}' is missing" for name in expected if name not in found]
    sentences += [f"'{name}' is not part of the network" for name in found if name not in expected]
    sentences += [
        f"'{name}' has shape {tuple(found[name].shape)} where the network has {tuple(value.shape)}"
        for name, value in expected.items()
        if name in found and found[name].shape != value.shape
    ]
    return sentences


def load_exactly(module: torch.nn.Module, tensors: Mapping[str, Tensor], where: Path) -> None:
    """Load all tensors into a module that has precisely these.

    Raises:
        InputError: Names or shapes differ; the first few are named.
    """
    wrong = differences(module.state_dict(), tensors)
    if wrong:
        more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
        raise InputError(
            f"The weights do not fit the network that is described beside them: {'; '.join(wrong[:4])}{more}.",
            where=where,
            todo="The two files belong together: bring both from the run that made them.",
        )
    module.load_state_dict(dict(tensors))
