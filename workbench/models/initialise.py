"""Starting an encoder from weights: own checkpoints, timm and torchvision files, MAE and DINO state dicts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from workbench.errors import InputError
from workbench.models import checkpoint
from workbench.models.encoders import Encoder
from workbench.models.weight_files import read_tensors, unwrap

SMALLEST_MATCH = 0.5
IMAGENET_GREY = (0.449, 0.226)  # mean over channels of ImageNet's mean (0.485, 0.456, 0.406), std (0.229, 0.224, 0.225)
PREFERRED = ("teacher", "ema", "target", "momentum", "backbone", "encoder", "vit", "student")
NORMALISATION = ("mean", "std")
COUNTERS = ("num_batches_tracked",)
_OLD_DENSENET = re.compile(r"(denselayer\d+\.)(norm|relu|conv)\.(\d)\.")
_MONAI_DENSENET = re.compile(r"(denselayer\d+)\.layers\.")


@dataclass(frozen=True)
class LoadReport:
    """What loading weights came to.

    Attributes:
        matched: Names of the network's tensors that were filled.
        missing: Names that kept their random values, with the reason where a shape differs.
        unexpected: Names in the source that the network has no place for.
        adapted: Sentences on tensors that were changed to fit.
        prefix: What was taken off the source's names.
        source: Where the weights came from.
    """

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    adapted: tuple[str, ...] = ()
    prefix: str = ""
    source: str = ""

    @property
    def sentence(self) -> str:
        """The report for people."""
        total = len(self.matched) + len(self.missing)
        parts = [f"{len(self.matched)} of the encoder's {total} tensors were loaded"]
        if self.prefix:
            parts[0] += f" (under '{self.prefix}')"
        if self.missing:
            parts.append(f"{len(self.missing)} stay random: {_few(self.missing)}")
        if self.unexpected:
            parts.append(f"{len(self.unexpected)} in the file were not used: {_few(self.unexpected)}")
        return "; ".join([*parts, *self.adapted]) + "."


def load_weights(encoder: Encoder, source: str | Path | Mapping[str, Any]) -> LoadReport:
    """Fill an encoder with weights, in place; the wrapper that holds them is found by itself.

    Every prefix under which the source's names occur (``module.``, ``backbone.``, ``student.``, ``encoder.vit.``) is
    tried, and the one that fits most tensors is taken. First convolutions and patch embeddings for another number of
    channels are adapted (summed over the source's channels, which keeps the response to a grey image), position
    embeddings and patch embeddings are resampled (timm).

    Args:
        encoder: Changed in place.
        source: An encoder's folder, a safetensors file, a torch file that loads with ``weights_only=True``, or a state
            dict.

    Raises:
        InputError: The file cannot be read, or fewer than half of the encoder's tensors find their weights; then the
            encoder is left as it was.
    """
    tensors, where = _read(source)
    target = {name: value for name, value in encoder.network.state_dict().items() if not name.endswith(COUNTERS)}
    tensors = {_renamed(name): value for name, value in tensors.items()}
    prefix = _best_prefix(tensors, target)
    inner = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    inner = _remapped(encoder, inner)
    filled: dict[str, Tensor] = {}
    missing, adapted = [], []
    for name, value in target.items():
        if name not in inner:
            missing.append(name)
            continue
        found, sentence = _fit(encoder, name, inner[name], value)
        if found is None:
            missing.append(f"{name} (shape {tuple(inner[name].shape)}, the encoder has {tuple(value.shape)})")
            continue
        filled[name] = found
        adapted += [sentence] if sentence else []
    share = len(filled) / max(len(target), 1)
    if share < SMALLEST_MATCH:
        raise InputError(
            f"The weights do not fit {encoder.name}: {len(filled)} of its {len(target)} tensors find theirs. "
            f"Without: {_few(missing)}. The file has: {_few(tuple(tensors))}.",
            where=where,
            todo="Choose the architecture (and patch size) that the weights were trained with.",
        )
    encoder.network.load_state_dict(filled, strict=False)
    adapted += _take_normalisation(encoder, tensors, prefix, adapted)
    used = {prefix + name for name in inner if name in target}
    used.update(prefix.removesuffix("network.") + name for name in NORMALISATION)
    unexpected = tuple(name for name in tensors if name not in used and not name.endswith(COUNTERS))
    return LoadReport(tuple(filled), tuple(missing), unexpected, tuple(adapted), prefix, where)


def _read(source: str | Path | Mapping[str, Any]) -> tuple[dict[str, Tensor], str]:
    if isinstance(source, Mapping):
        return unwrap(source), "a state dict"
    path = Path(source).expanduser()
    if path.is_dir():
        path = checkpoint.FILES.find(path) / checkpoint.WEIGHTS
    return read_tensors(path), str(path)


def _renamed(name: str) -> str:
    """Names that torchvision's and MONAI's DenseNet checkpoints have for the same tensors."""
    return _MONAI_DENSENET.sub(r"\1.", _OLD_DENSENET.sub(r"\1\2\3.", name))


def _best_prefix(tensors: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> str:
    """The prefix under which most of the target's names are found; a teacher wins over a student that fits alike."""
    counts: dict[str, int] = {}
    for name in tensors:
        parts = name.split(".")
        for depth in range(len(parts)):
            if ".".join(parts[depth:]) in target:
                prefix = "".join(part + "." for part in parts[:depth])
                counts[prefix] = counts.get(prefix, 0) + 1

    def rank(prefix: str) -> tuple[int, int, int]:
        words = [PREFERRED.index(word) for part in prefix.split(".") for word in PREFERRED if word in part]
        return counts[prefix], -min(words, default=len(PREFERRED)), -len(prefix)

    return max(counts, key=rank, default="")


def _remapped(encoder: Encoder, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Facebook's names of ConvNeXt as timm's, by timm's own table."""
    if encoder.name.startswith("convnext") and any(name.startswith("downsample_layers.") for name in tensors):
        from timm.models.convnext import checkpoint_filter_fn

        kept = {name: value for name, value in tensors.items() if not name.startswith("head.")}
        return checkpoint_filter_fn(kept, encoder.network)
    return tensors


def _fit(encoder: Encoder, name: str, found: Tensor, wanted: Tensor) -> tuple[Tensor | None, str]:
    """The tensor in the wanted shape, with a sentence if it had to be changed; None where it cannot be."""
    sentences = []
    if name == "pos_embed" and found.ndim == 3 and found.shape[1:] != wanted.shape[1:]:
        found, sentence = _fit_positions(encoder, found)
        sentences.append(sentence)
    elif found.ndim == 4 and wanted.ndim == 4:
        if found.shape[1] != wanted.shape[1] and _reads_image(encoder, name):
            before = found.shape[1]
            found = found.sum(dim=1, keepdim=True).expand(-1, wanted.shape[1], -1, -1) / wanted.shape[1]
            sentences.append(f"'{name}' was adapted from {before} to {wanted.shape[1]} channels")
        if found.shape[2:] != wanted.shape[2:] and name == "patch_embed.proj.weight":
            from timm.layers.patch_embed import resample_patch_embed

            before = found.shape[-1]
            found = resample_patch_embed(found.float(), list(wanted.shape[2:]))
            sentences.append(f"patches of {before} pixels were resampled to {wanted.shape[-1]}")
    if found.shape != wanted.shape:
        return None, ""
    return found.to(wanted.dtype).contiguous(), "; ".join(sentences)


def _reads_image(encoder: Encoder, name: str) -> bool:
    return name in ("conv1.weight", "features.conv0.weight", "stem.0.weight", "patch_embed.proj.weight")


def _fit_positions(encoder: Encoder, found: Tensor) -> tuple[Tensor, str]:
    from timm.layers.pos_embed import resample_abs_pos_embed

    grid = list(encoder.vit.patch_embed.grid_size)
    tokens, prefix = found.shape[1], encoder.vit.num_prefix_tokens
    if round((tokens - prefix) ** 0.5) ** 2 != tokens - prefix:
        return found, ""
    before = round((tokens - prefix) ** 0.5)
    resampled = resample_abs_pos_embed(found.float(), grid, num_prefix_tokens=prefix)
    return resampled, f"position embeddings were resized from {before} x {before} to {grid[0]} x {grid[1]}"


def _take_normalisation(encoder: Encoder, tensors: Mapping[str, Tensor], prefix: str, adapted: list[str]) -> list[str]:
    """The source's normalisation: its own buffers, or ImageNet's where a colour network was made a grey one."""
    outer = prefix.removesuffix("network.")
    buffers = [tensors.get(outer + name) for name in NORMALISATION]
    mean, std = buffers
    if mean is not None and std is not None and mean.ndim == std.ndim == 1:
        if len(mean) != encoder.in_channels:
            mean, std = mean.mean(), std.mean()
        encoder.set_normalisation(mean.tolist(), std.tolist())
        return []
    if any("from 3 to" in sentence for sentence in adapted):
        encoder.set_normalisation(*IMAGENET_GREY)
        return ["the input is normalised as ImageNet's images are, mean over the colours"]
    return []


def _few(names: tuple[str, ...] | list[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
