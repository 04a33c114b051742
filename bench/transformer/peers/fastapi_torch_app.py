"""The network of the transformers library behind FastAPI, as its documentation would have one write it: torch in float32, one text a request."""

import os
from pathlib import Path

import torch
from fastapi import FastAPI
from pydantic import BaseModel
from tokenizers import Tokenizer
from transformers import BertForSequenceClassification

models = Path(os.environ["MODEL_FOLDER"]).parent
torch.set_num_threads(1)
tokenizer = Tokenizer.from_file(str(models / "fp32" / "tokenizer.json"))
tokenizer.enable_truncation(256)
network = BertForSequenceClassification.from_pretrained(models / "network", local_files_only=True).float().eval()
app = FastAPI()


class Row(BaseModel):
    text: str


class Body(BaseModel):
    row: Row


@app.post("/predict")
async def predict(body: Body):
    told = tokenizer.encode(body.row.text)
    with torch.inference_mode():
        logits = network(input_ids=torch.tensor([told.ids]), attention_mask=torch.tensor([told.attention_mask])).logits
    no, yes = torch.softmax(logits, dim=-1)[0].tolist()
    return {"label": "yes" if yes >= 0.5 else "no", "probabilities": {"no": no, "yes": yes}}
