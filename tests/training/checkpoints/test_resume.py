"""A run that is taken up again comes to the bits of one that was never interrupted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor, nn

from nagcore.core.backtracking import Backtracking
from nagcore.optim import NAG, Adan, Muon, ScheduleFree, StepSizeSearch
from nagcore.training.callbacks import Callback
from nagcore.training.checkpoints import Checkpoints, latest, list_checkpoints, read_checkpoint
from nagcore.training.checkpoints.gather import load_optimizer
from nagcore.training.data import ImageData
from nagcore.training.fit import fit
from nagcore.training.rates import Cosine, GradientRangeLimiter, RateSetter
from nagcore.training.seeds import private_random_state
from nagcore.training.stopping import Epochs, Patience, Steps
from nagcore.training.switches import Switches

BATCH, STEPS = 20, 10  # batches of 20, 20 and 10 images: the fourth epoch is cut short


class Net(nn.Module):
    """Has what is easily forgotten: dropout, running statistics, tied weights, odd buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 5, stride=3)
        self.norm = nn.BatchNorm2d(2)
        self.fc1, self.fc2, self.out = nn.Linear(128, 8), nn.Linear(8, 8), nn.Linear(8, 10)
        self.fc3 = nn.Linear(8, 8)
        self.fc3.weight = self.fc2.weight
        self.register_buffer("calls", torch.zeros(()), persistent=False)
        self.told: list[int] = []
        self.calls: Tensor

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            self.calls += 1
            self.told.append(len(images))
        x = self.norm(self.conv(images)).relu().flatten(1)
        x = nn.functional.dropout(self.fc1(x), 0.2, self.training) * (1 + self.calls / 100)
        return self.out(self.fc3(self.fc2(x.relu())).relu())

    def get_extra_state(self) -> Any:
        return {"told": list(self.told)}

    def set_extra_state(self, state: Any) -> None:
        self.told = list(state["told"])


class Smooth(Callback):
    """Averages the weights, and forgets nothing about it."""

    def __init__(self) -> None:
        self.mean: Tensor | None = None

    def on_step(self, run: Any) -> None:
        weight = run.model.out.weight.detach()
        self.mean = weight.clone() if self.mean is None else self.mean.lerp(weight, 0.1)

    def state_dict(self) -> dict[str, Any]:
        return {"mean": self.mean}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.mean = state["mean"]


class Kind(NamedTuple):
    optimizer: Callable[[nn.Module], Any]
    options: Callable[[], dict[str, Any]] = dict


def rated() -> dict[str, Any]:
    return {"rate": RateSetter(Cosine(steps=15), limiter=GradientRangeLimiter(K=0.1))}


def switched(**values: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {"switches": Switches(**values)}


FULL = {"batch_size": 50}
KINDS = {
    "NAG": Kind(lambda m: NAG(m.parameters(), lr=0.05)),
    "NAG, restarting": Kind(lambda m: NAG(m.parameters(), lr=0.05, restart="function")),
    "NAG, rated": Kind(lambda m: NAG(m.parameters(), lr=0.05), rated),
    "NAG, averaged": Kind(lambda m: NAG(m.parameters()), lambda: {"callbacks": [Smooth()]}),
    "NAG, float16": Kind(lambda m: NAG(m.parameters(), lr=0.05), switched(precision="float16")),
    "NAG, clipped": Kind(
        lambda m: NAG(m.parameters()), switched(accumulate=3, clip_norm=0.1, channels_last=True)
    ),
    "ScheduleFree": Kind(lambda m: ScheduleFree(m.parameters(), lr=0.05)),
    "Adan": Kind(lambda m: Adan(m.parameters())),
    "SGD": Kind(lambda m: torch.optim.SGD(m.parameters(), 0.05, momentum=0.9, nesterov=True)),
    "Adam": Kind(lambda m: torch.optim.AdamW(m.parameters(), amsgrad=True)),
    "Muon": Kind(lambda m: Muon([{"params": [m.fc1.weight], "lr": 0.01}])),
    "LBFGS": Kind(
        lambda m: torch.optim.LBFGS(m.parameters(), lr=0.1, max_iter=3), lambda: dict(FULL)
    ),
    "StepSizeSearch": Kind(
        lambda m: StepSizeSearch(NAG(m.parameters()), Backtracking(first=0.01)),
        lambda: dict(FULL),
    ),
}


def run(
    kind: Kind,
    data: ImageData,
    folder: Path | None,
    steps: int = STEPS,
    factor: float = 1.0,
    **options: Any,
) -> dict[str, Any]:
    """Train and return all that came of it."""
    with private_random_state(0):
        model = Net()
    if isinstance(kind.optimizer(model), StepSizeSearch):  # needs a function without chance
        model.eval()
    optimizer = kind.optimizer(model)
    checkpoints = None if folder is None else Checkpoints(folder, every_steps=1, resume=True)
    given = {"batch_size": BATCH, "until": Steps(steps), "checkpoints": checkpoints}
    own = kind.options()
    history = fit(
        model,
        lambda scores, labels: nn.functional.cross_entropy(scores, labels) * factor,
        data,
        optimizer,
        evaluate_on=data.subset(list(range(10))),
        **{**given, **own, **options},
    )
    parts = [*own.get("callbacks", ()), *([own["rate"]] if "rate" in own else [])]
    return {
        "model": model.state_dict(),
        "calls": model.calls,
        "optimizer": optimizer.state_dict(),
        "parts": [part.state_dict() for part in parts],
        "rows": [{**row._asdict(), "seconds": 0.0} for row in history.rows],
        "status": history.status,
    }


def same(first: Any, second: Any, where: str = "") -> None:
    """Compare to the bit, and say where it differs."""
    assert type(first) is type(second), where
    if isinstance(first, Tensor):
        assert first.dtype == second.dtype, where
        assert first.detach().numpy().tobytes() == second.detach().numpy().tobytes(), where
    elif isinstance(first, dict):
        assert set(first) == set(second), where
        for key, value in first.items():
            same(value, second[key], f"{where}.{key}")
    elif isinstance(first, list | tuple):
        assert len(first) == len(second), where
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            same(one, other, f"{where}[{number}]")
    else:
        assert repr(first) == repr(second), where


@pytest.fixture(scope="module")
def images(shipped) -> ImageData:
    return shipped[0].subset(list(range(50)))


@pytest.mark.parametrize("name", KINDS)
def test_a_run_interrupted_again_and_again(images: ImageData, tmp_path: Path, name: str):
    uninterrupted = run(KINDS[name], images, None)
    for steps in (1, 2, 3, 5, 6, 7, 10):
        resumed = run(KINDS[name], images, tmp_path, steps)
        assert latest(tmp_path) == tmp_path / f"step-{steps:08d}"
    same(uninterrupted, resumed)


def test_the_scale_of_the_loss_survives(images: ImageData, tmp_path: Path):
    # So large a loss overflows at first, and the scale is halved until it does no more.
    kind, factor = KINDS["NAG, float16"], 300.0
    uninterrupted = run(kind, images, None, factor=factor)
    run(kind, images, tmp_path, 4, factor=factor)
    path = latest(tmp_path)
    assert path is not None
    assert read_checkpoint(path).state["parts"]["scaler"]["scale"] < 2.0**15
    same(uninterrupted, run(kind, images, tmp_path, factor=factor))


@pytest.mark.parametrize("steps", range(1, STEPS))
def test_a_run_interrupted_at_any_step(images: ImageData, tmp_path: Path, steps: int):
    uninterrupted = run(KINDS["NAG, rated"], images, None)
    run(KINDS["NAG, rated"], images, tmp_path, steps)
    same(uninterrupted, run(KINDS["NAG, rated"], images, tmp_path))


def test_saving_changes_nothing(images: ImageData, tmp_path: Path):
    for name in ("NAG", "NAG, float16"):
        same(run(KINDS[name], images, None), run(KINDS[name], images, tmp_path / name))


def test_reports_within_an_epoch_and_patience_survive(images: ImageData, tmp_path: Path):
    options = {"report_every": 2, "until": Patience("eval_loss", 2) | Epochs(8)}
    kind = Kind(lambda m: NAG(m.parameters(), lr=0.5))
    uninterrupted = run(kind, images, None, **options)
    last = uninterrupted["rows"][-1]["step"]
    assert uninterrupted["status"] == "patience"
    for steps in (1, last // 2, last - 1):
        run(kind, images, tmp_path, **{**options, "until": Steps(steps)})
    same(uninterrupted, run(kind, images, tmp_path, **options))


def test_a_run_that_is_over_stays_over(images: ImageData, tmp_path: Path):
    first = run(KINDS["NAG"], images, tmp_path)
    kept = list_checkpoints(tmp_path)
    same(first, run(KINDS["NAG"], images, tmp_path))
    assert list_checkpoints(tmp_path) == kept


def test_weights_for_use_are_at_the_iterate(images: ImageData, tmp_path: Path):
    with private_random_state(0):
        model = Net()
    optimizer = NAG(model.parameters(), lr=0.05)
    fit(
        model,
        nn.CrossEntropyLoss(),
        images,
        optimizer,
        batch_size=BATCH,
        until=Steps(4),
        checkpoints=Checkpoints(tmp_path),
    )
    path = latest(tmp_path)
    assert path is not None
    found = read_checkpoint(path)
    assert found.resume is not None
    assert torch.equal(found.resume["out.weight"], model.out.weight)
    with optimizer.at_iterate():
        assert torch.equal(found.weights["out.weight"], model.out.weight)
        assert not torch.equal(found.resume["out.weight"], model.out.weight)
    assert found.weights["fc3.weight"] is found.weights["fc2.weight"]


def test_where_no_bit_differs_weights_are_stored_once(images: ImageData, tmp_path: Path):
    run(KINDS["SGD"], images, tmp_path)
    path = latest(tmp_path)
    assert path is not None
    assert read_checkpoint(path).resume is None
    assert {file.name for file in path.iterdir()} == {
        "manifest.json",
        "model.safetensors",
        "state.pt",
    }


@pytest.mark.parametrize("saved", [0.25, torch.tensor(0.25, dtype=torch.float64)])
def test_a_rate_that_is_a_tensor_stays_one(saved: Any):
    # A CUDA graph reads the rate from where it is; a number in its place would never be read.
    def optimizer(lr: Any) -> torch.optim.Optimizer:
        return torch.optim.SGD([nn.Parameter(torch.ones(2))], lr=lr, foreach=False)

    replayed = optimizer(torch.tensor(0.5))
    load_optimizer(replayed, optimizer(saved).state_dict())
    rate = replayed.param_groups[0]["lr"]
    assert isinstance(rate, Tensor)
    assert (rate.dtype, rate.item()) == (torch.float32, 0.25)
