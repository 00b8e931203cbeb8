"""The limits that requests of the project in this folder, and other clients, have in each session.

One session of PostgreSQL is lent to each of SESSIONS transactions that are open at the same
time; prints for the app's and then for another client's what each finds.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from importlib import import_module
from typing import Any

import psycopg

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

with ExitStack() as stack:
    url = os.environ["DATABASE_URL"]
    clients = [stack.enter_context(psycopg.connect(url)) for _ in range(SESSIONS)]
    others = [client.execute(FIND).fetchone() for client in clients]

print(json.dumps([ours, others]))
