"""What a restart remembers, saved, copied and handed to others."""

from __future__ import annotations

import copy
import io
import pickle

import pytest
import torch
from restart_runs import (
    closure_of,
    flat,
    make_parameters,
    named,
    run,
)

from nagcore.optim import NAG


@named
@pytest.mark.parametrize("capturable", [False, True])
def test_resumes_bit_for_bit_with_its_count(name, capturable):
    def make():
        parameters = make_parameters()
        settings = {"restart": name, "restart_scope": "group", "capturable": capturable}
        groups = [{"params": parameters[:1]}, {"params": parameters[1:]}]
        return parameters, NAG(groups, lr=1e-3, momentum=0.97, **settings)

    parameters, optimizer = make()
    for steps in (1, 37):  # so that it is saved between restarts too
        run(optimizer, closure_of(parameters, optimizer), steps)
        file = io.BytesIO()
        torch.save([optimizer.state_dict(), [p.detach() for p in parameters]], file)
        file.seek(0)
        state, points = torch.load(file, weights_only=True)
        others, resumed = make()
        resumed.param_groups[0]["restart"] = None  # which comes with the state, as lr does
        with torch.no_grad():
            for p, point in zip(others, points, strict=True):
                p.copy_(point)
        resumed.load_state_dict(state)
        assert resumed.restarts == optimizer.restarts
        ahead, of_ahead = copy.deepcopy((optimizer, parameters))
        run(resumed, closure_of(others, resumed), 110)
        run(ahead, closure_of(of_ahead, ahead), 110)
        assert torch.equal(flat(others), flat(of_ahead))
        assert resumed.restarts == ahead.restarts > optimizer.restarts


@named
def test_copies_and_pickles_do_not_share_what_is_remembered(name):
    parameters = make_parameters()
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart=name)
    run(optimizer, closure_of(parameters, optimizer), 90)
    for twin, points in (
        copy.deepcopy((optimizer, parameters)),
        pickle.loads(pickle.dumps((optimizer, parameters))),
    ):
        count = optimizer.restarts
        run(twin, closure_of(points, twin), 60)
        assert twin.restarts > count == optimizer.restarts


def test_a_state_that_knows_no_restart_leaves_it_on_and_counts_anew():
    parameters, others = make_parameters(), make_parameters()
    sgd = torch.optim.SGD(others, lr=1e-3, momentum=0.97, nesterov=True)
    run(sgd, closure_of(others, sgd), 3)
    optimizer = NAG(parameters, lr=0.5, restart="speed", restart_scope="group")
    closure = closure_of(parameters, optimizer)
    run(optimizer, closure, 3)
    older = optimizer.state_dict()
    for group in older["param_groups"]:
        for name in ("restart", "restart_scope", "restarts"):
            del group[name]
    for state in (sgd.state_dict(), older):
        optimizer.load_state_dict(state)
        group = optimizer.param_groups[0]
        assert (group["restart"], group["restart_scope"]) == ("speed", "group")
        assert optimizer.restarts == 0
        optimizer.step(closure)
        assert int(group["steps_since_restart"]) == 1


def test_sgd_takes_the_state_without_restart():
    parameters = make_parameters()
    optimizer = NAG(parameters, lr=1e-3, momentum=0.97, restart="gradient")
    run(optimizer, closure_of(parameters, optimizer), 60)
    sgd = torch.optim.SGD(parameters, lr=1.0, momentum=0.1, nesterov=True)
    known = set(sgd.param_groups[0])
    sgd.load_state_dict(optimizer.sgd_state_dict())
    assert set(sgd.param_groups[0]) == known
    assert sgd.param_groups[0]["lr"] == 1e-3
