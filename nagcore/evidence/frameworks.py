"""Other libraries' optimizers, driven step by step in double precision."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from nagcore.core.forms import Coefficients
from nagcore.errors import MissingExtraError, UsageError
from nagcore.names import closest_first

METHODS = ("NAG", "heavy ball", "Adam", "NAdam")
BETA2 = 0.999
EPS = 1e-8
"""β₂ and ε of Adam and NAdam, given to every library alike."""

Gradient = Callable[[np.ndarray], np.ndarray]


def follow_framework(
    framework: str, method: str, grad: Gradient, start: np.ndarray, steps: Sequence[Coefficients]
) -> np.ndarray:
    """Return the parameters that a library reaches after each step.

    The library's own optimizer is told step size and momentum before each step by the means that
    it has for that. It takes one momentum: the one that forms the next query point for NAG, the
    one of the step for heavy ball, and for Adam and NAdam β₁.

    Args:
        framework: one of `FRAMEWORKS`.
        method: one of `METHODS`.
        grad: the gradient, the same function for all.
        start: where the parameters are at first, shape (n,).
        steps: the coefficients of each step.

    Returns:
        The paths, shape (steps, n), in float64.

    Raises:
        UsageError: an unknown name, or Keras runs on another backend.
        MissingExtraError: the library is not installed.

    Example:
        >>> path = follow_framework(
        ...     "PyTorch", "NAG", lambda y: y, np.array([4.0]), [Coefficients(0.25, 0.5, 0.5)] * 2)
        >>> path.ravel().tolist()  # x_2 = 1.875, and half a displacement further y_2
        [2.5, 1.3125]
    """
    for what, name, known in (("framework", framework, FRAMEWORKS), ("method", method, METHODS)):
        if name not in known:
            raise UsageError(f"{what} is {name!r}; known: {closest_first(name, known)}")
    move, path = FRAMEWORKS[framework](method, start, steps[0]), []
    x = start
    for now in steps:
        x = move(grad(x), now)
        path.append(x)
    return np.array(path)


Move = Callable[[np.ndarray, Coefficients], np.ndarray]
"""Takes a gradient and the coefficients of the step, and returns the parameters after it."""


def momentum_of(method: str, now: Coefficients) -> float:
    """Return the one momentum that a library is told before a step."""
    return now.next_momentum if method == "NAG" else now.momentum


def _pytorch(method: str, start: np.ndarray, first: Coefficients) -> Move:
    p = torch.tensor(start, dtype=torch.float64)
    lr, momentum = first.step_size, momentum_of(method, first)
    if method in ("NAG", "heavy ball"):
        # SGD refuses nesterov with momentum 0, but takes it from a group
        nesterov = method == "NAG"
        optimizer: Any = torch.optim.SGD([p], lr, momentum=momentum or 0.5, nesterov=nesterov)
    else:
        kind = torch.optim.Adam if method == "Adam" else torch.optim.NAdam
        optimizer = kind([p], lr, betas=(momentum, BETA2), eps=EPS)
    (group,) = optimizer.param_groups

    def move(grad: np.ndarray, now: Coefficients) -> np.ndarray:
        momentum = momentum_of(method, now)
        told = {"betas": (momentum, BETA2)} if "betas" in group else {"momentum": momentum}
        group.update(lr=now.step_size, **told)
        p.grad = torch.tensor(grad)
        optimizer.step()
        return p.numpy().copy()

    return move


def _optax(method: str, start: np.ndarray, first: Coefficients) -> Move:
    try:
        import jax
        import optax
    except ImportError as error:
        raise MissingExtraError("optax", "frameworks", "this comparison") from error
    jax.config.update("jax_enable_x64", True)
    lr, momentum = first.step_size, momentum_of(method, first)
    if method in ("NAG", "heavy ball"):
        name, sgd = "momentum", optax.inject_hyperparams(optax.sgd)
        solver = sgd(lr, momentum=momentum, nesterov=method == "NAG")
    else:
        name, kind = "b1", optax.adam if method == "Adam" else optax.nadam
        solver = optax.inject_hyperparams(kind)(lr, b1=momentum, b2=BETA2, eps=EPS)
    update = jax.jit(solver.update)
    x: Any = jax.numpy.asarray(start)
    state: Any = solver.init(x)

    def move(grad: np.ndarray, now: Coefficients) -> np.ndarray:
        nonlocal state, x
        told = {"learning_rate": now.step_size, name: momentum_of(method, now)}
        for key, value in told.items():
            state.hyperparams[key] = jax.numpy.asarray(value)
        updates, state = update(jax.numpy.asarray(grad), state)
        x = optax.apply_updates(x, updates)
        return np.asarray(x)

    return move


def _keras(method: str, start: np.ndarray, first: Coefficients) -> Move:
    keras = import_keras()
    lr, momentum = first.step_size, momentum_of(method, first)
    variable = keras.Variable(start, dtype="float64")
    with _in_float64(keras):
        if method in ("NAG", "heavy ball"):
            name, nesterov = "momentum", method == "NAG"
            # it takes a number here and keeps no velocity if that is 0; the step's own comes later
            optimizer = keras.optimizers.SGD(lr, momentum=momentum or 0.5, nesterov=nesterov)
        else:
            name = "beta_1"
            kind = keras.optimizers.Adam if method == "Adam" else keras.optimizers.Nadam
            optimizer = kind(lr, beta_1=momentum, epsilon=EPS)
            optimizer.beta_2 = _in_double(keras, BETA2)
        optimizer.build([variable])

    def move(grad: np.ndarray, now: Coefficients) -> np.ndarray:
        optimizer.learning_rate = _in_double(keras, now.step_size)
        setattr(optimizer, name, _in_double(keras, momentum_of(method, now)))
        optimizer.apply([_in_double(keras, grad)], [variable])
        return variable.value.numpy().copy()

    return move


def _in_double(keras: Any, value: np.ndarray | float) -> Any:
    # on TensorFlow a plain number becomes a float32 first, also beside variables of float64
    return keras.ops.convert_to_tensor(value, dtype="float64")


@contextmanager
def _in_float64(keras: Any) -> Iterator[None]:
    """Let an optimizer that is made here keep its step size in float64."""
    default = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(default)


def import_keras() -> Any:
    """Return Keras on its TensorFlow backend, which says nothing about itself."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import keras
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("tensorflow-cpu", "frameworks", "this comparison") from error
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise UsageError(
            f"Keras runs on {backend!r}, expected 'tensorflow': unset KERAS_BACKEND, "
            "and start a new process"
        )
    return keras


FRAMEWORKS: dict[str, Callable[[str, np.ndarray, Coefficients], Move]] = {
    "PyTorch": _pytorch,
    "Optax": _optax,
    "Keras": _keras,
}
