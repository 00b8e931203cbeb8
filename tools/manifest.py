"""`make manifest`: writes the MANIFEST of the core; `make lint` compares it, by --check.

It is needed after each change of the core.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

CORE = Path(__file__).resolve().parents[1] / "{{cookiecutter.project_slug}}" / "secure_flask"
MANIFEST = CORE / "MANIFEST"


def main() -> None:
    # An import would leave a cache in the folder, which every project would be rendered with.
    text = runpy.run_path(str(CORE / "update.py"))["manifest"](CORE)
    if "--check" not in sys.argv:
        MANIFEST.write_text(text, "utf-8", newline="\n")
    elif MANIFEST.read_text("utf-8") != text:
        sys.exit("MANIFEST does not list the core as it is: run `make manifest`.")


if __name__ == "__main__":
    main()
