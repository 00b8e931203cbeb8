"""`flask crypto …`: manages encryption keys and re-encrypts columns."""

import time
from collections.abc import Callable, Iterator

import click
from flask import Flask
from secure_flask.crypto import rotation
from secure_flask.crypto.keyring import blind_index_keys, encryption_keys
from secure_flask.crypto.rotation import Progress
from secure_flask.crypto.stored import Stored
from secure_flask.crypto.stored_columns import find_all
from secure_flask.database.command_group import CommandGroup
from secure_flask.settings import keyrings

crypto_commands = CommandGroup("crypto", help="Manage encrypted columns and their keys.")


@crypto_commands.command("generate-key")
def generate_key() -> None:
    """Print a new key for ENCRYPTION_KEYS or BLIND_INDEX_KEYS; add it at the end first."""
    newest = max(*encryption_keys(), *blind_index_keys())
    click.echo(keyrings.new(str(max(newest + 1, int(keyrings.today())))))


@crypto_commands.command("status")
def status() -> None:
    """Count the encrypted values of each column by key. Encrypted files are not included."""
    for count in rotation.status():
        key = "no key" if count.key_id is None else f"key {count.key_id}"
        click.echo(f"{count.name}\t{key}\t{count.state}\t{count.values}")


@crypto_commands.command("rotate")
def rotate() -> None:
    """Re-encrypt columns with the first key, but not files. Safe to interrupt and run again."""
    _run(rotation.rotate, "not decrypted, left as it is")


@crypto_commands.command("reindex")
def reindex() -> None:
    """Create missing blind indexes and replace outdated ones. Safe to interrupt and run again."""
    _run(rotation.reindex, "not decrypted, left as it is")


@crypto_commands.command("verify")
def verify() -> None:
    """Decrypt every value without changing it, and list those that fail."""
    _run(rotation.verify, "does not decrypt, or its index is wrong")


def init_app(app: Flask) -> None:
    app.cli.add_command(crypto_commands)


def _run(task: Callable[[Stored], Iterator[Progress]], failure: str) -> None:
    """Run a task on each column and show its progress; exit with 1 if a value failed."""
    failures = 0
    for stored in find_all():
        started, done = time.monotonic(), 0
        for done, total, failed in task(stored):
            rate = done / max(time.monotonic() - started, 0.001)
            click.echo(f"{stored.name}: {done} of {total}, {rate:.0f} a second")
            for label in failed:
                click.echo(f"{label}: {failure}", err=True)
            failures += len(failed)
        click.echo(f"{stored.name}: done, {done} values")
    if failures:
        raise click.ClickException(f"{failures} values failed; the lines above name them.")
