import numpy as np
import pytest

from tests.cohort.volumes.making import series, slices
from workbench.cohort.volumes.discriminators import even_parts, split
from workbench.cohort.volumes.frames import Frames
from workbench.cohort.volumes.stacks import spots_of

Z = np.arange(6.0)


def parts(frames: Frames) -> list[tuple[str, str, int, int]] | None:
    found = split(frames, spots_of(frames["z_mm"]))
    return found and [(part.split_by, part.split_value, len(part.places), len(part.repeats)) for part in found]


def test_nothing_to_split():
    assert parts(series(slices(Z))) == [("", "", 6, 0)]


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("echo_time_ms", (10.5, 20.0), ("EchoTime", "EchoTime=10.5", "EchoTime=20")),
        ("b_value", (0.0, 1000.0), ("DiffusionBValue", "DiffusionBValue=0", "DiffusionBValue=1000")),
        ("temporal_position", (1, 2), ("TemporalPositionIdentifier",) * 1),
        ("inversion_time_ms", (None, 900.0), ("InversionTime", "InversionTime=900", "InversionTime=none")),
        ("image_type", ("ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P"), ("ImageType",)),
        ("acquisition", (3, 4), ("AcquisitionNumber",)),
        ("kernel", ("B30f", "B70f"), ("ConvolutionKernel", "ConvolutionKernel=B30f", "ConvolutionKernel=B70f")),
        ("stack", ("secret words", "A"), ("StackID", "StackID=no. 1", "StackID=no. 2")),
        ("acquisition_s", (36000.0, 36030.0), ("AcquisitionTime", "AcquisitionTime=no. 1", "AcquisitionTime=no. 2")),
    ],
)
def test_one_discriminator(name, values, said):
    found = parts(series(*(slices(Z, **{name: value}) for value in values)))
    assert found is not None
    assert [part[0] for part in found] == [said[0]] * 2 and [part[2:] for part in found] == [(6, 0)] * 2
    if len(said) == 3:
        assert [part[1] for part in found] == list(said[1:])


def test_the_first_of_several_that_do_is_taken():
    frames = series(*(slices(Z, echo_time_ms=10.0 * n, acquisition=n, acquisition_s=float(n)) for n in (1, 2, 3)))
    assert {part[0] for part in parts(frames) or ()} == {"EchoTime"}


def test_two_that_only_help_together():
    frames = series(*(slices(Z, b_value=b, b_direction=d) for b, d in ((0, ""), (500, "x"), (500, "y"), (900, "x"))))
    found = parts(frames)
    assert found and [part[0] for part in found] == ["DiffusionBValue+DiffusionGradientOrientation"] * 4


def test_the_same_picture_again_is_dropped_and_counted():
    again = slices(Z)[2:5]
    assert parts(series(slices(Z), again)) == [("", "", 6, 3)]


def test_equal_pictures_of_different_echoes_are_not_repeats():
    empty = [slices(Z, echo_time_ms=echo, pixel_hash="all black") for echo in (1.0, 2.0)]
    assert parts(series(*empty)) == [("EchoTime", "EchoTime=1", 6, 0), ("EchoTime", "EchoTime=2", 6, 0)]


def test_repeats_are_dropped_before_echoes_are_split():
    echoes = [slices(Z, echo_time_ms=echo) for echo in (1.0, 2.0)]
    found = parts(series(*echoes, echoes[0][1:3]))
    assert found == [("EchoTime", "EchoTime=1", 6, 2), ("EchoTime", "EchoTime=2", 6, 0)]


def test_heart_phases_are_ranked_slice_by_slice():
    beats = np.random.default_rng(0).uniform(0.9, 1.1, 6)
    frames = series(*(slices(Z, trigger_time_ms=(phase * 50 * beats).tolist()) for phase in range(4)))
    found = split(frames, spots_of(frames["z_mm"]))
    assert found and {part.split_by for part in found} == {"TriggerTime"}
    for phase, part in enumerate(found):
        order = part.places[np.argsort(frames["z_mm"][part.places])]
        assert frames["trigger_time_ms"][order] == pytest.approx(phase * 50 * beats)


def test_times_are_ranked_across_midnight():
    before, after = [86390.0 + n for n in range(6)], [5.0 + n for n in range(6)]
    frames = series(slices(Z, acquisition_s=before), slices(Z, acquisition_s=after))
    found = split(frames, spots_of(frames["z_mm"]))
    assert found and set(frames["acquisition_s"][found[0].places]) == set(before)


def test_a_scan_that_was_stopped_keeps_what_it_has():
    frames = series(slices(Z, acquisition=1), slices(Z[:4], acquisition=2))
    assert [part[2] for part in parts(frames) or ()] == [6, 4]


def test_odd_and_even_slices_are_not_two_scans():
    """An interleaved acquisition with one slice scanned again: its numbers tell odd from even, not scan from scan."""
    odd, even = slices(Z[::2], acquisition=1), slices(Z[1::2], acquisition=2)
    assert parts(series(odd, even, slices(Z[2:3], acquisition=2))) is None


def test_nothing_that_tells_frames_apart():
    assert parts(series(slices(Z), slices(Z, tokens="mpr"))) is None


def test_ways_to_split_what_is_uneven():
    frames = series(slices(Z, kernel="a", acquisition_s=1.0), slices(Z + 0.4, kernel="b", acquisition_s=2.0))
    assert [[part.split_by for part in way] for way in even_parts(frames)] == [["ConvolutionKernel"] * 2]
