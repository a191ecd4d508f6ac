"""The speed at which the frames of an instance are meant to be shown (PS3.3 C.7.6.5)."""

from __future__ import annotations

from workbench.dicom.attributes import Attributes

SLOWEST, FASTEST = 0.5, 120.0


def frame_rate(root: Attributes) -> float | None:
    """Frames per second: as recommended, else of the acquisition; None where neither is stated or it makes no sense.

    Args:
        root: The root data set.
    """
    times = root.numbers("FrameTimeVector")[1:]  # the first frame has no predecessor
    stated = (
        root.number("RecommendedDisplayFrameRate"),
        root.number("CineRate"),
        _per_second(root.number("FrameTime")),
        _per_second(sum(times) / len(times) if times else None),
    )
    return next((rate for rate in stated if rate is not None and SLOWEST <= rate <= FASTEST), None)


def _per_second(milliseconds: float | None) -> float | None:
    return 1000.0 / milliseconds if milliseconds and milliseconds > 0 else None
