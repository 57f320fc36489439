"""A training script as people write them takes NAG by one changed line, with its checkpoints."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "examples" / "train_resnet.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("train_resnet", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def run(script, tmp_path_factory):
    """A function that runs the script on a CPU, for five epochs of twenty steps."""
    folder = tmp_path_factory.mktemp("runs")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other where tests run side by side

    def run(optimizer, *words, checkpoint="one.pt"):
        options = ["--epochs", "5", "--device", "cpu", "--checkpoint", str(folder / checkpoint)]
        return script.main(["--optimizer", optimizer, *options, *words])

    yield run
    torch.set_num_threads(threads)


@pytest.mark.parametrize("optimizer", ["sgd", "nag"])
def test_it_learns_and_a_run_resumed_in_the_middle_ends_in_the_same_bits(run, optimizer):
    straight, right = run(optimizer)
    assert right > 0.6  # of ten classes
    run(optimizer, "--stop-after", "53", checkpoint="two.pt")
    resumed, again = run(optimizer, "--resume", checkpoint="two.pt")
    assert again == right
    state = resumed.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in straight.state_dict().items())


def test_a_run_of_sgd_is_continued_by_nag(run):
    """The checkpoint of one is taken by the other: whoever changes over keeps the run."""
    run("sgd", "--stop-after", "53", checkpoint="three.pt")
    _, right = run("nag", "--resume", checkpoint="three.pt")
    assert right > 0.6
