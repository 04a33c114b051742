"""The log-mel spectrogram of speech against the library whose weights people bring."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="speech needs the deep runtime")

from atoll_engines.audio.speech.log_mel import RATE, LogMel, mel_filters  # noqa: E402


def sound(seconds: float) -> np.ndarray:
    """A glide with a second voice, a pause, and noise."""
    random = np.random.default_rng(4)
    t = np.arange(int(seconds * RATE)) / RATE
    wave = 0.4 * np.sin(2 * np.pi * (200 + 600 * t) * t) + 0.2 * np.sin(2 * np.pi * 3100 * t)
    wave[int(0.4 * len(t)) : int(0.5 * len(t))] = 0
    return (wave + 0.01 * random.normal(size=len(t))).astype(np.float32)


@pytest.mark.parametrize("bands", [40, 80])
def test_the_spectrogram_is_that_of_the_library(bands):
    from transformers import WhisperFeatureExtractor

    library = WhisperFeatureExtractor(feature_size=bands, chunk_length=3)
    wave = sound(3.0)
    theirs = library(wave, sampling_rate=RATE, return_tensors="np").input_features[0]
    with torch.no_grad():
        ours = LogMel(bands)(torch.from_numpy(wave)[None])[0].numpy()
    assert ours.shape == theirs.shape == (bands, 300)
    assert np.abs(ours - theirs).max() < 1e-3
    np.testing.assert_allclose(mel_filters(bands), library.mel_filters.T, atol=1e-6)
