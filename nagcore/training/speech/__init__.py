"""Spoken digits: synthesised, recorded or shipped; their spectrograms; a network for them."""

from nagcore.training.speech.digits import load_features, load_speech, split_speakers
from nagcore.training.speech.espeak import Voice, speak
from nagcore.training.speech.features import DigitFeatures, read_features, save_features
from nagcore.training.speech.log_mel import log_mel, mel_filters
from nagcore.training.speech.model import make_speech_net
from nagcore.training.speech.recordings import read_recordings
from nagcore.training.speech.synthesis import synthesise

__all__ = [
    "DigitFeatures",
    "Voice",
    "load_features",
    "load_speech",
    "log_mel",
    "make_speech_net",
    "mel_filters",
    "read_features",
    "read_recordings",
    "save_features",
    "speak",
    "split_speakers",
    "synthesise",
]
