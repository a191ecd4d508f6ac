from __future__ import annotations

import pytest

from tests.training.toy import ToyStream
from workbench.errors import InputError
from workbench.training.stream import RunStream


def test_batches_go_on_over_the_borders_of_epochs() -> None:
    toy = ToyStream(scans=24)
    batches = list(RunStream(toy, 7))
    assert [(batch.epoch, batch.ends_epoch) for batch in batches] == [
        (1, False), (1, False), (1, True), (2, False), (2, False), (2, True), (3, False),
    ]  # fmt: skip
    assert sorted(toy.seen[:24]) == sorted(toy.seen[24:48]) == list(range(24))
    assert toy.seen[:24] != toy.seen[24:48]
    assert len(RunStream(toy, 7)) == 7


@pytest.mark.parametrize("done", [0, 2, 3, 6, 7])
def test_going_on_gives_the_rest(done: int) -> None:
    whole, begun, rest = ToyStream(scans=24), ToyStream(scans=24), ToyStream(scans=24)
    list(RunStream(whole, 7))
    stream = iter(RunStream(begun, 7))
    for _ in range(done):
        next(stream)
    rest.load_state_dict(begun.state_dict())
    list(RunStream(rest, 7, done=done))
    assert begun.seen + rest.seen == whole.seen


def test_processes_share_every_batch() -> None:
    shares = [list(RunStream(ToyStream(), 8, rank=rank, world=2)) for rank in (0, 1)]
    whole = list(RunStream(ToyStream(), 8))
    for first, second, batch in zip(*shares, whole, strict=True):
        assert (first.scans, len(first.images), len(second.images)) == (8, 4, 4)
        assert sorted([*first.positions, *second.positions]) == sorted(batch.positions)
        assert first.images.equal(batch.images[::2])


def test_too_few_scans() -> None:
    with pytest.raises(InputError, match="too few scans"):
        RunStream(ToyStream(scans=4), 3)
    with pytest.raises(InputError, match="8 scans cannot be shared by 9 devices"):
        next(iter(RunStream(ToyStream(), 1, world=9)))


def test_waiting_is_counted() -> None:
    stream = RunStream(ToyStream(), 8)
    list(stream)
    assert 0 < stream.waited_s < 5
