"""A small package with one experiment, made anew for each test that asks for it."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from nagcore.evidence.experiment import Experiment

# The log says which settings were measured; the stop kills the process as SIGKILL would.
_EXPERIMENT = """
import os

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from {name}.rule import power


def measure(setting, device):
    if os.environ.get("TOY_STOP") == f"{{setting['x']}}-{{setting['seed']}}":
        os._exit(9)
    if "TOY_LOG" in os.environ:
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write(f"{{setting['x']}}-{{setting['seed']}}\\n")
    result = power(setting["x"], setting["exponent"]) + setting["seed"] / 3
    curve = [result / (step + 1) for step in range(3)]
    process = [os.getpid(), os.environ.get("OMP_NUM_THREADS", "")]
    return {{"result": result, "curve": curve, "bound": float("inf"), "process": process}}


EXPERIMENT = Experiment(
    Declaration(
        name="toy-powers",
        question="What is a power of x?",
        axes={{"x": (0.1, 0.2), "seed": (0, 1, 2)}},
        constants={{"exponent": 2, "shape": (3, 4), "kind": "plain"}},
        columns={{
            "result": "the power",
            "curve": "the power over the step",
            "bound": "none",
            "process": "identity of the process, and the threads it was told to use",
        }},
        devices=("cpu",),
    ),
    measure,
)
"""
_RULE = '''"""Powers."""


def power(x, exponent):
    """Return a power."""
    return x**exponent
'''
_count = itertools.count()


@dataclass(frozen=True)
class Toy:
    """The package: its folder, its name and its experiment."""

    folder: Path
    name: str

    @property
    def experiment(self) -> Experiment:
        return importlib.import_module(f"{self.name}.powers").EXPERIMENT

    def edit(self, old: str, new: str, file: str = "rule.py") -> None:
        path = self.folder / self.name / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    name = f"toylab{next(_count)}"
    folder = tmp_path / "source"
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "rule.py").write_text(_RULE)
    (package / "powers.py").write_text(_EXPERIMENT.format(name=name))
    monkeypatch.syspath_prepend(folder)
    for variable in ("TOY_LOG", "TOY_STOP", "NAGCORE_COMMIT"):
        monkeypatch.delenv(variable, raising=False)
    yield Toy(folder, name)
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        del sys.modules[module]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An empty checkout."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "_toc.yml").write_text("format: jb-book\n")
    return folder
