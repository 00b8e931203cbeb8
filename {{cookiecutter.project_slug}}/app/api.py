"""The JSON routes, with tasks as the example. Your own code begins here.

`@validated` checks the JSON body of a write, `@validated_query` the parameters of the address, and
`@responds` declares the model that a view returns, for /openapi.json too. Only logged-in users,
`current_user`, may call a route unless it is marked `@public`.
Programs may also call a route marked `@keys_allowed` by a key. See docs/pages-and-forms.md.
"""

from typing import Annotated
from uuid import UUID

from flask import Blueprint, Response, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field
from secure_flask import (
    Body,
    MultilineText,
    PlainText,
    ResponseBody,
    db,
    keys_allowed,
    login_required,
    responds,
    validated,
    validated_query,
)

from app import tasks
from app.current_user import current_user
from app.tasks import MAX_NOTES, MAX_TITLE, Task

blueprint = Blueprint("api", __name__, url_prefix="/api")


class TaskBody(Body):
    title: Annotated[PlainText, Field(max_length=MAX_TITLE)]
    notes: Annotated[MultilineText, Field(max_length=MAX_NOTES)] = ""
    done: bool = False


class TaskShown(ResponseBody):
    id: UUID
    title: str
    notes: str
    done: bool


class TaskList(ResponseBody):
    tasks: list[TaskShown]
    next: str | None  # the path of the next page


@blueprint.get("/tasks")
@responds(TaskList, 404)
@keys_allowed
@login_required
@validated_query(tasks.Page)
def list_tasks(*, query: tasks.Page) -> TaskList:
    """List your tasks, open ones first, at most 100 a page."""
    page = tasks.page_of(current_user, query)
    following = url_for("api.list_tasks", page=page.next_num) if page.has_next else None
    return TaskList(tasks=[TaskShown.model_validate(task) for task in page], next=following)


@blueprint.post("/tasks")
@responds(TaskShown, 409, status=201)
@keys_allowed
@login_required
@validated(TaskBody)
def create_task(body: TaskBody) -> TaskShown:
    """Add a task."""
    tasks.require_room(current_user)
    task = Task(owner_id=current_user.id, **body.model_dump())
    db.session.add(task)
    db.session.commit()
    return TaskShown.model_validate(task)


@blueprint.get("/tasks/<uuid:task_id>")
@responds(TaskShown)
@keys_allowed
@login_required
def show_task(task_id: UUID) -> TaskShown:
    """Show one of your tasks."""
    return TaskShown.model_validate(_find(task_id))


@blueprint.put("/tasks/<uuid:task_id>")
@responds(TaskShown)
@keys_allowed
@login_required
@validated(TaskBody)
def change_task(body: TaskBody, task_id: UUID) -> TaskShown:
    """Replace the title, the notes and the state of a task."""
    task = _find(task_id)
    task.title = body.title
    task.notes = body.notes
    task.done = body.done
    db.session.commit()
    return TaskShown.model_validate(task)


@blueprint.delete("/tasks/<uuid:task_id>")
@responds(None)
@keys_allowed
@login_required
def delete_task(task_id: UUID) -> ResponseReturnValue:
    """Delete a task."""
    db.session.delete(_find(task_id))
    db.session.commit()
    return Response(status=204)


def _find(task_id: UUID) -> Task:
    return db.first_or_404(tasks.of(current_user).where(Task.id == task_id))
