"""Two classical classifiers on the same 1,000 images, as a yardstick."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np

from nagcore.errors import MissingExtraError
from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from nagcore.fashion_mnist import load_arrays

DECLARATION = Declaration(
    name="baselines-1000",
    question="What do classifiers without a network reach on the same images?",
    axes={"classifier": ("logistic-regression", "k-nearest-neighbours")},
    constants={
        "folds": 5,
        "inverse_penalty": (0.0001, 0.001, 0.01, 0.1, 1.0, 10.0),
        "neighbours": (1, 3, 5, 7, 9, 15),
    },
    columns={
        "accuracy": "share of the 1,000 test images told right",
        "chosen": "the value of the hyperparameter that cross-validation chose",
    },
    devices=("cpu",),
)


def measure(setting: Mapping[str, Any], device: str) -> dict[str, Any]:  # noqa: ARG001
    """Choose the hyperparameter by cross-validation on the training images, then test once."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.neighbors import KNeighborsClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError as error:
        raise MissingExtraError("scikit-learn", "baselines", "the baseline experiment") from error

    data = load_arrays("shipped")
    flat = {part: _flatten(getattr(data, f"{part}_images")) for part in ("train", "test")}
    if setting["classifier"] == "logistic-regression":
        name, grid = "logisticregression__C", setting["inverse_penalty"]
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    else:
        name, grid = "n_neighbors", setting["neighbours"]
        model = KNeighborsClassifier()
    search = GridSearchCV(model, {name: list(grid)}, cv=setting["folds"])
    search.fit(flat["train"], data.train_labels)
    best = cast("Any", search.best_params_)
    return {
        "accuracy": float(np.mean(search.predict(flat["test"]) == data.test_labels)),
        "chosen": float(best[name]),
    }


def _flatten(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64) / 255


EXPERIMENT = Experiment(DECLARATION, measure)
