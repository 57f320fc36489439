"""The race of training loops: the same work for all, timed alike."""

from __future__ import annotations

import math
import sys
import time

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from nagcore.errors import UsageError
from nagcore.evidence import loop_contestants, loop_race
from nagcore.evidence.experiments.loop_speed import EXPERIMENT
from nagcore.evidence.experiments.loop_speed_cuda import EXPERIMENT as ON_GPU
from nagcore.evidence.loop_contestants import CONTESTANTS, contestants
from nagcore.evidence.loop_floor import captured_floor, count_flops, gemm_peaks, one_batch
from nagcore.evidence.loop_nets import NETWORKS, make_twins
from nagcore.evidence.loop_race import LISTS, Race, measure_loops, run_race, time_in_rounds
from nagcore.evidence.loop_work import Loop, Turn, Workload, torchvision_images
from nagcore.training.models import RepairedCNN, count_parameters

SGD = {"lr": 0.02, "momentum": 0.9, "nesterov": True, "fused": True}
WORK = Workload("S", images=150, batch_size=64, epochs=1, optimizer=SGD)
TRAINING = [name for name, c in contestants("cpu").items() if c.floor != name]
QUICK = [name for name in TRAINING if name != "fit, compiled"]


# the networks


@pytest.mark.parametrize("network", NETWORKS)
def test_twins_are_one_function_with_one_gradient(network):
    """In float64, where rounding leaves no doubt."""
    twins = make_twins(network, seed=1)
    images = torch.randn(8, 1, 28, 28, dtype=torch.float64)
    labels = torch.randint(10, (8,))
    found = []
    for model in twins:
        model.double()
        scores = model(images)
        cross_entropy(scores, labels).backward()
        found.append((scores, *(p.grad for p in model.parameters())))
    for usual, ours in zip(*found, strict=True):
        torch.testing.assert_close(usual, ours, rtol=1e-12, atol=1e-14)


def test_twins_are_stored_and_ordered_as_they_say():
    usual, ours = make_twins("M", seed=0)
    for model, innermost in ((usual, False), (ours, True)):
        second = dict(model.named_parameters())["conv2.weight" if innermost else "3.weight"]
        assert second.is_contiguous(memory_format=torch.channels_last) == innermost
    kinds = [type(layer) for layer in usual]
    assert kinds[:3] == [nn.Conv2d, nn.ReLU, nn.MaxPool2d]
    assert isinstance(make_twins("repaired CNN", seed=0).ours, RepairedCNN)
    sizes = {name: count_parameters(make_twins(name, seed=0).usual) for name in NETWORKS}
    assert sizes == {"S": 8_790, "M": 20_490, "repaired CNN": 1_645_770}


def test_an_unknown_network_is_refused_by_name():
    with pytest.raises(UsageError, match="no network 'L'; the networks: "):
        make_twins("L", seed=0)


# the work


def test_torchvision_has_the_same_images():
    dataset = torchvision_images(1_100)
    data = Workload("S", 1_100, 64, 1, SGD).data()
    assert len(dataset) == len(data) == 1_100  # pyright: ignore[reportArgumentType]
    for index in (0, 7, 999, 1_000, 1_099):
        image, label = dataset[index]
        torch.testing.assert_close(image, data.images[index])
        assert label == data.labels[index]
    assert torch.equal(data.images[0], data.images[1_000])


def test_steps_count_the_last_small_batch():
    assert WORK.steps == 3
    assert Workload("S", 128, 64, 1, SGD).steps == 2


def test_by_hand_the_last_epoch_alone_is_timed(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(Workload, "clock", lambda _: now[0])
    lengths = iter([50.0, 1.0])

    def epoch():
        now[0] += next(lengths)

    assert Workload("S", 150, 64, 2, SGD).time_epochs(epoch) == Turn(1.0, 0.0)
    assert next(lengths, None) is None, "both epochs were run"


# the contestants


class Spy(nn.Module):
    """Counts the images that a network is trained on."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.seen = network, []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        if self.training and torch.is_grad_enabled():
            self.seen += images.flatten(1).sum(dim=1).tolist()
        return self.network(images)


@pytest.mark.parametrize("name", QUICK)
def test_every_loop_trains_on_every_image_once_an_epoch(name, monkeypatch):
    made = Workload.trainee
    spies = []

    def trainee(work, form):
        model, optimizer = made(work, form)
        spies.append(Spy(model))
        return loop_contestants.Trainee(spies[0], optimizer)

    monkeypatch.setattr(Workload, "trainee", trainee)
    loop = CONTESTANTS[name].build(WORK)
    before = [p.detach().clone() for p in spies[0].parameters()]
    turn = loop.turn()
    assert loop.model is spies[0]
    assert turn.seconds > 0
    assert turn.beside >= 0
    expected = WORK.data().images.flatten(1).sum(dim=1)
    seen = torch.tensor(spies[0].seen)
    torch.testing.assert_close(seen.sort().values, expected.sort().values, rtol=1e-4, atol=1e-3)
    assert len(seen) == 150
    assert not torch.allclose(seen, expected), "the order was not drawn"
    assert not any(map(torch.equal, before, spies[0].parameters()))


@pytest.mark.parametrize("name", QUICK)
def test_every_loop_moves_by_the_same_rule(name):
    """With one batch an epoch the order does not matter, so all reach the same parameters."""
    work = Workload("S", images=64, batch_size=64, epochs=3, optimizer=SGD)
    loop = CONTESTANTS[name].build(work)
    loop.turn()
    reference, sgd = work.trainee("usual")
    data = work.data()
    for _ in range(3):
        sgd.zero_grad()
        cross_entropy(reference(data.images), data.labels).backward()
        sgd.step()
    atol = 2e-3 if "bfloat16" in name else 1e-6
    assert loop.model is not None
    for p, q in zip(loop.model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=0, atol=atol)


def test_the_time_of_fit_is_that_of_its_steps(monkeypatch):
    """By a clock of our own, in the optimizer and around the data."""
    work = Workload("S", images=150, batch_size=64, epochs=2, optimizer=SGD)
    made, naps = Workload.trainee, 0.02

    def trainee(work, form):
        model, optimizer = made(work, form)
        optimizer.register_step_post_hook(lambda *_: time.sleep(naps))
        return loop_contestants.Trainee(model, optimizer)

    monkeypatch.setattr(Workload, "trainee", trainee)
    for name in ("fit", "slices by hand, our network", "Lightning"):
        loop = CONTESTANTS[name].build(work)
        loop.turn()
        started = time.perf_counter()
        turn = loop.turn()
        whole = time.perf_counter() - started
        assert turn.seconds >= 3 * naps, name
        assert whole >= 2 * 3 * naps, name
        if name != "slices by hand, our network":
            assert turn.seconds + turn.beside <= whole - 3 * naps + 1e-3, name


def test_every_loop_knows_its_floor():
    for name, contestant in CONTESTANTS.items():
        floor = CONTESTANTS[contestant.floor]
        assert floor.floor == contestant.floor
        assert set(contestant.devices) <= set(floor.devices), name
        assert ("usual" in contestant.floor) == (
            name in ("torchvision dataset", "DataLoader over tensors", "Lightning")
            or "usual network" in name
        )
    assert [name for name in CONTESTANTS if "captured" in name] == [
        name for name in contestants("cuda") if name not in contestants("cpu")
    ]


def test_the_step_of_a_graph_is_a_training_step(monkeypatch):
    """What would be captured on a GPU, taken here as it is."""
    monkeypatch.setattr("nagcore.evidence.loop_floor.capture", lambda step: step)
    models = []
    made = Workload.trainee
    monkeypatch.setattr(
        Workload, "trainee", lambda work, form: models.append(made(work, form)) or models[-1]
    )
    for precision in ("float32", "bfloat16"):
        models.clear()
        captured_floor(WORK, precision).turn()
        model, reference = models[0].model, made(WORK, "ours")
        images, labels = one_batch(WORK)
        for _ in range(WORK.steps):
            reference.optimizer.zero_grad()
            cross_entropy(reference.model(images), labels).backward()
            reference.optimizer.step()
        atol = 2e-3 if precision == "bfloat16" else 1e-6
        for p, q in zip(model.parameters(), reference.model.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=0, atol=atol)


# the floor


def test_operations_are_those_of_the_layers():
    """Two convolutions and a linear layer; the images themselves need no gradient."""
    first, second = NETWORKS["S"]
    conv1 = 2 * 28 * 28 * first * 9
    conv2 = 2 * 14 * 14 * second * first * 9
    linear = 2 * 49 * second * 10
    for form in ("usual", "ours"):
        trainee = WORK.trainee(form)
        flops = count_flops(trainee, *one_batch(WORK))
        assert flops == 64 * (2 * conv1 + 3 * conv2 + 3 * linear)


def test_peaks_are_positive():
    peaks = gemm_peaks("cpu", rounds=1, size=64)
    assert set(peaks) == {"float32", "bfloat16"}
    assert all(0 < peak < math.inf for peak in peaks.values())


# the race


def test_rounds_are_interleaved_in_an_order_drawn_anew():
    order = []
    loops = {
        name: Loop(lambda name=name: order.append(name) or Turn(float(len(order)), 0.0))
        for name in "abcde"
    }
    timed, errors = time_in_rounds(loops, rounds=6, seed=3)
    assert errors == {}
    rounds = [order[i : i + 5] for i in range(0, len(order), 5)]
    assert len(rounds) == 7
    assert all(sorted(own) == list("abcde") for own in rounds)
    assert len({tuple(own) for own in rounds}) > 3
    assert timed["a"].first.seconds == 1 + rounds[0].index("a")
    expected = [1.0 + 5 * i + own.index("a") for i, own in enumerate(rounds)][1:]
    assert [turn.seconds for turn in timed["a"].turns] == expected


def race(*names, rounds=2, work=WORK):
    return run_race(Race(work, names, rounds))


def test_a_race_has_all_columns(monkeypatch):
    monkeypatch.setattr(loop_race, "gemm_peaks", lambda *_, **__: {"float32": 1.0, "bfloat16": 2.0})
    names = ("DataLoader over tensors", "fit", "gradient alone")
    columns = race(*names)
    assert set(columns) == set(EXPERIMENT.declaration.columns)
    assert columns["contestant"] == list(names)
    assert columns["error"] == ["", "", ""]
    assert all(len(own) == 2 and min(own) > 0 for own in columns["milliseconds"])
    assert max(columns["loss"][:2]) < math.log(10), "nothing was learned"
    assert math.isnan(columns["loss"][2])
    assert (columns["steps"], columns["parameters"]) == (3, 8_790)
    assert (columns["peak"], columns["peak_bfloat16"]) == (1.0, 2.0)
    assert columns["used_threads"] == torch.get_num_threads()


def test_milliseconds_are_of_a_step_and_the_first_turn_stands_apart():
    timed = loop_race.Timed(Turn(9.0, 1.0), (Turn(0.3, 1.5), Turn(0.6, 1.4), Turn(0.9, 2.1)))
    columns = loop_race._lists(Race(WORK, ("fit",), 3), {"fit": timed}, {}, {"fit": 0.5})
    assert columns["milliseconds"] == [pytest.approx([100.0, 200.0, 300.0])]
    assert columns["beside"] == [1.5]
    assert columns["first"] == [pytest.approx(10.0 - 2.0)]
    assert columns["loss"] == [0.5]


@pytest.mark.parametrize(
    ("package", "name"),
    [("lightning", "Lightning"), ("torchvision.datasets", "torchvision dataset")],
)
def test_a_peer_that_is_not_installed_is_left_out_with_a_reason(package, name, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    loops, errors = loop_race.build(Race(WORK, ("gradient alone", name), 1))
    assert set(loops) == {"gradient alone"}
    assert "which is not installed" in errors[name]


def test_one_that_fails_on_its_way_says_why(monkeypatch):
    monkeypatch.setattr(loop_race, "gemm_peaks", lambda *_, **__: {"float32": 1.0, "bfloat16": 2.0})
    turns = iter([Turn(1.0, 0.0)])
    broken = CONTESTANTS["fit"]._replace(build=lambda _: Loop(lambda: next(turns), nn.Flatten()))
    monkeypatch.setitem(loop_contestants.CONTESTANTS, "fit", broken)
    columns = race("fit", "gradient alone", rounds=1)
    assert columns["error"][0].startswith("StopIteration")
    assert columns["milliseconds"][0] == []
    assert math.isnan(columns["loss"][0])
    assert len(columns["milliseconds"][1]) == 1


@pytest.mark.parametrize(("experiment", "device"), [(EXPERIMENT, "cpu"), (ON_GPU, "cuda")])
def test_a_process_that_is_killed_leaves_a_row_that_says_so(experiment, device, monkeypatch):
    def killed(*_, **__):
        raise loop_race.BrokenProcessPool("it was killed")

    monkeypatch.setattr(loop_race, "call_afresh", killed)
    row = experiment.measured(experiment.declaration.settings()[0], device)
    assert set(row["error"]) == {"BrokenProcessPool: it was killed"}
    assert set(map(tuple, row["milliseconds"])) == {()}
    assert row["contestant"] == list(contestants(device))


def test_a_setting_gets_its_threads_and_its_work(monkeypatch):
    told = []

    def afresh(function, race, *, threads):
        told.append((function, race, threads))
        return dict.fromkeys(EXPERIMENT.declaration.columns, 0)

    monkeypatch.setattr(loop_race, "call_afresh", afresh)
    for setting in EXPERIMENT.declaration.settings():
        EXPERIMENT.measured(setting, "cpu")
        function, race, threads = told[-1]
        assert function is run_race
        assert threads == setting["threads"]
        assert race.work.images == setting["images"][setting["network"]]
        assert (race.work.device, race.names) == ("cpu", tuple(contestants("cpu")))
    measure_loops(ON_GPU.declaration.settings()[0], "cuda")
    assert told[-1][2] is None
    assert told[-1][1].work.epochs == 2, "the first epoch captures the graph"


def test_lists_name_what_has_an_entry_for_each_contestant():
    assert set(LISTS) < set(EXPERIMENT.declaration.columns)
    assert EXPERIMENT.declaration.columns == ON_GPU.declaration.columns
