import math

import pytest
import torch

from workbench.augmentation.affine import affine_matrix, content_box, crop_centre, warp


def matrix(*, centre=(0.0, 0.0), half=(1.0, 1.0), angle=0.0, mirror=(1.0, 1.0), aspect=1.0):
    values = [torch.tensor([pair]) for pair in (centre, half)]
    return affine_matrix(*values, torch.tensor([angle]), torch.tensor([mirror]), aspect=aspect)


@pytest.fixture
def picture():
    return torch.arange(1.0, 17.0).reshape(1, 1, 4, 4)


def test_the_whole_image_is_itself(picture):
    assert torch.equal(warp(picture, matrix()), picture)


def test_a_centre_one_pixel_to_the_right_moves_the_picture_left(picture):
    moved = warp(picture, matrix(centre=(0.5, 0.0)))
    expected = torch.zeros(1, 1, 4, 4)
    expected[..., :3] = picture[..., 1:]
    assert torch.allclose(moved, expected, atol=1e-6)


def test_a_centre_half_a_pixel_down_averages_neighbours(picture):
    moved = warp(picture, matrix(centre=(0.0, 0.25)))
    assert torch.allclose(moved[0, 0, :3], (picture[0, 0, :3] + picture[0, 0, 1:]) / 2)
    assert torch.allclose(moved[0, 0, 3], picture[0, 0, 3] / 2)


def test_a_quarter_turn_is_anticlockwise(picture):
    turned = warp(picture, matrix(angle=math.pi / 2))
    assert torch.allclose(turned, torch.rot90(picture, 1, dims=(2, 3)), atol=1e-5)


def test_a_quarter_turn_of_an_oblong_image_keeps_pixels_square():
    image = torch.zeros(1, 1, 4, 8)
    image[0, 0, 1, 2:6] = 1  # a horizontal bar of four pixels
    turned = warp(image, matrix(angle=math.pi / 2, aspect=2.0))
    expected = torch.zeros(1, 1, 4, 8)
    expected[0, 0, :, 3] = 1  # rotated about the centre: a vertical bar of four pixels
    assert torch.allclose(turned, expected, atol=1e-5)


def test_mirrors(picture):
    assert torch.equal(warp(picture, matrix(mirror=(-1.0, 1.0))), picture.flip(3))
    assert torch.equal(warp(picture, matrix(mirror=(1.0, -1.0))), picture.flip(2))


def test_a_half_size_crop_shows_a_quarter_of_the_image():
    image = torch.zeros(1, 1, 8, 8)
    image[0, 0, :4, :4] = 1
    assert torch.allclose(warp(image, matrix(centre=(-0.5, -0.5), half=(0.5, 0.5)))[0, 0, 1:-1, 1:-1], torch.ones(6, 6))


def test_content_box_finds_what_is_not_black():
    images = torch.zeros(3, 1, 8, 8)
    images[0, 0, 2:7, 4] = 0.5
    images[1] = 1
    boxes = content_box(images)
    assert boxes[0].tolist() == [0.0, 0.25, -0.5, 0.75]
    assert boxes[1].tolist() == [-1, 1, -1, 1]
    assert boxes[2].tolist() == [-1, 1, -1, 1]


@pytest.mark.parametrize(
    ("where", "centre"),
    [
        ((0.0, 0.0), (-0.25, -0.5)),  # narrower than the content across: leftmost; at the image's top border down
        ((1.0, 1.0), (0.25, 0.5)),
        ((0.5, 0.5), (0.0, 0.0)),
    ],
)
def test_crops_stay_in_the_content(where, centre):
    box = torch.tensor([[-0.75, 0.75, -1.0, 1.0]])
    assert crop_centre(box, torch.tensor([[0.5, 0.5]]), torch.tensor([where])).tolist() == [list(centre)]


def test_a_crop_wider_than_the_content_holds_all_of_it():
    box = torch.tensor([[-0.25, 0.25, -1.0, 1.0]])
    centres = [crop_centre(box, torch.tensor([[0.5, 0.5]]), torch.tensor([[x, 0.0]]))[0, 0].item() for x in (0.0, 1.0)]
    assert centres == [-0.25, 0.25]  # crops of -0.75..0.25 and -0.25..0.75


def test_a_full_crop_does_not_move_whatever_the_content():
    box = torch.tensor([[0.5, 1.0, -1.0, -0.5]])
    assert crop_centre(box, torch.ones(1, 2), torch.rand(1, 2)).tolist() == [[0, 0]]
