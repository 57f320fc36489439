"""The Curves images: determinism, ink, range, and that six numbers make one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.interpolate import lagrange

from nagcore.errors import UsageError
from nagcore.training.curves import (
    HIGHEST,
    LOWEST,
    PEN,
    SIDE,
    draw_points,
    interpolate,
    make_curves,
    render_curves,
)

LEVEL = torch.tensor([[[5.0, 14.0], [13.5, 14.0], [22.0, 14.0]]])


@pytest.fixture(scope="module")
def images():
    return make_curves(3000, 500, seed=0)


def test_shapes_types_and_range(images):
    train, test = images
    assert (train.shape, test.shape) == ((3000, SIDE * SIDE), (500, SIDE * SIDE))
    for part in images:
        assert part.dtype == torch.float32
        assert 0 <= part.min() < 1e-6 < 0.99 < part.max() <= 1


def test_the_same_seed_makes_the_same_images_whatever_their_number(images):
    fewer, others = make_curves(100, 40, seed=0)
    assert torch.equal(fewer, images[0][:100])
    assert torch.equal(others, images[1][:40])


def test_training_and_test_images_and_seeds_differ():
    sets = [part for seed in (0, 1) for part in make_curves(5, 5, seed=seed)]
    for i, one in enumerate(sets):
        for other in sets[:i]:
            assert not torch.allclose(one, other)


def test_the_largest_seed_is_taken():
    assert draw_points(1, seed=2**63 - 1, part=1).shape == (1, 3, 2)


def test_the_global_random_state_is_left_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    make_curves(2, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_points_are_uniform_in_their_square():
    points = draw_points(20_000, seed=1).double().numpy()
    assert points.min() >= LOWEST
    assert points.max() <= HIGHEST
    side = HIGHEST - LOWEST
    # means and variances of 20,000 uniform numbers, within five standard errors
    error = side / math.sqrt(12 * len(points))
    assert np.abs(points.mean(axis=0) - (LOWEST + HIGHEST) / 2).max() < 5 * error
    assert points.var(axis=0) == pytest.approx(side**2 / 12, rel=0.05)
    flat = points.reshape(len(points), 6)
    assert np.abs(np.corrcoef(flat.T) - np.eye(6)).max() < 5 / math.sqrt(len(points))


def test_the_curve_is_scipys_polynomial_through_the_points():
    points = draw_points(4, seed=2).double()
    t = torch.linspace(0, 1, 11, dtype=torch.float64)
    places, slopes = interpolate(points, t)
    for three, path, slope in zip(points.numpy(), places, slopes, strict=True):
        for axis in range(2):
            judge = lagrange([0.0, 0.5, 1.0], three[:, axis])
            assert path[:, axis].numpy() == pytest.approx(judge(t.numpy()), abs=1e-9)
            assert slope[:, axis].numpy() == pytest.approx(judge.deriv()(t.numpy()), abs=1e-9)


def test_no_curve_leaves_the_image():
    places, _ = interpolate(draw_points(5000, seed=3), torch.linspace(0, 1, 50))
    over = (HIGHEST - LOWEST) / 8
    assert places.min() >= LOWEST - over - 1e-4
    assert places.max() <= HIGHEST + over + 1e-4
    assert LOWEST - over > 0
    assert HIGHEST + over < SIDE - 1


def test_a_straight_stroke_is_a_gaussian_across():
    stroke = render_curves(LEVEL.double())[0]
    across = np.exp(-((np.arange(SIDE) - 14.0) ** 2) / (2 * PEN**2))
    for column in (10, 13, 17):
        assert stroke[:, column].numpy() == pytest.approx(across, abs=1e-6)
    # its ink ends as the integral of the Gaussian does: half of it at the end itself
    assert float(stroke[14, 5]) == pytest.approx(0.5, abs=1e-3)


def test_the_ink_is_the_integral_along_the_curve():
    (three,) = points = draw_points(1, seed=8).double()
    image = render_curves(points)[0]
    x, y = (lagrange([0.0, 0.5, 1.0], three[:, axis].numpy()) for axis in range(2))
    dx, dy = x.deriv(), y.deriv()

    def ink(column: int, row: int) -> float:
        def along(t: float) -> float:
            squared = (column - x(t)) ** 2 + (row - y(t)) ** 2
            return math.exp(-squared / (2 * PEN**2)) * math.hypot(dx(t), dy(t))

        return min(1.0, quad(along, 0, 1, limit=200)[0] / (math.sqrt(2 * math.pi) * PEN))

    for row in range(2, SIDE, 5):
        for column in range(2, SIDE, 5):
            assert float(image[row, column]) == pytest.approx(ink(column, row), abs=0.013)


def test_rows_are_y():
    image = render_curves(torch.tensor([[[6.0, 20.0], [6.0, 20.0], [6.0, 20.0001]]]))[0]
    assert image.sum() < 1e-3, "a stroke without length leaves no ink"
    corner = render_curves(torch.tensor([[[6.0, 18.0], [6.0, 20.0], [6.0, 22.0]]]))[0]
    assert divmod(int(corner.argmax()), SIDE) == (20, 6)


def test_the_mean_ink_is_what_is_recorded_here(images):
    """Mean ink and the error of the mean image: another generator would have others."""
    train = images[0].double()
    assert float(train.sum(dim=1).mean()) == pytest.approx(44.5, rel=0.03)
    error = (train - train.mean(dim=0)).square().sum(dim=1).mean()
    assert float(error) == pytest.approx(23.1, rel=0.03)


def test_six_numbers_make_an_image_and_none_is_idle():
    """The slopes of an image along the six numbers, by differences, are independent."""
    points, h = draw_points(30, seed=4).double(), 1e-5
    ahead, behind = (
        torch.stack([render_curves(points + sign * h * unit.view(3, 2)) for unit in torch.eye(6)])
        for sign in (1, -1)
    )
    slopes = ((ahead - behind) / (2 * h)).flatten(2).permute(1, 2, 0)
    assert slopes.shape == (30, SIDE * SIDE, 6)
    values = torch.linalg.svdvals(slopes)
    assert (values[:, -1] / values[:, 0]).min() > 1e-3


def test_a_curve_drawn_backwards_is_the_same_image():
    points = draw_points(20, seed=5).double()
    assert torch.allclose(render_curves(points), render_curves(points.flip(1)), atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"train": 0}, "train"), ({"test": 2.5}, "test"), ({"seed": -1}, "seed")],
)
def test_bad_numbers_are_refused(arguments, word):
    with pytest.raises(UsageError, match=word):
        make_curves(**({"train": 1, "test": 1} | arguments))


def test_other_shapes_are_refused():
    with pytest.raises(UsageError, match=r"expected \(n, 3, 2\)"):
        render_curves(torch.zeros(3, 2))
