"""The how-to pages do in Chromium what they say."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, Page, Route, expect

import following
import services
import support
from clients import PASSWORD
from conftest import NewProject

STYLE_TAG = '<style nonce="{{ csp_nonce() }}">'
STYLED = f"""<!doctype html>
<title>Styled</title>
{STYLE_TAG}#element {{ width: 7px }}</style>
<style>#injected {{ width: 7px }}</style>
<p id="element"></p>
<p id="attribute" style="width: 7px"></p>
<p id="script"></p>
<p id="injected"></p>
<script nonce="{{{{ csp_nonce() }}}}">document.getElementById("script").style.width = "7px"</script>
"""
STYLED_VIEW = """

@blueprint.get("/styled")
@public
def styled() -> str:
    return render_template("styled.html")
"""
CLIENT_VIEW = """

@blueprint.get("/client")
@public
def client() -> str:
    return render_template("client.html")
"""
CLIENT = """<!doctype html>
<title>Client</title>
<script type="module" nonce="{{ csp_nonce() }}">
import * as client from "/static/client.js";
window.client = client;
</script>
"""
LOG_IN = "(password) => client.logIn('ada', password).then((answer) => answer.status)"
CALL_AT_ONCE = """(times) => Promise.all(
    Array.from({length: times}, () => client.call("/me").then((answer) => answer.status))
)"""
STORED = "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"
WIDTH = "element => getComputedStyle(element).width"


@pytest.fixture
def page_without_scripts(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_an_inline_style_works_at_each_level(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = new_project(csp=level)
    page_of_styles = support.PAGES / "how-to" / "pages-and-scripts.md"
    assert STYLE_TAG in page_of_styles.read_text("utf-8")
    [loosened] = [step for step in following.steps(page_of_styles) if "style-src-attr" in step.code]
    following.write(project, loosened)
    (project / "app" / "templates" / "styled.html").write_text(STYLED, "utf-8")
    append(project / "app" / "pages.py", STYLED_VIEW)
    with services.gunicorn(project, tmp_path / "log") as port:
        page.goto(f"http://127.0.0.1:{port}/styled")
        styled = {
            name
            for name in ("element", "attribute", "script", "injected")
            if page.locator(f"#{name}").evaluate(WIDTH) == "7px"
        }
    assert styled == {"element", "attribute", "script"}
    # And lets in no attack that the policy did not let in before.
    support.own_tests(project, "tests/test_csp.py")


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_the_script_of_a_new_page_runs_at_each_level(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = new_project(csp=level)
    following.write_files(project, support.PAGES / "how-to" / "pages-and-scripts.md")
    with services.gunicorn(project, tmp_path / "log") as port:
        page.goto(f"http://127.0.0.1:{port}/squares")
        page.fill("#number", "12")
        expect(page.locator("#square")).to_have_text("144")


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_a_script_of_another_site_runs_by_nonce_and_hash_alone(
    level: str, new_project: NewProject, page: Page, tmp_path: Path
) -> None:
    project = new_project(csp=level)
    shown = support.PAGES / "how-to" / "pages-and-scripts.md"
    following.write_files(project, shown)
    [tag] = [
        step.code for step in following.steps(shown) if 'crossorigin="anonymous" nonce' in step.code
    ]
    [address] = re.findall(r'src="(.+?)"', tag)
    script = b"document.title = 'Another site was here'"
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    squares = project / "app" / "templates" / "squares.html"
    squares.write_text(
        squares.read_text("utf-8").replace(
            "<h1>", tag.replace("sha384-…", f"sha384-{digest}") + "<h1>"
        ),
        "utf-8",
    )
    with services.gunicorn(project, tmp_path / "log") as port:
        for sent, title in (
            (script, "Another site was here"),
            (script + b" ", "Squares · My Service"),
        ):
            page.route(address, partial(answer_from_another_site, sent))
            page.goto(f"http://127.0.0.1:{port}/squares")
            expect(page).to_have_title(title)
            page.unroute(address)


def answer_from_another_site(script: bytes, route: Route) -> None:
    route.fulfill(
        body=script,
        content_type="text/javascript",
        headers={"Access-Control-Allow-Origin": "*"},
    )


# A form with a file, by what Flask-WTF documents.
FAULTS = """
from pathlib import Path

from flask import current_app
from flask_wtf.file import FileAllowed, FileField, FileRequired


class FaultForm(FlaskForm):
    place = StringField("Place", [DataRequired(), Length(max=100)])
    picture = FileField(
        "Picture", [FileRequired(), FileAllowed(["jpg", "png"], "Choose a JPEG or a PNG file.")]
    )


@blueprint.route("/faults/new", methods=["GET", "POST"])
@responds("text/html")
@login_required
@consumes_form(max_size=2**20)
def report_fault() -> ResponseReturnValue:
    form = FaultForm()
    if not form.validate_on_submit():
        page = render_template("task_form.html", title="A fault", form=form, task=None)
        return page, 422 if form.errors else 200
    folder = Path(current_app.instance_path, "faults")
    folder.mkdir(exist_ok=True)
    form.picture.data.save(folder / "picture")
    flash(f"Reported: {form.place.data}")
    return redirect(url_for("pages.report_fault"), 303)
"""


@pytest.mark.slow
@pytest.mark.parametrize("level", support.CHOICES["csp"])
def test_a_form_with_a_picture_is_sent_without_javascript(
    level: str, new_project: NewProject, page_without_scripts: Page, tmp_path: Path
) -> None:
    project, page = new_project(csp=level), page_without_scripts
    append(project / "app" / "pages.py", FAULTS)
    content = b"a picture" * 20_000
    program = FilePayload(name="door.exe", mimeType="image/png", buffer=content)
    picture = FilePayload(name="door.png", mimeType="image/png", buffer=content)
    with services.gunicorn(project, tmp_path / "log") as port:
        page.goto(f"http://127.0.0.1:{port}/faults/new")
        page.fill("[name=username]", "ada")
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.fill("[name=place]", "Room 7")
        page.set_input_files("[name=picture]", program)
        page.press("[name=place]", "Enter")
        expect(page.locator("main")).to_contain_text("Choose a JPEG or a PNG file.")
        page.set_input_files("[name=picture]", picture)
        page.press("[name=place]", "Enter")
        expect(page.get_by_role("status")).to_have_text("Reported: Room 7")
    [stored] = (project / "instance" / "faults").iterdir()
    assert stored.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("token_type", support.CHOICES["token_type"])
def test_visitors_send_a_message_and_get_no_cookie(
    token_type: str, new_project: NewProject, page_without_scripts: Page, tmp_path: Path
) -> None:
    project, page = with_forms(new_project(token_type=token_type)), page_without_scripts
    with services.gunicorn(project, tmp_path / "log") as port:
        page.goto(f"http://127.0.0.1:{port}/contact")
        page.fill("[name=address]", "bob@example.org")
        page.fill("[name=text]", "Hello\nyou")
        page.click("main button")
        expect(page.locator("main")).to_contain_text("Your message has arrived.")
    assert page.context.cookies() == []


def with_forms(project: Path) -> Path:
    following.write_files(project, support.PAGES / "how-to" / "forms.md")
    return project


@pytest.fixture(scope="module", params=["jwt", "paseto"])
def tokens_page(
    request: pytest.FixtureRequest,
    new_project: NewProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """Serve a page that has the module of docs/refresh-tokens.md; gives its address."""
    project = new_project(token_type=request.param)
    page = (support.PAGES / "how-to" / "refresh-tokens.md").read_text("utf-8")
    (project / "app" / "static" / "client.js").write_text(block(page, "js"), "utf-8")
    (project / "app" / "templates" / "client.html").write_text(CLIENT, "utf-8")
    append(project / "app" / "pages.py", CLIENT_VIEW)
    with services.gunicorn(project, tmp_path_factory.mktemp("served") / "log") as port:
        yield f"http://127.0.0.1:{port}/client"


@pytest.fixture
def client(page: Page, tokens_page: str) -> Page:
    """Log in on that page; its first access token counts as expired from then on."""
    first: list[str] = []

    def expire(route: Route) -> None:
        header = route.request.headers["authorization"]
        first.append(header)
        route.fulfill(status=401) if header == first[0] else route.continue_()

    page.goto(tokens_page)
    page.wait_for_function("window.client")
    assert page.evaluate(LOG_IN, PASSWORD) == 200
    page.route("**/me", expire)
    return page


@pytest.mark.slow
def test_calls_at_once_share_one_refresh(client: Page) -> None:
    refreshes = count_refreshes(client)
    assert client.evaluate(CALL_AT_ONCE, 5) == [200] * 5
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]
    assert len(refreshes) == 1


@pytest.mark.slow
def test_the_browser_stores_no_token_and_a_reload_forgets_it(client: Page) -> None:
    assert client.evaluate(STORED) == '[{},{},""]'
    assert client.context.storage_state(indexed_db=True) == {"cookies": [], "origins": []}
    client.reload()
    client.wait_for_function("window.client")
    client.unroute_all()
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]


@pytest.mark.slow
def test_a_refresh_whose_answer_was_lost_is_repeated(client: Page) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    refreshes = count_refreshes(client)
    client.route("**/token/refresh", lose)
    assert client.evaluate(CALL_AT_ONCE, 3) == [401] * 3
    client.unroute("**/token/refresh")
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]
    assert len(refreshes) == 4


@pytest.mark.slow
def test_a_refresh_that_is_put_off_may_be_tried_again(client: Page) -> None:
    client.route("**/token/refresh", lambda route: route.fulfill(status=503), times=1)
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]
    assert client.evaluate(CALL_AT_ONCE, 1) == [200]


@pytest.mark.slow
def test_logging_out_ends_the_login(client: Page) -> None:
    client.evaluate("client.logOut()")
    client.unroute_all()
    assert client.evaluate(CALL_AT_ONCE, 1) == [401]


def count_refreshes(page: Page) -> list[str]:
    """Return what grows with each refresh that the page asks for."""
    asked: list[str] = []
    page.on("request", lambda request: asked.extend(re.findall("/token/refresh$", request.url)))
    return asked


def block(text: str, language: str) -> str:
    """Return the one block of code in a language."""
    [code] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(code)


def append(file: Path, text: str) -> None:
    file.write_text(f"{file.read_text('utf-8')}\n{text}", "utf-8")
