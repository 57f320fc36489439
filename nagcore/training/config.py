"""One declared, validated configuration of a training run."""

from __future__ import annotations

import functools
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nagcore.errors import UsageError
from nagcore.files import write_whole
from nagcore.names import closest_first
from nagcore.training.checks import (
    require_count,
    require_one_of,
    require_positive,
    require_seed,
)

if TYPE_CHECKING:
    from nagcore.training.condition import Condition
    from nagcore.training.rates import RateSetter
    from nagcore.training.switches import Switches


def _about(text: str, default: Any) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class TrainingConfig:
    """All that decides a run of `nagcore train`, in plain values.

    Made in Python by its fields, from a TOML or JSON file by `from_file`, on the command line by
    options of the same names. Everything is checked when it is made: a wrong key or value is
    refused by name.

    Raises:
        UsageError: a value cannot be used.

    Example:
        >>> config = TrainingConfig(optimizer="nag", lr=0.03, until="accuracy>=0.8 | epochs=20")
        >>> config.stopping()
        Either(first=Target(metric='eval_accuracy', at_least=0.8, at_most=None), \
second=Epochs(count=20))
    """

    data: str = _about(
        "fashion-mnist-1000 (shipped), fashion-mnist (all of it), or a folder or address of shards",
        "fashion-mnist-1000",
    )
    held_out: float = _about("share of the training images kept back for validation", 0.1)
    validation: str = _about("shards to validate on, for data in shards", "")
    model: str = _about("cnn, mlp or softmax", "cnn")
    width: int = _about("width of the model", 32)
    initialisation: str = _about(
        "scheme of the first weights: torch, he-normal, sparse, …", "torch"
    )
    loss: str = _about("cross-entropy, label-smoothing or mse-one-hot", "cross-entropy")
    optimizer: str = _about("a name, see `nagcore optimizers`", "nag")
    lr: float | None = _about("step size; the optimizer's usual one if left out", None)
    options: Mapping[str, Any] = field(
        default_factory=dict, metadata={"help": "further arguments of the optimizer: momentum=0.95"}
    )
    schedule: str = _about("how the rate goes: constant, cosine(steps=1000), …", "constant")
    warm_up: int = _about("steps over which the rate rises from 0 first", 0)
    limiter: str = _about("bound on the change of the rate: gradient_range(K=0.1, most=0.01)", "")
    augment: str = _about("random changes of the images: crop(2)+flip(0.5)+cutout(8)", "")
    batch_size: int = _about("examples in a mini-batch, all processes together", 64)
    until: str = _about("when to stop: accuracy>=0.92 | epochs=30", "epochs=10")
    report_every: int | None = _about("steps between reports, beside those at epoch ends", None)
    seed: int = _about("of weights, order and random numbers", 0)
    precision: str = _about("float32, bfloat16 or float16", "float32")
    accumulate: int = _about("parts in which the gradient of a batch is computed", 1)
    clip_norm: float | None = _about("longest gradient", None)
    compile: bool = _about("let torch.compile generate the code", False)
    graph: bool = _about("replay the step as one CUDA graph", False)
    channels_last: bool = _about("channels innermost in memory", True)
    sharding: str = _about("several processes: ddp (copies) or fsdp (parts)", "ddp")
    skip_bad: bool = _about("leave damaged shards out and count them", False)
    device: str = _about("cpu or cuda", "cpu")
    folder: str = _about("where checkpoints and the history go; nothing is kept if empty", "")
    every_steps: int | None = _about("steps between checkpoints, beside those at epoch ends", None)
    every_seconds: float | None = _about("seconds between checkpoints", None)
    keep_last: int = _about("how many checkpoints to keep", 2)
    keep_best: str = _about("metric whose best checkpoint is kept too", "")

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _typed(getattr(self, each.name), each.name))
        require_names(self)
        for name in ("width", "batch_size", "keep_last"):
            require_count(getattr(self, name), name)
        for name in ("report_every", "every_steps"):
            if getattr(self, name) is not None:
                require_count(getattr(self, name), name)
        if self.lr is not None:
            require_positive(self.lr, "lr")
        if not 0 <= self.held_out < 1:
            raise UsageError(f"held_out={self.held_out!r}; expected a share from 0 to below 1")
        if self.warm_up < 0:
            raise UsageError(f"warm_up={self.warm_up}; expected a number of steps, 0 or larger")
        require_seed(self.seed)
        self.switches()
        self.stopping()
        self.rate()

    def stopping(self) -> Condition:
        """Return the conditions that `until` means."""
        from nagcore.training.stopping_text import parse_stopping

        return parse_stopping(self.until)

    def rate(self) -> RateSetter:
        """Return the setter of the rate that schedule, warm-up and limiter mean."""
        from nagcore.training.rates import RateSetter, parse_limiter, parse_schedule

        limiter = parse_limiter(self.limiter) if self.limiter else None
        setter = RateSetter(parse_schedule(self.schedule), limiter=limiter)
        if self.warm_up:
            setter.add_warm_up(self.warm_up)
        return setter

    def switches(self) -> Switches:
        """Return how the arithmetic is done."""
        from nagcore.training.switches import Switches

        return Switches(**{each.name: getattr(self, each.name) for each in fields(Switches)})

    def decisive(self) -> dict[str, Any]:
        """Return what a resumed run must share with the one before: all that decides its steps."""
        free = (
            "until",
            "device",
            "folder",
            "every_steps",
            "every_seconds",
            "keep_last",
            "keep_best",
            "report_every",
            "sharding",
        )
        return {name: value for name, value in asdict(self).items() if name not in free}

    def save(self, path: Path | str) -> Path:
        """Write the configuration as JSON, whole or not at all."""
        return write_whole(path, json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n")

    def changed(self, **changes: Any) -> TrainingConfig:
        """Return the configuration with other values.

        Raises:
            UsageError: an unknown name, or a value that cannot be used.
        """
        _require_known(changes)
        return replace(self, **changes)


def require_names(config: TrainingConfig) -> None:
    """Raise UsageError where a name in the configuration is not known."""
    # Here and in the methods above: `nagcore --help` lists the fields without loading torch.
    from nagcore.optim.table import find_optimizer
    from nagcore.training.augment_text import parse_augmentation
    from nagcore.training.initialisation import find_initialisation
    from nagcore.training.losses import LOSSES
    from nagcore.training.models import MODELS

    require_one_of(config.model, "model", tuple(MODELS))
    require_one_of(config.loss, "loss", tuple(LOSSES))
    require_one_of(config.sharding, "sharding", ("ddp", "fsdp"))
    find_initialisation(config.initialisation)
    find_optimizer(config.optimizer)
    parse_augmentation(config.augment)


def config_from_file(path: Path | str) -> TrainingConfig:
    """Return the configuration in a TOML or JSON file, by its ending.

    Raises:
        UsageError: no such file, not of this form, or a wrong key or value.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise UsageError(f"cannot read the configuration {path}: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not {path.suffix[1:] or 'TOML'}: {error}") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} holds a {type(values).__name__}; expected names with values")
    return config_from(values)


def config_from(values: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration with these values, refusing names that it does not have.

    Example:
        >>> config_from({"batchsize": 50})
        Traceback (most recent call last):
        ...
        nagcore.errors.UsageError: unknown key 'batchsize' in the configuration; expected one of \
batch_size, ...
    """
    _require_known(values)
    return TrainingConfig(**values)


def _require_known(names: Mapping[str, Any]) -> None:
    known = [each.name for each in fields(TrainingConfig)]
    for name in names:
        if name not in known:
            raise UsageError(
                f"unknown key {name!r} in the configuration; expected one of "
                f"{closest_first(name, known)}"
            )


@functools.cache
def field_types() -> dict[str, tuple[type, ...]]:
    """Return for each field the types that its value may have."""
    hints = typing.get_type_hints(TrainingConfig)
    return {
        each.name: tuple(
            typing.get_origin(kind) or kind
            for kind in (typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,))
        )
        for each in fields(TrainingConfig)
        for hint in (hints[each.name],)
    }


def _typed(value: Any, name: str) -> Any:
    """Return a value that has a type of its field; a whole number may stand for a float."""
    kinds = field_types()[name]
    if Mapping in kinds and isinstance(value, Mapping):
        return dict(value)
    if float in kinds and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        expected = " or ".join(
            "none" if kind is types.NoneType else kind.__name__ for kind in kinds
        )
        raise UsageError(f"{name}={value!r} cannot be used; expected {expected}")
    return value
