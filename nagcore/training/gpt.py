"""A small GPT: bytes in, a distribution over the next byte out."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

from nagcore.errors import UsageError
from nagcore.training.checks import require_count, require_positive, require_seed
from nagcore.training.seeds import private_random_state

BYTES = 256
DEVIATION = 0.02
"""of the normal distribution that weights are drawn from, as in GPT-2"""
ROTARY_BASE = 10_000.0


class CausalAttention(nn.Module):
    """Every position looks at itself and at those before it.

    Where a position is, attention learns from a rotation of queries and keys by an angle that is
    proportional to the position; their product then depends on the distance alone.

    Args:
        width: numbers at each position.
        heads: parts of the width that attend by themselves; each has an even size.
        context: the longest sequence.

    Source: [vaswani2017] for attention, [su2024] for the rotation.
    """

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = heads
        self.into = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        size = width // heads
        rates = ROTARY_BASE ** (-torch.arange(0, size, 2) / size)
        angles = torch.outer(torch.arange(context), rates)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each position of (n, length, width) has gathered, of the same shape."""
        n, length, width = x.shape
        projected = self.into(x).view(n, length, 3, self.heads, width // self.heads)
        queries, keys, values = projected.permute(2, 0, 3, 1, 4)
        rotated = self._rotated(torch.stack((queries, keys)))
        y = scaled_dot_product_attention(rotated[0], rotated[1], values, is_causal=True)
        return self.out(y.transpose(1, 2).reshape(n, length, width))

    def _rotated(self, x: Tensor) -> Tensor:
        """Turn each pair of numbers by the angle of its position."""
        cosine = self.cosine[: x.shape[-2]].to(x.dtype)  # pyright: ignore[reportIndexIssue]
        sine = self.sine[: x.shape[-2]].to(x.dtype)  # pyright: ignore[reportIndexIssue]
        one, other = x.chunk(2, dim=-1)
        return torch.cat((one * cosine - other * sine, one * sine + other * cosine), dim=-1)


class Block(nn.Module):
    """Attention, then a network of one hidden layer, each added to what came in.

    Both read a normalised copy, so that the sum itself runs through the network untouched.
    """

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, context)
        self.before_hidden = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(4 * width, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, length, width) of (n, length, width)."""
        x = x + self.attention(self.before_attention(x))
        return x + self.out(gelu(self.hidden(self.before_hidden(x))))


class GPT(nn.Module):
    """A decoder-only transformer over bytes, with the normalisation before each part.

    Args:
        depth: number of blocks.
        width: numbers at each position.
        heads: attention heads.
        context: the longest sequence, in bytes.
        tied: let the last layer be the embedding itself.

    Raises:
        UsageError: sizes that do not fit together, or (when called) a sequence that is too long.

    Source: [radford2019].

    Example:
        >>> GPT(depth=1, width=8, heads=2, context=16)(torch.zeros(3, 5, dtype=torch.int64)).shape
        torch.Size([3, 5, 256])
    """

    def __init__(
        self, *, depth: int, width: int, heads: int, context: int, tied: bool = False
    ) -> None:
        super().__init__()
        for name, value in (("depth", depth), ("heads", heads), ("context", context)):
            require_count(value, name)
        require_count(width, "width")
        if width % (2 * heads):
            raise UsageError(
                f"width={width} and heads={heads} cannot be used together; expected a width that "
                "2 · heads divides: a head turns its numbers in pairs"
            )
        self.context = context
        self.embedding = nn.Embedding(BYTES, width)
        self.blocks = nn.Sequential(*(Block(width, heads, context) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, BYTES, bias=False)
        self._draw(depth)
        if tied:
            self.head.weight = self.embedding.weight

    def _draw(self, depth: int) -> None:
        for name, weight in self.named_parameters():
            if weight.ndim == 2:
                # Those that are added up over the depth are smaller, so that the sum is not.
                parts = 2 * depth if name.endswith("out.weight") else 1
                nn.init.normal_(weight, std=DEVIATION / math.sqrt(parts))

    def forward(self, text: Tensor) -> Tensor:
        """Return the scores (n, length, 256) of the next byte at each position of (n, length)."""
        if text.shape[-1] > self.context:
            raise UsageError(
                f"a sequence of {text.shape[-1]} bytes cannot be read; expected {self.context} "
                "at most, the context that the model was made with"
            )
        return self.head(self.norm(self.blocks(self.embedding(text))))


def make_gpt(
    seed: int, *, depth: int, width: int, heads: int, context: int, tied: bool = False
) -> GPT:
    """Return a `GPT` whose weights depend on `seed` and its sizes alone, drawn on the CPU."""
    with private_random_state(require_seed(seed)):
        return GPT(depth=depth, width=width, heads=heads, context=context, tied=tied)


def next_byte_loss(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of scores (n, length, 256) against bytes (n, length), nats.

    Example:
        >>> round(float(next_byte_loss(torch.zeros(1, 2, 256), torch.tensor([[65, 66]]))), 3)
        5.545
    """
    return cross_entropy(scores.flatten(0, -2), targets.flatten())


def next_byte_accuracy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the share of bytes whose score is the highest."""
    return (scores.argmax(dim=-1) == targets).double().mean()


@torch.no_grad()
def generate(
    model: GPT, prompt: bytes, count: int, *, seed: int, temperature: float = 1.0
) -> bytes:
    """Return `prompt` and `count` bytes more, each drawn from what the model expects next.

    Args:
        model: trained, on any device; take it inside `optimizer.at_iterate()`.
        prompt: one byte or more.
        count: how many to add.
        seed: of the draws.
        temperature: the scores are divided by it; below 1 the likely becomes likelier.

    Raises:
        UsageError: an empty prompt or a number out of its range.
    """
    require_count(len(prompt), "number of bytes in the prompt")
    require_count(count, "count")
    require_positive(temperature, "temperature")
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(require_seed(seed))
    text = list(prompt)
    for _ in range(count):
        seen = torch.tensor([text[-model.context :]], device=device)
        chances = (model(seen)[0, -1].float().cpu() / temperature).softmax(dim=0)
        text.append(int(torch.multinomial(chances, 1, generator=generator)))
    return bytes(text)
