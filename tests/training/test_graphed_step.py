"""The step as one CUDA graph, against the same steps taken one kernel at a time."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nagcore.optim import NAG
from nagcore.training.fit import fit
from nagcore.training.models import make_cnn
from nagcore.training.rates import Linear, RateSetter
from nagcore.training.stopping import Epochs
from nagcore.training.switches import Switches

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_replayed_graph_takes_the_same_steps(train, precision):
    ends = []
    for graph in (False, True):
        model = make_cnn(0, width=2).cuda()
        optimizer = NAG(model.parameters(), lr=0.05, momentum=0.9, capturable=True)
        history = fit(
            model,
            nn.CrossEntropyLoss(),
            train.to("cuda"),
            optimizer,
            batch_size=8,  # the last of an epoch has 4, and is not replayed
            until=Epochs(3),
            rate=RateSetter(Linear(steps=20, final=0.1)),
            switches=Switches(graph=graph, precision=precision, clip_norm=1.0),
        )
        ends.append((torch.cat([p.detach().flatten() for p in model.parameters()]), history))
    (plain, eager), (replayed, captured) = ends
    tolerance = 1e-5 if precision == "float32" else 1e-2
    torch.testing.assert_close(replayed, plain, rtol=tolerance, atol=tolerance)
    assert [row.rate for row in captured.rows] == pytest.approx([row.rate for row in eager.rows])
