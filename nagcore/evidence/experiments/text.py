"""A small GPT on the bytes of the King James Bible: five optimizers, tuned alike."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import torch

from nagcore.evidence.experiments.modality_runs import Task, compare, declare
from nagcore.evidence.sweep import Sweep
from nagcore.training.gpt import GPT, generate, make_gpt, next_byte_accuracy, next_byte_loss
from nagcore.training.text import TextData, load_text, split_text

QUESTION = "Which optimizer teaches a small GPT most about a text in a given number of steps?"
PROTOCOL = {
    "tuning_seed": 100,
    "seeds": (0, 1, 2),
    # a warm-up and half a wave of the cosine, for every optimizer
    "final": 0.1,
    "clip_norm": 1.0,
    # step size of Muon's NAdamW for embedding, last layer and vectors, as a share of its own
    "fallback": 0.1,
    # windows of the validation part at each report, and of the test part at the end
    "validation_windows": 64,
    "test_windows": 256,
    "prompt": "In the beginning ",
    "sample_bytes": 120,
}
_LARGE = {
    "adamw": (0.0003, 0.001, 0.003, 0.01),
    "nadamw": (0.0003, 0.001, 0.003, 0.01),
    "nag": (0.03, 0.1, 0.3, 1.0),
    "adan": (0.001, 0.003, 0.01, 0.03),
    "muon": (0.003, 0.01, 0.03, 0.1),
}
DECLARATION = declare(
    "text",
    QUESTION,
    {
        **PROTOCOL,
        "text": "king-james-bible",
        "depth": 4,
        "width": 256,
        "heads": 4,
        "context": 256,
        "batch_size": 32,
        "steps": 250,
        "every": 25,
        "warm_up": 25,
        "precision": "bfloat16",
        "graph": True,
        "lr_grid": _LARGE,
    },
    devices=("cuda",),
)
SMALL_DECLARATION = declare(
    "text-small",
    QUESTION,
    {
        **PROTOCOL,
        "text": "genesis-exodus",
        "depth": 2,
        "width": 64,
        "heads": 2,
        "context": 64,
        "batch_size": 16,
        "steps": 100,
        "every": 20,
        "warm_up": 10,
        "precision": "float32",
        "graph": False,
        # smaller networks take larger steps
        "lr_grid": {
            "adamw": (0.001, 0.003, 0.01, 0.03),
            "nadamw": (0.001, 0.003, 0.01, 0.03),
            "nag": (0.03, 0.1, 0.3, 1.0),
            "adan": (0.003, 0.01, 0.03, 0.1),
            "muon": (0.01, 0.03, 0.1, 0.3),
        },
    },
    devices=("cpu",),
)
FULL_DECLARATION = declare(
    "text-full",
    QUESTION,
    {
        **PROTOCOL,
        "seeds": (0, 1, 2, 3, 4),
        "text": "king-james-bible",
        "depth": 6,
        "width": 384,
        "heads": 6,
        "context": 256,
        "batch_size": 64,
        "steps": 1000,
        "every": 50,
        "warm_up": 50,
        "precision": "bfloat16",
        "graph": True,
        "lr_grid": _LARGE,
    },
    devices=("cuda",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Train GPTs with one optimizer: to find its step size, then on fresh seeds."""
    return compare(text_task(setting, device), setting)


def text_task(setting: Mapping[str, Any], device: str) -> Task:
    """Return what the experiment learns, on the device."""
    parts = _parts(setting["text"], setting["context"])
    train, validation, test = (part.to(device) for part in parts)
    sizes = {name: setting[name] for name in ("depth", "width", "heads", "context")}
    return Task(
        make_model=partial(make_gpt, **sizes),
        apart=lambda model: [model.embedding, model.head],
        loss=next_byte_loss,
        accuracy=next_byte_accuracy,
        train=train,
        validation=list(_first(validation, setting["validation_windows"])),
        test=list(_first(test, setting["test_windows"])),
        write=partial(_write, prompt=setting["prompt"], count=setting["sample_bytes"]),
    )


@lru_cache(maxsize=2)
def _parts(text: str, context: int) -> tuple[TextData, TextData, TextData]:
    return split_text(load_text(text), context)


def _first(data: TextData, windows: int, at_a_time: int = 64) -> Any:
    return islice(data.in_order(at_a_time), -(-windows // at_a_time))


def _write(model: GPT, prompt: str, count: int) -> str:
    training = model.training
    with torch.no_grad():
        written = generate(model.eval(), prompt.encode(), count, seed=0, temperature=0.8)
    model.train(training)
    text = written.decode("utf-8", errors="replace")
    return "".join(letter if letter.isprintable() else "·" for letter in text.replace("\n", " / "))


EXPERIMENT = Sweep(DECLARATION, measure)
SMALL = Sweep(SMALL_DECLARATION, measure)
FULL = Sweep(FULL_DECLARATION, measure, tier=2)
