"""Chat templates: programs that came with a tokenizer, run where they can reach nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from atoll_engines.errors import BadInput

START, END = "<|im_start|>", "<|im_end|>"
# For models that come without one: a line with the role, the content, an end.
PLAIN_TEMPLATE = (
    "{% for message in messages %}" + START + "{{ message['role'] }}\n{{ message['content'] }}" + END + "\n{% endfor %}"
    "{% if add_generation_prompt %}" + START + "assistant\n{% endif %}"
)
MOST_SIGNS = 4_000_000


class ChatTemplate:
    """A Jinja template in the sandbox of jinja2: no attributes that begin with an underscore, nothing that changes, no files, no clock."""

    def __init__(self, source: str, tokens: dict[str, str]) -> None:
        from jinja2 import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        self.source, self.tokens = source, tokens
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
        # What templates of chats have no use for.
        for name in ("lipsum", "cycler", "joiner"):
            environment.globals.pop(name, None)
        environment.globals["raise_exception"] = refuse
        environment.filters["tojson"] = as_json
        try:
            self.template = environment.from_string(source)
        except TemplateError as error:
            raise BadInput(f"The chat template cannot be read: {first_line(error)}.", file="chat_template.jinja") from error

    def render(self, messages: Sequence[dict[str, Any]], row: int | None = None, begins_answer: bool = False) -> str:
        """The text of a chat; with `begins_answer` up to where the assistant goes on."""
        from jinja2 import TemplateError

        where = "" if row is None else f"Row {row}: "
        facts = {} if row is None else {"row": row}
        try:
            pieces, length = [], 0
            for piece in self.template.generate(messages=list(messages), add_generation_prompt=begins_answer, **self.tokens):
                pieces.append(piece)
                length += len(piece)
                if length > MOST_SIGNS:
                    raise BadInput(
                        f"{where}The chat template writes more than {MOST_SIGNS} characters.", file="chat_template.jinja", **facts
                    )
        except (TemplateError, OverflowError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadInput(f"{where}The chat template refused the messages: {first_line(error)}.", **facts) from error
        return "".join(pieces)


def refuse(message: str) -> None:
    """What templates call when messages are not as they want them."""
    from jinja2 import TemplateError

    raise TemplateError(str(message))


def as_json(value: Any, indent: int | None = None, **_: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
