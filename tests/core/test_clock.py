"""The clock of an app: the real time, or what a test gives it."""

import time

from secure_flask.clock import CLOCK, seconds_now
from secure_flask.state import app_state

from core.conftest import MakeApp, is_logged_in, log_in
from core.standing_clock import DAY, clock


def test_an_app_has_the_real_time_in_whole_seconds(make_app: MakeApp) -> None:
    app = make_app()
    del app_state(app)[CLOCK]
    before = int(time.time())
    with app.app_context():
        now = seconds_now()
    assert before <= now <= time.time()
    assert isinstance(now, int)


def test_a_login_ends_by_the_clock_of_its_app_alone(make_app: MakeApp) -> None:
    apps = [make_app(), make_app()]
    clients = [app.test_client() for app in apps]
    shown = [log_in(client) for client in clients]
    app_state(apps[0])[CLOCK] = lambda: clock.now() + 365 * DAY
    assert [*map(is_logged_in, clients, shown)] == [False, True]
