"""Words for the time that a link serves."""

from app.accounts.links.lifetimes import in_words

MINUTE, HOUR = 60, 60 * 60


def test_a_time_is_said_in_words_that_promise_no_more() -> None:
    for seconds, words in (
        (24 * HOUR, "24 hours"),
        (24 * HOUR - 1, "23 hours"),
        (HOUR, "60 minutes"),
        (90 * MINUTE, "90 minutes"),
        (30 * MINUTE, "30 minutes"),
        (71 * HOUR, "2 days"),
        (MINUTE, "a minute"),
    ):
        assert in_words(seconds) == words
