"""What every template, script and page of the app promises, read off its source.

A file that has a reason to do otherwise is named in REVIEWED, after somebody looked at it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

import app as package
from app import policy
from secure_flask.web.csp_syntax import NONCE, SELF, UNSAFE_INLINE
from core import routes
from core.page_elements import Elements
from tests.test_app import paths

# As in "static/chat.js".
REVIEWED: set[str] = set()

APP = Path(package.__file__).parent

# What a script does, and what it should do instead.
IN_SCRIPTS = {
    r"\.(?:inner|outer)HTML\s*\+?=(?!=)|insertAdjacentHTML|document\.write|\beval\(|new Function":
        "makes markup or code of a text: use textContent and createElement",
    r"""(?<![\w.])onmessage\s*=|window\.onmessage|addEventListener\(\s*["'`]message""":
        "takes messages of other windows: compare event.origin first",
    r"""onpaste|addEventListener\(\s*["'`]paste""":
        "handles pasting: let password managers fill in a password",
}  # fmt: skip

# Those that a browser runs; others hold data.
SCRIPT_TYPES = ("", "module", "text/javascript")

# What decides on the addresses in an element; default-src on those in others.
DIRECTIVES = {
    **{"script": "script-src", "link": "style-src", "img": "img-src", "iframe": "frame-src"},
    **dict.fromkeys(("audio", "source", "track", "video"), "media-src"),
    **dict.fromkeys(("button", "form", "input"), "form-action"),
}
# What to do about another site that the policy does not let in.
INSTEAD = {
    "script-src": "Give the script nonce, integrity and crossorigin",
    "style-src": "Copy the file into app/static/, fonts of Google too; or, if the site is no public "
    "CDN, name it in CSP_SOURCES of policy.py",
}
HASH = (
    "Give it integrity and crossorigin. A style sheet that differs from browser to browser, as "
    "those of fonts.googleapis.com do, has no hash: download what it names into app/static/"
)
DOCS = "; see docs/how-to/pages-and-scripts.md."


def sources(*endings: str) -> Iterator[tuple[str, str]]:
    """The name and text of each file of app/ with such an ending; minified ones are not ours."""
    for file in sorted(APP.rglob("*")):
        name = file.relative_to(APP).as_posix()
        if name.endswith(endings) and ".min." not in name and name not in REVIEWED:
            yield name, file.read_text("utf-8")


def shown(client: FlaskClient, credentials: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The address and text of each page that strangers or users open."""
    stranger = client.application.test_client()
    for path in paths(client.application):
        for answer in (stranger.get(path), client.get(path, headers=credentials)):
            if answer.mimetype == "text/html":
                yield path, answer.text


def directive_of(tag: str, element: dict[str, str]) -> str:
    icon = tag == "link" and "icon" in element.get("rel", "")
    return "img-src" if icon else DIRECTIVES.get(tag, "default-src")


def lets_in(directive: str, element: dict[str, str], address: str) -> bool:
    """Whether the policy lets an element load this address, or send a form to it."""
    listed = policy.CSP.get(directive, policy.CSP["default-src"])
    listed = policy.CSP.get(f"{directive}-elem", listed)
    # The scheme `https:`, as a source, is how each of its addresses begins.
    begins = tuple(f"{source.rstrip('/')}/" for source in listed)
    return (NONCE in listed and "nonce" in element) or f"{address}/".startswith(begins)


def is_elsewhere(address: str) -> bool:
    return re.match(r"(?:https?:)?//", address) is not None


@pytest.mark.asvs("3.2.2", "3.5.5", "6.2.7")
def test_scripts_make_no_markup_and_trust_no_other_window(subtests: pytest.Subtests) -> None:
    for name, text in sources(".js", ".html"):
        for pattern, finding in IN_SCRIPTS.items():
            with subtests.test(name):
                assert not re.search(pattern, text), f"app/{name} {finding}, or see REVIEWED."


def test_the_policy_lets_the_scripts_of_a_page_run(
    client: FlaskClient, credentials: dict[str, str], subtests: pytest.Subtests
) -> None:
    allowed = policy.CSP.get("script-src", policy.CSP["default-src"])
    attributes = policy.CSP.get("script-src-attr", allowed)
    for path, text in shown(client, credentials):
        with subtests.test(path):
            for tag, element in Elements(text).found:
                handlers = [name for name in element if name.startswith("on")]
                assert not handlers or UNSAFE_INLINE in attributes, (
                    f"The browser ignores {handlers[0]}: write addEventListener in a script."
                )
                runs = tag == "script" and element.get("type", "") in SCRIPT_TYPES
                trusted = UNSAFE_INLINE in allowed or (SELF in allowed and "src" in element)
                assert not runs or trusted or "nonce" in element, (
                    "The browser ignores a script without the nonce: see "
                    "docs/how-to/pages-and-scripts.md."
                )


@pytest.mark.asvs("6.2.6", "6.2.7")
def test_a_password_is_masked_and_managers_may_fill_it_in(
    client: FlaskClient, credentials: dict[str, str], subtests: pytest.Subtests
) -> None:
    for name, text in (*sources(".html"), *shown(client, credentials)):
        for field in Elements(text).of("input"):
            if "password" in field.get("name", "") + field.get("autocomplete", ""):
                with subtests.test(name, field=field.get("name")):
                    assert field.get("type") in ("password", "hidden"), "Set type=password."
                    assert field.get("autocomplete") != "off", "Leave out autocomplete=off."
                    assert not {"readonly", "disabled"} & field.keys()


@pytest.mark.asvs("7.4.4")
def test_where_a_page_logs_in_a_page_logs_out(
    client: FlaskClient, credentials: dict[str, str]
) -> None:
    pages = list(shown(client, credentials))
    login = [name for name, text in pages if "current-password" in text]
    calls = f"{re.escape(routes.LOGOUT)}|log-?out"
    assert not login or re.search(calls, "".join(text for _, text in pages)), (
        f"{login[0]} logs in: show a button that calls the route `login.logout` too."
    )


@pytest.mark.asvs("3.6.1", "14.2.3")
def test_pages_use_only_sites_that_the_policy_names(subtests: pytest.Subtests) -> None:
    for name, text in sources(".html"):
        for tag, element in Elements(text).found:
            used = {"src", "action", "formaction", *(["href"] if tag == "link" else [])}
            for address in filter(is_elsewhere, (element.get(each, "") for each in used)):
                with subtests.test(name, address=address):
                    directive = directive_of(tag, element)
                    instead = INSTEAD.get(directive, f"Name the site in {directive} of policy.py")
                    assert lets_in(directive, element, address), instead + DOCS
                    hashed = tag == "script" or "stylesheet" in element.get("rel", "")
                    assert not hashed or element.keys() >= {"integrity", "crossorigin"}, HASH + DOCS
