"""The site: `make site` builds it into `build/site/`. Its pages read as well in the repository."""

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from pygments.lexers.templates import HtmlDjangoLexer
from sphinx.application import Sphinx

DOCS = Path(__file__).parent
TEMPLATE = DOCS.parent
PRIVATE = json.loads((TEMPLATE / "cookiecutter.json").read_text("utf-8"))

project = "cookiecutter-secure-flask"
html_title = "Secure Flask"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_design"]
sys.path.insert(0, str(TEMPLATE / "{{cookiecutter.project_slug}}"))
root_doc = "index"
exclude_patterns = ["examples"]
default_role = "code"
autodoc_typehints = "none"
autodoc_preserve_defaults = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4

html_theme = "furo"
html_baseurl = PRIVATE["_site"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"source_view_link": f"{PRIVATE['_source']}/blob/main/docs/{{filename}}"}
html_favicon = "../{{cookiecutter.project_slug}}/app/static/favicon.svg"
html_permalinks_icon = "#"

LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")
INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
ATTRIBUTE = re.compile(r'<[^>]* style="([^"]*)"')
POLICY = '<meta http-equiv="Content-Security-Policy" content="{}">'


def lead_to_the_repository(app: Sphinx, page: str, source: list[str]) -> None:
    """Links to files that are no page of the site lead to those of the repository."""
    here = (DOCS / page).parent

    def address(link: re.Match[str]) -> str:
        file = (here / link[1]).resolve()
        if file.suffix in (".md", ".png", ".svg") and file.is_relative_to(DOCS):
            return link[0]
        kind = "tree" if file.is_dir() else "blob"
        path = quote(file.relative_to(TEMPLATE).as_posix())
        return f"{PRIVATE['_source']}/{kind}/main/{path}{link[2] or ''}"

    source[0] = LINK.sub(address, source[0])


def state_policies(app: Sphinx, failed: Exception | None) -> None:
    """Give each page a policy which names what stands in it by hashes, and allows this site alone."""
    if failed is None:
        for page in Path(app.outdir).rglob("*.html"):
            text = page.read_text("utf-8")
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


def setup(app: Sphinx) -> None:
    # Pages of a project are templates.
    app.add_lexer("html", HtmlDjangoLexer)
    app.connect("source-read", lead_to_the_repository)
    app.connect("build-finished", state_policies)
