"""Train a small residual network: mixed precision, one-cycle schedule, checkpoints.

    python examples/train_resnet.py --optimizer sgd
    python examples/train_resnet.py --optimizer nag

A run that was stopped goes on with `--resume`, and ends where it would have ended.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR

from nagcore.optim import NAG
from nagcore.training.data import load_fashion_mnist


def make_optimizer(name: str, model: nn.Module, lr: float) -> torch.optim.Optimizer:
    """Return the optimizer; the line that makes it is all that differs between the two runs."""
    parameters = model.parameters()
    if name == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return NAG(parameters, lr, momentum=0.9, weight_decay=5e-4)


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        return functional.relu(self.second_norm(self.second(y)) + self.shortcut(x))


def make_model(width: int = 8) -> nn.Module:
    """Return the network for images of 28 × 28 pixels and ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        ResidualBlock(width, width, 1),
        ResidualBlock(width, 2 * width, 2),
        ResidualBlock(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )


def batch_at(step: int, images: Tensor, labels: Tensor, batch_size: int) -> tuple[Tensor, Tensor]:
    """Return the mini-batch of a step. It depends on the number of the step alone."""
    epoch, position = divmod(step, len(labels) // batch_size)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(epoch))
    chosen = order[position * batch_size : (position + 1) * batch_size].to(labels.device)
    return images[chosen], labels[chosen]


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    model.eval()
    guesses = torch.cat([model(part).argmax(dim=1) for part in images.split(500)])
    model.train()
    return (guesses == labels).double().mean().item()


def save(path: Path, step: int, **parts: object) -> None:
    """Write a checkpoint whole, or leave the one before."""
    state = {name: part.state_dict() for name, part in parts.items()}  # pyright: ignore
    torch.save({"step": step, **state}, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--optimizer", choices=("sgd", "nag"), default="nag")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--lr", type=float, default=0.1, help="the largest of the cycle")
    parser.add_argument("--images", choices=("shipped", "full"), default="shipped")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--checkpoint", type=Path, default=Path("_runs/resnet.pt"))
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint")
    parser.add_argument("--stop-after", type=int, help="number of steps, as if interrupted")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> tuple[nn.Module, float]:
    """Train, and return the model and its share of right answers on the test images."""
    options = parse(words)
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    train, test = (part.to(options.device) for part in load_fashion_mnist(options.images))
    steps_per_epoch = len(train) // options.batch_size
    total = options.epochs * steps_per_epoch

    torch.manual_seed(0)
    model = make_model().to(options.device)
    optimizer = make_optimizer(options.optimizer, model, options.lr)
    scheduler = OneCycleLR(optimizer, max_lr=options.lr, total_steps=total)
    scaler = torch.amp.GradScaler(options.device)
    half = torch.float16 if options.device.startswith("cuda") else torch.bfloat16

    start = 0
    if options.resume:
        saved = torch.load(options.checkpoint, weights_only=True, map_location=options.device)
        start = saved.pop("step")
        for part, name in ((model, "model"), (optimizer, "optimizer"), (scaler, "scaler")):
            part.load_state_dict(saved[name])
        scheduler.load_state_dict(saved["scheduler"])

    for step in range(start, min(total, options.stop_after or total)):
        images, labels = batch_at(step, train.images, train.labels, options.batch_size)
        optimizer.zero_grad()
        with torch.autocast(torch.device(options.device).type, dtype=half):
            loss = functional.cross_entropy(model(images), labels, label_smoothing=0.1)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
        if (step + 1) % steps_per_epoch == 0:
            right = accuracy(model, test.images, test.labels)
            print(f"epoch {(step + 1) // steps_per_epoch}: loss {loss:.3f}, test {right:.1%}")  # noqa: T201
        parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
        if (step + 1) % steps_per_epoch == 0 or step + 1 == options.stop_after:
            save(options.checkpoint, step + 1, **parts, scaler=scaler)
    return model, accuracy(model, test.images, test.labels)


if __name__ == "__main__":
    main()
