"""The example: tasks, each of which belongs to one user. Replace it with tables of your own.

Every query asks for the rows of one owner, so nobody reads or changes the tasks of others.
Source: OWASP ASVS 8.2.2.
"""

from typing import Annotated
from uuid import UUID, uuid4

from flask_sqlalchemy.pagination import Pagination
from pydantic import Field
from secure_flask import Model, Query, db, error_response
from sqlalchemy import ForeignKey, Index, Select, String, Text, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.models import User

MAX_TITLE = 100  # characters
MAX_NOTES = 2000  # characters
PER_PAGE = 100  # tasks, so that a long list costs no more than a short one
MAX_TASKS = 10_000  # of a user, so that nobody fills the database


class Task(Model):
    __tablename__ = "tasks"
    # In the order of the list, so that the database reads a page without sorting all tasks.
    __table_args__ = (Index(None, "owner_id", "done", "title", "id"),)

    # The id is a UUID, so that the address of one task reveals no other.
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(MAX_TITLE))
    notes: Mapped[str] = mapped_column(Text, default="")
    done: Mapped[bool] = mapped_column(default=False)


class Page(Query):
    page: Annotated[int, Field(ge=1)] = 1


def of(owner: User) -> Select[Task]:
    """The tasks of a user, open ones first."""
    mine = select(Task).where(Task.owner_id == owner.id)
    return mine.order_by(Task.done, Task.title, Task.id)


def page_of(owner: User, query: Page) -> Pagination:
    """A page of the tasks of a user, by `?page=2` of the address; 404 past the last one."""
    return db.paginate(of(owner), page=query.page, per_page=PER_PAGE)


def require_room(owner: User, number: int = 1) -> None:
    """Refuse more tasks than a user may have; requests at the same moment may add a few more.

    :raises ErrorResponse: 409.
    """
    present = db.session.scalar(select(func.count()).where(Task.owner_id == owner.id)) or 0
    if present + number > MAX_TASKS:
        raise error_response(409, f"You may have {MAX_TASKS:,} tasks: delete some first")
