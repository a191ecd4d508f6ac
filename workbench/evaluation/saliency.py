"""Where a classifier looks: Grad-CAM for CNNs, attention roll-out for vision transformers, and pictures of either."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from workbench.errors import InputError
from workbench.models.classifier import Classifier

COLUMNS = 4
EVEN = 1e-5  # relative; smaller differences are rounding


def saliency(classifier: Classifier, images: Tensor, classes: Sequence[int]) -> NDArray[np.float32]:
    """How much each place speaks for a class: ``(N, H, W)`` in [0, 1], the strongest place of each image 1.

    CNNs are shown by Grad-CAM, vision transformers by attention roll-out, which tells where they look but not what
    for: it is the same for every class.

    Args:
        classifier: In eval mode.
        images: ``(N, C, H, W)`` float in [0, 1].
        classes: ``(N,)`` the class that each image is asked about.

    Raises:
        InputError: A class is unknown, or their number is not that of the images.
    """
    if len(classes) != len(images):
        raise InputError(f"{len(images)} images but {len(classes)} classes.")
    unknown = [number for number in classes if not 0 <= number < len(classifier.classes)]
    if unknown:
        raise InputError(f"There is no class {unknown[0]}; the classifier has {len(classifier.classes)}.")
    if classifier.encoder.is_vit:
        return attention_rollout(classifier.encoder, images)
    return grad_cam(classifier, images, classes)


def grad_cam(classifier: Classifier, images: Tensor, classes: Sequence[int]) -> NDArray[np.float32]:
    """Grad-CAM (Selvaraju et al. 2017) on the last feature maps, by MONAI; as :func:`saliency`."""
    from monai.visualize.class_activation_maps import GradCAM

    copy = deepcopy(classifier).eval().requires_grad_(True)  # MONAI leaves its hooks in the module
    layer = f"encoder.{classifier.encoder.feature_map_layer()}"
    cam = GradCAM(nn_module=copy, target_layers=layer, postprocessing=_unchanged)
    maps = [
        cam(x=image[None].clone().requires_grad_(), class_idx=int(number))[0, 0]
        for image, number in zip(images, classes, strict=True)
    ]
    return np.stack([_scaled(np.asarray(torch.as_tensor(found).detach().cpu())) for found in maps])


def attention_rollout(encoder: Any, images: Tensor) -> NDArray[np.float32]:
    """Attention roll-out (Abnar & Zuidema 2020): attentions averaged over heads, half residual, multiplied through.

    What the features are pooled from (the class token, or all patches alike) is followed back to the patches.

    Args:
        encoder: A vision transformer of this program.
        images: ``(N, C, H, W)`` float in [0, 1].

    Returns:
        ``(N, H, W)`` in [0, 1].
    """
    vit = encoder.vit
    seen: list[Tensor] = []
    hooks, fused = [], []
    was_training = encoder.training
    encoder.eval()
    for block in vit.blocks:
        fused.append(block.attn.fused_attn)
        block.attn.fused_attn = False  # the fused kernel does not show its attention
        hooks.append(block.attn.attn_drop.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0])))
    try:
        with torch.no_grad():
            encoder(images)
    finally:
        for hook in hooks:
            hook.remove()
        for block, before in zip(vit.blocks, fused, strict=True):
            block.attn.fused_attn = before
        encoder.train(was_training)
    tokens = seen[0].shape[-1]
    identity = torch.eye(tokens)
    flow = identity.expand(len(images), -1, -1)
    for attention in seen:
        step = 0.5 * attention.float().cpu().mean(dim=1) + 0.5 * identity
        flow = step @ flow
    prefix = vit.num_prefix_tokens
    reached = flow[:, prefix:].mean(dim=1) if encoder.pool == "mean" else flow[:, 0]
    grid = vit.patch_embed.grid_size
    maps = reached[:, prefix:].reshape(len(images), 1, *grid)
    large = functional.interpolate(maps, size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
    return np.stack([_scaled(found.numpy(), from_lowest=True) for found in large])


def write_pictures(file: Path, images: Tensor, maps: NDArray[np.floating], captions: Sequence[str]) -> Path:
    """Write a sheet of images, each beside itself with its map laid over.

    Args:
        file: A PNG.
        images: ``(N, C, H, W)`` in [0, 1].
        maps: ``(N, H, W)`` in [0, 1].
        captions: ``(N,)``; nothing that identifies a patient.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = max(1, -(-len(images) // COLUMNS))
    figure = Figure(figsize=(4 * COLUMNS, 2.3 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 2 * COLUMNS, squeeze=False)
    for place in axes.ravel():
        place.set_axis_off()
    for number, (image, found, caption) in enumerate(zip(images, maps, captions, strict=True)):
        row, column = divmod(number, COLUMNS)
        grey = image.mean(dim=0).numpy()
        for step in range(2):
            axes[row][2 * column + step].imshow(grey, cmap="gray", vmin=0, vmax=1)
        axes[row][2 * column + 1].imshow(found, cmap="inferno", alpha=0.45 * (found > 0.05), vmin=0, vmax=1)
        axes[row][2 * column].set_title(caption, fontsize=8, loc="left")
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=110)
    return Path(file)


def _unchanged(maps: Any) -> Any:
    return maps


def _scaled(found: NDArray[np.floating], *, from_lowest: bool = False) -> NDArray[np.float32]:
    """From 0 (or the lowest value) to the highest, as 0 to 1; nothing but zeros stays zero."""
    low = float(found.min()) if from_lowest else 0.0
    high = float(found.max())
    if high - low <= EVEN * abs(high):
        return np.zeros(found.shape, np.float32)
    return np.clip((found - low) / (high - low), 0, 1).astype(np.float32)
