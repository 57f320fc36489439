"""Small packages with one experiment each, made anew for each test that asks for one."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from nagcore.evidence.experiment import Experiment

# The log says which settings were measured; the stop kills the process as SIGKILL would.
_EXPERIMENT = """
import os

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.experiment import Experiment
from .rule import power


def measure(setting, device):
    if os.environ.get("TOY_STOP") == f"{setting['x']}-{setting['seed']}":
        os._exit(9)
    if "TOY_LOG" in os.environ:
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write(f"{setting['x']}-{setting['seed']}\\n")
    result = power(setting["x"], setting["exponent"]) + setting["seed"] / 3
    curve = [result / (step + 1) for step in range(3)]
    process = [os.getpid(), os.environ.get("OMP_NUM_THREADS", "")]
    return {"result": result, "curve": curve, "bound": float("inf"), "process": process}


EXPERIMENT = Experiment(
    Declaration(
        name="toy-powers",
        question="What is a power of x?",
        axes={"x": (0.1, 0.2), "seed": (0, 1, 2)},
        constants={"exponent": 2, "shape": (3, 4), "kind": "plain"},
        columns={
            "result": "the power",
            "curve": "the power over the step",
            "bound": "none",
            "process": "identity of the process, and the threads it was told to use",
        },
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
# Settings fail, kill their process or take time as the environment says; a batch keeps its state.
_SWEEP = """
import os
import time

from nagcore.evidence.declaration import Declaration
from nagcore.evidence.sweep import Sweep, Together


def asked(variable, setting):
    return str(setting["x"]) in os.environ.get(variable, "").split(",")


def log(*words):
    with open(os.environ.get("TOY_LOG", os.devnull), "a") as stream:
        stream.write(" ".join(map(str, words)) + "\\n")


def refuse(setting):
    if asked("TOY_KILL", setting):
        os.kill(os.getpid(), 9)
    if asked("TOY_FAIL", setting):
        raise ValueError(f"x is {setting['x']}")


def square(setting):
    return {"square": setting["width"] * setting["x"] ** 2, "process": os.getpid()}


def measure(setting, device):
    log("begin", setting["x"], setting["width"], os.getpid())
    refuse(setting)
    time.sleep(float(os.environ.get("TOY_SLEEP", "0")))
    log("one", setting["x"], setting["width"])
    return square(setting)


def measure_together(settings, device, keep):
    kept = None if keep is None else keep / "step"
    step = int(kept.read_text()) if kept is not None and kept.exists() else 0
    for setting in settings:
        refuse(setting)
    for step in range(step, settings[0]["steps"]):
        log("step", step, settings[0]["width"], *(setting["x"] for setting in settings))
        if str(step) == os.environ.get("TOY_KILL_STEP"):
            os.kill(os.getpid(), 9)
        time.sleep(float(os.environ.get("TOY_SLEEP", "0")))
        if kept is not None:
            kept.write_text(str(step + 1))
    return [square(setting) for setting in settings]


EXPERIMENT = Sweep(
    Declaration(
        name="toy-squares",
        question="What is the square of x?",
        axes={"width": (1, 2), "x": (0, 1, 2, 3, 4)},
        constants={"steps": 2},
        columns={"square": "of x, times the width", "process": "its number"},
        devices=("cpu",),
    ),
    measure,
    together=Together(measure_together, alike=("width",), most=3, devices=("cpu",)),
)
"""
_count = itertools.count()


@dataclass(frozen=True)
class Toy:
    """A package: its folder, its name and its experiment."""

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
    monkeypatch.delenv("TOY_LOG", raising=False)
    yield from _package(tmp_path, monkeypatch, {"rule.py": _RULE, "powers.py": _EXPERIMENT})


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toy]:
    """The package of a sweep; it writes what it does into the file `log`."""
    (tmp_path / "log").touch()
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    yield from _package(tmp_path, monkeypatch, {"powers.py": _SWEEP})


def _package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: dict[str, str]
) -> Iterator[Toy]:
    name = f"toylab{next(_count)}"
    folder = tmp_path / "source"
    package = folder / name
    package.mkdir(parents=True)
    # Ray takes packages of equal content for one, whatever their names.
    (package / "__init__.py").write_text(f'"""{name}"""')
    for module, text in modules.items():
        (package / module).write_text(text)
    monkeypatch.syspath_prepend(folder)
    for variable in ("TOY_STOP", "TOY_FAIL", "TOY_KILL", "TOY_KILL_STEP", "TOY_SLEEP"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.delenv("NAGCORE_COMMIT", raising=False)
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


@pytest.fixture
def draw_without_a_screen() -> Iterator[None]:
    backend = mpl.get_backend()
    mpl.use("agg")
    yield
    assert not plt.get_fignums(), "a figure was left open, so a notebook would show it twice"
    mpl.use(backend)
