"""What a pretraining came to."""

from __future__ import annotations

from pydantic import Field

from workbench.config import Result


class Trained(Result):
    """Figures of a finished or stopped training, as the command prints them."""

    method: str
    encoder: str
    epochs: int
    steps: int
    scans: int = Field(description="Scans in the pool.")
    images_per_s: float
    wait_share: float
    precision: str
    device: str
    meters: dict[str, float] = Field(description="The last value of each meter.")
    collapse: str = Field(description="What the last look at the features says, in a sentence.")
    loss: float
    seconds: float
    stopped: bool
    pool_digest: str
