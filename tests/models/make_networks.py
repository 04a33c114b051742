"""Models for the long test of imports, made on the spot: python make_networks.py FOLDER."""

from __future__ import annotations

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def networks(folder: Path) -> None:
    import torch

    torch.manual_seed(3)
    dynamic = torch.export.Dim.DYNAMIC

    class Residual(torch.nn.Module):
        """The pieces of a ResNet, small."""

        def __init__(self) -> None:
            super().__init__()
            layer = torch.nn
            self.stem = layer.Sequential(layer.Conv2d(3, 8, 3, 2, 1, bias=False), layer.BatchNorm2d(8), layer.ReLU(), layer.MaxPool2d(3, 2, 1))
            self.block = layer.Sequential(
                layer.Conv2d(8, 8, 3, 1, 1, bias=False), layer.BatchNorm2d(8), layer.ReLU(), layer.Conv2d(8, 8, 3, 1, 1, bias=False),
                layer.BatchNorm2d(8),
            )  # fmt: skip
            self.pool = layer.AdaptiveAvgPool2d(1)
            self.last = layer.Linear(8, 4)
            layer.init.normal_(self.last.weight, std=6)

        def forward(self, pixels):
            maps = self.stem(pixels)
            return self.last(self.pool(torch.relu(maps + self.block(maps))).flatten(1))

    class Series(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps, self.last = torch.nn.Conv1d(3, 5, 3), torch.nn.Linear(5, 2)
            torch.nn.init.normal_(self.last.weight, std=3)

        def forward(self, series):
            return torch.softmax(self.last(torch.tanh(self.maps(series)).mean(2)), 1)

    class Boxes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.maps = torch.nn.Conv2d(3, 6, 8, 8)

        def forward(self, images):
            return self.maps(images).flatten(2).transpose(1, 2)

    def write(network, shape, name, inputs, outputs):
        torch.onnx.export(
            network.eval(), (torch.randn(2, *shape),), folder / name, dynamo=True, dynamic_shapes=({0: dynamic},), external_data=False,
            input_names=inputs, output_names=outputs,
        )  # fmt: skip

    residual = Residual().eval()
    write(residual, (3, 64, 64), "residual.onnx", ["pixels"], ["logits"])
    torch.jit.script(residual).save(str(folder / "residual.pt"))
    write(Series(), (3, 16), "series.onnx", ["series"], ["probabilities"])
    write(Boxes(), (3, 64, 64), "boxes.onnx", ["images"], ["boxes"])


def folders_of_a_hub(folder: Path) -> None:
    import torch
    import transformers

    torch.manual_seed(0)
    names = {"id2label": {0: "cat", 1: "dog", 2: "owl"}, "label2id": {"cat": 0, "dog": 1, "owl": 2}}
    small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    seeing = transformers.ViTForImageClassification(transformers.ViTConfig(**small, image_size=32, patch_size=8, **names))
    torch.nn.init.normal_(seeing.classifier.weight, std=3.0)
    seeing.save_pretrained(folder / "vit")
    settings = {"do_resize": True, "size": {"height": 32, "width": 32}, "image_mean": MEAN, "image_std": STD, "do_normalize": True}
    (folder / "vit" / "preprocessor_config.json").write_text(json.dumps(settings | {"image_processor_type": "ViTImageProcessor"}))
    (folder / "vit" / "README.md").write_text("---\nlicense: apache-2.0\n---\nRandom weights.\n")
    hearing = transformers.Wav2Vec2ForSequenceClassification(
        transformers.Wav2Vec2Config(
            **small, conv_dim=(16, 16, 16), conv_stride=(5, 4, 4), conv_kernel=(10, 8, 8), num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4, num_feat_extract_layers=3, classifier_proj_size=8, **names,
        )  # fmt: skip
    )
    torch.nn.init.normal_(hearing.classifier.weight, std=3.0)
    hearing.save_pretrained(folder / "wav2vec")
    (folder / "wav2vec" / "preprocessor_config.json").write_text(
        json.dumps({"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000, "do_normalize": True})
    )


def tables(folder: Path) -> None:
    import catboost
    import joblib
    import lightgbm
    import xgboost
    from sklearn.cluster import KMeans
    from sklearn.ensemble import IsolationForest
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(5)
    rows = pd.DataFrame(random.normal(0, 1, (400, 3)), columns=["a", "b", "c"])
    target = ((rows.a + rows.b * rows.c + random.normal(0, 0.3, 400)) > 0).astype(int)
    rows.round(6).to_csv(folder / "rows.csv", index=False)
    booster = xgboost.XGBClassifier(n_estimators=20, max_depth=3).fit(rows, target)
    booster.save_model(folder / "booster.ubj")
    lightgbm.LGBMRegressor(n_estimators=20, verbose=-1).fit(rows, rows.a * 3).booster_.save_model(str(folder / "trees.txt"))
    catboost.CatBoostClassifier(iterations=20, verbose=0, allow_writing_files=False).fit(rows, target).save_model(str(folder / "trees.cbm"))
    joblib.dump(IsolationForest(n_estimators=50, random_state=0).fit(rows), folder / "forest.joblib")
    joblib.dump(make_pipeline(StandardScaler(), KMeans(n_clusters=3, n_init=3, random_state=0)).fit(rows), folder / "groups.joblib")
    words = {0: ["refund", "broken", "late", "angry"], 1: ["thanks", "great", "fast", "happy"]}
    texts, said = [], []
    for number in range(200):
        side = number % 2
        texts.append(" ".join(random.choice([*words[side], "order", "the", "box", "my", "day"], 8)))
        said.append("good" if side else "bad")
    joblib.dump(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(texts, said), folder / "texts.joblib")
    pd.DataFrame({"text": texts[:60]}).to_csv(folder / "texts.csv", index=False)


def images(folder: Path) -> None:
    from PIL import Image

    random, lines = np.random.default_rng(0), []
    for number in range(12):
        pixels = random.integers(0, 256, (40 + number, 60, 3)).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((50, 30 + 3 * number)).save(buffer, "PNG")
        lines.append({"picture": base64.b64encode(buffer.getvalue()).decode()})
        if number == 0:
            (folder / "a.png").write_bytes(buffer.getvalue())
    (folder / "pictures.jsonl").write_text("\n".join(json.dumps(one) for one in lines) + "\n")


if __name__ == "__main__":
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    networks(into)
    folders_of_a_hub(into)
    tables(into)
    images(into)
