"""Which process takes which tests, where several share them (`pytest -n`).

The tests of a file go to one process, so that what a module sets up is set up once; all that look at the acceptance
story go to one as well, since it is played for minutes. The files that take longest begin, or one process would sit
over them at the end while the others have nothing left.

Two tests of one id are refused: xdist would run one of them, and nobody would miss the other.

xdist has marks for this (`--dist loadgroup`), but keeps them in a private name that pytest reads no more.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import pytest
from typing_extensions import override
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

STORY: Final = "story"
_OF_THE_STORY: Final = frozenset(
    f"tests/acceptance/{name}.py" for name in ("test_end_to_end", "test_nothing_leaks", "test_refusals")
)
LONGEST_FIRST: Final = (
    STORY,
    "tests/integration/test_alarms_end_to_end.py",
    "tests/integration/test_edge_settings.py",
    "tests/integration/test_edge_agent.py",
    "tests/integration/test_edge_kills.py",
    "tests/integration/test_enroll_command.py",
    "tests/integration/test_cameras_commands.py",
    "tests/integration/test_cameras_network.py",
    "tests/integration/test_aggregator_crashes.py",
    "tests/unit/edge_agent/test_scene.py",
)


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """A file is one piece of work; so is the story."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return STORY if file in _OF_THE_STORY else file

    @override
    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        twice = [nodeid for nodeid, times in Counter(collection).items() if times > 1]
        if twice:
            raise pytest.UsageError(f"several tests have one id, and would not all be run: {', '.join(twice)}")
        super().add_node_collection(node, collection)

    @override
    def _assign_work_unit(self, node: WorkerController) -> None:
        for scope in reversed(LONGEST_FIRST):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
