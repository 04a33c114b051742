"""Sound to samples: the same as other libraries read, as the server hears, and a clear word where it cannot be read."""

import base64
import json
import struct
from pathlib import Path

import numpy as np
import pytest

from atoll_engines.audio.waveform import prepare, read_wav, resample
from atoll_engines.errors import BadInput

FIXTURES = Path(__file__).parents[2] / "src/ports/inference/fixtures/media/sounds.json"
SOUNDS = json.loads(FIXTURES.read_text())
PCM = base64.b64decode(SOUNDS["pcm16"]["file"])


@pytest.mark.parametrize("name", SOUNDS)
def test_every_sample_is_what_the_server_is_tested_against(name):
    sound = SOUNDS[name]
    heard = prepare(base64.b64decode(sound["file"]), sound["sampleRate"], sound["samples"])
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, np.frombuffer(base64.b64decode(sound["heard"]), "<f4"), atol=1e-7)


def test_pcm_is_read_as_the_standard_library_reads_it():
    import io
    import wave

    with wave.open(io.BytesIO(PCM)) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
    sound = read_wav(PCM)
    np.testing.assert_array_equal(sound.samples, frames.mean(axis=1) / 32768)
    assert (sound.rate, sound.channels) == (8000, 2)


@pytest.mark.parametrize(("rate", "to_rate"), [(44100, 16000), (8000, 16000), (16000, 44100), (44101, 16000)])
def test_a_tone_stays_the_tone_it_was(rate, to_rate):
    def tone(of):
        return np.sin(2 * np.pi * 440 * np.arange(of // 4) / of)

    heard = resample(tone(rate), rate, to_rate)
    ideal = tone(to_rate)
    edge = 500
    np.testing.assert_allclose(heard[edge : len(ideal) - edge], ideal[edge:-edge], atol=1e-6)
    np.testing.assert_allclose(resample(tone(rate), rate, to_rate, 1000), heard[:1000], atol=1e-7)


def test_what_cannot_be_read_is_said_with_the_name_of_the_file():
    size = PCM.index(b"data") + 4
    cases = [
        (b"", "not a WAV"),
        (b"fLaC" + bytes(40), "but FLAC"),
        (PCM[:-7], "says that it holds 2000 bytes of sound, but holds 1993"),
        (PCM[:size] + struct.pack("<I", 2) + PCM[size + 4 :], "length is zero"),
        (PCM[:24] + struct.pack("<I", 0) + PCM[28:], "0 samples a second"),
    ]
    for content, reason in cases:
        with pytest.raises(BadInput, match=rf"^clip\.wav .*{reason}"):
            read_wav(content, "clip.wav")
