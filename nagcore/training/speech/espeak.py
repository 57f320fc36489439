"""Speech from text by the library of espeak-ng, as the wheel `espeakng-loader` brings it."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nagcore.errors import MissingExtraError, UsageError
from nagcore.names import closest_first

# Numbers of speak_lib.h.
_SYNCHRONOUS, _DO_NOT_EXIT = 2, 0x8000
_RATE, _PITCH = 1, 3
_BY_CHARACTER, _UTF8 = 1, 1
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Voice(NamedTuple):
    """How something is spoken."""

    speaker: str
    """a variant of espeak-ng, such as "f2": the build of throat and mouth"""
    accent: str = "en-us"
    """a voice of espeak-ng that it varies"""
    rate: int = 175
    """words a minute, 80 to 450"""
    pitch: int = 50
    """0 to 100"""


def is_available() -> bool:
    """Return whether the library of espeak-ng can be had."""
    try:
        import espeakng_loader  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError:
        return False
    return True


def speak(text: str, voice: Voice) -> tuple[np.ndarray, int]:
    """Return the waveform of a spoken text, and its sampling rate in hertz.

    Nothing is played. Breath and flutter of a voice are random and cannot be seeded, so that the
    same text and voice sound alike and are not the same samples.

    Args:
        text: in English.
        voice: how to speak it.

    Returns:
        float32 (samples,) from −1 to 1, and the samples in a second.

    Raises:
        MissingExtraError: the wheel `espeakng-loader` is not installed.
        UsageError: espeak-ng does not know the voice, or a number is out of its range.
    """
    if not 80 <= voice.rate <= 450 or not 0 <= voice.pitch <= 100:
        raise UsageError(
            f"rate={voice.rate!r} and pitch={voice.pitch!r} cannot be used; expected a rate from "
            "80 to 450 words a minute and a pitch from 0 to 100"
        )
    library, hertz, heard = _library()
    # It would take its own voice for a variant that it does not know, without a word.
    if voice.speaker not in speakers():
        raise UsageError(
            f"espeak-ng has no variant {voice.speaker!r}; expected one of "
            f"{closest_first(voice.speaker, speakers())}"
        )
    name = f"{voice.accent}+{voice.speaker}"
    if library.espeak_SetVoiceByName(name.encode()) != 0:
        raise UsageError(f"espeak-ng does not know the voice {name!r}; try “en-us+f2”")
    library.espeak_SetParameter(_RATE, voice.rate, 0)
    library.espeak_SetParameter(_PITCH, voice.pitch, 0)
    heard.clear()
    said = text.encode()
    library.espeak_Synth(said, len(said) + 1, 0, _BY_CHARACTER, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    samples = np.concatenate(heard) if heard else np.zeros(0, np.int16)
    return samples.astype(np.float32) / 2**15, hertz


@cache
def speakers() -> tuple[str, ...]:
    """Return the names of the variants of a voice that espeak-ng has.

    Raises:
        MissingExtraError: the wheel `espeakng-loader` is not installed.
    """
    folder = Path(_loader().get_data_path()) / "voices" / "!v"
    return tuple(sorted(path.name for path in folder.iterdir()))


def _loader() -> Any:
    try:
        import espeakng_loader  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtraError("espeakng-loader", "speech", "synthesis of speech") from error
    return espeakng_loader


@cache
def _library() -> tuple[Any, int, list[np.ndarray]]:
    """Return the initialised library, its sampling rate, and where it leaves what it speaks."""
    loader = _loader()
    library: Any = ctypes.CDLL(loader.get_library_path())
    library.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    folder = loader.get_data_path().encode()
    hertz = library.espeak_Initialize(_SYNCHRONOUS, 0, folder, _DO_NOT_EXIT)
    if hertz <= 0:
        raise UsageError(f"espeak-ng cannot be started with its data in {folder.decode()}")
    heard: list[np.ndarray] = []

    def keep(wave: Any, count: int, events: int) -> int:  # noqa: ARG001
        if wave and count > 0:
            heard.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    library.kept_callback = _CALLBACK(keep)  # the library holds no reference to it
    library.espeak_SetSynthCallback(library.kept_callback)
    return library, hertz, heard
