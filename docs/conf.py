"""The site: `make site` builds it into `build/site/`. Its pages read as well in the repository."""

import base64
import hashlib
import json
import os
import re
import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from docutils import nodes  # type: ignore[import-untyped]
from pygments.lexers.templates import HtmlDjangoLexer
from sphinx.application import Sphinx

from docs.reference.drawings import in_page
from docs.search_records import SEARCHED

DOCS = Path(__file__).parent
TEMPLATE = DOCS.parent
sys.path.insert(0, str(TEMPLATE))

from docs import shown  # noqa: E402

# Each file that the site shows and that lies elsewhere, by the page that leads to it.
ELSEWHERE = {DOCS / "security.md": TEMPLATE / "SECURITY.md"}
# Each section of a project's page, and the page and heading that show it.
PLACES = shown.places()
PAGES = {file: page for page, file in ELSEWHERE.items()}
PRIVATE = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))

project = "cookiecutter-secure-flask"
html_title = "Secure Flask"
extensions = ["myst_parser", "sphinx_design", "docs.requirements", "docs.search_records"]
root_doc = "index"
# The site has the one decision that projects name. mutation.md is for those who change the core.
RECORDS = ("decisions/00[!1]*", "decisions/001[!3]*", "mutation.md")
exclude_patterns = ["examples", "theme", *RECORDS]
templates_path = ["theme"]
default_role = "code"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

html_theme = "furo"
# The page of choices loads the last two, in this order.
CHOOSER = ("choices.js", "choose.js")
SCRIPTS = [f"theme/{name}" for name in ("search.js", *CHOOSER)]
html_baseurl = PRIVATE["_site"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
html_favicon = html_logo = "../{{cookiecutter.project_slug}}/app/static/favicon.svg"
html_permalinks_icon = "#"
html_static_path = [
    "theme/site.css",
    "theme/copy.js",
    *SCRIPTS,
    "theme/minisearch",
    "four-pages.png",
]
html_css_files = ["site.css"]
html_js_files = ["copy.js"]
html_additional_pages = {"search": "search.html", "404": "404.html"}
html_context = {"source": PRIVATE["_source"], "site": PRIVATE["_site"]}
# The accent of a project's pages, in app/static/page.css.
ACCENT = {"light": "#23608f", "dark": "#8cc4ee"}
html_theme_options = {
    f"{theme}_css_variables": dict.fromkeys(
        ("color-brand-primary", "color-brand-content", "color-brand-visited"), colour
    )
    for theme, colour in ACCENT.items()
}
pygments_style = "default"
pygments_dark_style = "github-dark"

# Headings that name answers, as in "### `token_type=opaque`, `jwt`", each with what is below it.
ANSWER = re.compile(r"#{3,4} `\w+=(.+)`\n((?:(?!#{2,4} ).*\n)*)")
CHOICE = re.compile(rf"^(?=#+ `(\w+)=)(?:(?=#+ `\1=){ANSWER.pattern})+", re.MULTILINE)
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
# The pages about other people's packages. When a job last followed them, only the job knows.
[LISTED] = re.findall(
    r":caption: Other packages\n\n((?:.+\n)+)", (DOCS / "index.md").read_text("utf-8")
)
OF_OTHERS = LISTED.split()
RUNS = "Each week a job follows this page with the newest versions: [its last runs]({}/actions/workflows/weekly.yml)."
PICTURE = re.compile(r"^!\[(.*)\]\((.+)\.png\)$", re.MULTILINE)
DRAWING = re.compile(r"^!\[.*\]\((?:\.\./)*drawings/(.+\.svg)\)$", re.MULTILINE)
# A section of the list of pages, as the theme writes it.
SECTION = re.compile(
    r'<p class="caption" role="heading">(.+?)</p>(.+?</ul>)(?=\s*(?:<p|\Z))', re.DOTALL
)
RELATIVE = re.compile(r'(?<= )(href|src|action)="(?!\w+:|[#/])')
# Sites that link to a page show so many characters of what it says.
MOST_OF_DESCRIPTION = 200
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
ATTRIBUTE = re.compile(r'<[^>]* style="([^"]*)"')
# What scrolls needs a place for the focus, or no key can scroll it.
COMPLETED = {
    '<aside class="sidebar-drawer': '<aside aria-label="All pages" class="sidebar-drawer',
    '<aside class="toc-drawer': '<aside aria-label="On this page" class="toc-drawer',
    '<th class="head"><p></p></th>': "<td></td>",
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}
POLICY = '<meta http-equiv="Content-Security-Policy" content="{}">'


def prepare(app: Sphinx, page: str, source: list[str]) -> None:
    """Show answers as tabs; link to files of the repository that are no page of the site."""
    file = DOCS / f"{page}.md"
    origin = ELSEWHERE.get(file, file)
    here, there = file.parent, origin.parent
    if origin == file:
        source[0] = shown.text_of(file)
    else:
        title, _, text = origin.read_text("utf-8").partition("\n")
        words = SEARCHED.search(source[0])
        source[0] = f"{title}\n\n{words[0] if words else ''}\n{text}"

    def address(link: re.Match[str]) -> str:
        target, anchor = (there / link[1]).resolve(), link[2] or ""
        if place := PLACES.get((target, anchor[1:]), PLACES.get((target, ""))):
            target, anchor = place[0], place[1] and f"#{place[1]}"
        target = PAGES.get(target, target)
        if is_on_the_site(target, app.env.found_docs):
            return os.path.relpath(target, here) + anchor
        if not target.is_relative_to(TEMPLATE):
            # A page of GitHub's, as seen from the file there.
            return urljoin(f"{PRIVATE['_source']}/blob/main/{origin.name}", str(link[1]))
        kind = "tree" if target.is_dir() else "blob"
        path = quote(target.relative_to(TEMPLATE).as_posix())
        return f"{PRIVATE['_source']}/{kind}/main/{path}{link[2] or ''}"

    text = PICTURE.sub(pictures, DRAWING.sub(drawing, LINK.sub(address, source[0])))
    source[0] = CHOICE.sub(tabs, text)
    if page in OF_OTHERS:
        title, _, text = source[0].partition("\n")
        source[0] = f"{title}\n\n{RUNS.format(PRIVATE['_source'])}\n{text}"


def is_on_the_site(file: Path, pages: set[str]) -> bool:
    if not file.is_relative_to(DOCS):
        return False
    page = file.relative_to(DOCS).with_suffix("").as_posix()
    return file.suffix in (".png", ".svg") or (file.suffix == ".md" and page in pages)


def tabs(choice: re.Match[str]) -> str:
    """One tab for each answer. What a reader chose holds on each page."""
    items = [
        f":::{{tab-item}} {answer}\n:sync: {answer}\n\n{text}:::\n"
        for answers, text in ANSWER.findall(choice[0])
        for answer in answers.split("`, `")
    ]
    return f"::::{{tab-set}}\n:sync-group: {choice[1]}\n\n{''.join(items)}::::\n\n"


def pictures(picture: re.Match[str]) -> str:
    """The picture for light and for dark pages."""
    alt, name = picture.groups()
    shown = {"light": name, "dark": f"{name}-dark"}
    return "\n\n".join(
        f"```{{image}} {file}.png\n:alt: {alt}\n:class: only-{theme}\n```"
        for theme, file in shown.items()
    )


def drawing(picture: re.Match[str]) -> str:
    """A drawing within the page, so that it has the colours of the page."""
    file = DOCS / "drawings" / picture[1]
    return f"```{{raw}} html\n{in_page(file.read_text('utf-8'))}```"


def fold(app: Sphinx, page: str, template: str, context: dict[str, Any], *_: object) -> None:
    """Fold each section of the list of pages but that of this page."""
    context["furo_navigation_tree"] = SECTION.sub(folded, context["furo_navigation_tree"])


def folded(section: re.Match[str]) -> str:
    caption, pages = section.groups()
    state = " open" if "current-page" in pages else ""
    return f'<details{state}><summary class="caption">{caption}</summary>{pages}</details>'


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], text: nodes.document | None
) -> None:
    """Let the first paragraph say what a page is about to search engines and those who link to it."""
    if text is not None:
        # The first paragraph of a page about another package is RUNS.
        paragraph = list(text.findall(nodes.paragraph))[page in OF_OTHERS]
        context["description"] = textwrap.shorten(
            paragraph.astext(), MOST_OF_DESCRIPTION, placeholder=" …"
        )


def finish(app: Sphinx, failed: Exception | None) -> None:
    """Complete what the theme leaves out for screen readers and keyboards; state the policies."""
    if failed is None:
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text("utf-8")
            for written, complete in COMPLETED.items():
                text = text.replace(written, complete)
            if page.name == "404.html":
                # It is shown at addresses in any folder.
                text = RELATIVE.sub(rf'\1="{urlsplit(html_baseurl).path}', text)
            page.write_text(
                text.replace("<head>", f"<head>{POLICY.format(policy(text))}", 1), "utf-8"
            )


def policy(page: str) -> str:
    inline = INLINE.findall(page)
    scripts = hashes(text for kind, text in inline if kind == "script")
    styles = hashes(text for kind, text in inline if kind == "style")
    attributes = hashes(ATTRIBUTE.findall(page))
    return (
        "default-src 'none'; base-uri 'none'; form-action 'self'; "
        "img-src 'self' data:; connect-src 'self'; font-src 'self'; "
        f"script-src 'self'{scripts}; style-src 'self'{styles}; "
        f"style-src-attr 'unsafe-hashes'{attributes}"
    )


def hashes(texts: Iterable[str]) -> str:
    digests = {hashlib.sha256(text.encode()).digest() for text in texts}
    return "".join(sorted(f" 'sha256-{base64.b64encode(each).decode()}'" for each in digests))


def load_chooser(app: Sphinx, page: str, *_: object) -> None:
    if page == "choose":
        for name in CHOOSER:
            app.add_js_file(name, loading_method="defer")


def setup(app: Sphinx) -> None:
    # Pages of a project are templates.
    app.add_lexer("html", HtmlDjangoLexer)
    app.connect("source-read", prepare)
    app.connect("html-page-context", load_chooser)
    # The theme adds its list at the default priority of 500.
    app.connect("html-page-context", fold, priority=900)
    app.connect("html-page-context", describe)
    app.connect("build-finished", finish)
