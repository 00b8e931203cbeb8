"""Markup in templates that the policy of the site blocks: found before a user meets it."""

from pathlib import Path

import pytest
from flask import Blueprint, Flask
from secure_flask.csp_levels import NONCE, PARANOID, RELAXED, SELF
from secure_flask.web.csp import csp

from core.checks.conftest import MakeSite, found_in
from core.conftest import Configure

DELETE = "<form>\n<button onclick=\"return confirm('Delete?')\">Delete</button>\n</form>\n"
NONCED = '<script nonce="{{ csp_nonce() }}" src="x.js"></script>'
HASHED = (
    """<script src="x.js" integrity="{{ asset('x.js').integrity }}" nonce="{{ csp_nonce() }}">"""
)
# What one line has, and what a finding calls it.
BLOCKED = {
    '<a ONCLICK="go()">': "onclick=",
    '<div {% if it %}onmouseover="{{ go("now") }}"{% endif %}>': "onmouseover=",
    '{{ form.delete(onclick="return confirm()", class_="x") }}': "onclick=",
    '<a href=" JavaScript:go()">': "javascript:",
    '<form action="javascript:go()">': "javascript:",
    '{{ form.name(style="width: 9em") }}': "style=",
    '<script src="{{ asset("x.js").url }}"></script>': "<script> without nonce",
    "<style>p { color: red }</style>": "<style> without nonce",
}
FINE = [
    NONCED,
    '<style nonce="{{ csp_nonce() }}"></style>',
    '<script type="application/json">{"onclick=": "<p style=x>"}</script>',
    f"{NONCED}\n<script nonce='x'>el.onclick = go; s = '<p style=\"x\">'</script>",
    "<p class=style title=\"onclick='x'\">javascript: and style=x and onclick=x</p>",
    '{# <a onclick="go()"> #}',
    "<!-- <a onclick='go()'> -->",
    "{{ url_for('page', once=1, style_of='x') }} {{ page.onclick == 1 }}",
    '<a href="/javascript:x" data-style="x">',
]


@pytest.fixture
def site(make_site: MakeSite, tmp_path: Path) -> Flask:
    """A site whose package is this folder, with no template yet."""
    site = make_site()
    site.root_path = str(tmp_path / "app")
    return site


def write(site: Flask, text: str, name: str = "page.html", folder: str = "templates") -> None:
    file = Path(site.root_path, folder, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def found(site: Flask) -> list[str]:
    return found_in(site, "templates.blocked")


def test_what_the_policy_blocks_is_found_in_its_line(
    site: Flask, subtests: pytest.Subtests
) -> None:
    for markup, named in BLOCKED.items():
        with subtests.test(markup=markup, named=named):
            write(site, f"{{# a comment\nof two lines #}}{{% if\nx %}}\n{markup}\n{{% endif %}}\n")
            [message] = found(site)
            assert f"{named} (line 4)" in message
    write(site, '<p>\n{{ form.delete(\n  class_="x",\n  onclick="return confirm()") }}')
    [message] = found(site)
    assert "onclick= (line 4)" in message
    # A file is one finding.
    write(site, "<p style=x onclick=x>\n" * 40)
    [message] = found(site)
    assert "style= (lines 1, 2, 3, 4, 5 and 35 more)" in message


def test_what_no_policy_blocks_is_not_found(site: Flask, subtests: pytest.Subtests) -> None:
    for markup in FINE:
        with subtests.test(markup=markup):
            write(site, f"<!doctype html>\n{markup}\n")
            assert found(site) == [], markup


def test_the_templates_of_a_blueprint_are_read_too(site: Flask, tmp_path: Path) -> None:
    others = {"outside": "outside", "installed": "app/.venv/site-packages/admin"}
    for name, folder in {"shop": "app/shop", **others}.items():
        parts = Blueprint(name, __name__, template_folder="templates")
        parts.root_path = str(tmp_path / folder)
        write(site, DELETE, f"{name}.html", f"../{folder}/templates")
        site.register_blueprint(parts)
    # The others are of extensions.
    assert [message.partition(" ")[0] for message in found(site)] == [
        "app/shop/templates/shop.html"
    ]


ONE_OF_EACH = {
    "onclick=": "<a onclick=x>",
    "javascript:": "<a href='javascript:x'>",
    "style=": "<p style=x>",
    "<script> without nonce": "<script>go()</script>",
    "<style> without nonce": "<style></style>",
}
SCRIPTS, INLINE = {"onclick=", "javascript:", "<script> without nonce"}, "'unsafe-inline'"


@pytest.mark.parametrize(
    ("policy", "blocked"),
    [
        (RELAXED, SCRIPTS),
        (PARANOID, {*ONE_OF_EACH}),
        ({"script-src": [SELF, INLINE]}, set()),
        ({"script-src": [NONCE, INLINE]}, SCRIPTS),
        ({"default-src": [SELF], "style-src-attr": [INLINE]}, {*ONE_OF_EACH} - {"style="}),
        ({"img-src": [SELF]}, set()),
    ],
)
def test_what_the_policy_allows_is_not_found(
    site: Flask, configure: Configure, policy: object, blocked: set[str], subtests: pytest.Subtests
) -> None:
    configure(site, CSP=policy)
    for kind, markup in ONE_OF_EACH.items():
        with subtests.test(kind=kind, markup=markup):
            write(site, markup)
            assert len(found(site)) == (kind in blocked), kind


def test_a_script_file_needs_a_nonce_only_where_no_host_is_listed(
    site: Flask, configure: Configure, subtests: pytest.Subtests
) -> None:
    write(site, "<script src=x.js></script>")
    for count, sources in ((1, [NONCE]), (0, [SELF, NONCE]), (0, ["https://cdn.safe.test"])):
        with subtests.test(count=count, sources=sources):
            configure(site, CSP={"script-src": sources})
            assert len(found(site)) == count


def test_a_script_file_that_the_page_has_no_hash_of_is_found_at_paranoid(
    site: Flask, configure: Configure, subtests: pytest.Subtests
) -> None:
    write(site, f"{NONCED}</script>")
    assert found(site) == []
    configure(site, CSP=PARANOID)
    for markup, named in {
        NONCED: ["<script> without integrity (line 1)"],
        HASHED: ["<script> without crossorigin (line 1)"],
        HASHED.replace("<script", "<script crossorigin"): [],
        HASHED.replace("<script", "<script type=module"): [],
        "<script nonce=x>go()</script>": [],
    }.items():
        with subtests.test(markup=markup, named=named):
            write(site, f"{markup}</script>")
            assert [each in message for each, message in zip(named, found(site), strict=True)] == [
                True
            ] * len(named)
    write(site, f"{NONCED}</script>")
    view = csp(script_src=[NONCE, "https://chat.test"])(lambda: "")
    site.add_url_rule("/_test/chat", "chat", view)
    assert found(site) == []


def test_where_a_view_allows_styles_nobody_knows_which_template_it_shows(site: Flask) -> None:
    write(site, "<p style=x>\n<a onclick=x>")
    site.add_url_rule("/_test/chart", "chart", csp(style_src_attr=["'unsafe-inline'"])(lambda: ""))
    [message] = found(site)
    assert "onclick= (line 2)" in message
    assert "style=" not in message
