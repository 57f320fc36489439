"""The step of all copies as one CUDA graph, against the same steps elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nagcore.training.copies import RULES, find_rule, train_copies
from nagcore.training.copies.graphed import WARM_UP
from nagcore.training.models import make_cnn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def run(data, name="nag", device="cuda", **options):
    hyper = {"step_size": [0.01, 0.02], "momentum": [0.9, 0.5], "top": [0.5, 0.8]}
    arguments = {"seeds": [0, 1], "steps": 14, "batch_size": 16, "every": 2} | options
    return train_copies(
        lambda seed: make_cnn(seed, width=2),
        nn.CrossEntropyLoss(),
        data.to(device),
        find_rule(name),
        hyper,
        device=device,
        evaluate=data.to(device),
        **arguments,
    )


def schedule(k, h):
    warm = torch.clamp((k + 1) / 10, max=1.0)
    return {**h, "step_size": h["step_size"] * warm, "momentum": torch.minimum(h["top"], warm)}


@pytest.mark.parametrize("name", RULES)
def test_a_replayed_graph_takes_the_steps_of_a_cpu(train, name):
    """Over several chunks of indices, and more steps than are taken before the capture."""
    there, here = run(train, name), run(train, name, "cpu")
    assert there.steps[-1] > WARM_UP + 3
    np.testing.assert_allclose(there.train_loss, here.train_loss, rtol=1e-3)
    np.testing.assert_allclose(there.eval_loss, here.eval_loss, rtol=1e-3)


@pytest.mark.parametrize("options", [{}, {"compile": "rule"}, {"compile": "step"}])
def test_the_number_of_the_step_is_known_inside_the_graph(train, options):
    graphed = run(train, schedule=schedule, **options)
    eager = run(train, schedule=schedule, graph=False)
    np.testing.assert_allclose(graphed.train_loss, eager.train_loss, rtol=1e-4)
    assert not np.allclose(graphed.train_loss, run(train).train_loss, rtol=1e-3)


def test_float32_is_exact_and_tf32_is_near(train):
    exact, rounded, here = run(train), run(train, precision="tf32"), run(train, device="cpu")
    errors = [np.abs(one.train_loss - here.train_loss).max() for one in (exact, rounded)]
    assert errors[0] < errors[1] < 0.05


def test_a_killed_graph_goes_on(train, tmp_path):
    class KilledError(Exception):
        pass

    def kill(done, _):
        if done == 8:
            raise KilledError

    keep = {"keep": tmp_path / "kept", "keep_every": 0.0}
    with pytest.raises(KilledError):
        run(train, progress=kill, **keep)
    resumed, whole = run(train, **keep), run(train)
    np.testing.assert_allclose(resumed.train_loss, whole.train_loss, rtol=1e-4)
    np.testing.assert_array_equal(resumed.steps, whole.steps)
