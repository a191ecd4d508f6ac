"""A chest-like phantom: path lengths through simple bodies, an X-ray beam by Beer-Lambert, a detector with noise.

It is no patient and resembles none; it has what makes radiographs hard (overlapping ribs and vessels, varying build,
positioning, exposure and noise) and one thing to find: a soft, faint opacity in a lung field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

FloatMap = NDArray[np.floating]

# Linear attenuation at about 60 keV, per cm: water 0.206, cortical bone 0.60 (NIST XCOM).
MU_SOFT = 0.206
MU_BONE = 0.60
LUNG_DENSITY = 0.28


@dataclass(frozen=True)
class Anatomy:
    """One patient's build, constant over that patient's images; lengths in half image widths unless said.

    Attributes:
        depth_cm: Thickness of the trunk at its middle, in cm.
        width: Half width of the trunk.
        lung: Half width and half height of a lung field.
        heart: Half width of the heart's shadow.
        ribs: Number of rib pairs seen.
        slope: How much the ribs fall outwards.
        breast: Thickness of the breast shadow, in cm.
        texture: Seed of the vessels.
        lesion: Side (-1 or 1) and place within the lung (each -1 to 1), and its radius.
    """

    depth_cm: float
    width: float
    lung: tuple[float, float]
    heart: float
    ribs: int
    slope: float
    breast: float
    texture: int
    lesion: tuple[int, float, float, float]


@dataclass(frozen=True)
class Exposure:
    """How one image was taken.

    Attributes:
        rotation_deg, shift_x, shift_y, zoom: Positioning; shifts in half image widths.
        photons: Photons per pixel in the open beam; noise goes with its root.
        scatter: Scattered share of the primary beam.
        blur_px: Standard deviation of the detector's blur, in pixels.
        breath: Depth of breathing in; scales the lungs' height.
        collimation: Width of the shuttered border, in half image widths; 0 for none.
    """

    rotation_deg: float
    shift_x: float
    shift_y: float
    zoom: float
    photons: float
    scatter: float
    blur_px: float
    breath: float
    collimation: float


def draw_anatomy(random: np.random.Generator, *, sex: str) -> Anatomy:
    """One patient's build by chance; women get a breast shadow."""
    return Anatomy(
        depth_cm=float(random.uniform(17, 26)),
        width=float(random.uniform(0.86, 1.02)),
        lung=(float(random.uniform(0.30, 0.37)), float(random.uniform(0.56, 0.70))),
        heart=float(random.uniform(0.24, 0.38)),
        ribs=int(random.integers(8, 11)),
        slope=float(random.uniform(0.10, 0.30)),
        breast=float(random.uniform(1.0, 4.0)) if sex == "F" else 0.0,
        texture=int(random.integers(2**31)),
        lesion=(
            int(random.choice([-1, 1])),
            float(random.uniform(-0.55, 0.55)),
            float(random.uniform(-0.65, 0.6)),
            float(random.uniform(0.14, 0.22)),
        ),
    )


def draw_exposure(random: np.random.Generator, *, photons: float, blur_px: float) -> Exposure:
    """Positioning and exposure of one image by chance, on a scanner of the given dose and sharpness."""
    return Exposure(
        rotation_deg=float(random.normal(0, 3.5)),
        shift_x=float(random.normal(0, 0.05)),
        shift_y=float(random.normal(0, 0.06)),
        zoom=float(random.uniform(0.9, 1.12)),
        photons=photons * float(random.lognormal(0, 0.35)),
        scatter=float(random.uniform(0.2, 0.8)),
        blur_px=blur_px,
        breath=float(random.uniform(0.85, 1.08)),
        collimation=float(random.uniform(0.04, 0.14)) if random.random() < 0.2 else 0.0,
    )


def radiograph(
    anatomy: Anatomy,
    exposure: Exposure,
    *,
    rows: int,
    columns: int,
    lesion_cm: float,
    random: np.random.Generator,
) -> FloatMap:
    """One exposure of the phantom.

    Args:
        anatomy: The patient's build.
        exposure: Positioning, dose, blur.
        rows, columns: Size in pixels.
        lesion_cm: Extra soft-tissue path through the opacity's middle, in cm; 0 for none.
        random: Source of the photon noise and of the fine structure that differs from image to image.

    Returns:
        ``(rows, columns)`` attenuation, the negative logarithm of the detected share of the open beam: 0 for open
        beam, higher for denser paths (white in MONOCHROME2).
    """
    x, y = _coordinates(rows, columns, exposure)
    soft, bone, lungs = _paths(anatomy, exposure, x, y)
    soft = soft + _vessels(anatomy, exposure, rows, columns) * lungs
    soft = soft * (1 + 0.035 * _field(random, rows, columns))
    if lesion_cm:
        soft = soft + lesion_cm * _lesion(anatomy, exposure, x, y, random) * np.minimum(1, 2 * lungs)
    primary = np.exp(-MU_SOFT * soft - MU_BONE * bone)
    scattered = exposure.scatter * gaussian_filter(primary, 0.12 * columns, mode="nearest")
    beam = gaussian_filter(primary + 0.5 * scattered, exposure.blur_px, mode="nearest")
    counts = random.poisson(np.maximum(beam * exposure.photons, 0)) + 1.0
    attenuation = -np.log(counts / exposure.photons)
    if exposure.collimation:
        edge = np.maximum(np.abs(_grid(columns)[None, :]), np.abs(_grid(rows)[:, None])) > 1 - exposure.collimation
        attenuation = np.where(edge, attenuation.min(), attenuation)
    return attenuation.astype(np.float32)


def _grid(size: int) -> FloatMap:
    return ((np.arange(size, dtype=np.float32) + 0.5) / size) * 2 - 1


def _coordinates(rows: int, columns: int, exposure: Exposure) -> tuple[FloatMap, FloatMap]:
    """Patient coordinates of every pixel: x to the image's right, y downwards, in half image widths."""
    x, y = np.meshgrid(_grid(columns), _grid(rows) * rows / columns)
    angle = math.radians(exposure.rotation_deg)
    x, y = x - exposure.shift_x, y - exposure.shift_y
    across = (x * math.cos(angle) + y * math.sin(angle)) / exposure.zoom
    down = (-x * math.sin(angle) + y * math.cos(angle)) / exposure.zoom
    return across.astype(np.float32), down.astype(np.float32)


def _dome(x: FloatMap, y: FloatMap, centre: tuple[float, float], half: tuple[float, float]) -> FloatMap:
    """Relative chord through an ellipsoid: 1 in its middle, 0 outside."""
    inside = 1 - ((x - centre[0]) / half[0]) ** 2 - ((y - centre[1]) / half[1]) ** 2
    return np.sqrt(np.maximum(inside, 0))


def _ridge(distance: FloatMap, width: float) -> FloatMap:
    return np.exp(-0.5 * (distance / width) ** 2)


def _lung_centre(anatomy: Anatomy, side: int) -> tuple[float, float]:
    return side * (anatomy.lung[0] + 0.10), -0.08


def _paths(anatomy: Anatomy, exposure: Exposure, x: FloatMap, y: FloatMap) -> tuple[FloatMap, FloatMap, FloatMap]:
    """Path lengths in cm through soft tissue and bone, and how much of the path lies in lung (0 to 1)."""
    across, height = anatomy.lung[0], anatomy.lung[1] * exposure.breath
    trunk = np.sqrt(np.maximum(1 - (np.abs(x) / anatomy.width) ** 4, 0)) * np.clip(1.5 + y, 0.55, 1)
    lungs = np.zeros_like(x)
    for side in (-1, 1):
        centre = _lung_centre(anatomy, side)
        field = _dome(x, y, centre, (across, height))
        dome_y = centre[1] + 0.62 * height + 0.25 * (x - centre[0]) ** 2 / across + 0.03 * side
        lungs += field / (1 + np.exp((y - dome_y) / 0.02))
    heart = _dome(x, y, (0.12, 0.22), (anatomy.heart, 0.34))
    lungs = np.clip(lungs * (1 - 0.85 * heart), 0, 1)
    middle = _ridge(x - 0.01, 0.11)
    soft = anatomy.depth_cm * trunk * (1 - 0.72 * (1 - LUNG_DENSITY) * lungs) + 2.5 * middle + 3.0 * heart
    for side in (-1, 1):
        soft = soft + anatomy.breast * _dome(x, y, (side * 0.45, 0.35), (0.34, 0.30))
    spine = _ridge(x, 0.085) * (1.6 + 0.5 * np.sin(2 * math.pi * y / 0.17))
    bone = np.maximum(spine, 0)
    for number in range(anatomy.ribs):
        start = -0.85 + 1.5 * number / anatomy.ribs
        curve = start + anatomy.slope * np.abs(x) + 0.55 * np.abs(x) ** 2.2 - 0.05
        fade = np.clip(1.05 - (np.abs(x) / anatomy.width) ** 6, 0, 1) * (np.abs(x) > 0.06)
        distance = y - curve
        bone = bone + 0.42 * fade * (_ridge(distance - 0.022, 0.012) + _ridge(distance + 0.022, 0.012))
        bone = bone + 0.25 * fade * _ridge(distance, 0.02)
    clavicle = y + 0.80 + 0.25 * np.abs(x)
    bone = bone + 0.9 * _ridge(clavicle, 0.028) * (np.abs(x) > 0.08) * (np.abs(x) < 0.75)
    return soft.astype(np.float32), bone.astype(np.float32), lungs.astype(np.float32)


def _vessels(anatomy: Anatomy, exposure: Exposure, rows: int, columns: int) -> FloatMap:
    """Branching vessels from each hilum, the same for all images of a patient, in cm of soft tissue."""
    random = np.random.default_rng(anatomy.texture)
    canvas = Image.new("F", (columns, rows), 0.0)
    draw = ImageDraw.Draw(canvas)
    angle = math.radians(exposure.rotation_deg)
    scale = columns / 2 * exposure.zoom

    def pixel(x: float, y: float) -> tuple[float, float]:
        turned_x = x * math.cos(angle) - y * math.sin(angle)
        turned_y = x * math.sin(angle) + y * math.cos(angle)
        return (
            columns / 2 * (1 + exposure.shift_x) + scale * turned_x,
            rows / 2 + columns / 2 * exposure.shift_y + scale * turned_y,
        )

    for side in (-1, 1):
        for _ in range(16):
            x, y = side * 0.16, -0.05 + float(random.normal(0, 0.05))
            heading = float(random.uniform(-1.25, 1.25))
            for piece in range(9):
                next_x = x + side * 0.065 * math.cos(heading)
                next_y = y + 0.075 * math.sin(heading)
                thick = max(1, round(0.022 * columns * (1 - piece / 9)))
                draw.line([pixel(x, y), pixel(next_x, next_y)], fill=1.6 * (1 - 0.8 * piece / 9), width=thick)
                x, y = next_x, next_y
                heading += float(random.normal(0, 0.28))
    return gaussian_filter(np.asarray(canvas, np.float32), 0.006 * columns)


def _field(random: np.random.Generator, rows: int, columns: int) -> FloatMap:
    """Smooth unstructured variation of unit size with a falling spectrum, as soft tissue has."""
    field = np.zeros((rows, columns), np.float32)
    for share, weight in ((0.12, 1.0), (0.06, 0.6), (0.03, 0.4), (0.015, 0.25)):
        layer = gaussian_filter(random.standard_normal((rows, columns)).astype(np.float32), share * columns)
        field += weight * layer / layer.std()
    return field / 1.26


def _lesion(anatomy: Anatomy, exposure: Exposure, x: FloatMap, y: FloatMap, random: np.random.Generator) -> FloatMap:
    """The opacity's relative thickness: 1 in the middle, soft and uneven at its border."""
    side, across, down, radius = anatomy.lesion
    centre = _lung_centre(anatomy, side)
    centre_x = centre[0] + across * anatomy.lung[0] * 0.8
    centre_y = centre[1] + down * anatomy.lung[1] * exposure.breath * 0.8
    distance = np.hypot(x - centre_x, y - centre_y)
    angle = np.arctan2(y - centre_y, x - centre_x)
    uneven = sum(random.normal(0, 0.10) * np.cos(k * angle + random.uniform(0, 6.28)) for k in range(2, 6))
    return np.exp(-((distance / (radius * (1 + uneven))) ** 4) * 0.7).astype(np.float32)
