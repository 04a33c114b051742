"""Makes what the tests of image, audio and token inputs load: PYTHONPATH=python python scripts/make-media-fixtures.py src/ports/inference/fixtures/media

Small graphs, images with the pixels that pillow sees, sounds with the samples that the engines hear, tokenizers with the ids that `tokenizers` gives.
"""

import base64
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from atoll_engines.audio.waveform import prepare
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageOps
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

rng = np.random.default_rng(7)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    graphs(folder)
    (folder / "images.json").write_text(json.dumps(images(folder), indent=0))
    (folder / "sounds.json").write_text(json.dumps(sounds(folder), indent=0))
    (folder / "tokens.json").write_text(json.dumps(tokens(folder), indent=0, ensure_ascii=False))


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def run(graph: Path, feeds: dict) -> list[np.ndarray]:
    return onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"]).run(None, feeds)


# --- graphs ---


def save(path: Path, nodes, inputs, outputs, initializers=()) -> None:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, initializer=list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.checker.check_model(model)
    onnx.save(model, path)


def tensor(name: str, kind: int, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name: str, value):
    return numpy_helper.from_array(np.asarray(value), name)


def graphs(folder: Path) -> None:
    node = helper.make_node
    # Any size to 8 x 8: antialiased, both edges as they are.
    save(
        folder / "preprocess.onnx",
        [
            node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            node("Resize", ["float", "", "", "sizes"], ["small"], mode="linear", antialias=1, axes=[0, 1], coordinate_transformation_mode="half_pixel"),
            node("Round", ["small"], ["whole"]),
            node("Clip", ["whole", "low", "high"], ["bounded"]),
            node("Cast", ["bounded"], ["pixels"], to=TensorProto.UINT8),
        ],
        [tensor("image", TensorProto.UINT8, ["height", "width", 3])],
        [tensor("pixels", TensorProto.UINT8, [8, 8, 3])],
        [constant("sizes", np.array([8, 8], np.int64)), constant("low", np.float32(0)), constant("high", np.float32(255))],
    )
    # The mean of each colour, as probabilities of red, green and blue.
    save(
        folder / "image.onnx",
        [
            node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            node("Div", ["float", "scale"], ["unit"]),
            node("ReduceMean", ["unit", "axes"], ["means"], keepdims=0),
            node("Softmax", ["means"], ["probabilities"], axis=1),
        ],
        [tensor("image", TensorProto.UINT8, ["rows", 8, 8, 3])],
        [tensor("probabilities", TensorProto.FLOAT, ["rows", 3])],
        [constant("scale", np.float32(32)), constant("axes", np.array([1, 2], np.int64))],
    )
    # Loudness and the first sample: two outputs of sounds of any length.
    save(
        folder / "audio.onnx",
        [
            node("ReduceL2", ["audio", "axes"], ["score"], keepdims=1),
            node("Slice", ["audio", "from", "to", "axes"], ["vector"]),
        ],
        [tensor("audio", TensorProto.FLOAT, ["rows", "samples"])],
        [tensor("score", TensorProto.FLOAT, ["rows", 1]), tensor("vector", TensorProto.FLOAT, ["rows", 2])],
        [constant("axes", np.array([1], np.int64)), constant("from", np.array([0], np.int64)), constant("to", np.array([2], np.int64))],
    )
    # The mean and the number of the ids that the mask lets through, plus a number column.
    save(
        folder / "tokens.onnx",
        [
            node("Mul", ["input_ids", "attention_mask"], ["kept"]),
            node("ReduceSum", ["kept", "axes"], ["sum"], keepdims=1),
            node("ReduceSum", ["attention_mask", "axes"], ["count"], keepdims=1),
            node("Cast", ["sum"], ["sum_float"], to=TensorProto.FLOAT),
            node("Cast", ["numbers"], ["number"], to=TensorProto.FLOAT),
            node("Add", ["sum_float", "number"], ["prediction"]),
        ],
        [tensor(name, TensorProto.INT64, ["rows", "length"]) for name in ("input_ids", "attention_mask")] + [tensor("numbers", TensorProto.DOUBLE, ["rows", 1])],
        [tensor("prediction", TensorProto.FLOAT, ["rows", 1]), tensor("count", TensorProto.INT64, ["rows", 1])],
        [constant("axes", np.array([1], np.int64))],
    )


# --- images ---

WIDTH, HEIGHT = 19, 13


def scene(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x * 255 // (width - 1), y * 255 // (height - 1), x * y % 256], -1)
    return np.clip(smooth + rng.integers(-30, 30, (height, width, 3)), 0, 255).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(depth: int, colours: int, lines: np.ndarray) -> bytes:
    """A PNG of kinds that pillow does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def images(folder: Path) -> dict:
    colours = scene(WIDTH, HEIGHT)
    image = Image.fromarray(colours)
    alpha = rng.integers(0, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    palette = image.quantize(16)
    deep = lambda bands: rng.integers(0, 65536, (HEIGHT, WIDTH, bands)).astype(">u2")
    files = {
        "rgb.png": encoded(image, "PNG"),
        "rgba.png": encoded(Image.fromarray(np.dstack([colours, alpha])), "PNG"),
        "grey.png": encoded(image.convert("L"), "PNG"),
        "grey-alpha.png": encoded(Image.fromarray(np.dstack([colours[..., 0], alpha])).convert("LA"), "PNG"),
        "palette.png": encoded(palette, "PNG"),
        "palette-transparent.png": encoded(palette, "PNG", transparency=3),
        "palette-alphas.png": encoded(palette, "PNG", transparency=bytes([0, 50, 255, 100])),
        "rgb-transparent.png": encoded(image, "PNG", transparency=(255, 0, 0)),
        "one-bit.png": encoded(image.convert("1"), "PNG"),
        "grey16.png": encoded(Image.fromarray(rng.integers(0, 700, (HEIGHT, WIDTH)).astype(np.uint16)), "PNG"),
        "rgb16.png": png(16, 2, deep(3)),
        "rgba16.png": png(16, 6, deep(4)),
        "grey-alpha16.png": png(16, 4, deep(2)),
        "444.jpg": encoded(image, "JPEG", quality=85, subsampling=0),
        "422.jpg": encoded(image, "JPEG", quality=85, subsampling=1),
        "420.jpg": encoded(image, "JPEG", quality=85, subsampling=2),
        "progressive.jpg": encoded(image, "JPEG", quality=70, progressive=True),
        "grey.jpg": encoded(image.convert("L"), "JPEG"),
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "lossless.webp": encoded(image, "WEBP", lossless=True),
        "lossy.webp": encoded(image, "WEBP", quality=80),
        "alpha.webp": encoded(Image.fromarray(np.dstack([colours, alpha])), "WEBP", lossless=True),
        "animated.gif": encoded(palette, "GIF", save_all=True, append_images=[image.transpose(Image.Transpose.ROTATE_180).quantize(16)]),
        "transparent.gif": encoded(palette, "GIF", transparency=5, interlace=1),
        "rgb.tif": encoded(image, "TIFF"),
        "cmyk.tif": encoded(image.convert("CMYK"), "TIFF", compression="tiff_lzw"),
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        files[f"orientation-{orientation}.jpg"] = encoded(image, "JPEG", quality=90, exif=exif)
    exif[0x112] = 6
    files["orientation-6.png"] = encoded(image, "PNG", exif=exif)
    seen = {}
    for name, content in files.items():
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
        (pixels,) = run(folder / "preprocess.onnx", {"image": np.asarray(upright)})
        (probabilities,) = run(folder / "image.onnx", {"image": pixels[None]})
        about = {"width": upright.width, "height": upright.height, "rgb": b64(upright.tobytes())}
        seen[name] = {"file": b64(content), **about, "probabilities": probabilities[0].tolist()}
    return seen


# --- sounds ---


def wav(code: int, bits: int, rate: int, channels: int, data: bytes, extensible: bool = False) -> bytes:
    frame = channels * bits // 8
    layout = struct.pack("<HHIIHH", 0xFFFE if extensible else code, channels, rate, rate * frame, frame, bits)
    if extensible:
        layout += struct.pack("<HHIH", 22, bits, 0, code) + bytes.fromhex("000000001000800000aa00389b71")
    odd = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    body = b"WAVE" + b"fmt " + struct.pack("<I", len(layout)) + layout + odd + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def sounds(folder: Path) -> dict:
    time = np.arange(500) / 8000
    wave = 0.5 * np.sin(2 * np.pi * 440 * time) + 0.05 * rng.normal(size=len(time))
    both = np.stack([wave, 0.3 * wave[::-1]], 1)
    whole = lambda bits: np.round(both * (2 ** (bits - 1) - 1)).astype(np.int64)
    three = whole(24).astype("<i4").reshape(-1, 1).view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    every = np.arange(256, dtype=np.uint8).tobytes()
    files = {
        "pcm8": (wav(1, 8, 8000, 2, (whole(8) + 128).astype(np.uint8).tobytes()), 8000, None),
        "pcm16": (wav(1, 16, 8000, 2, whole(16).astype("<i2").tobytes()), 16000, None),
        "pcm24": (wav(1, 24, 8000, 2, three, extensible=True), 8000, 400),
        "pcm32": (wav(1, 32, 8000, 2, whole(32).astype("<i4").tobytes()), 8000, 600),
        "float32": (wav(3, 32, 44100, 2, both.astype("<f4").tobytes()), 16000, None),
        "float64": (wav(3, 64, 48000, 2, both.tobytes()), 16000, 100),
        "a-law": (wav(6, 8, 8000, 1, every), 8000, None),
        "mu-law": (wav(7, 8, 8000, 1, every), 22050, 300),
        "odd-rate": (wav(1, 16, 44101, 1, whole(16)[:, 0].astype("<i2").tobytes()), 16000, None),
        "unknown-length": (wav(1, 16, 8000, 1, whole(16)[:, 0].astype("<i2").tobytes()).replace(b"data" + struct.pack("<I", 1000), b"data\xff\xff\xff\xff"), 8000, None),
    }
    heard = {}
    for name, (content, rate, samples) in files.items():
        sound = prepare(content, rate, samples)
        score, vector = run(folder / "audio.onnx", {"audio": sound[None]})
        about = {"sampleRate": rate, "samples": samples, "heard": b64(sound.astype("<f4").tobytes())}
        heard[name] = {"file": b64(content), **about, "score": score[0].tolist(), "vector": vector[0].tolist()}
    return heard


# --- tokens ---

CORPUS = [
    "The quick brown fox jumps over the lazy dog, again and again.",
    "Der schnelle braune Fuchs springt über den faulen Hund; Straße, Größe, naïve café.",
    "Привет мир, как дела? Всё хорошо, спасибо большое.",
    "今天天气很好。我们去公园散步吧!",
    "こんにちは世界。東京は大きい都市です。",
    "مرحبا بالعالم كيف حالك اليوم",
    "I don't know what you've done, but it's 3.14 or 42% — isn't it?",
    "🙂 emoji 👩‍👩‍👧 flags 🇨🇭 and symbols ∑∫≈ ½ ﬁ ①",
    "low lower lowest new newer newest wide wider widest",
]
TEXTS = [
    *CORPUS,
    "",
    " ",
    "   leading and trailing   spaces \t tabs\nand\r\nlines\n\n",
    "UPPER lower MiXeD ÀÉÎÕÜ àéîõü",
    "e\u0301 combining and \u00e9 composed, Å and A\u030a",
    "zero\u200bwidth\u200djoiners\ufeff and\u00a0no-break\u2003em space\u3000ideographic",
    "word_with_underscores and-hyphens/slashes\\back @user #tag http://example.org/?q=1&b=2",
    "control\x00characters\x07here\x7f",
    "１２３ full-width ＡＢＣ ｱｲｳ",
    "한국어 문장도 있습니다.",
    "हिन्दी में एक वाक्य है।",
    "ไทยภาษา ไม่มีช่องว่าง",
    "a" * 150,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "🏳️‍🌈🧑🏽‍🚀 and lone surrogates are not text",
    "[CLS] special [SEP] tokens <s> in </s> the text [MASK] <unk>",
    "3.14159 1,000,000 1e-5 50% $9.99 №5 ½ Ⅷ",
    "İstanbul DİYARBAKIR ıI ß ẞ ǅ ﬀ",
    "many words " * 60,
]
MAX_LENGTH = 48


def tokenizer(model, trainer, pre, post, normalizer=None, decoder=None) -> Tokenizer:
    made = Tokenizer(model)
    made.pre_tokenizer = pre
    if normalizer:
        made.normalizer = normalizer
    if decoder:
        made.decoder = decoder
    made.train_from_iterator(CORPUS * 4, trainer)
    made.post_processor = post(made)
    return made


def tokens(folder: Path) -> dict:
    def template(single: str, *special: str):
        return lambda made: processors.TemplateProcessing(single=single, special_tokens=[(one, made.token_to_id(one)) for one in special])

    bert = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    roberta = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = {
        "wordpiece": tokenizer(
            models.WordPiece(unk_token="[UNK]"),
            trainers.WordPieceTrainer(vocab_size=400, special_tokens=bert, show_progress=False),
            pre_tokenizers.BertPreTokenizer(),
            template("[CLS] $A [SEP]", "[CLS]", "[SEP]"),
            normalizers.BertNormalizer(lowercase=True),
        ),
        "bpe": tokenizer(
            models.BPE(),
            trainers.BpeTrainer(vocab_size=600, special_tokens=roberta, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            lambda one: processors.RobertaProcessing(("</s>", one.token_to_id("</s>")), ("<s>", one.token_to_id("<s>")), add_prefix_space=False),
            decoder=decoders.ByteLevel(),
        ),
        "unigram": tokenizer(
            models.Unigram(),
            trainers.UnigramTrainer(vocab_size=350, special_tokens=["<pad>", "<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False),
            pre_tokenizers.Metaspace(),
            template("$A </s>", "</s>"),
            normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(" {2,}", " ")]),
            decoders.Metaspace(),
        ),
        "words": tokenizer(
            models.WordPiece(unk_token="[UNK]"),
            trainers.WordPieceTrainer(vocab_size=400, special_tokens=bert, show_progress=False),
            pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)]),
            template("[CLS] $A [SEP]", "[CLS]", "[SEP]"),
            normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]),
        ),
    }
    expected = {"texts": TEXTS, "maxLength": MAX_LENGTH, "ids": {}}
    for name, one in made.items():
        one.enable_truncation(MAX_LENGTH)
        one.save(str(folder / f"{name}.tokenizer.json"), pretty=False)
        expected["ids"][name] = [one.encode(text).ids for text in TEXTS]
    return expected


if __name__ == "__main__":
    main(Path(sys.argv[1]))
