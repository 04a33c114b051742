"""Files inside rows."""

import pytest

from atoll_engines.errors import BadInput
from atoll_engines.row_files import as_sent, bytes_of


def test_a_file_comes_back_as_it_was_sent_in_any_of_its_forms():
    content = bytes(range(256)) + b"!"
    sent = as_sent(content)
    for value in (sent, sent.rstrip("="), f"data:image/png;base64,{sent}", f"{sent[:40]}\n{sent[40:]}"):
        assert bytes_of(value, 0, "photo") == content


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "expected the bytes of a file as base64, got nothing"),
        ("", "got empty text"),
        (17, "got something of the type int"),
        ("***", "it is not base64"),
        ("data:image/png,abc", "not a data URL"),
    ],
)
def test_what_is_no_file_is_refused_by_row_and_column(value, reason):
    with pytest.raises(BadInput, match=rf'^Row 3, column "photo": .*{reason}') as refused:
        bytes_of(value, 3, "photo")
    assert refused.value.facts == {"row": 3, "column": "photo"}
