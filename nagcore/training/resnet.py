"""A small residual network without batch statistics, for images of any size and channels."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_seed
from nagcore.training.seeds import private_random_state

STAGES = 3
GROUPS = 4


class ResidualBlock(nn.Module):
    """Two convolutions 3 × 3 and what they are added to: ReLU(shortcut(x) + branch(x)).

    Each convolution is followed by a group normalisation, which looks at one image alone: no
    running statistics have to be kept, and many copies of the network can be trained at once.
    Where size or channels change, the shortcut is a convolution 1 × 1.

    Args:
        inputs: channels of x.
        outputs: channels of the result, a multiple of 4.
        stride: 1 keeps height and width, 2 halves them.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.GroupNorm(GROUPS, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.GroupNorm(GROUPS, outputs)
        same = stride == 1 and inputs == outputs
        self.shortcut = (
            nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, h / stride, w / stride) for x (n, inputs, h, w)."""
        branch = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
        return relu(self.shortcut(x) + branch)


class ResNet(nn.Module):
    """A residual network: a first convolution, three stages of blocks, a mean, a linear layer.

    The channels of the stages are `width`, 2 `width` and 4 `width`; from the second on each begins
    by halving height and width. Images may have any height and width of 8 or more.

    Args:
        width: channels of the first stage, a multiple of 4.
        blocks: residual blocks in each stage.
        channels: of the images.
        classes: how many scores to return for an image.
        stem_stride: 2 halves height and width in the first convolution already, which saves three
            quarters of the arithmetic.

    Raises:
        UsageError: a value is out of its range, or (when called) the images have other channels.

    Source: [he2016].

    Example:
        >>> import torch
        >>> ResNet(width=4)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
        >>> ResNet(width=4, channels=3)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])
    """

    def __init__(
        self,
        width: int = 8,
        blocks: int = 1,
        *,
        channels: int = 1,
        classes: int = 10,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        _check(width, blocks, channels, classes, stem_stride)
        self.channels = channels
        self.stem = nn.Conv2d(channels, width, 3, stride=stem_stride, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, width)
        layers: list[nn.Module] = []
        inputs = width
        for stage in range(STAGES):
            outputs = width * 2**stage
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                layers.append(ResidualBlock(inputs, outputs, stride))
                inputs = outputs
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the class scores (n, classes) of images (n, channels, height, width)."""
        if images.ndim != 4 or images.shape[1] != self.channels or min(images.shape[2:]) < 8:
            raise UsageError(
                f"images of shape {tuple(images.shape)} cannot be read; expected (n, "
                f"{self.channels}, height, width) with height and width of 8 or more"
            )
        x = relu(self.norm(self.stem(images)))
        return self.head(self.blocks(x).mean(dim=(2, 3)))


def make_resnet(
    seed: int, width: int = 8, *, blocks: int = 1, channels: int = 1, stem_stride: int = 1
) -> ResNet:
    """Return a `ResNet` of ten classes whose weights depend on the arguments alone.

    They are drawn on the CPU; torch's global random state is left as it was.

    Args:
        seed: of the initial weights.
        width: channels of the first stage.
        blocks: residual blocks in each stage.
        channels: of the images.
        stem_stride: of the first convolution, 1 or 2.

    Raises:
        UsageError: a value cannot be used.

    Example:
        >>> import torch
        >>> one, other = make_resnet(3, width=4), make_resnet(3, width=4)
        >>> torch.equal(one.head.weight, other.head.weight)
        True
    """
    with private_random_state(require_seed(seed)):
        return ResNet(width, blocks, channels=channels, stem_stride=stem_stride)


def _check(width: int, blocks: int, channels: int, classes: int, stem_stride: int) -> None:
    for name, value in (
        ("width", width),
        ("blocks", blocks),
        ("channels", channels),
        ("classes", classes),
    ):
        require_count(value, name)
    if width % GROUPS:
        raise UsageError(
            f"width={width!r} cannot be used; expected a multiple of {GROUPS}, the groups of a "
            "normalisation"
        )
    if stem_stride not in (1, 2):
        raise UsageError(f"stem_stride={stem_stride!r} cannot be used; expected 1 or 2")
