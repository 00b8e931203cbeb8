"""Lets Hypothesis look for an order of events in which an ended credential comes back.

Run inside a rendered project, by `test_credentials.py`, with a token type and the number of
orders to try: `credentials_machine.py jwt 10`. Two clients log
in as the same user and do whatever can be done; after each step every credential that was
ever given is tried. Another user stays logged in and must never notice.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from argon2 import PasswordHasher
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

sys.path.insert(0, os.getcwd())

passwords, core = import_module("secure_flask.auth.passwords"), import_module("secure_flask")
purge = import_module("secure_flask.auth.logins").purge_logins
db = core.db

TOKEN_TYPE, EXAMPLES, STEPS = sys.argv[1], int(sys.argv[2]), 30
BY_COOKIE = TOKEN_TYPE == "session"
CLIENTS = [0, 1]
# A row's last use is written after a minute; nothing expires within so few.
MINUTE, MINUTES = 61, 8

# A real hash takes 50 ms, which nothing here is about.
vars(passwords)["hasher"] = PasswordHasher(1, 8, 1)
app = import_module("app").create_app(TOKEN_TYPE=TOKEN_TYPE, MAX_LOGINS=10**6)
GRACE = app.config["REFRESH_GRACE"]
CAN_REFRESH = "/token/refresh" in {rule.rule for rule in app.url_map.iter_rules()}

passed = 0


def now() -> float:
    return time.time() + passed


state, clock = import_module("secure_flask.state"), import_module("secure_flask.clock")
state.app_state(app)[clock.CLOCK] = now


@dataclass(eq=False)
class Login:
    """What is expected of a login and of all that was given for it."""

    credentials: list[dict[str, str]]
    refresh_tokens: list[str]
    id: str = ""
    alive: bool = True
    refreshed: float = 0


@dataclass
class User:
    name: str
    password: str = "the very first password"
    disabled: bool = False
    logins: list[Login] = field(default_factory=list)

    def accepts(self, login: Login | None) -> bool:
        return login is not None and login.alive and not self.disabled


class Credentials(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.user, self.bystander = User("ada"), User("bob")
        self.current: list[Login | None] = [None, None]
        self.minutes = 0
        with app.app_context():
            db.drop_all()
            db.create_all()
            for user in (self.user, self.bystander):
                core.create_user(user.name, user.password)
        self._log_in(self.bystander, {})

    @rule(client=st.sampled_from(CLIENTS))
    def log_in(self, client: int) -> None:
        earlier = self.current[client]
        # A browser brings its cookie along.
        brought = self._credential(client) if BY_COOKIE else {}
        login = self._log_in(self.user, brought)
        assert bool(login) == (not self.user.disabled)
        if login:
            if earlier and BY_COOKIE:
                earlier.alive = False
            self.current[client] = login

    @rule(client=st.sampled_from(CLIENTS))
    def log_in_with_a_wrong_password(self, client: int) -> None:
        wrong = User(self.user.name, self.user.password + "?", disabled=True)
        assert self._log_in(wrong, {}) is None

    @rule(client=st.sampled_from(CLIENTS))
    def log_out(self, client: int) -> None:
        expected = self.user.accepts(self.current[client])
        answer = ask("POST", "/logout", self._credential(client))
        assert answer.status_code == (204 if expected else 401)
        if expected:
            self._end(self.current[client])

    @precondition(lambda self: CAN_REFRESH)
    @rule(client=st.sampled_from(CLIENTS))
    def refresh(self, client: int) -> None:
        login = self.current[client]
        if login:
            self._refresh(self.user, login)

    @precondition(lambda self: CAN_REFRESH)
    @rule(which=st.integers(0, 9), age=st.integers(1, 3))
    def replay(self, which: int, age: int) -> None:
        """Use a refresh token a second time: the login ends, whether the thief or the owner did it.

        The last one gives the same answer again for a moment, to a client that lost it.
        """
        if self.user.logins:
            login = self.user.logins[which % len(self.user.logins)]
            for spent in login.refresh_tokens[:-age][-1:]:
                self._replay(login, spent, lost=age == 1 and now() - login.refreshed < GRACE)

    @rule(disabled=st.booleans())
    def disable_or_enable(self, disabled: bool) -> None:
        with app.app_context():
            import_module("app.models").User.find(self.user.name).disabled = disabled
            db.session.commit()
        if disabled != self.user.disabled:
            for login in self.user.logins:
                self._end(login)
        self.user.disabled = disabled

    @rule(client=st.sampled_from(CLIENTS), right=st.booleans())
    def change_password(self, client: int, right: bool) -> None:
        body = {
            "current_password": self.user.password if right else "some other password",
            "new_password": f"password number {len(self.user.logins) + 10}",
        }
        accepted = self.user.accepts(self.current[client])
        answer = ask("POST", "/password", self._credential(client), body)
        if not accepted:
            assert answer.status_code == 401
        elif not right:
            assert answer.status_code == 403
        else:
            assert answer.status_code == 200
            self.user.password = body["new_password"]
            for login in self.user.logins:
                self._end(login)
            self.current[client] = self._remember(self.user, answer)

    @rule(client=st.sampled_from(CLIENTS), which=st.integers(0, 9))
    def end_one(self, client: int, which: int) -> None:
        logins = [*self.user.logins, *self.bystander.logins]
        login = logins[which % len(logins)]
        accepted = self.user.accepts(self.current[client])
        answer = ask("DELETE", f"/sessions/{login.id}", self._credential(client))
        own = login.alive and login in self.user.logins
        assert answer.status_code == (401 if not accepted else 204 if own else 404)
        if accepted and own:
            self._end(login)

    @rule(client=st.sampled_from(CLIENTS))
    def end_others(self, client: int) -> None:
        accepted = self.user.accepts(self.current[client])
        answer = ask("DELETE", "/sessions", self._credential(client))
        assert answer.status_code == (204 if accepted else 401)
        if accepted:
            for login in self.user.logins:
                if login is not self.current[client]:
                    self._end(login)

    @precondition(lambda self: self.minutes < MINUTES)
    @rule()
    def a_minute_passes(self) -> None:
        global passed
        passed += MINUTE
        self.minutes += 1

    @rule()
    def purge(self) -> None:
        with app.app_context():
            purge()

    @invariant()
    def the_ended_are_refused_and_the_living_accepted(self) -> None:
        for user in (self.user, self.bystander):
            for login in user.logins:
                for credential in login.credentials:
                    expected = (200, user.name) if user.accepts(login) else (401, None)
                    answer = ask("GET", "/me", credential)
                    found = (answer.status_code, answer.json.get("username"))
                    assert found == expected, (user, login, credential)

    @invariant()
    def a_user_sees_the_own_living_logins(self) -> None:
        for user in (self.user, self.bystander):
            living = [login for login in user.logins if user.accepts(login)]
            for login in living[:1]:
                shown = ask("GET", "/sessions", login.credentials[-1]).json["sessions"]
                seen = {one["id"]: one["current"] for one in shown}
                assert seen == {each.id: each is login for each in living}, user

    def teardown(self) -> None:
        """The living are still good for more, the ended are not."""
        if CAN_REFRESH:
            for user in (self.user, self.bystander):
                for login in user.logins:
                    self._refresh(user, login)
        self.the_ended_are_refused_and_the_living_accepted()

    def _credential(self, client: int) -> dict[str, str]:
        login = self.current[client]
        return login.credentials[-1] if login else {}

    def _log_in(self, user: User, brought: dict[str, str]) -> Login | None:
        body = {"username": user.name, "password": user.password}
        answer = ask("POST", "/login", brought, body)
        assert answer.status_code == (401 if user.disabled else 200)
        return None if user.disabled else self._remember(user, answer)

    def _remember(self, user: User, answer: Any) -> Login:
        login = Login([read_credential(answer)], [])
        if CAN_REFRESH:
            login.refresh_tokens.append(answer.json["refresh_token"])
        shown = ask("GET", "/sessions", login.credentials[0]).json["sessions"]
        [login.id] = [one["id"] for one in shown if one["current"]]
        user.logins.append(login)
        return login

    def _refresh(self, user: User, login: Login) -> None:
        answer = send_refresh(login.refresh_tokens[-1])
        assert answer.status_code == (200 if user.accepts(login) else 401)
        if answer.status_code == 200:
            login.credentials.append(read_credential(answer))
            login.refresh_tokens.append(answer.json["refresh_token"])
            login.refreshed = now()

    def _replay(self, login: Login, spent: str, *, lost: bool) -> None:
        answer, accepted = send_refresh(spent), self.user.accepts(login)
        if accepted and lost:
            assert answer.json["refresh_token"] == login.refresh_tokens[-1]
            return
        assert answer.status_code == 401
        if accepted:
            self._end(login)

    def _end(self, login: Login | None) -> None:
        assert login
        note(f"ended: login {self.user.logins.index(login)}")
        login.alive = False


def ask(method: str, path: str, credential: dict[str, str], body: Any = None) -> Any:
    client = app.test_client(use_cookies=False)
    answer = client.open(path, method=method, headers=credential, json=body)
    assert answer.status_code < 500
    return answer


def send_refresh(token: str) -> Any:
    return ask("POST", "/token/refresh", {}, {"refresh_token": token})


def read_credential(answer: Any) -> dict[str, str]:
    """Return the headers by which a client then shows its login."""
    cookie = answer.headers.get("Set-Cookie", "").partition(";")[0]
    if cookie:
        return {"Sec-Fetch-Site": "same-origin", "Cookie": cookie}
    return {"Authorization": f"Bearer {answer.json['token']}"}


if __name__ == "__main__":
    run_state_machine_as_test(
        Credentials,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print("no such order found")
