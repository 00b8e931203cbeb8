"""Where a page may lead: Connection-Allowlist as browsers receive it."""

from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort
from flask.views import MethodView
from secure_flask.auth.access import public
from secure_flask.csp_levels import NONE, PARANOID, RELAXED, SELF, STRICT
from secure_flask.web.csp import csp
from secure_flask.web.origins import PolicyError

from core import routes
from core.conftest import PRODUCTION, MakeApp

NAME, ON_TRIAL = "Connection-Allowlist", "Connection-Allowlist-Report-Only"
CLOSED = '(response-origin "mailto:*" "tel:*"); redirects=allow'
SHOP, TILES = "https://shop.example", "https://tiles.example"


def sent(app: Flask, path: str = "/", name: str = NAME, scheme: str = "http") -> str | None:
    return app.test_client().get(path, base_url=f"{scheme}://localhost").headers.get(name)


def both(app: Flask) -> tuple[str | None, str | None]:
    """The list that is in force, and the one on trial."""
    return sent(app), sent(app, name=ON_TRIAL)


def with_links(*patterns: str) -> str:
    listed = "".join(f' "{each}"' for each in patterns)
    return CLOSED.replace(")", f"{listed})")


def test_pages_lead_nowhere_at_paranoid_and_anywhere_at_the_other_levels(make_app: MakeApp) -> None:
    ipv6 = "https://[2001:db8::a]:8443"
    listed = with_links(
        *(SHOP, "https://old.example:8080", "http://old.example:8080"),
        r"https://[2001\\:db8\\:\\:a]:8443",
    )
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"CSP": PARANOID}, CLOSED),
        *(({"CSP": level}, None) for level in (STRICT, RELAXED, dict(PARANOID.directives))),
        # Links count at each level.
        ({"CSP": PARANOID, "LINKS": None}, None),
        ({"LINKS": []}, CLOSED),
        ({"LINKS": [f"{SHOP}/", "http://old.example:8080", ipv6]}, listed),
    ]
    assert [sent(make_app(**policy)) for policy, _ in cases] == [header for _, header in cases]


def test_the_site_of_a_policy_may_be_connected_to(make_app: MakeApp) -> None:
    app = make_app(
        CSP=PARANOID,
        CSP_SOURCES=["https://cdn.example"],
        CSP_CHANGES={
            "connect-src": ["wss://live.example", SELF],
            "img-src": ["data:", f"{TILES}/map/"],
            "form-action": [SHOP],
            "sandbox": ["allow-forms"],
        },
        FRAME_ANCESTORS=["https://partner.example"],
    )
    patterns = ("https://cdn.example", TILES, "https://live.example", SHOP)
    assert sorted((sent(app) or "").split()) == sorted(with_links(*patterns).split())


def test_what_one_view_names_is_in_the_list_of_all(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID)
    pages = Blueprint("pages_of_shop", __name__)
    csp(img_src=["https://photos.example"])(pages)
    pages.add_url_rule("/_test/shop", "shop", public(lambda: "shop"))
    app.register_blueprint(pages)
    app.add_url_rule("/_test/map", "map", csp(img_src=[TILES])(public(lambda: "map")))

    class Payment(MethodView):
        @csp(form_action=[SHOP])
        def post(self) -> str:
            return ""

    app.add_url_rule("/_test/pay", view_func=public(Payment.as_view("pay")))
    expected = with_links(TILES, SHOP, "https://photos.example")
    paths = ("/", "/_test/map", "/_test/shop", routes.HEALTHZ, "/_test/nothing")
    assert {path: sent(app, path) for path in paths} == dict.fromkeys(paths, expected)


def test_a_view_that_hides_its_sites_or_comes_late_can_connect_to_them(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID)
    marked: Any = csp(img_src=[TILES])(lambda: "map")
    # A decorator without `functools.wraps` hides the mark.
    app.add_url_rule("/_test/map", "map", public(lambda: marked()))
    app.add_url_rule("/_test/late", "late", public(lambda: ""))
    own = "(response-origin)"
    app.add_url_rule("/_test/own", "own", public(lambda: ("", {NAME: own})))
    assert sent(app) == CLOSED
    assert sent(app, "/_test/map") == with_links(TILES)
    app.view_functions["late"] = csp(img_src=[SHOP])(public(lambda: "late"))
    assert sent(app, "/_test/late") == with_links(SHOP)
    assert app.test_client().get("/_test/own").headers.getlist(NAME) == [own]


def test_every_kind_of_response_has_it(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    answers: dict[str, Any] = {
        "script": lambda: Response("", content_type="text/javascript"),
        "unmodified": lambda: Response(status=304),
        "empty": lambda: Response(status=204),
        "forbidden": lambda: abort(403),
        "crash": lambda: 1 // 0,
    }
    for name, answer in answers.items():
        app.add_url_rule(f"/_test/{name}", name, public(answer))
    paths = ("/", routes.HEALTHZ, "/_test/no/route", *(f"/_test/{name}" for name in answers))
    assert {path: sent(app, path) for path in paths} == dict.fromkeys(paths, CLOSED)


def test_only_pages_over_https_name_where_to_report(make_app: MakeApp) -> None:
    app = make_app(CSP=PARANOID, **PRODUCTION)
    client = app.test_client()
    page = client.get("/", base_url="https://localhost").headers
    assert page[NAME] == f"{CLOSED}; report-to=csp"
    assert page["Reporting-Endpoints"] == 'csp="/csp-reports"'
    # Browsers report nothing for a worker.
    assert sent(app, routes.HEALTHZ, scheme="https") == CLOSED


def test_a_candidate_reports_what_its_list_would_close(make_app: MakeApp) -> None:
    candidate = {"CSP_CANDIDATE": PARANOID}
    of_shop = PARANOID._replace(directives={"img-src": [SHOP]})
    cases: list[tuple[dict[str, Any], tuple[str | None, str | None]]] = [
        ({**candidate, "CSP_CHANGES": {"img-src": [TILES]}}, (None, with_links(TILES))),
        ({"CSP_CANDIDATE": of_shop}, (None, with_links(SHOP))),
        # What the policy says itself is not on trial.
        ({**candidate, "LINKS": [SHOP]}, (with_links(SHOP), None)),
        ({**candidate, "LINKS": None}, (None, None)),
        ({"CSP_CANDIDATE": {"img-src": [NONE]}}, (None, None)),
        ({"CSP": PARANOID, "csp_report_only": True}, (None, CLOSED)),
    ]
    assert [both(make_app(**policy)) for policy, _ in cases] == [lists for _, lists in cases]


def test_a_list_that_would_close_or_open_more_stops_the_app(
    make_app: MakeApp, subtests: pytest.Subtests
) -> None:
    refused: list[tuple[object, str]] = [
        ("https://a.example", "write a list of other sites, or None for any site"),
        (["'self'"], "it holds \"'self'\": write an origin.*This site itself"),
        (["https://a.example/path"], "it holds 'https://a.example/path': write an origin"),
        (["https:"], "it holds 'https:': write an origin"),
        ([None], "it holds None"),
    ]
    for links, words in refused:
        with subtests.test(case=links), pytest.raises(PolicyError, match=f"LINKS is .*{words}"):
            make_app(LINKS=links)
