"""Digits spoken by many voices of espeak-ng."""

from __future__ import annotations

import numpy as np
import torch

from nagcore.training.checks import require_count, require_seed
from nagcore.training.speech.espeak import Voice, speak
from nagcore.training.speech.features import WORDS, DigitFeatures, to_levels
from nagcore.training.speech.log_mel import log_mel

# Those that are meant for persons; of a family of near twins (Gene, Gene2) one. Robots, whispers
# and the Klatt synthesiser's experiments are left out.
SPEAKERS = (
    *("f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"),
    *("Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Henrique", "Hugo"),
    *("Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Nguyen", "Reed", "adam", "anika"),
    *("antonio", "aunty", "belinda", "benjamin", "boris", "caleb", "david", "edward", "grandma"),
    *("grandpa", "gustave", "iven", "john", "linda", "marcelo", "paul", "robert"),
)
ACCENTS = ("en", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd")
RATES, PITCHES = (120, 230), (20, 80)


def synthesise(takes: int, *, seed: int = 0) -> DigitFeatures:
    """Let every speaker say every digit several times, each with an accent, rate and pitch drawn.

    Breath and flutter of the voices are random in espeak-ng and cannot be seeded, so two calls
    with one seed give slightly different sounds: keep what was made.

    Args:
        takes: how often each speaker says each digit.
        seed: of accent, rate and pitch.

    Raises:
        MissingExtraError: the wheel `espeakng-loader` is not installed.
    """
    require_count(takes, "takes")
    drawn = np.random.default_rng(require_seed(seed))
    levels, digits, speakers = [], [], []
    for speaker in SPEAKERS:
        for digit, word in enumerate(WORDS):
            for _ in range(takes):
                wave, hertz = speak(word, _voice(speaker, drawn))
                levels.append(to_levels(log_mel(torch.from_numpy(wave), hertz)))
                digits.append(digit)
                speakers.append(speaker)
    return DigitFeatures(np.stack(levels), np.array(digits, np.uint8), np.array(speakers))


def _voice(speaker: str, drawn: np.random.Generator) -> Voice:
    accent = ACCENTS[int(drawn.integers(len(ACCENTS)))]
    rate, pitch = (int(drawn.integers(low, high + 1)) for low, high in (RATES, PITCHES))
    return Voice(speaker, accent, rate, pitch)
