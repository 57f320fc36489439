"""What an optimizer remembers survives every way of keeping it, and goes on to the same bits."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import safetensors
import safetensors.torch
import torch
from torch.distributed.checkpoint import state_dict_loader, state_dict_saver
from torch.distributed.checkpoint.state_dict import (
    get_optimizer_state_dict,
    set_optimizer_state_dict,
)
from torch.nn import Parameter
from walking import (
    SHAPES,
    advance,
    build,
    cases,
    equal,
    make_parameters,
    modes,
    on_cuda,
    rows,
    states,
    values,
)

from nagcore.errors import UsageError
from nagcore.optim.safetensors_state import flatten_state, unflatten_state

STEPS = 9


def through_torch_save(state, folder):
    torch.save(state, folder / "state.pt")
    return torch.load(folder / "state.pt", weights_only=True)


def through_safetensors(state, folder):
    tensors, metadata = flatten_state(state)
    safetensors.torch.save_file(tensors, folder / "state.safetensors", metadata)
    with safetensors.safe_open(folder / "state.safetensors", "pt") as file:
        loaded = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return unflatten_state(loaded, file.metadata())


WAYS = {"torch.save": through_torch_save, "safetensors": through_safetensors}


@cases
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("after", [0, 1, 5])
def test_a_run_that_is_resumed_equals_the_one_that_went_on(row, arguments, way, after, tmp_path):
    straight = make_parameters(torch.float32)
    advance(row.build(straight, **arguments), straight, STEPS)

    first = make_parameters(torch.float32)
    optimizer = row.build(first, **arguments)
    advance(optimizer, first, after)
    state = way(optimizer.state_dict(), tmp_path)
    second = [Parameter(value) for value in values(first)]
    resumed = row.build(second, **{**arguments, "lr": 0.7})
    resumed.load_state_dict(state)
    assert resumed.param_groups[0]["lr"] == arguments["lr"]
    advance(resumed, second, STEPS - after, start=after)
    assert equal(straight, second)


@rows
@modes
def test_a_state_goes_from_any_way_to_run_a_step_to_any_other(row, mode):
    straight = make_parameters()
    advance(build(row, straight, execution="plain"), straight, STEPS)
    for capturable in (False, True):
        if capturable and mode == "kernel":
            continue  # which does not take numbers that are tensors
        first = make_parameters()
        optimizer = build(row, first, execution=mode, capturable=capturable)
        advance(optimizer, first, 4)
        resumed = build(row, first, execution="plain")
        resumed.load_state_dict(optimizer.state_dict())
        assert resumed.param_groups[0]["execution"] == "plain"
        assert resumed.param_groups[0]["capturable"] is False
        advance(resumed, first, STEPS - 4, start=4)
        for a, b in zip(straight, first, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-13)


@rows
@pytest.mark.parametrize("dtype", [torch.complex64, torch.bfloat16])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_states_of_complex_and_half_parameters_survive_too(row, dtype, way, tmp_path):
    """Numbers of the state stay in double precision, though the parameters are coarse."""
    shapes = SHAPES if row.complex or not dtype.is_complex else [(2,), ()]
    straight = make_parameters(dtype, shapes)
    advance(build(row, straight), straight, STEPS)
    first = make_parameters(dtype, shapes)
    optimizer = build(row, first)
    advance(optimizer, first, 5)
    resumed = build(row, first)
    resumed.load_state_dict(way(optimizer.state_dict(), tmp_path))
    assert equal(states(resumed, first), states(optimizer, first))
    advance(resumed, first, STEPS - 5, start=5)
    assert equal(straight, first)


@rows
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_numbers_shared_on_the_device_survive_and_stay_shared(row, way, tmp_path):
    straight = make_parameters()
    advance(build(row, straight, capturable=True), straight, STEPS)
    first = make_parameters()
    optimizer = build(row, first, capturable=True)
    advance(optimizer, first, 5)
    resumed = build(row, first, capturable=True)
    resumed.load_state_dict(way(optimizer.state_dict(), tmp_path))
    advance(resumed, first, STEPS - 5, start=5)
    assert equal(straight, first)


@rows
def test_a_parameter_without_a_gradient_yet_is_no_obstacle(row, tmp_path):
    straight, first = make_parameters(), make_parameters()
    whole, optimizer = build(row, straight), build(row, first)
    advance(whole, straight[1:], 4)
    advance(whole, straight, STEPS - 4, start=4)
    advance(optimizer, first[1:], 4)
    resumed = build(row, first)
    resumed.load_state_dict(through_safetensors(optimizer.state_dict(), tmp_path))
    advance(resumed, first, STEPS - 4, start=4)
    assert equal(straight, first)


@rows
def test_loading_does_not_tie_two_optimizers_together(row):
    parameters = make_parameters()
    optimizer = build(row, parameters, capturable=True)
    advance(optimizer, parameters, 3)
    twin_parameters = make_parameters()
    twin = build(row, twin_parameters, capturable=True)
    twin.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    before = states(twin, twin_parameters)
    advance(optimizer, parameters, 3)
    assert equal(states(twin, twin_parameters), before)


def make_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))


def train(model, optimizer, steps, start=0):
    for k in range(start, start + steps):
        optimizer.zero_grad()
        inputs = torch.arange(12, dtype=torch.float32).reshape(3, 4) / 10 + 0.1 * k
        model(inputs).square().sum().backward()
        optimizer.step()


# which says that it is not used by several processes
@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@cases
def test_a_distributed_checkpoint_in_one_process_is_resumed_to_the_bit(row, arguments, tmp_path):
    straight = make_model()
    train(straight, row.build(straight.parameters(), **arguments), STEPS)

    first = make_model()
    optimizer = row.build(first.parameters(), **arguments)
    train(first, optimizer, 4)
    saved = {
        "model": first.state_dict(),
        "optimizer": get_optimizer_state_dict(first, optimizer),
    }
    state_dict_saver.save(saved, checkpoint_id=tmp_path)

    torch.manual_seed(1)
    second = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    resumed = row.build(second.parameters(), **{**arguments, "lr": 0.7})
    state = {
        "model": second.state_dict(),
        "optimizer": get_optimizer_state_dict(second, resumed),
    }
    state_dict_loader.load(state, checkpoint_id=tmp_path)
    second.load_state_dict(state["model"])
    set_optimizer_state_dict(second, resumed, state["optimizer"])
    train(second, resumed, STEPS - 4, start=4)
    assert equal(straight.parameters(), second.parameters())


@cases
def test_copies_and_pickles_in_the_middle_of_a_run_go_on_alike(row, arguments):
    parameters = make_parameters()
    optimizer = row.build(parameters, **arguments)
    advance(optimizer, parameters, 3)
    file = io.BytesIO()
    torch.save((optimizer, parameters), file)
    file.seek(0)
    twins = [
        copy.deepcopy((optimizer, parameters)),
        pickle.loads(pickle.dumps((optimizer, parameters))),
        torch.load(file, weights_only=False),
    ]
    advance(optimizer, parameters, 3, start=3)
    for twin, twin_parameters in twins:
        advance(twin, twin_parameters, 3, start=3)
        assert equal(parameters, twin_parameters)
        assert equal(states(optimizer, parameters), states(twin, twin_parameters))
        assert repr(twin) == repr(optimizer)
        twin.add_param_group({"params": make_parameters()})


@rows
def test_a_pickle_keeps_what_a_group_added_later_takes(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    twin = pickle.loads(pickle.dumps(optimizer))
    for one in (optimizer, twin):
        one.add_param_group({"params": make_parameters()})
    assert repr(twin) == repr(optimizer)


@rows
def test_its_text_tells_the_class_and_every_setting(row):
    text = repr(build(row, make_parameters()))
    assert text.startswith(row.build.__name__)
    for name, value in row.plain.items():
        if not name.startswith("fallback"):
            assert f"{name}: {value}" in text


@rows
def test_hooks_of_a_state_dict_are_called(row):
    parameters = make_parameters()
    optimizer = build(row, parameters)
    called = []
    optimizer.register_state_dict_pre_hook(lambda _: called.append("before saving"))
    optimizer.register_state_dict_post_hook(lambda _, state: called.append("saved"))
    optimizer.register_load_state_dict_pre_hook(lambda _, state: called.append("before loading"))
    optimizer.register_load_state_dict_post_hook(lambda _: called.append("loaded"))
    optimizer.load_state_dict(optimizer.state_dict())
    assert called == ["before saving", "saved", "before loading", "loaded"]


@rows
def test_a_hook_may_mend_a_state_before_it_is_taken_over(row):
    """As torch's documentation advises where the parameters are not those of the checkpoint."""
    parameters = make_parameters()
    optimizer = build(row, parameters)
    advance(optimizer, parameters, 3)
    saved = optimizer.state_dict()
    broken = {"param_groups": saved["param_groups"], "state": dict(saved["state"])}
    first = broken["param_groups"][0]["params"][0]
    broken["state"][first] = {f"old_{k}": v for k, v in saved["state"][first].items()}

    def mend(_, state):
        old = state["state"][first]
        mended = {name.removeprefix("old_"): value for name, value in old.items()}
        return {**state, "state": {**state["state"], first: mended}}

    twin = build(row, parameters)
    twin.register_load_state_dict_pre_hook(mend)
    twin.load_state_dict(broken)
    assert equal(states(twin, parameters), states(optimizer, parameters))


@on_cuda
@cases
@pytest.mark.parametrize("capturable", [False, True])
def test_a_state_goes_to_a_gpu_and_back(row, arguments, capturable):
    straight = make_parameters()
    advance(row.build(straight, **arguments), straight, STEPS)
    here = make_parameters()
    optimizer = row.build(here, **arguments, capturable=capturable)
    advance(optimizer, here, 3)
    for device, start in (("cuda", 3), ("cpu", 6)):
        there = [Parameter(p.detach().to(device)) for p in here]
        moved = row.build(there, **arguments, capturable=capturable)
        moved.load_state_dict(optimizer.state_dict())
        advance(moved, there, 3, start=start)
        here, optimizer = there, moved
    for a, b in zip(straight, here, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_a_file_that_is_not_whole_or_not_ours_is_refused():
    tensors, metadata = flatten_state({"state": {0: {"square": torch.ones(2)}}})
    with pytest.raises(UsageError, match=r"no tensor 'state\.0\.square'"):
        unflatten_state({}, metadata)
    with pytest.raises(UsageError, match=r"hold \['format'\], expected 'nagcore\.optim'"):
        unflatten_state(tensors, {"format": "pt"})
    with pytest.raises(UsageError, match=r"state\.f of the state is <function"):
        flatten_state({"state": {"f": lambda: None}})


def test_everything_that_a_state_may_hold_survives_safetensors(tmp_path):
    shared = torch.tensor(0.1, dtype=torch.float64)
    state = {
        "state": {
            0: {"a": shared, "b": shared, "c": None, "step": 10**17},
            "layer.weight": {"z": torch.tensor([1 + 2j, -0.0j]).conj(), "empty": torch.zeros(0, 3)},
            "layer": {"weight.z": torch.arange(6).reshape(2, 3).t()},
        },
        "param_groups": [
            {
                "lr": 0.1 + 0.2,
                "decay": float("inf"),
                "betas": (0.9, 5e-324),
                "names": ["ä", ""],
                "on": True,
                "nothing": {},
                "params": [0, "layer.weight"],
            }
        ],
    }
    found = through_safetensors(state, tmp_path)
    same = copy.deepcopy(state)
    for part, name in ((0, "a"), (0, "b"), ("layer.weight", "z"), ("layer", "weight.z")):
        torch.testing.assert_close(
            found["state"][part].pop(name), same["state"][part].pop(name), rtol=0, atol=0
        )
    assert found["state"]["layer.weight"].pop("empty").shape == (0, 3)
    del same["state"]["layer.weight"]["empty"]
    assert found == same
    assert isinstance(found["param_groups"][0]["betas"], tuple)
