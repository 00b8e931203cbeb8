"""Where a page may lead, as a browser obeys it over https."""

from playwright.sync_api import Page
from secure_flask.csp_levels import PARANOID, STRICT

from views.browser.conftest import REAL_NAME, Elsewhere, Serve, noted_reports
from views.conftest import PRODUCTION, MakeApp

SETTINGS = {**PRODUCTION, "trusted_hosts": [REAL_NAME], "CSP": PARANOID}
LEAVE = "url => { location.href = url }"


def test_a_script_cannot_send_a_page_of_paranoid_to_another_site(
    make_app: MakeApp, serve: Serve, own_page: Page
) -> None:
    elsewhere = Elsewhere()
    other = serve(elsewhere, https=True).at("localhost")
    app = make_app(**SETTINGS)
    reported = noted_reports(app)
    own_page.goto(serve(app, https=True).at(REAL_NAME))
    own_page.evaluate(LEAVE, f"{other}/stolen")
    report = reported.get(timeout=10)
    assert report["type"] == "connection-allowlist"
    assert report["body"]["connection"].startswith(other)
    assert elsewhere.asked.empty()


def test_a_link_on_trial_is_reported_and_followed(
    make_app: MakeApp, serve: Serve, own_page: Page
) -> None:
    other = serve(Elsewhere(), https=True).at("localhost")
    app = make_app(**{**SETTINGS, "CSP": STRICT}, CSP_CANDIDATE=PARANOID)
    reported = noted_reports(app)
    own_page.goto(serve(app, https=True).at(REAL_NAME))
    own_page.evaluate(LEAVE, f"{other}/listed")
    own_page.wait_for_url(f"{other}/listed")
    report = reported.get(timeout=10)
    assert (report["type"], report["body"]["disposition"]) == ("connection-allowlist", "report")
