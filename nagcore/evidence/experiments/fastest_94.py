"""Seconds to 94 % on the test images of Fashion-MNIST, on one GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.evidence.loop_floor import gemm_peaks
from nagcore.training.data import ImageData, load_fashion_mnist, split
from nagcore.training.fast_recipe import FastRecipe, accuracy_with_flips, count_flops, train_fast

DECLARATION = Declaration(
    name="fastest-94",
    question="In how many seconds does one GPU learn to tell 94 % of Fashion-MNIST's test images?",
    axes={"optimizer": ("nag", "adamw")},
    constants={
        "images": "full",
        "target": 0.94,
        "held_out": 5_000,  # training images that lr and epochs are chosen on
        "split_seed": 20,
        "lr_seed": 10,  # the step size is chosen by one run each, of the fewest epochs
        "epochs_seeds": (11, 12),  # the epochs by the mean accuracy of these
        "seeds": (0, 1, 2, 3, 4),  # of the runs on all training images, judged on the test images
        "epochs": (8, 16, 24),  # the first that reaches the target is taken
        "lr": {"nag": (0.5, 1.0, 2.0), "adamw": (0.001, 0.003, 0.01), "muon": (0.01, 0.03, 0.1)},
        "options": {
            "nag": {"momentum": 0.85},
            "adamw": {"betas": (0.9, 0.99)},
            "muon": {"momentum": 0.85, "fallback_lr": 0.003},
        },
        "weight_decay": {"nag": 5e-4, "adamw": 0.1, "muon": 0.02},
        # Muon's step reads its step size on the host, which a graph cannot
        "graph": {"nag": True, "adamw": True, "muon": False},
        "precision": "bfloat16",
        "batch_size": 1024,
        "width": 64,
        "label_smoothing": 0.2,
        "rising": 0.2,
        "start": 0.1,
        "shift": 2,
    },
    columns={
        "chosen_lr": "the largest step size, chosen on held-out images",
        "lr_accuracies": "accuracy on held-out images for each step size, 0 to 1",
        "epochs_tried": "numbers of epochs that were tried, in order",
        "epochs_accuracies": "for each of them the accuracies on held-out images, one a seed",
        "chosen_epochs": "the number taken: the first that reaches the target, or the last",
        "chosen_by": "'target', or 'none reached it'",
        "accuracies": "accuracy on the test images, one a seed, with mirrored images",
        "seconds": "seconds of the training, one a seed",
        "first_seconds": "seconds of the first epoch of all, with what a device does only once",
        "flops": "floating-point operations of one of these runs, as torch counts them",
        "peak": "GFLOP/s of a large matrix product in the precision used",
    },
    devices=("cuda",),
)


class Epochs(NamedTuple):
    """How many epochs it takes on held-out images, and what shorter runs reached."""

    tried: list[int]
    accuracies: list[list[float]]
    reached: bool


def recipe_of(setting: Mapping[str, Any], lr: float, epochs: int, device: str) -> FastRecipe:
    """Return the recipe of a setting with a step size and a number of epochs.

    On a CPU nothing is captured, and all is computed in float32.
    """
    optimizer, on_gpu = setting["optimizer"], device == "cuda"
    return FastRecipe(
        optimizer=optimizer,
        lr=lr,
        epochs=epochs,
        options=setting["options"][optimizer],
        weight_decay=setting["weight_decay"][optimizer],
        precision=setting["precision"] if on_gpu else "float32",
        graph=on_gpu and setting["graph"][optimizer],
        **{
            name: setting[name]
            for name in ("batch_size", "width", "label_smoothing", "rising", "start", "shift")
        },
    )


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:
    """Choose lr, then epochs, on held-out images; then train on all and read the test set once."""
    everything, test = (part.to(device) for part in load_fashion_mnist(setting["images"]))
    train, held_out = split(everything, setting["held_out"], seed=setting["split_seed"])
    first = train_fast(recipe_of(setting, setting["lr"][setting["optimizer"]][0], 1, device),
                       train, seed=setting["lr_seed"])  # fmt: skip
    lr, lr_accuracies = choose_lr(setting, device, train, held_out)
    search = search_epochs(setting, device, lr, train, held_out)
    recipe = recipe_of(setting, lr, search.tried[-1], device)
    runs = [train_fast(recipe, everything, seed=seed) for seed in setting["seeds"]]
    batch = everything.subset(list(range(min(recipe.batch_size, len(everything)))))
    return {
        "chosen_lr": lr,
        "lr_accuracies": lr_accuracies,
        "epochs_tried": search.tried,
        "epochs_accuracies": search.accuracies,
        "chosen_epochs": search.tried[-1],
        "chosen_by": "target" if search.reached else "none reached it",
        "accuracies": [accuracy_with_flips(run, test) for run in runs],
        "seconds": [run.seconds for run in runs],
        "first_seconds": first.seconds,
        "flops": count_flops(recipe, batch) / len(batch) * len(everything) * recipe.epochs,
        "peak": gemm_peaks(device, rounds=5)[recipe.precision],
    }


def choose_lr(
    setting: Mapping[str, Any], device: str, train: ImageData, held_out: ImageData
) -> tuple[float, list[float]]:
    """Return the step size that does best in the fewest epochs, and what each one reaches."""
    candidates: Sequence[float] = setting["lr"][setting["optimizer"]]
    fewest = setting["epochs"][0]
    accuracies = [
        accuracy_with_flips(
            train_fast(recipe_of(setting, lr, fewest, device), train, seed=setting["lr_seed"]),
            held_out,
        )
        for lr in candidates
    ]
    return candidates[accuracies.index(max(accuracies))], accuracies


def search_epochs(
    setting: Mapping[str, Any], device: str, lr: float, train: ImageData, held_out: ImageData
) -> Epochs:
    """Try the numbers of epochs in turn until the mean accuracy reaches the target."""
    tried, accuracies, reached = list[int](), list[list[float]](), False
    for epochs in setting["epochs"]:
        recipe = recipe_of(setting, lr, epochs, device)
        runs = [train_fast(recipe, train, seed=seed) for seed in setting["epochs_seeds"]]
        tried.append(epochs)
        accuracies.append([accuracy_with_flips(run, held_out) for run in runs])
        reached = sum(accuracies[-1]) / len(runs) >= setting["target"]
        if reached:
            break
    return Epochs(tried, accuracies, reached)


EXPERIMENT = Experiment(DECLARATION, measure)
