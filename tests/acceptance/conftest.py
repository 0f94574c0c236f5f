"""The clip and the story, once per session: everything else looks at what is left of them."""

import pytest

from tests.acceptance.story import Story, play
from tests.acceptance.street_cast import Clip, render_clip
from tests.simulators.agent_place import MODELS


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Eight cars."""
    return render_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def story(clip: Clip, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """See tests/acceptance/story.py."""
    if not (MODELS / "manifest.json").exists():
        pytest.skip("`make models` fetches them")
    return play(tmp_path_factory.mktemp("story"), clip)
