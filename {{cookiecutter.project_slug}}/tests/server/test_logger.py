"""The lines that gunicorn itself writes."""

from typing import Any

import pytest

from tests.conftest import Lines
from tests.server.conftest import Exchange


@pytest.mark.asvs("16.2.4", "16.2.5")
def test_gunicorns_own_lines_are_json_and_quote_nothing_of_a_request(
    lines: Lines, worker: Any, exchange: Exchange
) -> None:
    worker.log.setup(worker.cfg)  # for the stream of this moment
    worker.log.warning("odd: %s", "x\ny")
    exchange(b"a-password-after-a-wrong-length\r\n\r\n")
    odd, unreadable = lines()
    assert (odd["logger"], odd["event"]) == ("gunicorn.error", "odd: x\ny")
    assert unreadable["event"] == "Invalid request from ip=::1: InvalidRequestLine"
