"""The repaired CNN: what the layer sizes of the article's listing imply, made to run."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, relu

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.seeds import private_random_state

SIDE = 28
CLASSES = 10
HIDDEN = 256


class RepairedCNN(nn.Module):
    """Two convolutions, each followed by ReLU and 2 × 2 max-pooling, then two linear layers.

    Shapes for `width` = 32: (n, 1, 28, 28) → conv1 → (n, 32, 14, 14) → conv2 → (n, 128, 7, 7) →
    fc1 → (n, 256) → fc2 → (n, 10). The convolutions are 3 × 3 with padding 1, so that only the
    pooling changes height and width. The output is one score for each class; cross-entropy
    takes these scores as they are.

    Args:
        width: channels of conv1; conv2 has four times as many.

    Raises:
        UsageError: `width` is not a positive whole number, or (when called) the images have
            another shape.

    Example:
        >>> RepairedCNN(width=4)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        require_count(width, "width")
        self.conv1 = nn.Conv2d(1, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(width, 4 * width, kernel_size=3, padding=1)
        self.fc1 = nn.Linear(4 * width * (SIDE // 4) ** 2, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, CLASSES)
        # Channels innermost in memory: the same numbers, convolved and pooled faster.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores (n, 10) of images (n, 1, 28, 28)."""
        _require_images(images)
        # ReLU rises monotonically, so it may follow the pooling:
        # the same function and gradient, on a quarter of the numbers.
        x = relu(max_pool2d(self.conv1(images), 2))
        x = relu(max_pool2d(self.conv2(x), 2))
        return self.fc2(relu(self.fc1(x.flatten(1))))


def _require_images(images: Tensor) -> None:
    if images.shape[1:] != (1, SIDE, SIDE):
        raise UsageError(
            f"images of shape {tuple(images.shape)} cannot be read; expected (n, 1, {SIDE}, "
            f"{SIDE}): keep the channel axis, and do not flatten before a convolution"
        )


def make_cnn(seed: int, width: int = 32) -> RepairedCNN:
    """Return a `RepairedCNN` whose weights depend on `seed` and `width` alone.

    They are drawn on the CPU, so every method and every device starts from the same point;
    torch's global random state is left as it was.

    Args:
        seed: of the initial weights.
        width: channels of the first convolution.

    Raises:
        UsageError: `seed` or `width` cannot be used.

    Example:
        >>> torch.equal(make_cnn(3, width=2).fc2.weight, make_cnn(3, width=2).fc2.weight)
        True
    """
    with private_random_state(require_seed(seed)):
        return RepairedCNN(width)


def make_mlp(seed: int, width: int = 32) -> nn.Sequential:
    """Return a network of one hidden layer, `width` units with ReLU, on images 28 × 28."""
    with private_random_state(require_seed(seed)):
        return nn.Sequential(
            nn.Flatten(),
            nn.Linear(SIDE * SIDE, require_count(width, "width")),
            nn.ReLU(),
            nn.Linear(width, CLASSES),
        )


def make_softmax_regression(seed: int, width: int = 1) -> nn.Sequential:  # noqa: ARG001
    """Return a linear map from images 28 × 28 to scores; a width has no meaning for it."""
    with private_random_state(require_seed(seed)):
        return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, CLASSES))


MODELS: dict[str, Callable[[int, int], nn.Module]] = {
    "cnn": make_cnn,
    "mlp": make_mlp,
    "softmax": make_softmax_regression,
}
"""Models by name: a seed and a width to a network on images 28 × 28 with ten classes."""


def count_parameters(model: nn.Module) -> int:
    """Return how many numbers are trained.

    Example:
        >>> count_parameters(RepairedCNN())
        1645770
    """
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
