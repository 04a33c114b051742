"""Texts as answers: how they are compared, what a network may write, and what it hears."""

from __future__ import annotations

import numpy as np
import pytest

from atoll_engines.audio.speech.options import check_options
from atoll_engines.audio.speech.recordings import sound_of, wav_of
from atoll_engines.audio.speech.windows import windows
from atoll_engines.audio.waveform import prepare
from atoll_engines.errors import BadInput
from atoll_engines.sequences.decoding import Decoding
from atoll_engines.sequences.metrics import Answers, chrf, counts, error_counts, score_all, with_intervals
from atoll_engines.sequences.vocabulary import bare_ids, learn_vocabulary, plain_text
from atoll_engines.sequences.words import distance, edits, normalised

PAIRS = [
    ("the cat sat on the mat", "the cat sat on the mat"), ("the cat sat on the mat", "a cat sat mat"), ("wild boar", "wild bore indeed"),
    ("Don't stop, now!", "dont stop now"), ("ten of clubs", "two of clubs"), ("go forward ten meters", "go for word ten meter"), ("x", ""),
    ("kangaroo", "kangaroo kangaroo"), ("Der schnelle braune Fuchs springt.", "Der braune Fuchs sprang schnell."),
    ("two kilograms of flour", "two kilos flour"),
]  # fmt: skip


def answers(pairs: list[tuple[str, str]]) -> Answers:
    wanted, said = zip(*pairs, strict=True)
    return Answers(list(wanted), list(said), np.full(len(pairs), np.nan), np.zeros(len(pairs)))


def test_word_and_character_errors_are_those_of_jiwer():
    # jiwer 4.0, process_words and process_characters, on texts in small letters without signs.
    plain = [(wanted.lower().translate({ord(one): None for one in ",.!"}), said.lower().replace(".", "")) for wanted, said in PAIRS]
    found = score_all("transcription", answers(plain))
    assert found["word_error_rate"] == pytest.approx(0.4857142857142857, abs=1e-12)
    assert found["character_error_rate"] == pytest.approx(0.36585365853658536, abs=1e-12)
    told = error_counts([wanted for wanted, _ in plain], [said for _, said in plain])
    assert told == {"substitutions": 8, "deletions": 5, "insertions": 4, "words": 35}


def test_chrf_and_rouge_are_those_of_sacrebleu_and_rouge_score():
    found, by_row = score_all("seq2seq", answers(PAIRS)), counts("seq2seq", answers(PAIRS))
    # sacrebleu 2, CHRF().corpus_score and sentence_score; rouge_score 0.1, rougeL.
    assert 100 * found["chrf"] == pytest.approx(59.91532130860823, abs=1e-9)
    sentences = [100.0, 32.1776, 50.837, 32.6771, 59.3849, 70.2646, 0.0, 76.7488, 64.2076, 44.7383]
    assert [100 * float(chrf(row[None])[0]) for row in by_row["chrf"]] == pytest.approx(sentences, abs=1e-4)
    assert by_row["rouge_l"][:, 0] == pytest.approx([1, 0.6, 0.4, 0.571429, 0.666667, 0.444444, 0, 0.666667, 0.6, 0.571429], abs=1e-6)
    assert found["exact_match"] == pytest.approx(0.1)


def test_the_fast_distance_is_the_slow_one():
    random = np.random.default_rng(3)
    for _ in range(200):
        one, other = (list(random.choice(list("abcd"), random.integers(0, 14))) for _ in range(2))
        assert distance(one, other) == sum(edits(one, other))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("  Don’t STOP, now! ", "don't stop now"),
        ("T-shirt - blue", "t-shirt blue"),
        ("ﬁne①", "fine1"),
        ("'quoted'", "quoted"),
        ("Straße", "strasse"),
    ],
)
def test_case_signs_and_blanks_do_not_count(text: str, same: str):
    assert normalised(text) == same


def test_intervals_hold_the_value_and_perplexity_counts_only_known_rows():
    rows = answers(PAIRS)
    surprise = np.array([2.0, 4.0, *[np.nan] * 8])
    known = Answers(rows.wanted, rows.said, surprise, np.array([4, 2, *[9] * 8]))
    found = with_intervals("transcription", known, 200, 1)
    assert found["perplexity"]["value"] == pytest.approx(np.e)
    for one in found.values():
        assert one["low"] <= one["value"] <= one["high"]


def test_what_may_not_be_written_is_not():
    decoding = Decoding((1,), (2,), 5, suppress=(0,), suppress_first=(2,), below=4)
    logits = np.arange(6, dtype=np.float32)[::-1][None].copy()
    assert decoding.allowed(logits.copy(), is_first=True).argmax() == 1
    assert np.isneginf(decoding.allowed(logits, is_first=False)[0]).tolist() == [True, False, False, False, True, True]
    assert Decoding.from_json(decoding.as_json()) == decoding


def test_a_vocabulary_writes_every_text_and_is_the_same_each_time():
    texts = ["the cat sat", "the mat"] * 3
    tokenizer = learn_vocabulary(texts, 280, ends=False)
    assert tokenizer.to_str() == learn_vocabulary(texts, 280, ends=False).to_str()
    for text in ("the cat", "naïve 漢字 😀", "\t tabs inside\ta line"):
        assert plain_text(tokenizer, bare_ids(tokenizer, text)) == text.strip()


def test_long_recordings_are_cut_where_it_is_quietest():
    samples = np.full(100_000, 0.5, np.float32)
    samples[40_000:41_600] = 0
    found = windows(samples, 48_000)
    assert found[0] == (0, 40_800)
    assert [begin for begin, _ in found[1:]] == [end for _, end in found[:-1]]
    assert found[-1][1] == len(samples)
    assert windows(samples[:48_000], 48_000) == [(0, 48_000)]


def test_a_recording_that_cannot_be_heard_is_named(tmp_path):
    file = tmp_path / "clip.wav"
    sound = np.linspace(-0.5, 0.5, 1600).astype(np.float32)
    file.write_bytes(wav_of(sound))
    assert np.array_equal(sound_of(file, "a/clip.wav"), sound)
    assert np.array_equal(prepare(file.read_bytes(), 16_000), sound)
    file.write_bytes(wav_of(sound[:0]))
    with pytest.raises(BadInput, match="a/clip.wav"):
        sound_of(file, "a/clip.wav")
    with pytest.raises(BadInput, match="a/other.wav is missing"):
        sound_of(tmp_path / "other.wav", "a/other.wav")


def test_an_option_that_would_do_nothing_is_refused():
    check_options({"epochs": 3, "language": "de", "stripes": True})
    with pytest.raises(BadInput, match='no option "epoch" for speech. Did you mean "epochs"'):
        check_options({"epoch": 3})
