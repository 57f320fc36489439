"""Same start, same path: the real PyTorch, Optax and Keras on TensorFlow beside our rules."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from nagcore.core.forms import Coefficients
from nagcore.core.nadam import NADAM_CONVENTIONS
from nagcore.errors import MissingExtraError, UsageError
from nagcore.evidence import frameworks
from nagcore.evidence.experiments.same_path import EXPERIMENT, make_steps
from nagcore.evidence.own_path import DIFFERENCES
from nagcore.optim import NAG
from nagcore.theory.quadratic import Quadratic

STEPS, LR = 200, 0.03
GRADS = np.random.default_rng(0).normal(size=(STEPS, 5)) * np.array([1.0, 10.0, 0.1, 1e-4, 3.0])
START = np.arange(5.0)

# (framework, method): the changes under which the paths part
PART = {
    ("PyTorch", "NAG"): {"step size", "momentum"},
    ("Optax", "NAG"): {"step size", "momentum"},
    ("Keras", "NAG"): {"momentum"},
    ("PyTorch", "heavy ball"): {"step size"},
    ("Optax", "heavy ball"): {"step size"},
    ("Keras", "Adam"): {"nothing", "step size", "momentum"},
    ("PyTorch", "NAdam"): {"nothing", "step size", "momentum"},
    ("Optax", "NAdam"): {"nothing", "step size", "momentum"},
    ("Keras", "NAdam"): {"nothing", "step size", "momentum"},
}


@pytest.mark.slow
def test_paths_agree_where_the_methods_do_and_each_difference_is_understood():
    """One test, so that TensorFlow is started once."""
    distance = {}
    for setting in EXPERIMENT.declaration.settings():
        case = setting["framework"], setting["method"], setting["changed"]
        found = EXPERIMENT.measured(setting, "cpu")
        distance[case] = found["distance"]
        parts = setting["changed"] in PART.get(case[:2], set())
        assert (found["distance"] > 1e-10) == parts, (case, found)
        # with the known difference put into our rule nothing is left
        assert found["explained"] < 1e-13, (case, found)
    assert set(PART) == set(DIFFERENCES) <= {case[:2] for case in distance}
    assert distance["PyTorch", "NAdam", "nothing"] < 1e-8  # one number of the step is a float32
    assert distance["Optax", "NAdam", "nothing"] > 1e-2  # another method


def test_our_own_optimizer_walks_the_path_whatever_changes():
    declared = EXPERIMENT.declaration
    problem = Quadratic((1.0, 30.0, 100.0), center=(1.0, 1.0, 1.0), rotation_seed=0)
    for setting in declared.replace(method=("NAG",), framework=("PyTorch",)).settings():
        steps = make_steps(setting, problem.L)
        p = torch.zeros(3, dtype=torch.float64)
        optimizer = NAG([p], lr=1.0, momentum=0.5)
        momenta = [now.momentum for now in steps] + [steps[-1].next_momentum]
        x, before = np.zeros(3), np.zeros(3)
        for k, now in enumerate(steps):
            y = x + momenta[k] * (x - before)  # Nesterov's two lines, written out
            x, before = y - now.step_size * problem.grad(y), x
            optimizer.param_groups[0].update(lr=now.step_size, momentum=now.next_momentum)
            p.grad = torch.tensor(problem.grad(p.numpy()))
            optimizer.step()
            y = x + momenta[k + 1] * (x - before)
            np.testing.assert_allclose(p.numpy(), y, rtol=1e-10, atol=1e-12)


def follow(rule):
    state, path = rule.init(START), []
    for grad in GRADS:
        state = rule.step(state, grad, LR)
        path.append(state.x)
    return np.array(path)


@pytest.mark.slow
def test_nadam_of_keras_and_of_the_kernel_of_tensorflow(monkeypatch):
    """Keras rounds the 0.96 of its schedule to float32; with that mended the paths are one."""
    keras = frameworks.import_keras()
    import tensorflow as tf

    monkeypatch.setattr(frameworks, "EPS", 1e-7)
    steps = [Coefficients(LR, 0.9, 0.9)] * STEPS

    def keras_path():
        gradients = iter(GRADS)
        return frameworks.follow_framework(
            "Keras", "NAdam", lambda _: next(gradients), START, steps
        )

    rounded = keras_path()
    assert float(keras.ops.cast(0.96, "float64")) == float(np.float32(0.96)) != 0.96
    core = sys.modules["keras.src.backend.tensorflow.core"]
    cast = core.cast

    def cast_exactly(x, dtype):
        return tf.constant(x, dtype) if isinstance(x, float) else cast(x, dtype)

    monkeypatch.setattr(core, "cast", cast_exactly)
    ours = follow(NADAM_CONVENTIONS["keras"])
    np.testing.assert_allclose(ours, keras_path(), rtol=1e-12, atol=1e-13)
    assert 1e-12 < np.abs(ours - rounded).max() < 1e-6

    x, m, v = (tf.Variable(tf.constant(start)) for start in (START, 0 * START, 0 * START))
    path = []
    for k, grad in enumerate(GRADS, 1):
        numbers = {"beta1_power": 0.9**k, "beta2_power": 0.999**k, "lr": LR}
        numbers |= {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
        tf.raw_ops.ResourceApplyAdam(
            var=x.handle,
            m=m.handle,
            v=v.handle,
            grad=tf.constant(grad),
            use_nesterov=True,
            **{name: tf.constant(value, tf.float64) for name, value in numbers.items()},
        )
        path.append(x.numpy())
    np.testing.assert_allclose(follow(NADAM_CONVENTIONS["tf1"]), path, rtol=1e-12, atol=1e-13)


def test_unknown_names_are_refused():
    steps = [Coefficients(0.1, 0.9, 0.9)]
    with pytest.raises(UsageError, match="framework is 'Torch'; known: PyTorch"):
        frameworks.follow_framework("Torch", "NAG", lambda x: x, START, steps)
    with pytest.raises(UsageError, match="method is 'nadam'; known: Adam, NAdam"):
        frameworks.follow_framework("PyTorch", "nadam", lambda x: x, START, steps)


@pytest.mark.parametrize(("name", "module"), [("Optax", "optax"), ("Keras", "keras")])
def test_a_missing_library_is_named_with_its_extra(name, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[frameworks\]'"):
        frameworks.follow_framework(name, "NAG", lambda x: x, START, [Coefficients(0.1, 0.9, 0.9)])
