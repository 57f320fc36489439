"""Schedules of the step size on a small CNN: torch's form of Nesterov's method beside NAG."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch.nn.functional import cross_entropy

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.schedules import make_nesterov, make_scheduler
from nagcore.training.data import load_fashion_mnist
from nagcore.training.evaluation import evaluate
from nagcore.training.models import make_cnn

DECLARATION = Declaration(
    name="schedules-on-cnn",
    question="Does it matter for a small CNN whether Nesterov's method is exact under schedules?",
    axes={
        "schedule": ("constant", "drop", "warm-up", "one cycle", "warm restarts"),
        "optimizer": ("torch.optim.SGD", "nagcore.optim.NAG"),
        "seed": (0, 1, 2, 3, 4),
    },
    constants={"epochs": 10, "batch_size": 50, "lr": 0.03, "momentum": 0.9, "width": 8},
    columns={
        "loss": "mean cross-entropy over the mini-batches of each epoch, nats",
        "accuracy": "share of the 1,000 test images told right after the last epoch",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train on the 1,000 shipped images with a scheduler that acts after every step."""
    train, test = (data.to(device) for data in load_fashion_mnist())
    model = make_cnn(setting["seed"], setting["width"]).to(device)
    optimizer = make_nesterov(
        setting["optimizer"], model.parameters(), lr=setting["lr"], momentum=setting["momentum"]
    )
    epochs, batch = setting["epochs"], setting["batch_size"]
    steps = epochs * -(-len(train) // batch)
    scheduler = make_scheduler(setting["schedule"], optimizer, steps=steps)
    means = []
    for epoch in range(epochs):
        total = 0.0
        for images, labels, *_ in train.batches(batch, seed=setting["seed"], epoch=epoch):
            optimizer.zero_grad()
            loss = cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(labels)
        means.append(total / len(train))
    accuracy = evaluate(model, cross_entropy, test, optimizer=optimizer).accuracy
    return {"loss": means, "accuracy": accuracy}


EXPERIMENT = Experiment(DECLARATION, measure)
