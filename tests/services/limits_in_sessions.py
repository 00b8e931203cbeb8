"""The limits that requests of the project in this folder have in each session.

One session of PostgreSQL is lent to each of SESSIONS transactions that are open at the same
time; prints what each finds.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from typing import Any

sys.path.insert(0, os.getcwd())

app = import_module("wsgi").app
db: Any = import_module("secure_flask.database").db

SESSIONS = int(os.environ["SESSIONS"])
FIND = (
    "SELECT pg_backend_pid(), current_setting('lock_timeout'),"
    " current_setting('statement_timeout'),"
    " current_setting('idle_in_transaction_session_timeout')"
)

with app.app_context(), ExitStack() as stack:
    transactions = [stack.enter_context(db.engine.connect()) for _ in range(SESSIONS)]
    ours = [tuple(each.exec_driver_sql(FIND).one()) for each in transactions]

print(json.dumps(ours))
