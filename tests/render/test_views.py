"""The owner's views, in a render of the default answers: tests/views/ in a separate process."""

from __future__ import annotations

from typing import Protocol

import pytest

import services
import support
from conftest import Rendered

VIEWS = support.TEMPLATE / "tests" / "views"
# So that processes share the work.
PARTS = {
    "routes": [file.name for file in sorted(VIEWS.glob("test_*.py"))],
    "example": ["starter"],
    "browser": ["browser", "--ignore=browser/starter"],
    "pages": ["browser/starter"],
}
# The views of accounts=self-service: a walk through them, and all else.
OF_ACCOUNTS = sorted(f"accounts/{file.name}" for file in VIEWS.glob("accounts/test_*.py"))
WALKED = [f"test_{name}" for name in ("registration", "recovery", "second_step")]
WALK = [f"accounts/{name}.py" for name in WALKED]
AT_ONCE = ("at_once", "eight", "moment", "parallel")
OTHERS = [file for file in OF_ACCOUNTS if file not in WALK]
BY_ACCOUNTS = sorted(f"accounts/browser/{f.name}" for f in VIEWS.glob("accounts/browser/test_*.py"))
# What the level of Content-Security-Policy decides; the rest is the same for all.
DECIDED_BY_CSP = [
    *(f"browser/test_{name}.py" for name in ("attacks", "csp", "reports")),
    *(f"browser/starter/test_{name}.py" for name in ("page", "without_javascript")),
]


class Views(Protocol):
    """Run tests of the views, on a render of these answers."""

    def __call__(
        self, *tests: str, csp: str = "strict", accounts: str = "builtin", **environment: str
    ) -> None: ...


@pytest.fixture
def run(rendered: Rendered) -> Views:
    def run_on(
        *tests: str, csp: str = "strict", accounts: str = "builtin", **environment: str
    ) -> None:
        project = rendered({"csp": csp, "accounts": accounts})
        chosen = {"VIEWS_PROJECT": str(project), "VIEWS_ACCOUNTS": accounts} | environment
        command = ("-m", "pytest", "-q", *support.random_order(), *tests)
        support.python(*command, cwd=VIEWS, **chosen)

    return run_on


@pytest.mark.slow(seconds=30)
@pytest.mark.parametrize(
    "part",
    [pytest.param(part, marks=pytest.mark.all if part == "pages" else ()) for part in PARTS],
)
def test_the_views_keep_what_they_promise(part: str, run: Views) -> None:
    run(*PARTS[part])


@pytest.mark.slow
@pytest.mark.parametrize(
    "files", [WALK, *(pytest.param(OTHERS[half::2], marks=pytest.mark.all) for half in (0, 1))]
)
def test_the_views_of_accounts_keep_what_they_promise(files: list[str], run: Views) -> None:
    run(*files, accounts="self-service")


@pytest.mark.all
@pytest.mark.slow
def test_the_other_views_keep_it_beside_accounts(run: Views) -> None:
    run(*PARTS["routes"], accounts="self-service")


@pytest.mark.all
@pytest.mark.slow
def test_the_views_of_accounts_keep_it_on_postgresql(run: Views) -> None:
    """A walk through them, and what several requests do at the same moment."""
    races = ("-k", "or".join(f" {word} " for word in (*WALKED, *AT_ONCE)))
    with services.postgresql() as url:
        run(*OF_ACCOUNTS, *races, accounts="self-service", TEST_DATABASE_URL=url)


@pytest.mark.all
@pytest.mark.slow
def test_a_long_list_of_tasks_keeps_it_on_postgresql(run: Views) -> None:
    with services.postgresql() as url:
        run("starter/test_tasks.py", TEST_DATABASE_URL=url)


@pytest.mark.all
@pytest.mark.slow(seconds=150)
@pytest.mark.parametrize(
    ("level", "files"),
    [
        ("strict", BY_ACCOUNTS[0::2]),
        ("strict", BY_ACCOUNTS[1::2]),
        ("paranoid", ["accounts/browser/test_passkeys.py"]),
    ],
)
def test_people_use_accounts_in_a_browser(level: str, files: list[str], run: Views) -> None:
    run(*files, csp=level, accounts="self-service")


@pytest.mark.all
@pytest.mark.slow(seconds=60)
@pytest.mark.parametrize("level", support.CHOICES["csp"][1:])
def test_the_browser_blocks_and_allows_at_each_other_level(level: str, run: Views) -> None:
    run(*DECIDED_BY_CSP, csp=level)
