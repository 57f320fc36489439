"""The command line: one clear error for bad input, and help that a stranger understands."""

from __future__ import annotations

import subprocess

import pytest
import torch
from typer.testing import CliRunner

from nagcore.cli import app
from nagcore.errors import UsageError

COMMANDS = [
    *("book", "serve", "test", "lint", "data", "run", "record", "train", "doctor"),
    *("quality", "publish", "translate"),
]


@pytest.fixture
def cli():
    def call(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "_toc.yml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_explains_itself(cli):
    listing = cli("--help").output
    for command in COMMANDS:
        assert command in listing
        assert len(cli(command, "--help").output.splitlines()) > 4


def refused(result, *words):
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit), "a traceback instead of a message"
    assert result.output.startswith("error: ")
    assert result.output.count("error") == 1
    for word in words:
        assert word in result.output


def test_an_unknown_experiment_is_refused_with_the_known_ones(cli):
    refused(cli("record", "cnn-100"), "'cnn-100'", "cnn-1000", "rates-on-quadratics")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_here_is_refused(cli):
    refused(cli("record", "cnn-1000", "--device", "cuda"), "cuda")


def test_an_unknown_device_is_refused(cli):
    refused(cli("record", "--device", "tpu"), "'tpu'", "cpu")


def test_a_results_folder_that_cannot_be_written_is_refused_before_measuring(cli, checkout):
    (checkout / "results").write_text("a file where the folder should be")
    refused(cli("record", "cnn-1000"), "results", "nothing was written")
    assert not (checkout / "_runs" / "recording").exists()


def test_an_unknown_chapter_or_parameter_is_refused_with_the_right_ones(cli):
    refused(cli("run", "88"), "'88'", "07-cnn-repaired")
    refused(cli("run", "07", "-p", "epoch=1"), "epoch", "epochs", "seeds")
    refused(cli("run", "07", "-p", "epochs=few"), "epochs", "'few'", "int")
    refused(cli("run", "07", "-p", "epochs"), "name=value")


def test_a_site_that_is_not_built_cannot_be_served(cli, checkout):
    refused(cli("serve"), "make book")


@pytest.mark.parametrize(
    "command", [["book"], ["serve"], ["test"], ["lint"], ["run", "7"], ["record"]]
)
def test_outside_a_checkout_every_command_says_so(cli, command, monkeypatch):
    def nowhere(start=None):
        raise UsageError("this folder is not inside a checkout of the report")

    for module in ("nagcore.cli", "nagcore.cli.recording", "nagcore.chapters"):
        monkeypatch.setattr(f"{module}.find_root", nowhere)
    refused(cli(*command), "not inside a checkout")


def test_records_are_listed_with_their_state(cli, checkout):
    listing = cli("record", "--list")
    assert listing.exit_code == 0
    assert listing.output.count("missing") >= 4


def test_data_says_what_is_here(cli):
    result = cli("data")
    assert result.exit_code == 0
    assert "1,000 training and 1,000 test images" in result.output


def test_damaged_images_end_in_one_message(cli, checkout):
    for name in (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ):
        (checkout / name).write_bytes(b"\0\0\x08\x01\0\0\0\x05abc")
    refused(cli("data", "--folder", checkout), "train-images-idx3-ubyte")


def test_doctor_lists_what_is_here_and_never_fails(cli):
    result = cli("doctor")
    assert result.exit_code == 0
    assert "torch" in result.output


def test_an_experiment_that_cannot_be_measured_does_not_stop_the_others(cli, checkout, monkeypatch):
    import nagcore.evidence

    made = []

    def record(experiment, *args, **kwargs):
        name = experiment.declaration.name
        if name == "cnn-1000":
            raise UsageError("the data are not here")
        made.append(name)
        return type("Made", (), {"note": lambda self: "measured"})()

    monkeypatch.setattr(nagcore.evidence, "record_experiment", record)
    result = cli("record", "cnn-1000", "certificates")
    assert result.exit_code == 2
    assert made == ["certificates"]
    assert "cnn-1000: the data are not here" in result.output


def test_the_tools_for_the_site_are_there_before_its_tests_begin(cli, monkeypatch, checkout):
    done = []

    def start(command, **_options):
        done.append("tests")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr("nagcore.book.tools.install_tools", lambda root: done.append(root))
    monkeypatch.setattr("subprocess.run", start)
    assert cli("test", "--site").exit_code == 0
    assert cli("test").exit_code == 0
    assert done == [checkout, "tests", "tests"]
