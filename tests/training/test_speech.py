"""Spoken digits: spectrograms against SciPy's, voices kept apart, recordings, synthesis."""

from __future__ import annotations

import sys
import wave

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import get_window
from torch.nn.functional import cross_entropy
from typer.testing import CliRunner

from nagcore.cli import app
from nagcore.errors import DataError, MissingExtraError, UsageError
from nagcore.optim.table import make_optimizer
from nagcore.training.fit import fit
from nagcore.training.speech import (
    DigitFeatures,
    Voice,
    espeak,
    load_features,
    load_speech,
    log_mel,
    make_speech_net,
    mel_filters,
    read_features,
    read_recordings,
    save_features,
    speak,
    split_speakers,
    synthesis,
    synthesise,
)
from nagcore.training.speech import digits as digits_module
from nagcore.training.speech.features import to_levels
from nagcore.training.speech.log_mel import HIGHEST, LOWEST, mel
from nagcore.training.stopping import Steps


def tone(hertz: float, rate: int = 16_000, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(round(rate * seconds)) / rate)


def few(speakers="abcde", takes: int = 1) -> DigitFeatures:
    count = 10 * takes * len(speakers)
    drawn = np.random.default_rng(0)
    return DigitFeatures(
        drawn.integers(0, 16, (count, 40, 40)).astype(np.uint8),
        np.tile(np.arange(10, dtype=np.uint8), count // 10),
        np.repeat(list(speakers), 10 * takes),
    )


# spectrograms


@pytest.mark.parametrize("rate", [8_000, 22_050])
def test_a_spectrogram_is_that_of_a_direct_transform(rate):
    """Judge: NumPy's transform of each frame, SciPy's window, and triangles by np.interp."""
    sound = torch.randn(rate, generator=torch.Generator().manual_seed(0)).numpy()
    size, hop = round(0.03 * rate), round(0.02 * rate)
    points = 1 << (size - 1).bit_length()
    length = points + 39 * hop
    cut = (length - len(sound)) // 2
    whole = np.pad(sound, (max(cut, 0), max(length - len(sound) - cut, 0)))[max(-cut, 0) :][:length]
    window = np.zeros(points)
    window[(points - size) // 2 :][:size] = get_window("hann", size)
    frames = [np.fft.rfft(whole[k * hop :][:points] * window) for k in range(40)]
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST, HIGHEST))
    edges = 700 * (10 ** (np.linspace(low, high, 42) / 2595) - 1)
    places = np.fft.rfftfreq(points, 1 / rate)
    filters = np.stack([np.interp(places, edges[i : i + 3], [0, 1, 0]) for i in range(40)])
    np.testing.assert_allclose(mel_filters(rate, points), filters, atol=1e-4)
    decibels = 10 * np.log10(np.maximum(filters @ np.abs(np.stack(frames, axis=1)) ** 2, 1e-12))
    expected = np.maximum(decibels - decibels.max(), -60)
    np.testing.assert_allclose(log_mel(torch.from_numpy(sound), rate), expected, atol=0.02)


@given(st.floats(150, 3500))
def test_a_tone_is_loudest_in_its_band(hertz):
    band = int(log_mel(tone(hertz), 16_000)[:, 20].argmax())
    low, high = (float(mel(torch.tensor(f))) for f in (LOWEST, HIGHEST))
    pitches = torch.linspace(low, high, 42)[1:-1]
    nearest = int((pitches - mel(torch.tensor(hertz))).abs().argmin())
    assert abs(band - nearest) <= 1


def test_the_sound_is_in_the_middle_and_loudness_does_not_matter():
    sound = tone(700, seconds=0.3)
    picture = log_mel(sound, 16_000)
    loud = (picture.amax(dim=0) > -40).nonzero().flatten()
    assert abs(float(loud.float().mean()) - 19.5) <= 1.5
    torch.testing.assert_close(log_mel(sound / 8, 16_000), picture, atol=1e-3, rtol=0)
    assert picture.max() == 0
    assert picture.min() >= -60


def test_sounds_that_cannot_be_used_are_refused():
    with pytest.raises(UsageError, match=r"shape \(0,\)"):
        log_mel(torch.zeros(0), 16_000)
    with pytest.raises(UsageError, match="with sound"):
        log_mel(torch.zeros(100), 16_000)
    with pytest.raises(UsageError, match="4000 Hz cannot be used; expected 8000"):
        log_mel(tone(100, 4_000), 4_000)


# files


def test_levels_are_four_decibels_apart():
    assert to_levels(torch.tensor([-60.0, -58.1, -57.9, -4.0, 0.0])).tolist() == [0, 0, 1, 14, 15]


def test_features_are_read_as_they_were_written(tmp_path):
    features = few()
    save_features(features, tmp_path / "a" / "digits.npz")
    again = read_features(tmp_path / "a" / "digits.npz")
    assert again.sha256 == features.sha256
    assert np.array_equal(again.levels, features.levels)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.npz").write_text("no features")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    for name in ("text.npz", "other.npz"):
        with pytest.raises(DataError, match=f"{name} cannot be read as spoken digits"):
            read_features(tmp_path / name)
    with pytest.raises(UsageError, match="levels are float64"):
        DigitFeatures(np.zeros((1, 40, 40)), np.zeros(1, np.uint8), np.array(["a"]))
    with pytest.raises(UsageError, match="a level above 15"):
        DigitFeatures(np.full((1, 40, 40), 16, np.uint8), np.zeros(1, np.uint8), np.array(["a"]))


def test_the_shipped_digits_are_genuine_and_small():
    features = load_features("shipped")
    readme = (digits_module.SHIPPED.parent / "README.md").read_text(encoding="utf-8")
    assert features.sha256 in readme
    assert digits_module.SHIPPED.stat().st_size < 200_000
    assert sorted(set(features.speakers.tolist())) == sorted(synthesis.SPEAKERS)
    assert np.bincount(features.digits).tolist() == [50] * 10


def test_where_digits_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NAGCORE_SPEECH", raising=False)
    assert load_features().sha256 == load_features("shipped").sha256
    with pytest.raises(DataError, match="nagcore data speech"):
        load_features("synthesised")
    save_features(few("abcdefg"), digits_module.SYNTHESISED)
    assert len(load_features()) == 70
    monkeypatch.setenv("NAGCORE_SPEECH", "shipped")
    assert len(load_features()) == 500


# voices


@given(st.sets(st.text("abcxyz", min_size=1, max_size=4), min_size=5, max_size=40))
def test_no_voice_is_in_two_parts(names):
    parts = split_speakers(np.array(sorted(names) * 2))
    assert set.union(*parts) == names
    assert sum(map(len, parts)) == len(names)
    assert all(parts)


def test_too_few_voices_are_refused():
    with pytest.raises(UsageError, match="4 speakers"):
        split_speakers(np.array(list("aabcd")))


def test_the_parts_hold_what_their_voices_say_normalised_by_the_training():
    train, validation, test = load_speech("shipped")
    assert [len(part) for part in (train, validation, test)] == [300, 100, 100]
    assert float(train.images.mean()) == pytest.approx(0, abs=1e-4)
    assert float(train.images.std()) == pytest.approx(1, abs=1e-4)
    assert abs(float(test.images.mean())) > 1e-4, "the test has a mean of its own"


def test_noise_has_the_deviation_asked_for_and_a_seed():
    clear, noisy, same, other = (
        load_speech("shipped", noise=noise, seed=seed)[2].images
        for noise, seed in ((0.0, 0), (0.5, 0), (0.5, 0), (0.5, 1))
    )
    assert float((noisy - clear).std()) == pytest.approx(0.5, rel=0.02)
    assert torch.equal(noisy, same)
    assert not torch.equal(noisy, other)
    with pytest.raises(UsageError, match="noise=-1"):
        load_speech("shipped", noise=-1)


# recordings


def write_wave(path, samples, rate=8_000, channels=1, size=2):
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, size, rate, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def test_recordings_in_a_folder_are_read(tmp_path):
    sound = (tone(500, 8_000, 0.4).numpy() * 20_000).astype("<i2")
    write_wave(tmp_path / "7_maria_3.wav", sound)
    write_wave(tmp_path / "0_otto_1.wav", np.repeat(sound, 2), channels=2)
    write_wave(tmp_path / "1_otto_1.wav", (sound // 256 + 128).astype(np.uint8), size=1)
    (tmp_path / "notes.txt").write_text("not a recording")
    features = read_recordings(tmp_path)
    assert features.digits.tolist() == [0, 1, 7]
    assert features.speakers.tolist() == ["otto", "otto", "maria"]
    assert np.array_equal(features.levels[0], features.levels[2])
    assert (features.levels[1].astype(int) - features.levels[2]).max() <= 12
    assert load_features(tmp_path).sha256 == features.sha256


def test_recordings_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(DataError, match=r"such as 7_maria_3\.wav"):
        read_recordings(tmp_path)
    (tmp_path / "7_maria_3.wav").write_text("noise")
    with pytest.raises(DataError, match=r"7_maria_3\.wav cannot be read"):
        read_recordings(tmp_path)
    write_wave(tmp_path / "7_maria_3.wav", np.zeros(99, "<i4"), size=4)
    with pytest.raises(DataError, match="32 bits"):
        read_recordings(tmp_path)
    write_wave(tmp_path / "7_maria_3.wav", np.zeros(99, "<i2"))
    with pytest.raises(DataError, match="with sound"):
        read_recordings(tmp_path)


def test_the_command_writes_what_was_recorded(tmp_path):
    write_wave(tmp_path / "7_maria_3.wav", (tone(500, 8_000, 0.4).numpy() * 9_000).astype("<i2"))
    to = tmp_path / "out" / "speech.npz"
    given = ["data", "speech", "--recordings", str(tmp_path), "--to", str(to)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0, done.output
    assert "wrote 1 digits of 1 voices" in done.output
    assert load_features(to).sha256 == read_recordings(tmp_path).sha256


# synthesis


@pytest.mark.skipif(not espeak.is_available(), reason="espeakng-loader is not installed")
def test_words_are_spoken(monkeypatch):
    short, hertz = speak("six", Voice("f1", rate=300))
    long, _ = speak("six", Voice("f1", rate=100))
    assert hertz >= 16_000
    assert len(short) < len(long)
    assert 0.05 < np.abs(long).max() <= 1
    monkeypatch.setattr(synthesis, "SPEAKERS", ("f1", "m1"))
    features = synthesise(2, seed=3)
    assert len(features) == 40
    assert features.digits[:4].tolist() == [0, 0, 1, 1]
    apart = features.levels[0].astype(int) - features.levels[2]
    assert np.abs(apart).mean() > 1, "zero is not one"


@pytest.mark.skipif(not espeak.is_available(), reason="espeakng-loader is not installed")
def test_voices_that_are_not_there_are_refused():
    with pytest.raises(UsageError, match=r"martian\+f1"):
        speak("one", Voice("f1", accent="martian"))
    with pytest.raises(UsageError, match=r"'f11'; expected one of f1, "):
        speak("one", Voice("f11"))
    with pytest.raises(UsageError, match="rate=9 "):
        speak("one", Voice("f1", rate=9))


def test_without_the_wheel_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak._library.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match="speech"):
            speak("one", Voice("f1"))
    finally:
        espeak._library.cache_clear()


# learning


def test_the_network_learns_to_tell_new_voices():
    train, validation, _ = load_speech("shipped")
    model = make_speech_net(0, width=4)
    optimizer = make_optimizer("nadamw", model.parameters(), lr=0.01)
    history = fit(
        model,
        cross_entropy,
        train,
        optimizer,
        batch_size=50,
        until=Steps(36),
        evaluate_on=validation,
    )
    assert history.final.eval_accuracy > 0.6
    one, same = (list(make_speech_net(1).parameters()) for _ in range(2))
    assert all(map(torch.equal, one, same))
