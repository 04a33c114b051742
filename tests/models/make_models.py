"""Makes the models of this folder: small ones of each format, as their own libraries write them.

Needs scikit-learn, joblib, xgboost, lightgbm, catboost, torch and transformers, and for the ONNX graphs skl2onnx.
"""

import pickle
import sys
from pathlib import Path

import catboost
import joblib
import lightgbm
import numpy as np
import pandas as pd
import torch
import xgboost
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

out = Path(sys.argv[1])
random = np.random.default_rng(0)
numbers = random.normal(size=(300, 4))
first = numbers[:1].astype(np.float32)
positive = (numbers[:, 0] + numbers[:, 1] > 0).astype(int)
labels = np.where(positive == 1, "yes", "no")
table = pd.DataFrame(numbers, columns=list("abcd"))
table["city"] = random.choice(["x", "y", "z"], 300)

scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(numbers, positive)
(out / "zipmap.onnx").write_bytes(to_onnx(scaled, first).SerializeToString())
(out / "plain.onnx").write_bytes(to_onnx(scaled, first, options={"zipmap": False}).SerializeToString())
linear = LinearRegression().fit(numbers, numbers @ [1, 2, 3, 4])
(out / "linear.onnx").write_bytes(to_onnx(linear, first).SerializeToString())
(out / "protocol0.pickle").write_bytes(pickle.dumps(scaled, protocol=0))

prepared = make_column_transformer((StandardScaler(), list("abcd")), (OneHotEncoder(handle_unknown="ignore"), ["city"]))
pipeline = make_pipeline(prepared, LogisticRegression()).fit(table, labels)
types = [(name, FloatTensorType([None, 1])) for name in "abcd"] + [("city", StringTensorType([None, 1]))]
(out / "columns.onnx").write_bytes(convert_sklearn(pipeline, initial_types=types).SerializeToString())
joblib.dump(pipeline, out / "pipeline.joblib")
joblib.dump(pipeline, out / "pipeline.zlib.joblib", compress=3)
joblib.dump(pipeline, out / "pipeline.gzip.joblib", compress=("gzip", 3))
(out / "pipeline.pickle").write_bytes(pickle.dumps(pipeline))
rows = table.head(40).copy()
rows["p"] = pipeline.predict_proba(rows)[:, 1]
rows["churn"] = labels[:40]
rows.to_csv(out / "rows.csv", index=False)

plain = table[list("abcd")]
booster = xgboost.XGBClassifier(n_estimators=5, max_depth=3).fit(plain, positive)
booster.save_model(out / "booster.json")
(out / "booster.json").rename(out / "booster.xgboost")
booster.save_model(out / "booster.ubj")
(out / "booster.ubj").rename(out / "booster.ubjson")
lightgbm.LGBMClassifier(n_estimators=5, verbose=-1).fit(plain, positive).booster_.save_model(out / "trees.lightgbm")
catboost.CatBoostClassifier(iterations=5, verbose=False).fit(plain, positive).save_model(str(out / "trees.catboost"))


class Network(torch.nn.Module):
    """Four numbers become two probabilities."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 2)

    def forward(self, x):
        return torch.softmax(self.layer(x), -1)


torch.manual_seed(0)
network = Network().eval()
torch.jit.save(torch.jit.trace(network, torch.zeros(1, 4)), out / "program.torchscript")
torch.save(network.state_dict(), out / "numbers.torch")

words = {"[PAD]": 0, "[UNK]": 1, "good": 2, "bad": 3, "the": 4, "film": 5}
tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
settings = BertConfig(
    vocab_size=6,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=16,
    max_position_embeddings=32,
    id2label={0: "neg", 1: "pos"},
    label2id={"neg": 0, "pos": 1},
)
BertForSequenceClassification(settings).save_pretrained(out / "bert")
PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=32).save_pretrained(out / "bert")
