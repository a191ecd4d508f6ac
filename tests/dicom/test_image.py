import pickle
import subprocess
import sys

import numpy as np
import pytest

import workbench.dicom as dicom
from tests.dicom.making import picture
from workbench.dicom import FileRefused, Outcome, open_image, read_frame

PIXELS = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)


def test_a_file_is_opened_once_and_read_frame_by_frame(tmp_path):
    file = tmp_path / "a.dcm"
    file.write_bytes(picture(PIXELS, "MR"))
    image = open_image(file)
    assert (image.frames, image.header.frames, image.modality) == (2, 2, "MR")
    np.testing.assert_array_equal(image.frame(1).values, PIXELS[1])
    np.testing.assert_array_equal(read_frame(file, frame=1).values, PIXELS[1])
    np.testing.assert_array_equal(read_frame(str(file)).values, PIXELS[0])


@pytest.mark.parametrize("frame", [2, -1])
def test_a_frame_that_is_not_there(frame):
    with pytest.raises(FileRefused, match="the file has 2") as caught:
        read_frame(picture(PIXELS, "MR"), frame=frame)
    assert caught.value.code is Outcome.BAD_GEOMETRY and caught.value.where == ""


def test_a_refusal_names_the_file(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("hello", encoding="utf-8")
    with pytest.raises(FileRefused) as caught:
        read_frame(file)
    assert caught.value.where == str(file) and caught.value.code is Outcome.NOT_DICOM


def test_frames_travel_between_processes():
    frame = read_frame(picture(PIXELS, "CT", WindowCenter="1", WindowWidth="2"))
    again = pickle.loads(pickle.dumps(frame))
    np.testing.assert_array_equal(again.values, frame.values)
    assert again.voi == frame.voi


def test_names_are_imported_when_used_and_pydicom_only_when_needed():
    assert all(hasattr(dicom, name) for name in dicom.__all__)
    with pytest.raises(AttributeError, match="nothing_here"):
        getattr(dicom, "nothing_here")  # noqa: B009
    code = (
        "import sys, workbench.dicom as d; f = d.read_frame(sys.stdin.buffer.read()); "
        "assert f.values.shape == (3, 4); print('pydicom' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=picture(PIXELS, "MR"), capture_output=True, check=True)
    assert done.stdout.decode().split() == ["False", "False"]


def test_no_mutation_of_a_file_gives_anything_but_a_frame_or_a_refusal():
    from pydicom.data import get_testdata_file

    names = ("MR_small_implicit.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "SC_rgb_small_odd.dcm")
    files: list[bytes] = []
    for name in names:
        with open(get_testdata_file(name), "rb") as stream:  # noqa: PTH123
            files.append(stream.read())
    random = np.random.default_rng(7)
    outcomes = set()
    for number in range(400):
        content = bytearray(files[number % len(files)])
        for _ in range(int(random.integers(1, 6))):
            place = int(random.integers(128, min(len(content), 3000)))
            content[place : place + int(random.integers(0, 3))] = random.bytes(int(random.integers(0, 3)))
        try:
            image = open_image(bytes(content))
            image.frame(0).training()
            outcomes.add("image")
        except FileRefused as refusal:
            outcomes.add(refusal.code.value)
    assert {"image", "truncated", "damaged"} <= outcomes
