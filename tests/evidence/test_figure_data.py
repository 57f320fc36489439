"""What is read back from a figure is what was drawn, and its files are whole."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from nagcore.errors import UsageError
from nagcore.evidence.figure_data import attach_data, figure_data, figure_files, save_figure
from nagcore.evidence.figures.style import book_figure

pytestmark = pytest.mark.usefixtures("draw_without_a_screen")


def of_kind(figure: Figure, kind: str) -> pd.DataFrame:
    table = figure_data(figure)
    return table.loc[table["kind"] == kind].reset_index(drop=True)


def as_lists(table: pd.DataFrame, *columns: str) -> dict[str, list]:
    return {column: table[column].tolist() for column in columns}


def test_lines_and_points_are_read_with_every_digit():
    x, y = np.random.default_rng(0).normal(size=(2, 50))
    figure = Figure()
    axes = figure.subplots()
    axes.plot(x, y, label="curve")
    axes.plot(y, x, "o", label="marks")
    axes.scatter(x, x, label="cloud")
    axes.set_xlabel("steps")
    axes.set_ylabel("loss, nats")
    axes.set_xscale("symlog")
    line, points = of_kind(figure, "line"), of_kind(figure, "points")
    assert as_lists(line, "x", "y") == {"x": x.tolist(), "y": y.tolist()}
    assert set(line["series"]) == {"curve"}
    assert points["series"].tolist() == ["marks"] * 50 + ["cloud"] * 50
    assert points["y"].tolist() == [*x, *x]
    assert set(figure_data(figure)["x_label"]) == {"steps"}
    assert set(figure_data(figure)["y_label"]) == {"loss, nats"}


def test_a_csv_gives_the_same_numbers_back():
    x = np.random.default_rng(1).lognormal(size=20)
    figure = Figure()
    figure.subplots().plot(x, np.sqrt(x), label="root, “so”\nit is")
    table = pd.read_csv(io.BytesIO(figure_files(figure)["csv"]))
    assert table["y"].tolist() == pytest.approx(np.sqrt(x).tolist(), rel=1e-9)
    assert set(table["series"]) == {"root, “so” it is"}


def test_a_band_has_its_two_ends_and_the_name_of_its_colour():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 4], [5, 6, 8], label="Nesterov", color="#0072b2")
    axes.plot([1, 2, 4], [1, 1, 1], label="SGD", color="#b07800")
    axes.fill_between([1, 2, 4], [4, 5, 6], [7, 8, 9], color="#0072b2", alpha=0.2, linewidth=0)
    band = of_kind(figure, "band")
    assert as_lists(band, "x", "lower", "upper") == {
        "x": [1, 2, 4], "lower": [4, 5, 6], "upper": [7, 8, 9]
    }  # fmt: skip
    assert set(band["series"]) == {"Nesterov"}


@pytest.mark.parametrize("draw", ["bar", "barh"])
def test_bars_are_named_by_the_axis_and_the_legend(draw):
    figure = Figure()
    axes = figure.subplots()
    lying = draw == "barh"
    getattr(axes, draw)([0, 1], [3.0, 4.0], color="#0072b2", label="ours")
    start = {"left": [3.0, 4.0]} if lying else {"bottom": [3.0, 4.0]}
    getattr(axes, draw)([0, 1], [1.0, 0.5], **start, color="#b07800", label="rest")
    (axes.set_yticks if lying else axes.set_xticks)([0, 1], ["cnn", "mlp"])
    bars = of_kind(figure, "bar")
    assert bars["series"].tolist() == ["cnn, ours", "mlp, ours", "cnn, rest", "mlp, rest"]
    along = "x" if lying else "y"
    assert bars[along].tolist() == [3.0, 4.0, 4.0, 4.5]
    assert bars["lower"].tolist() == [0.0, 0.0, 3.0, 4.0]


def test_what_is_not_placed_in_the_units_of_an_axis_has_no_number_there():
    figure = Figure()
    axes = figure.subplots()
    axes.axvline(3.0)
    axes.axhline(0.9)
    axes.plot([1.0], [0.98], "o", transform=axes.get_xaxis_transform())
    axes.axvspan(2.0, 5.0)
    axes.annotate("here", (1.0, 2.0), xytext=(3, 3), textcoords="offset points")
    axes.annotate("corner", (0.1, 0.9), xycoords="axes fraction")
    lines, (mark,) = of_kind(figure, "line"), of_kind(figure, "points").to_dict("records")
    assert lines["x"].tolist()[0] == 3.0
    assert lines["y"].tolist()[1] == 0.9
    assert lines[["x", "y"]].isna().to_numpy().tolist() == [[False, True], [True, False]]
    assert (mark["x"], mark["y"] is None or np.isnan(mark["y"])) == (1.0, True)
    assert as_lists(of_kind(figure, "span"), "lower", "upper") == {"lower": [2.0], "upper": [5.0]}
    notes = of_kind(figure, "note")
    assert notes["series"].tolist() == ["here", "corner"]
    assert notes["x"].isna().tolist() == [False, True]


def test_error_bars_images_and_contours_are_read():
    figure = Figure()
    first, second, third = figure.subplots(1, 3)
    first.errorbar([1.0, 2.0], [5.0, 6.0], yerr=[0.5, 1.0], label="mean", color="#0072b2")
    second.imshow([[1.0, 2.0], [3.0, 4.0]])
    third.contour([[0.0, 0.0], [1.0, 1.0]], levels=[0.5])
    figure.colorbar(second.images[0])
    lines = of_kind(figure, "line")
    assert set(lines["panel"]) == {1}
    assert lines["y"].tolist() == [5.0, 6.0, 4.5, 5.5, 5.0, 7.0]
    image = of_kind(figure, "image")
    assert image["value"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert image["x"].tolist() == [0, 1, 0, 1]
    contour = of_kind(figure, "contour")
    assert set(contour["y"]) == {0.5}
    assert set(contour["value"]) == {0.5}
    assert set(contour["panel"]) == {3}


def test_contours_that_are_the_ground_of_several_panels_are_told_once():
    figure = Figure()
    for axes in figure.subplots(1, 3):
        axes.contour([[0.0, 0.0], [1.0, 1.0]], levels=[0.25])
    figure.axes[2].contour([[0.0, 0.0], [1.0, 1.0]], levels=[0.75])
    contours = of_kind(figure, "contour")
    assert contours.groupby("panel")["value"].unique().map(list).to_dict() == {1: [0.25], 3: [0.75]}


def test_panels_are_told_apart_and_share_their_labels():
    figure = Figure()
    left, right = figure.subplots(1, 2, sharey=True)
    left.plot([1], [2], color="#0072b2", linestyle="--", label="heavy ball")
    right.plot([3], [4], color="#0072b2", linestyle="--")
    right.plot([5], [6], color="#0072b2", linestyle="-")
    left.set_ylabel("loss")
    figure.supxlabel("lr")
    right.set_title("mlp", loc="left")
    table = figure_data(figure)
    assert table["panel"].tolist() == [1, 2, 2]
    assert table["series"].tolist() == ["heavy ball", "heavy ball", ""]
    assert table["title"].tolist() == ["", "mlp", "mlp"]
    assert set(table["y_label"]) == {"loss"}
    assert set(table["x_label"]) == {"lr"}


def test_attached_numbers_come_first_and_are_a_copy():
    frame = pd.DataFrame({"lr": [0.1]})
    figure = attach_data(Figure(), frame)
    figure.subplots().plot([1], [2])
    frame["lr"] = 9.0
    given = figure_data(figure)
    given["lr"] = 8.0
    assert figure_data(figure)["lr"].tolist() == [0.1]


def test_three_files_of_a_book_figure_are_whole_and_always_the_same(tmp_path: Path):
    @book_figure
    def draw():
        figure, axes = plt.subplots()
        axes.plot([0, 1], [1, 2], label="line")
        figure.legend(loc="outside right center")
        return figure

    figure = draw()
    paths = save_figure(figure, tmp_path / "new", "one")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "one.csv", "one.png", "one.svg"
    ]  # fmt: skip
    assert ET.parse(paths["svg"]).getroot().tag.endswith("svg")
    with Image.open(paths["png"]) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    figure.savefig(io.BytesIO(), dpi=70)  # as a notebook does, which lays out again
    written = {ending: path.read_bytes() for ending, path in paths.items()}
    assert written == figure_files(figure) == figure_files(draw())


@pytest.mark.parametrize("name", ["", "a/b", "..", "/x"])
def test_a_name_that_is_no_file_is_refused(name, tmp_path: Path):
    with pytest.raises(UsageError, match="name of a file"):
        save_figure(Figure(), tmp_path, name)
    assert not list(tmp_path.iterdir())
