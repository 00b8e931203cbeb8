"""A crowd of clients that log in while a service fails: each is answered 200 or 503."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import support
from services import clients
from services.clients import Answer

# Clients at the same time, each with an account: of one account's logins few count at once.
ASKING = ("bob", "cyd", "dan", "eve")


@dataclass
class Crowd:
    """Clients that log in and look who they are, again and again, until they are asked to stop."""

    port: int
    stop: Event = field(default_factory=Event)
    answers: list[Answer] = field(default_factory=list)

    def go_on(self, name: str) -> None:
        while not self.stop.is_set():
            login = self.note(clients.log_in(self.port, name))
            if login.status == 200:
                self.note(clients.ask(self.port, "/me", headers=clients.shown(login)))

    def note(self, answer: Answer) -> Answer:
        self.answers.append(answer)
        return answer

    def wait_for(self, met: Callable[[Answer], bool]) -> None:
        """Wait until one of the next answers is such a one."""
        seen = len(self.answers)
        support.wait_until(lambda: any(met(answer) for answer in self.answers[seen:]))

    @property
    def logins(self) -> list[Answer]:
        return [
            answer for answer in self.answers if answer.status == 200 and "token" in answer.body
        ]

    def assert_no_login_is_lost(self) -> None:
        assert self.logins
        assert [each for each in self.logins if not clients.is_accepted(self.port, each)] == []


@contextlib.contextmanager
def crowd(port: int) -> Iterator[Crowd]:
    """Let a crowd ask meanwhile, each of whom is answered 200 or 503 with Retry-After."""
    asking = Crowd(port)
    with ThreadPoolExecutor(len(ASKING)) as pool:
        going: list[Future[None]] = [pool.submit(asking.go_on, name) for name in ASKING]
        try:
            asking.wait_for(is_served)
            yield asking
        finally:
            asking.stop.set()
    for client in going:
        client.result()
    for answer in asking.answers:
        assert answer.status == 200 or answer.unavailable, answer


def is_served(answer: Answer) -> bool:
    return answer.status == 200


def is_unavailable(answer: Answer) -> bool:
    return answer.unavailable
