"""What the table of names says is what the installed libraries do."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nagcore.core import NADAM_CONVENTIONS, HeavyBall, Nesterov, ScheduleFree
from nagcore.core.forms import FORMS, Coefficients
from nagcore.core.muon import Muon
from nagcore.evidence.optimizer_names_table import NAMED_UPDATES, tabulate_names
from nagcore.optim import NAG

ROOT = Path(__file__).parents[2]
START = ((1.0, -2.0, 0.5), (3.0, 0.25, -1.0))
SCALE = torch.tensor([[1.0, 4.0, 2.0], [0.5, 3.0, 1.5]], dtype=torch.float64)
LR, BETA, STEPS = 0.05, 0.9, 6


def path_of(optimizer_of: Callable[[list[torch.Tensor]], Any], dtype=torch.float64) -> np.ndarray:
    """Follow a library's optimizer on a quadratic; return the parameters after each step."""
    p = torch.nn.Parameter(torch.tensor(START, dtype=dtype))
    optimizer, path = optimizer_of([p]), []
    for _ in range(STEPS):
        p.grad = (SCALE.to(dtype) * p).detach().clone()
        optimizer.step()
        path.append(p.detach().double().numpy().copy())
    return np.array(path)


def path_of_rule(rule: Any, **options: Any) -> np.ndarray:
    """Follow one of our rules; return the points at which it wants the gradient next."""
    state, path = rule.init(torch.tensor(START, dtype=torch.float64)), []
    for _ in range(STEPS):
        state = rule.step(state, SCALE * rule.query(state), LR, **options)
        path.append(rule.query(state).numpy().copy())
    return np.array(path)


def form_path(name: str) -> np.ndarray:
    form, now = FORMS[name], Coefficients(LR, BETA, BETA)
    state = form.enter(Nesterov(BETA).init(torch.tensor(START, dtype=torch.float64)), now)
    path = []
    for _ in range(STEPS):
        state = form.step(state, SCALE * form.query(state, now), now)
        path.append(state.parameters.numpy().copy())
    return np.array(path)


def close(path: np.ndarray, expected: np.ndarray, tolerance: float = 1e-12) -> None:
    np.testing.assert_allclose(path, expected, rtol=0, atol=tolerance)


def check_torch_nesterov() -> None:
    close(
        path_of(lambda p: torch.optim.SGD(p, LR, momentum=BETA, nesterov=True)), form_path("torch")
    )


def check_torch_heavy_ball() -> None:
    close(path_of(lambda p: torch.optim.SGD(p, LR, momentum=BETA)), path_of_rule(HeavyBall(BETA)))


def check_torch_nadam() -> None:
    # it keeps the product of the momenta in single precision
    path = path_of(lambda p: torch.optim.NAdam(p, LR))
    close(path, path_of_rule(NADAM_CONVENTIONS["torch"]), 1e-8)


def check_torch_muon() -> None:
    """torch orthogonalizes in bfloat16, so the average is looked at in the state."""
    p = torch.nn.Parameter(torch.tensor(START))
    optimizer = torch.optim.Muon([p], lr=LR, momentum=BETA)
    assert optimizer.defaults["weight_decay"] == 0.1
    total, average = torch.zeros(2, 3), torch.zeros(2, 3)
    for k in range(STEPS):
        p.grad = torch.full((2, 3), 1.0 + k)
        optimizer.step()
        total, average = BETA * total + p.grad, BETA * average + (1 - BETA) * p.grad
    (buffer,) = (s for s in optimizer.state[p].values() if s.ndim)
    close(buffer.numpy(), average.numpy(), 1e-6)
    assert not np.allclose(buffer.numpy(), total.numpy())
    documented = re.sub(r"\s", "", torch.optim.Muon.__doc__ or "")
    assert r"B_t\leftarrow\muB_{t-1}+g_t" in documented


def check_heavyball_sgd() -> None:
    heavyball = import_heavyball()
    path = path_of(lambda p: heavyball.SGD(p, lr=LR, beta=BETA), torch.float32)
    close(path, path_of_rule(HeavyBall(BETA)), 1e-5)
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.ones(2)
    heavyball.SGD([p], lr=LR).step()
    assert p.grad is None


def check_heavyball_nadam() -> None:
    heavyball = import_heavyball()
    path = path_of(lambda p: heavyball.NAdam(p, lr=LR), torch.float32)
    close(path, path_of_rule(NADAM_CONVENTIONS["torch"]), 1e-5)


def check_collection_sgd() -> None:
    library = pytest.importorskip("pytorch_optimizer")
    options = {"lr": LR, "momentum": BETA, "nesterov": True}
    for foreach in (True, False):
        path = path_of(lambda p, foreach=foreach: library.SGDW(p, foreach=foreach, **options))
        close(path, form_path("torch"))
    p = torch.nn.Parameter(torch.zeros(2))
    p.grad = torch.ones(2)
    library.SGDW([p], foreach=False, **options).step()
    assert p.grad.tolist() != [1.0, 1.0]


def check_collection_muon() -> None:
    library = pytest.importorskip("pytorch_optimizer")

    def build(p):
        return library.Muon([{"params": p, "use_muon": True}], lr=LR, momentum=BETA)

    close(path_of(build, torch.float32), path_of_rule(Muon(BETA)), 0.02)  # it computes in bfloat16
    p = torch.nn.Parameter(torch.zeros(2, 3))
    p.grad = torch.ones(2, 3)
    build([p]).step()
    assert not torch.equal(p.grad, torch.ones(2, 3))


def check_schedule_free() -> None:
    library = pytest.importorskip("schedulefree")

    def build(p):
        optimizer = library.SGDScheduleFree(p, lr=LR, momentum=BETA)
        optimizer.train()
        return optimizer

    close(path_of(build), path_of_rule(ScheduleFree(BETA)))
    with pytest.raises(ValueError, match="Momentum"):
        library.SGDScheduleFree([torch.nn.Parameter(torch.zeros(1))], momentum=0.0)


def check_optax_sgd() -> None:
    close(optax_path("sgd", momentum=BETA, nesterov=True), form_path("torch"), 1e-5)


def check_optax_nadam() -> None:
    close(optax_path("nadam"), path_of_rule(NADAM_CONVENTIONS["constant"]), 1e-5)


def check_nag() -> None:
    close(path_of(lambda p: NAG(p, LR, BETA)), form_path("shifted"))
    close(form_path("shifted"), path_of_rule(Nesterov(BETA)))


def import_heavyball() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        heavyball = pytest.importorskip("heavyball")
    heavyball.utils.compile_mode = None
    return heavyball


def optax_path(name: str, **options: Any) -> np.ndarray:
    optax = pytest.importorskip("optax")
    solver = getattr(optax, name)(LR, **options)
    x, scale = np.array(START, dtype=np.float32), SCALE.numpy().astype(np.float32)
    state, path = solver.init(x), []
    for _ in range(STEPS):
        updates, state = solver.update(scale * x, state, x)
        x = np.asarray(optax.apply_updates(x, updates))
        path.append(x)
    return np.array(path)


CHECKS: dict[tuple[str, str], Callable[[], None]] = {
    ("PyTorch", "SGD(nesterov=True)"): check_torch_nesterov,
    ("PyTorch", "SGD(momentum=β)"): check_torch_heavy_ball,
    ("PyTorch", "NAdam"): check_torch_nadam,
    ("PyTorch", "Muon"): check_torch_muon,
    ("Optax", "sgd(nesterov=True)"): check_optax_sgd,
    ("Optax", "nadam"): check_optax_nadam,
    ("HeavyBall", "SGD(beta=β)"): check_heavyball_sgd,
    ("HeavyBall", "NAdam"): check_heavyball_nadam,
    ("pytorch_optimizer", "SGDW(nesterov=True)"): check_collection_sgd,
    ("pytorch_optimizer", "Muon"): check_collection_muon,
    ("schedulefree", "SGDScheduleFree"): check_schedule_free,
    ("nagcore", "NAG"): check_nag,
}
# Keras on TensorFlow is run by the test of the record "same-path".
ELSEWHERE = {("Keras", "SGD(nesterov=True)"), ("Keras", "Nadam")}


@pytest.mark.parametrize("key", CHECKS, ids=" ".join)
def test_a_name_that_the_table_calls_run_is_what_it_says(key):
    CHECKS[key]()


def test_all_names_that_the_table_calls_run_are_run():
    run = {(row.library.split()[0], row.name) for row in NAMED_UPDATES if row.known == "run"}
    assert run == set(CHECKS) | ELSEWHERE
    assert {row.known for row in NAMED_UPDATES} == {"run", "read"}


def test_the_versions_in_the_table_are_those_installed_here():
    """Where this fails, read the source of the new version before changing the table."""
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    names = {"PyTorch": "torch", "pytorch_optimizer": "pytorch-optimizer"}
    checked = 0
    for library in {row.library for row in NAMED_UPDATES}:
        name, _, version = library.partition(" ")
        package = names.get(name, name.lower())
        if re.fullmatch(r"\d+(\.\d+)+", version):
            assert f"\n{package}=={version} " in locked, library
            checked += 1
    assert checked >= 6


def test_every_source_is_in_the_bibliography_or_an_address():
    bibliography = (ROOT / "references.bib").read_text(encoding="utf-8")
    for row in NAMED_UPDATES:
        assert row.source.startswith("https://") or f"{{{row.source}," in bibliography, row


def test_the_schedules_in_words_are_those_of_the_conventions():
    """μ_k as the table prints it, for torch and for Keras."""
    said = {row.library.split()[0]: row.step for row in NAMED_UPDATES if "0.96" in row.step}
    assert "0.96^(k/250)" in said["PyTorch"]
    assert "0.96^k)" in said["Keras"]
    for k in (1, 10, 1000):
        for convention, exponent in (("torch", k / 250), ("keras", k)):
            expected = 0.9 * (1 - 0.5 * 0.96**exponent)
            assert math.isclose(NADAM_CONVENTIONS[convention].momentum(k), expected)


def test_the_table_has_a_line_for_each_name():
    table = tabulate_names()
    assert len(table) == len(NAMED_UPDATES)
    assert table.index.is_unique
    assert all(row.step and row.method for row in NAMED_UPDATES)
