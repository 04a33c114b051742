"""Drives an Atoll with OpenAI's unmodified client for Python; prints what came back as JSON."""

import json
import os
from typing import Literal

import openai
from pydantic import BaseModel, Field

client = openai.OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["TOKEN"], max_retries=0, timeout=30)
messages = [{"role": "user", "content": "hi"}]
said = {}


class Answer(BaseModel):
    mood: Literal["good", "bad"]
    count: int = Field(ge=1, le=12)
    notes: list[Literal["x", "y"]] = Field(max_length=2)
    more: bool | None


class Place(BaseModel):
    """Where the weather is asked for."""

    name: str = Field(max_length=6)
    days: int = Field(ge=1, le=9)


def refused(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param, isinstance(error.body, dict)]
    return None


said["models"] = sorted(model.id for model in client.models.list())
said["model"] = client.models.retrieve("letters").owned_by

whole = client.chat.completions.create(model="letters", messages=messages, temperature=0, max_tokens=4, logprobs=True, top_logprobs=2)
said["whole"] = whole.choices[0].message.content
said["usage"] = [whole.usage.completion_tokens, whole.choices[0].finish_reason]
said["tokens"] = [one.token for one in whole.choices[0].logprobs.content]

text, usage = "", None
options = {"include_usage": True}
for chunk in client.chat.completions.create(model="letters", messages=messages, temperature=0, stream=True, stop=["h"], stream_options=options):
    if chunk.choices:
        text += chunk.choices[0].delta.content or ""
    usage = chunk.usage or usage
said["streamed"] = [text, usage.total_tokens - usage.prompt_tokens]

said["parsed"] = []
said["calls"] = []
tool = openai.pydantic_function_tool(Place, name="weather")
for seed in range(3):
    parsed = client.chat.completions.parse(model="unsure", messages=messages, response_format=Answer, seed=seed, max_tokens=400)
    said["parsed"].append(type(parsed.choices[0].message.parsed).__name__)
    with client.chat.completions.stream(
        model="unsure", messages=messages, tools=[tool], tool_choice="required", parallel_tool_calls=False, seed=seed, max_tokens=300
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion().choices[0]
    call = final.message.tool_calls[0]
    said["calls"].append([final.finish_reason, call.function.name, type(call.function.parsed_arguments).__name__])
    said["kinds"] = sorted(kind for kind in kinds if kind.startswith("tool_calls"))

completion = client.completions.create(model="letters", prompt="w", max_tokens=3, temperature=0, echo=True, logprobs=1)
said["completion"] = [completion.choices[0].text, completion.choices[0].logprobs.text_offset]

vectors = client.embeddings.create(model="words", input=["sun", "fog"])
said["vectors"] = [[round(value, 6) for value in one.embedding] for one in vectors.data]

said["refused"] = {
    "stranger": refused(lambda: openai.OpenAI(base_url=os.environ["BASE_URL"], api_key="wrong", max_retries=0).models.list()),
    "absent": refused(lambda: client.chat.completions.create(model="nothing", messages=messages)),
    "too long": refused(lambda: client.chat.completions.create(model="letters", messages=[{"role": "user", "content": "a" * 9000}])),
    "unknown": refused(lambda: client.chat.completions.create(model="letters", messages=messages, reasoning_effort="high")),
}

# Somebody who asks too often is told when to come again, and the client does.
busy = openai.OpenAI(base_url=os.environ["BUSY_URL"], api_key=os.environ["BUSY_TOKEN"], max_retries=0)
said["busy"] = next(one for one in (refused(lambda: busy.embeddings.create(model="words", input="sun")) for _ in range(9)) if one)
said["patient"] = len(busy.with_options(max_retries=5).embeddings.create(model="words", input="sun").data)

print(json.dumps(said))
