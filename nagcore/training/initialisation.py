"""How the weights begin: the standard schemes by name, from a seed of their own.

The fan-in of a unit is the number of its incoming connections, its fan-out that of the outgoing
ones, counted as torch counts them. For a linear layer they are the numbers of inputs and outputs;
for a convolution, kernel size × input channels per group, and kernel size × output channels.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, TypeVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import init
from torch.nn.parameter import is_lazy

from nagcore.core.checks import require_not_negative
from nagcore.errors import UsageError
from nagcore.names import closest_first
from nagcore.training.checks import require_count, require_seed

Model = TypeVar("Model", bound=nn.Module)
LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
"""What `initialise` initialises; layers of another kind keep what they have."""


@dataclass(frozen=True)
class Initialisation:
    """A scheme: how it draws weights, and what can be said of them.

    Attributes:
        draw: fills a weight in place; takes `generator` and the options of the scheme.
        variance: the shape of a weight and the same options to the mean square of the weights
            that `draw` makes; their mean is 0.
        formula: of the weights, for people: U(−a, a) is uniform, N(0, v) normal with variance v.
        source: key of the bibliography, empty for a bad example.
        bias_bound: the shape of a weight to b, where biases are U(−b, b).
    """

    draw: Callable[..., Any]
    variance: Callable[..., float]
    formula: str
    source: str = ""
    bias_bound: Callable[[Sequence[int]], float] = lambda _: 0.0

    def options(self) -> dict[str, bool]:
        """Return the names of the options, each with whether it must be given."""
        parameters = inspect.signature(self.variance).parameters.values()
        return {p.name: p.default is p.empty for p in parameters if p.kind is p.KEYWORD_ONLY}


def initialise(
    model: Model, name: str, *, seed: int, bias: float | None = None, **options: Any
) -> Model:
    """Draw the weights and biases of all linear and convolutional layers anew.

    The numbers depend on the arguments and the shapes of the layers alone: they are drawn on the
    CPU, in the type of the layer and in the order of `model.modules()`, whatever the device and
    memory format. torch's global random state is not touched. Layers of another kind, transposed
    convolutions among them, keep what they have. The formulas stand in `INITIALISATIONS`.

    Args:
        model: changed in place.
        name: a key of `INITIALISATIONS`.
        seed: of the numbers.
        bias: what every bias is set to; if left out, the biases are those of the scheme.
        options: of the scheme: `gain` (default 1) of the Glorot schemes and "orthogonal"; `a`
            (default 0), the slope of a leaky ReLU left of 0, of the He schemes; `std` of "normal";
            `connections` (default 15) and `scale` (default 1) of "sparse", whose authors take
            `bias=0.5, scale=0.25` for tanh units and the defaults for logistic ones.

    Returns:
        The model itself.

    Raises:
        UsageError: an unknown name or option, a value that is not finite or is negative, or a
            model without a linear or convolutional layer, or with one that has no shape yet.

    Source: [glorot2010], [he2015], [lecun2012], [saxe2014], [martens2010], [sutskever2013].

    Example:
        >>> layer = initialise(nn.Linear(100, 3), "sparse", seed=0)
        >>> (layer.weight != 0).sum(dim=1), layer.bias.tolist()
        (tensor([15, 15, 15]), [0.0, 0.0, 0.0])
    """
    scheme = find_initialisation(name)
    _require_options(name, scheme, options)
    if bias is not None and not (isinstance(bias, Real) and math.isfinite(bias)):
        raise UsageError(f"bias={bias!r} cannot be used; expected a finite number")
    generator = torch.Generator().manual_seed(require_seed(seed))
    for layer in _layers(model):
        shape = layer.weight.shape
        weight = torch.empty(shape, dtype=layer.weight.dtype)
        scheme.draw(weight, generator=generator, **options)
        with torch.no_grad():
            layer.weight.copy_(weight)
            if layer.bias is not None:
                own = _draw_bias(layer.bias, scheme.bias_bound(shape), generator)
                layer.bias.copy_(own if bias is None else torch.full_like(own, bias))
    return model


def find_initialisation(name: str) -> Initialisation:
    """Return the scheme of that name in `INITIALISATIONS`.

    Raises:
        UsageError: there is none; the message lists those there are, the closest first.
    """
    if name not in INITIALISATIONS:
        raise UsageError(
            f"initialisation {name!r} is not known; known: {closest_first(name, INITIALISATIONS)}"
        )
    return INITIALISATIONS[name]


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """Return fan-in and fan-out of a weight of that shape, as this module counts them.

    Example:
        >>> fans((128, 32, 3, 3))
        (288, 1152)
    """
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _layers(model: nn.Module) -> list[Any]:
    layers = [module for module in model.modules() if isinstance(module, LAYERS)]
    if not layers:
        raise UsageError(f"{type(model).__name__} has no linear or convolutional layer")
    for layer in layers:
        if is_lazy(layer.weight):
            raise UsageError(f"{layer} has no shape yet; call the model on a batch first")
    return layers


def _require_options(name: str, scheme: Initialisation, options: Mapping[str, Any]) -> None:
    known = scheme.options()
    for option, value in options.items():
        if option not in known:
            raise UsageError(
                f"initialisation {name!r} has no option {option!r}; "
                f"its options: {closest_first(option, known)}"
            )
        if option == "connections":
            require_count(value, option)
        else:
            require_not_negative(value, option)
    for option, needed in known.items():
        if needed and option not in options:
            raise UsageError(f"initialisation {name!r} needs {option}, for example {option}=0.01")


def _draw_bias(like: Tensor, bound: float, generator: Generator) -> Tensor:
    bias = torch.zeros(like.shape, dtype=like.dtype)
    return bias.uniform_(-bound, bound, generator=generator) if bound else bias


def draw_sparse(
    weight: Tensor, *, generator: Generator, connections: int = 15, scale: float = 1.0
) -> None:
    """Give each unit `connections` incoming weights from N(0, scale²), or all where it has fewer.

    `torch.nn.init.sparse_` is another scheme: it thins out the outgoing weights of each input, so
    that a unit may be left with any number of incoming ones.

    Args:
        weight: (units, …), filled in place; for a convolution a unit is an output channel.
        generator: of the random numbers.
        connections: how many weights of a unit are not 0.
        scale: their standard deviation.

    Source: [martens2010], [sutskever2013].
    """
    rows = weight.zero_().view(len(weight), -1)
    kept = min(connections, rows.shape[1])
    chosen = torch.rand(rows.shape, generator=generator).topk(kept, dim=1).indices
    drawn = torch.randn(chosen.shape, generator=generator, dtype=weight.dtype)
    rows.scatter_(1, chosen, scale * drawn)


def _sparse(shape: Sequence[int], *, connections: int = 15, scale: float = 1.0) -> float:
    fan_in = fans(shape)[0]
    return scale**2 * min(connections, fan_in) / fan_in


def _glorot(shape: Sequence[int], *, gain: float = 1.0) -> float:
    return 2 * gain**2 / sum(fans(shape))


def _he(shape: Sequence[int], *, a: float = 0.0) -> float:
    return 2 / ((1 + a**2) * fans(shape)[0])


def _orthogonal(shape: Sequence[int], *, gain: float = 1.0) -> float:
    return gain**2 / max(shape[0], math.prod(shape[1:]))


def _normal(_: Sequence[int], *, std: float) -> float:
    return std**2


INITIALISATIONS: dict[str, Initialisation] = {
    "torch": Initialisation(
        partial(init.kaiming_uniform_, a=math.sqrt(5)),
        lambda shape: 1 / (3 * fans(shape)[0]),
        "U(−a, a) for weights and biases, a = 1/√fan_in",
        "paszke2019",
        bias_bound=lambda shape: 1 / math.sqrt(fans(shape)[0]),
    ),
    "glorot-uniform": Initialisation(
        init.xavier_uniform_, _glorot, "U(−a, a), a = gain √(6/(fan_in + fan_out))", "glorot2010"
    ),
    "glorot-normal": Initialisation(
        init.xavier_normal_, _glorot, "N(0, 2 gain²/(fan_in + fan_out))", "glorot2010"
    ),
    "he-uniform": Initialisation(
        init.kaiming_uniform_, _he, "U(−b, b), b = √(6/((1 + a²) fan_in))", "he2015"
    ),
    "he-normal": Initialisation(init.kaiming_normal_, _he, "N(0, 2/((1 + a²) fan_in))", "he2015"),
    "lecun-normal": Initialisation(
        partial(init.kaiming_normal_, nonlinearity="linear"),
        lambda shape: 1 / fans(shape)[0],
        "N(0, 1/fan_in)",
        "lecun2012",
    ),
    "orthogonal": Initialisation(
        init.orthogonal_, _orthogonal, "gain × random orthonormal rows or columns", "saxe2014"
    ),
    "sparse": Initialisation(
        draw_sparse, _sparse, "N(0, scale²) for 15 weights of each unit, else 0", "sutskever2013"
    ),
    "normal": Initialisation(init.normal_, _normal, "N(0, std²), whatever the fans"),
    "zeros": Initialisation(partial(init.normal_, std=0.0), lambda _: 0.0, "0"),
}
"""Every scheme by name; biases are 0 where the formula is silent. The last two are bad examples:
one ignores the size of the layer, the other leaves all units of a layer equal."""
