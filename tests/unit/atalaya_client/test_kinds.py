"""The client's table of columns is the server's catalogue."""

from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest

from aggregator.core.asking.catalogue import CATALOGUE
from aggregator.core.asking.compiling import compiled
from aggregator.core.asking.question import Question, Resource
from atalaya_client import Client
from atalaya_client.kinds import kind_of

FROM, TO = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)


def questions(resource: Resource) -> list[Question]:
    """A resource as it is, and summed in each way that it can be."""
    plain = Question(resource=resource.name, from_at=FROM, to_at=TO)
    groups = resource.groups if resource.measures else ()
    changed = partial(msgspec.structs.replace, plain, bucket="day" if resource.time else None)
    return [plain, *(changed(group_by=(each.name,)) for each in groups)]


@pytest.mark.parametrize("resource", CATALOGUE.values(), ids=list(CATALOGUE))
def test_every_column_is_what_the_server_says(resource: Resource) -> None:
    for question in questions(resource):
        for column in compiled(question, time_zone="UTC").columns:
            assert kind_of(resource.name, column.name) == column.kind, column.name


def test_every_resource_has_a_method() -> None:
    assert [name for name in CATALOGUE if not callable(getattr(Client, name.replace("-", "_"), None))] == []
