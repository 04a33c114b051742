"""Training, evaluating and writing language models."""

from __future__ import annotations

import importlib.util
import json
import shutil
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from folders import events, failure, read_json, run_here, write_channel, write_job
from language_tables import TYPES, chats, pairs, questions, texts

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="language models are trained in the runtime llm, and there is no peft here"
)
SMALL = {"vocabulary": 400, "width": 48, "layers": 2, "heads": 4, "maxLength": 96}


def prepared(folder: Path, frame: pd.DataFrame, algorithm: str, base: Path | None = None, **options) -> Path:
    write_channel(folder, "train", frame, TYPES)
    if base:
        shutil.copytree(base / "model", folder / "input" / "data" / "weights")
    parameters = {
        "task": "generation", "target": None, "metric": options.pop("metric", None), "algorithms": [algorithm],
        "search": options.pop("search", {"strategy": "none"}), "validation": {"kind": "kfold", "folds": 5}, "options": options,
        "threads": 1,
    }  # fmt: skip
    return write_job(folder, "language.train", parameters)


def trained(folder: Path, frame: pd.DataFrame, algorithm: str, base: Path | None = None, **options) -> Path:
    prepared(folder, frame, algorithm, base, **options)
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def evaluated(folder: Path, made: Path, frame: pd.DataFrame, base: Path | None = None) -> Path:
    shutil.copytree(made / "model", folder / "input" / "data" / "model")
    shutil.copytree(made / "native", folder / "input" / "data" / "model" / "native")
    if base:
        shutil.copytree(base / "model", folder / "input" / "data" / "weights")
    write_channel(folder, "test", frame, TYPES)
    write_job(folder, "language.evaluate", {"task": "generation", "bootstrap": 200, "threads": 1})
    assert run_here(folder) == 0, (folder / "output" / "failure").read_text()
    return folder


def refused(folder: Path, *arguments, **options) -> str:
    prepared(folder, *arguments, **options)
    assert run_here(folder) == 2
    return failure(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return trained(tmp_path_factory.mktemp("base") / "job", texts(160), "llm_pretrain", epochs=8, learningRate=4e-3, **SMALL)


@pytest.fixture(scope="module")
def adapted(tmp_path_factory, base) -> Path:
    return trained(tmp_path_factory.mktemp("lora") / "job", questions(80), "llm_lora", base, epochs=4, learningRate=5e-3)


@pytest.fixture(scope="module")
def judged(tmp_path_factory, base, adapted) -> Path:
    return evaluated(tmp_path_factory.mktemp("judged") / "job", adapted, questions(24, seed=9), base)


def test_a_model_from_nothing_beats_the_shares_of_its_tokens(base):
    training = read_json(base, "model/training.json")
    assert training["after"]["perplexity"] < 0.3 * training["before"]["perplexity"]
    assert training["model"]["from"].startswith("random numbers")
    assert {"loss", "validation.perplexity", "learning_rate"} <= {one["name"] for one in events(base, "metric")}


def test_an_adapter_lowers_the_perplexity_of_sealed_rows(adapted, judged):
    evaluation = read_json(judged, "output/data/evaluation.json")
    assert evaluation["paired"]["metric"] == "perplexity"
    assert evaluation["paired"]["high"] < 0
    assert evaluation["before"]["perplexity"]["value"] > 2 * evaluation["metrics"]["perplexity"]["value"]
    assert {"exact_match", "accuracy"} <= set(evaluation["metrics"])
    assert evaluation["examples"][0]["wanted"] and evaluation["examples"][0]["before"] is not None
    assert read_json(adapted, "model/training.json")["adapter"]["parameters"] > 0


def test_merged_weights_are_the_base_and_the_adapters_product(base, adapted):
    from safetensors.numpy import load_file

    before, after = (load_file(folder / "model" / "model.safetensors") for folder in (base, adapted))
    adapter, settings = load_file(adapted / "model" / "lora.safetensors"), read_json(adapted, "model/lora.json")
    name = "model.layers.1.mlp.up_proj"
    low, high = (adapter[f"base_model.model.{name}.lora_{side}.weight"] for side in "AB")
    wanted = before[f"{name}.weight"] + settings["lora_alpha"] / settings["r"] * (high @ low)
    np.testing.assert_allclose(after[f"{name}.weight"], wanted, atol=1e-6)
    assert np.abs(after[f"{name}.weight"] - before[f"{name}.weight"]).max() > 1e-4
    np.testing.assert_array_equal(after["model.embed_tokens.weight"], before["model.embed_tokens.weight"])


def test_figures_agree_with_those_of_the_library_and_of_a_real_continuation(adapted, judged):
    import torch
    from transformers import AutoModelForCausalLM

    from atoll_engines.language.generate import continued
    from atoll_engines.language.tokens import read_tokens

    network = AutoModelForCausalLM.from_pretrained(adapted / "model").eval()
    tokens = read_tokens(adapted / "model")
    frame = questions(24, seed=9)
    total, count, exact, right = 0.0, 0, 0, 0
    for one in frame.itertuples():
        lead = [*tokens.start(), *tokens.plain(one.prompt)]

        def loss(text: str, lead: list[int] = lead) -> tuple[float, int]:
            said = [*tokens.plain(text), tokens.ends[0]]
            ids = torch.tensor([[*lead, *said]])
            labels = ids.clone()
            labels[0, : len(lead)] = -100
            return network(input_ids=ids, labels=labels).loss.item() * len(said), len(said)

        nll, length = loss(one.completion)
        total, count = total + nll, count + length
        said = continued(network, [lead], tokens.ends, 12, 96)[0]
        exact += said.is_ended and tokens.text(said.ids) == one.completion
        choices = json.loads(one.choices)
        right += int(np.argmax([-loss(text)[0] / len(text.encode()) for text in choices])) == int(one.answer)
    metrics = read_json(judged, "output/data/evaluation.json")["metrics"]
    assert metrics["perplexity"]["value"] == pytest.approx(np.exp(total / count), rel=1e-4)
    assert metrics["exact_match"]["value"] == pytest.approx(exact / len(frame))
    assert metrics["accuracy"]["value"] == pytest.approx(right / len(frame))


def test_prompts_that_prove_serving_go_on_as_the_network_does(adapted, judged):
    from atoll_engines.language.generate import continued
    from atoll_engines.language.trained import open_trained

    trained = open_trained(judged / "input" / "data" / "model")
    rows = [json.loads(line) for line in (judged / "output/data/parity_rows.jsonl").read_text().splitlines()]
    expected = read_json(judged, "output/data/parity_expected.json")
    assert len(rows) == len(expected["texts"]) == len(expected["kinds"]) > 0
    ids = trained.encoder.prompt(rows[0]["prompt"])
    said = continued(trained.network, [ids], trained.encoder.tokens.ends, 24, 96)[0]
    assert said.ids[: len(expected["tokens"][0])] == expected["tokens"][0]
    assert min(said.leads[: len(expected["tokens"][0])]) > trained.signature["tolerance"]


def test_only_answers_are_learned(base):
    from atoll_engines.language.records import Record, read_messages
    from atoll_engines.language.sequences import IGNORED, Encoder
    from atoll_engines.language.tokens import read_tokens

    encoder = Encoder(read_tokens(base / "model"), 96)
    pair = encoder.pair(Record(0, prompt="What does the cow eat?", completion=" grass"))
    assert encoder.tokens.tokenizer.decode(pair.labels[pair.labels != IGNORED]) == " grass"
    assert pair.labels[-1] == encoder.tokens.ends[0]
    said = [("user", "one?"), ("assistant", "hay"), ("user", "two?"), ("assistant", "corn")]
    messages = read_messages(json.dumps([{"role": role, "content": text} for role, text in said]), 0, "messages")
    chat = encoder.turns(Record(0, prompt=messages[:3], completion=messages[3:]))
    learned = encoder.tokens.tokenizer.decode(chat.labels[chat.labels != IGNORED], skip_special_tokens=False)
    assert learned == "hay<|im_end|>corn<|im_end|>"
    whole = encoder.tokens.tokenizer.decode(chat.ids, skip_special_tokens=False)
    assert whole == "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in said)
    cut = Encoder(encoder.tokens, 12)
    long = cut.pair(Record(5, prompt="What does the cow in the barn eat today?", completion=" grass"))
    assert len(long) == 12 and cut.cut == [5]
    assert encoder.tokens.tokenizer.decode(long.labels[long.labels != IGNORED]) == " grass"


def test_what_a_text_says_is_never_a_special_token(base):
    from atoll_engines.language.tokens import read_tokens

    tokens = read_tokens(base / "model")
    ids = tokens.plain("a<|im_end|>b<|endoftext|>")
    assert not set(ids) & set(tokens.ends)
    assert tokens.text(ids) == "a<|im_end|>b<|endoftext|>"


def test_packing_leaves_nothing_out_and_learns_nothing_twice(base):
    from atoll_engines.language.records import Record, Records
    from atoll_engines.language.sequences import IGNORED, Encoder, packed
    from atoll_engines.language.tokens import read_tokens

    encoder = Encoder(read_tokens(base / "model"), 16)
    rows = tuple(Record(at, text=text) for at, text in enumerate(texts(5)["text"]))
    sequences = packed(Records("text", rows, {}), encoder)
    flow = [*encoder.tokens.start(), *(one for row in rows for one in [*encoder.tokens.plain(row.text), encoder.tokens.ends[0]])]
    assert [int(one) for part in sequences for one in part.labels if one != IGNORED] == flow
    assert {len(one) for one in sequences} == {16}


def test_the_loss_of_preferences_is_that_of_the_paper():
    import torch

    from atoll_engines.language.objectives import PreferenceObjective, preference_loss

    # beta 0.5; the model says -2 and -5, the reference -3 and -4: 0.5 * ((-2 + 5) - (-3 + 4)) = 1; -log(1 / (1 + e^-1)) = 0.3132617.
    class Fixed(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            # Two tokens: each answer is the one token 1, whose log-probability is what the row says.
            said = torch.tensor([-2.0, -5.0])
            margins = torch.zeros(2, 2, 2)
            margins[:, :, 1] = torch.log(torch.exp(said) / (1 - torch.exp(said)))[:, None]
            return margins

    ids = torch.tensor([[0, 1], [0, 1]])
    labels = torch.tensor([[-100, 1], [-100, 1]])
    batch = {"input_ids": ids, "attention_mask": ids, "labels": labels, "reference": torch.tensor([[-3.0, -4.0]])}
    assert float(PreferenceObjective(0.5, 0.0).margins(Fixed(), batch)) == pytest.approx(1.0, abs=1e-5)
    assert float(PreferenceObjective(0.5, 0.0).loss(Fixed(), batch)) == pytest.approx(0.3132617, abs=1e-5)
    # Smoothed: 0.9 * 0.3132617 + 0.1 * 1.3132617.
    assert float(PreferenceObjective(0.5, 0.1).loss(Fixed(), batch)) == pytest.approx(0.4132617, abs=1e-5)
    assert float(preference_loss(torch.zeros(1), 0.0)) == pytest.approx(np.log(2))


def test_preferences_are_learned_from_an_earlier_model(tmp_path, adapted):
    folder = trained(tmp_path / "fit", pairs(80), "llm_dpo", adapted, epochs=2, learningRate=3e-3, metric="preference_accuracy")
    training = read_json(folder, "model/training.json")
    assert training["before"]["preference_accuracy"] == 0.5
    evaluation = read_json(evaluated(tmp_path / "judge", folder, pairs(30, seed=9), adapted), "output/data/evaluation.json")
    assert evaluation["metrics"]["preference_accuracy"]["value"] > 0.6
    assert evaluation["metrics"]["preference_margin"]["value"] > 0
    assert evaluation["paired"]["metric"] == "preference_accuracy"


def test_a_chat_becomes_a_model_that_takes_messages(tmp_path, base):
    folder = trained(tmp_path / "fit", chats(40), "llm_full", base, epochs=2, learningRate=3e-3, gguf="q8_0")
    signature = read_json(folder, "model/signature.json")
    assert signature["generation"]["chat"] and signature["generation"]["gguf"] == "q8_0"
    assert "<|im_end|>" in signature["generation"]["stop"]
    assert (folder / "model" / "chat_template.jinja").is_file()
    made = evaluated(tmp_path / "judge", folder, chats(10, seed=9), base)
    lines = (made / "output/data/parity_rows.jsonl").read_text().splitlines()
    assert all(json.loads(line)["messages"][0]["role"] == "user" for line in lines)


def test_a_training_taken_up_after_a_stop_equals_one_that_ran_through(tmp_path, base, adapted):
    import atoll_engines.neural.trainer as trainer

    stopped, before = tmp_path / "stopped", trainer.Training.run_epoch

    def stop_after_two(training):
        if training.epoch == 2:
            raise KeyboardInterrupt
        before(training)
        training.save()

    trainer.Training.run_epoch = stop_after_two
    try:
        with pytest.raises(KeyboardInterrupt):
            trained(stopped, questions(80), "llm_lora", base, epochs=4, learningRate=5e-3)
    finally:
        trainer.Training.run_epoch = before
    assert run_here(stopped) == 0
    for name in ("model.safetensors", "lora.safetensors", "model.gguf"):
        assert (stopped / "model" / name).read_bytes() == (adapted / "model" / name).read_bytes()


def test_steps_in_pieces_are_the_same_steps(base):
    import torch

    from atoll_engines.language.networks import Base, Learner, load_network
    from atoll_engines.language.objectives import CausalObjective, SequenceRows
    from atoll_engines.language.records import Record
    from atoll_engines.language.sequences import Encoder
    from atoll_engines.language.tokens import read_tokens
    from atoll_engines.neural.plan import TrainingPlan
    from atoll_engines.neural.trainer import fit

    tokens = read_tokens(base / "model")
    encoder = Encoder(tokens, 96)
    # Answers of one to six words: a mean over each piece would weigh them differently.
    rows = [encoder.pair(Record(at, prompt="Say it:", completion=" grass" * (1 + at % 6))) for at in range(16)]
    found = []
    for pieces in (1, 4):
        network = load_network(Base(base / "model", tokens, {}), 1)
        plan = TrainingPlan(epochs=1, batch_size=8 // pieces, accumulate=pieces, learning_rate=1e-3, seed=3, threads=1)
        fit(Learner(network), CausalObjective(4.5, tokens.count), SequenceRows(rows, tokens.pad), None, plan)
        found.append(torch.cat([one.flatten() for one in network.state_dict().values()]))
    assert float((found[0] - found[1]).abs().max()) < 1e-5


ATTACKS = [
    "{{ lipsum.__globals__['os'].popen('touch stolen').read() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in messages.__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{{ cycler.__init__.__globals__.os.system('touch stolen') }}",
    "{% set _ = messages.append(1) %}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{{ 'x' * 1000 }}{% endfor %}{% endfor %}",
]


@pytest.mark.parametrize("template", ATTACKS)
def test_a_chat_template_reaches_nothing(tmp_path, monkeypatch, template):
    from atoll_engines.errors import BadInput
    from atoll_engines.language.template import ChatTemplate

    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="chat template"):
        ChatTemplate(template, {}).render([{"role": "user", "content": "hi"}], 3)
    assert list(tmp_path.iterdir()) == []


def test_a_training_with_a_template_that_attacks_ends_in_a_sentence(tmp_path, base):
    folder = prepared(tmp_path, chats(10), "llm_lora", base)
    (folder / "input/data/weights/chat_template.jinja").write_text(ATTACKS[0])
    assert run_here(folder) == 2
    assert "The chat template refused the messages" in failure(folder)


def read_gguf(path: Path) -> tuple[dict, dict]:
    """A reader of its own, to the letter of the specification."""
    data = path.read_bytes()
    at = 0

    def take(form: str):
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def text() -> str:
        nonlocal at
        length = take("Q")
        at += length
        return data[at - length : at].decode()

    forms = {4: "I", 5: "i", 6: "f", 7: "?"}

    def value(kind: int):
        if kind == 9:
            inner, count = take("IQ")
            return [value(inner) for _ in range(count)]
        return text() if kind == 8 else take(forms[kind])

    assert data[:4] == b"GGUF"
    at = 4
    version, count, keys = take("IQQ")
    assert version == 3
    values = {text(): value(take("I")) for _ in range(keys)}
    described = []
    for _ in range(count):
        name, dimensions = text(), take("I")
        shape = [take("Q") for _ in range(dimensions)]
        described.append((name, shape[::-1], *take("IQ")))
    start = -(-at // 32) * 32
    return values, {name: (shape, kind, data[start + offset :]) for name, shape, kind, offset in described}


def test_the_gguf_holds_the_weights_and_the_tokenizer(base):
    from safetensors.numpy import load_file

    values, tensors = read_gguf(base / "model" / "model.gguf")
    weights, config = load_file(base / "model" / "model.safetensors"), read_json(base, "model/config.json")
    assert values["general.architecture"] == "llama"
    assert values["llama.block_count"] == 2 and values["llama.context_length"] == 96
    told = read_json(base, "model/tokenizer.json")
    assert values["tokenizer.ggml.tokens"][told["model"]["vocab"]["the"]] == "the"
    assert values["tokenizer.ggml.pre"] == "gpt-2" and values["tokenizer.ggml.token_type"][:4] == [3, 3, 3, 1]
    assert len(values["tokenizer.ggml.tokens"]) == config["vocab_size"]
    shape, kind, data = tensors["token_embd.weight"]
    assert kind == 0
    np.testing.assert_array_equal(np.frombuffer(data, "<f4", shape[0] * shape[1]).reshape(shape), weights["model.embed_tokens.weight"])
    # Queries in ggml's order: within a head the first half's rows lie between those of the second.
    shape, _, data = tensors["blk.0.attn_q.weight"]
    query = np.frombuffer(data, "<f4", shape[0] * shape[1]).reshape(shape)
    size = 48 // 4
    np.testing.assert_array_equal(query[0:size:2], weights["model.layers.0.self_attn.q_proj.weight"][: size // 2])
    np.testing.assert_array_equal(query[1:size:2], weights["model.layers.0.self_attn.q_proj.weight"][size // 2 : size])
    assert set(values) >= {"tokenizer.chat_template", "tokenizer.ggml.bos_token_id", "llama.rope.freq_base"}


def test_quantised_blocks_are_those_of_the_reference():
    from atoll_engines.language.gguf.blocks import decoded, encode

    values = np.arange(-16, 16, dtype=np.float32)
    # Scale 16/127; -16 is -127, 15 is round(119.06).
    raw = encode(values, "q8_0")
    assert len(raw) == 34
    assert np.frombuffer(raw[:2], "<f2")[0] == np.float16(16 / 127)
    assert np.frombuffer(raw[2:], np.int8)[[0, 16, 31]].tolist() == [-127, 0, 119]
    # The largest, -16, has the scale 2 and becomes 0 of 0…15; low halves first.
    raw = encode(values, "q4_0")
    assert len(raw) == 18 and np.frombuffer(raw[:2], "<f2")[0] == np.float16(2)
    assert raw[2] & 15 == 0 and raw[2] >> 4 == 8
    random = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    assert np.abs(decoded(random, "q8_0") - random).max() < np.abs(random).max() / 127
    assert np.abs(decoded(random, "q4_0") - random).max() < np.abs(random).max() / 7
    assert not np.isnan(decoded(np.zeros((1, 32), np.float32), "q4_0")).any()


def test_a_tokenizer_of_sentence_pieces_is_learned_and_written(tmp_path):
    folder = trained(tmp_path, texts(40), "llm_pretrain", tokenizer="sentencepiece", epochs=1, **SMALL)
    values, _ = read_gguf(folder / "model" / "model.gguf")
    assert values["tokenizer.ggml.model"] == "llama" and values["tokenizer.ggml.add_space_prefix"]
    names, scores = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.scores"]
    assert names[5] == "<0x00>" and values["tokenizer.ggml.token_type"][5] == 6
    assert scores[names.index("\u2581the")] > scores[names.index("\u2581horse")]
    from atoll_engines.language.tokens import read_tokens

    tokens = read_tokens(folder / "model")
    assert tokens.text(tokens.plain("The cow eats \u00e9 \u732b.")) == "The cow eats \u00e9 \u732b."


def test_what_has_no_place_in_gguf_is_said(base):
    from atoll_engines.language.gguf.llama import settings
    from atoll_engines.language.gguf.vocabulary import Unwritable

    config = read_json(base, "model/config.json")
    for change in ({"model_type": "bloom"}, {"hidden_act": "gelu"}, {"rope_parameters": {"rope_type": "yarn"}}):
        with pytest.raises(Unwritable):
            settings(config | change, "f32", "x")


BROKEN = [
    ("messages", "[{]", "not valid JSON"),
    ("messages", '[{"role": "robot", "content": "x"}]', "message 1 has the role 'robot'"),
    ("messages", '[{"role": "user", "content": "x"}]', "no message of the role assistant"),
    ("completion", None, "has a prompt, but no completion"),
    ("choices", '["one"]', "at least two texts"),
    ("answer", "nine", "none of the choices"),
]


@pytest.mark.parametrize(("column", "cell", "said"), BROKEN)
def test_a_broken_row_is_named(tmp_path, base, column, cell, said):
    frame = chats(10) if column == "messages" else questions(10)
    frame.loc[4, column] = cell
    sentence = refused(tmp_path, frame, "llm_lora", base)
    assert said in sentence and "ow 4" in sentence


def test_what_cannot_be_meant_is_refused(tmp_path, base):
    assert "llm_dpo" in refused(tmp_path / "a", pairs(10), "llm_lora", base)
    assert "options.base" in refused(tmp_path / "b", questions(10), "llm_lora")
    assert 'no option "lenght"' in refused(tmp_path / "c", questions(10), "llm_lora", base, lenght=4)
    assert "read at most 96 tokens" in refused(tmp_path / "d", questions(10), "llm_lora", base, maxLength=200)
    assert "must have a column text" in refused(tmp_path / "e", questions(10)[["answer", "choices"]], "llm_lora", base)
    assert "cannot be measured" in refused(tmp_path / "f", texts(10), "llm_lora", base, metric="exact_match")
    (tmp_path / "g").mkdir()
    folder = prepared(tmp_path / "g", questions(10), "llm_lora", base)
    (folder / "input/data/weights/adapter_config.json").write_text("{}")
    assert run_here(folder) == 2 and "adapter beside whole weights" in failure(folder).replace("(adapter_config.json) ", "")


def test_the_file_that_the_platform_reads_is_up_to_date():
    import atoll_engines.language
    from atoll_engines.language.describe_algorithms import describe

    file = Path(atoll_engines.language.__file__).parent / "algorithms.json"
    assert json.loads(file.read_text("utf-8")) == json.loads(json.dumps(describe()))
