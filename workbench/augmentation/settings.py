"""How strongly views differ from the scan."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.config import Settings

Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(ge=0.25, le=4)]


class AugmentSettings(Settings):
    """Strengths of the random views. Every image draws its own parameters; no hue, for scans have none.

    The defaults suit contrastive learning. With ``crop_scale=[1, 1]``, ``crop_ratio=[1, 1]``, no flip and all other
    strengths 0 a view is the image itself, bit for bit.
    """

    crop_scale: tuple[Share, Share] = Field(
        default=(0.4, 1.0),
        description="Smallest and largest share of the image's area that a view shows. Photographs are cropped to 0.08 "
        "(SimCLR, Chen et al. 2020), which loses small lesions; MoCo-CXR (Sowrirajan et al. 2021) does not crop.",
    )
    crop_ratio: tuple[Ratio, Ratio] = Field(
        default=(0.9, 1.1),
        description="Smallest and largest width of the crop over its height; SimCLR has 0.75 to 1.33, anatomy less.",
    )
    rotation_deg: float = Field(
        default=10.0, ge=0, le=180, description="Largest rotation to either side, degrees; 10 as MoCo-CXR."
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = Field(
        default="none",
        description="Mirror half of the views. 'none' keeps left and right, hence the heart's side; 'horizontal' where "
        "sides do not matter (MoCo-CXR uses it).",
    )
    brightness: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Largest offset, as a share of the display range; SimCLR's factor of 0.4 does this to a mid-grey.",
    )
    contrast: float = Field(
        default=0.4,
        ge=0,
        lt=1,
        description="Largest change of the gain around the mean, 0.4 as SimCLR at strength 0.5.",
    )
    gamma: float = Field(
        default=0.3, ge=0, le=2, description="Largest |ln gamma| of a power curve; TorchIO's RandomGamma has 0.3."
    )
    noise: float = Field(
        default=0.03, ge=0, le=1, description="Largest deviation of Gaussian noise, as a share of the display range."
    )
    blur: float = Field(
        default=0.02, ge=0, le=0.25, description="Largest sigma of a Gaussian blur, as a share of the image's side."
    )
    blur_share: float = Field(default=0.5, ge=0, le=1, description="Share of the views that are blurred (SimCLR: 0.5).")
    window_jitter: float = Field(
        default=0.0,
        ge=0,
        lt=0.5,
        description="Largest share of the display range cut away at either end: other windows inside the stored one, "
        "for CT (0.2 is a fair start).",
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("crop_scale", "crop_ratio"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is given smallest first, so [{high:g}, {low:g}]")
        return self
