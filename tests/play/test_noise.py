"""The element of noise computes what nagcore computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from element_modules import call_all

from nagcore.errors import UsageError
from nagcore.evidence.experiments.noisy_quadratic import EXPERIMENT
from nagcore.evidence.play.noise import TARGET, best_frictions, model, noise
from nagcore.evidence.record import Record
from nagcore.evidence.store import load_record
from nagcore.theory.noise_tuning import NOISY_METHODS, best_settings
from nagcore.theory.noisy_quadratic import NoisyQuadratic

MODULE = "noisy-quadratic.mjs"
STEPS = [0, 1, 2, 3, 10, 100, 1000, 12_345, 200_000]


@pytest.fixture(scope="module")
def record() -> Record:
    return load_record(EXPERIMENT, "cpu")


def as_json(of: NoisyQuadratic) -> dict[str, list[float]]:
    """Return the model as the module has it."""
    assert of.counts is not None
    return {"curvatures": of.curvatures.tolist(), "counts": of.counts.tolist()}


def drawn_settings(count: int) -> list[dict[str, Any]]:
    """Return settings at random that do not diverge, `count` of every method."""
    random = np.random.default_rng(3)
    settings = []
    for method in NOISY_METHODS:
        for _ in range(count):
            momentum = 0.0 if method == "sgd" else 1 - 10 ** -random.uniform(0, 4)
            step_size = (1 - momentum) * 10 ** random.uniform(-2, 0)
            batch = 2 ** int(random.integers(6, 20))
            setting = {"method": method, "momentum": momentum, "stepSize": step_size}
            settings.append({**setting, "batchSize": batch})
    return settings


def split(setting: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return rule and keyword arguments of nagcore."""
    rule = NOISY_METHODS[setting["method"]](setting["momentum"])
    return rule, {"step_size": setting["stepSize"], "batch_size": setting["batchSize"]}


def test_the_model_of_the_element_is_that_of_its_picture() -> None:
    got = call_all(MODULE, [("harmonicQuadratic", [])])[0]
    np.testing.assert_allclose(got["curvatures"], model().curvatures, rtol=1e-12)
    np.testing.assert_array_equal(got["counts"], model().counts)


def test_losses_are_those_of_nagcore() -> None:
    settings = drawn_settings(8)
    calls = [("losses", [as_json(model()), setting, STEPS]) for setting in settings]
    for setting, got in zip(settings, call_all(MODULE, calls), strict=True):
        rule, given = split(setting)
        np.testing.assert_allclose(got, model().losses(rule, STEPS, **given), rtol=1e-10)


def test_steps_to_the_target_are_those_of_nagcore() -> None:
    settings = drawn_settings(8)
    options = {"target": 0.05, "perOctave": 64}
    calls = [("stepsToTarget", [as_json(model()), setting, options]) for setting in settings]
    expected = []
    for setting in settings:
        rule, given = split(setting)
        expected.append(model().steps_to_target(rule, target=0.05, per_octave=64, **given))
    assert np.isfinite(expected).sum() > len(expected) / 2
    np.testing.assert_allclose([float(x) for x in call_all(MODULE, calls)], expected, rtol=1e-10)


def test_a_step_size_too_long_never_arrives() -> None:
    setting = {"method": "nag", "momentum": 0.9, "stepSize": 1.5, "batchSize": 1024}
    assert call_all(MODULE, [("stepsToTarget", [as_json(model()), setting])]) == ["Infinity"]


def test_the_best_step_size_is_as_good_as_the_one_that_nagcore_finds() -> None:
    settings = [
        {"method": method, "momentum": momentum, "batchSize": batch}
        for method, momentum in (("sgd", 0.0), ("heavy-ball", 0.9), ("nag", 0.99))
        for batch in (64, 65_536)
    ]
    found = call_all(MODULE, [("bestStepSize", [as_json(model()), s]) for s in settings])
    for setting, step_size in zip(settings, found, strict=True):
        rule, given = split({**setting, "stepSize": step_size})
        steps = model().steps_to_target(rule, target=TARGET, **given)
        best = best_settings(
            model(), setting["method"], batch_size=setting["batchSize"], target=TARGET,
            momentum=setting["momentum"],
        )  # fmt: skip
        assert steps <= 1.01 * best.steps


def test_the_model_is_near_to_that_of_the_record(record: Record) -> None:
    for row in record.rows:
        rule = NOISY_METHODS[row["method"]](row["momentum"])
        given = {"step_size": row["step_size"], "batch_size": row["batch_size"]}
        steps = model().steps_to_target(rule, target=TARGET, per_octave=32, **given)
        assert steps == pytest.approx(row["steps"], rel=0.02)


def test_it_shows_the_element_with_the_best_momenta(record: Record) -> None:
    shown = noise(record, batch_size=65_536, momentum=0.9)
    html = shown._repr_mimebundle_()[0]["text/html"]
    assert html.startswith('<nag-noise batch-size="65536" momentum="0.9"><img src="data:image/png')
    assert shown.data["nag"] == best_frictions(record, "nag")
    assert len(html) < 34_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"batch_size": 100}, "expected one of"), ({"momentum": 1.0}, "momentum is 1.0")],
)
def test_arguments_out_of_their_range(
    record: Record, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        noise(record, **arguments)
