"""Drives an Atoll with kserve's unmodified InferenceRESTClient; prints what came back as JSON."""

import asyncio
import json
import os

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
origin = os.environ["ORIGIN"]


def request(binary):
    columns = [
        ("a", "FP64", np.array([0.5, -1, 2])),
        ("b", "FP64", np.array([1.0, 1.0, -3.0])),
        ("state", "BYTES", np.array([b"OH", b"AK", b"OH"], dtype=np.object_)),
    ]
    inputs = []
    for name, datatype, values in columns:
        made = InferInput(name=name, shape=list(values.shape), datatype=datatype)
        made.set_data_from_numpy(values, binary_data=binary)
        inputs.append(made)
    return InferRequest(model_name="churn", infer_inputs=inputs, request_id="mine")


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2", timeout=30))
    said = {
        "live": await client.is_server_live(origin),
        "ready": await client.is_server_ready(origin),
        "model_ready": await client.is_model_ready(origin, "churn", headers=headers),
    }
    for name, binary in [("json", False), ("binary", True)]:
        reply = await client.infer(origin, request(binary), model_name="churn", headers=dict(headers))
        outputs = {output.name: output.as_numpy() for output in reply.outputs}
        label = [word.decode() if isinstance(word, bytes) else word for word in outputs["label"].reshape(-1)]
        said[name] = {
            "id": reply.id,
            "model": reply.model_name,
            "label": label,
            "probabilities": outputs["probabilities"].astype(np.float64).tolist(),
        }
    try:
        wrong = {"inputs": [{"name": "a", "shape": [1], "datatype": "FP64", "data": [1.0]}]}
        await client.infer(origin, wrong, model_name="churn", headers=headers)
    except httpx.HTTPStatusError as error:
        said["refused"] = [error.response.status_code, str(error)]
    await client.close()
    print(json.dumps(said))


asyncio.run(main())
