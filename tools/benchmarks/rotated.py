"""Changes the key of so many encrypted values in the project in this folder, and tells how long.

Run by `tools.benchmarks.rotation` in a process of its own, since every project's package is
called `app`.
"""

import json
import os
import sys
import time

from sqlalchemy import insert

from tools.benchmarks.rendered import module

sys.path.insert(0, os.getcwd())


def main(rows: int) -> None:
    # The core of the project in this folder, once its path is known.
    from secure_flask.crypto.encryption import ENCRYPTION_KEYS
    from secure_flask.state import app_state

    app = module("wsgi").app
    with app.app_context():
        _fill(rows)
        ring = app_state(app)[ENCRYPTION_KEYS]
        app_state(app)[ENCRYPTION_KEYS] = {2: os.urandom(32), **ring}
    start = time.perf_counter()
    rotated = app.test_cli_runner().invoke(args=["crypto", "rotate"])
    print(json.dumps(time.perf_counter() - start))
    if f"users.email_encrypted: done, {rows} values" not in rotated.output:
        raise RuntimeError(f"not {rows} rows but {rotated.output}")


def _fill(rows: int) -> None:
    db, model = module("secure_flask.database").db, module("app.models").User
    db.drop_all()
    db.create_all()
    names = (f"user-{number}" for number in range(rows))
    users = [{"name": name, "password_hash": "", "email": f"{name}@example.org"} for name in names]
    db.session.execute(insert(model), users)
    db.session.commit()


if __name__ == "__main__":
    main(int(sys.argv[1]))
