"""The two apps of `tools.benchmarks.assembled` for gunicorn, in the folder of a rendered project.

MEASURED names the app. Run as a program it adds the users, and prints the requests as JSON.
"""

import json
import os
import sys
from dataclasses import asdict

from flask import Flask

from tools.benchmarks import assembled

sys.path.insert(0, os.getcwd())


def _create() -> Flask:
    if os.environ["MEASURED"] == assembled.OURS:
        return assembled.create_project()
    has_line = os.environ["ACCESS_LOG"] == "True"
    return assembled.create_assembled(os.environ["DATABASE_URL"], has_line)


app = _create()

if __name__ == "__main__":
    is_ours = os.environ["MEASURED"] == assembled.OURS
    (assembled.add_project_users if is_ours else assembled.add_assembled_users)(app)
    requests = assembled.requests_to(app, os.environ["MEASURED"])
    print(json.dumps([asdict(each) for each in requests]))
