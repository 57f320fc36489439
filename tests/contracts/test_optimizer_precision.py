"""Mixed precision: an overflow on any step leaves state and parameters as they were."""

from __future__ import annotations

import pytest
import torch
from walking import DEVICES, build, cases, equal, rows, states, values

STEPS = 5


def make_model(device="cpu"):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).to(
        device
    )


def scaled_step(model, optimizer, scaler, inputs):
    optimizer.zero_grad()
    scaler.scale(model(inputs).square().mean()).backward()
    scaler.step(optimizer)
    scaler.update()


def inputs_at(k, device="cpu"):
    return torch.arange(12, dtype=torch.float32, device=device).reshape(3, 4) / 10 + 0.1 * k


@cases
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("overflows", [(0,), (2,), (0, 1, 4)])
def test_an_overflow_on_any_step_leaves_all_as_it_was(row, arguments, device, overflows):
    """Scales are powers of two, so that the run is the one without those steps, to the bit."""
    model, twin = make_model(device), make_model(device)
    optimizer = row.build(model.parameters(), **arguments)
    calm = row.build(twin.parameters(), **arguments)
    scaler = torch.amp.GradScaler(device, init_scale=2.0**10)
    for k in range(STEPS):
        if k in overflows:
            remembered = states(optimizer, model.parameters())
            before = values(model.parameters())
            scale = scaler.get_scale()
            scaled_step(model, optimizer, scaler, inputs_at(k, device) * float("inf"))
            assert scaler.get_scale() < scale
            assert equal(model.parameters(), before)
            assert equal(states(optimizer, model.parameters()), remembered)
            continue
        scaled_step(model, optimizer, scaler, inputs_at(k, device))
        calm.zero_grad()
        twin(inputs_at(k, device)).square().mean().backward()
        calm.step()
        assert equal(model.parameters(), twin.parameters())


@rows
@pytest.mark.parametrize("device", DEVICES)
def test_gradients_may_be_unscaled_and_clipped_before_the_step(row, device):
    model, twin = make_model(device), make_model(device)
    optimizer, calm = build(row, model.parameters()), build(row, twin.parameters())
    scaler = torch.amp.GradScaler(device, init_scale=2.0**10)
    for k in range(3):
        optimizer.zero_grad()
        scaler.scale(model(inputs_at(k, device)).square().mean()).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        scaler.step(optimizer)
        scaler.update()
        calm.zero_grad()
        twin(inputs_at(k, device)).square().mean().backward()
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.1)
        calm.step()
    assert equal(model.parameters(), twin.parameters())


@rows
def test_autocast_trains_parameters_that_stay_in_float32(row):
    model = make_model()
    optimizer = build(row, model.parameters())
    for k in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(inputs_at(k)).square().mean()
        loss.backward()
        optimizer.step()
    assert all(p.dtype is torch.float32 and p.isfinite().all() for p in model.parameters())
    tensors = [t for p in model.parameters() for t in optimizer.state[p].values()]
    assert all(t.dtype is torch.float32 for t in tensors if torch.is_tensor(t) and t.dim())


@pytest.fixture
def poisoned_memory():
    """Let torch fill memory that is handed out without a value by NaN, always."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def poisoned_by_an_overflow(build_one):
    """Return whether parameters are NaN after an overflow at step 1 and one good step."""
    model = make_model()
    optimizer = build_one(model.parameters())
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    scaled_step(model, optimizer, scaler, inputs_at(0) * float("inf"))
    for k in (1, 2):
        scaled_step(model, optimizer, scaler, inputs_at(k))
    return any(not p.isfinite().all() for p in model.parameters())


@rows
def test_nothing_is_read_that_was_never_written(row, poisoned_memory):
    assert not poisoned_by_an_overflow(lambda parameters: build(row, parameters))


def test_the_defect_of_torchs_fused_sgd_is_still_there(poisoned_memory):
    """Its buffer is made without a value, and the step that would write it is skipped."""

    def fused(parameters):
        return torch.optim.SGD(parameters, lr=0.05, momentum=0.9, nesterov=True, fused=True)

    assert poisoned_by_an_overflow(fused)
