"""The lint that keeps clocks, files and tasks out of `protocol` and the cores."""

from pathlib import Path

import purity
import pytest


@pytest.mark.parametrize(
    "source",
    [
        "import time\nnow = time.time()",
        "from time import monotonic as tick\nnow = tick()",
        "from datetime import UTC, datetime\nnow = datetime.now(UTC)",
        "import datetime as dt\nnow = dt.datetime.now(dt.UTC)",
        "import os\nhome = os.environ['HOME']",
        "from os import environ\nhome = environ.get('HOME')",
        "text = open('x').read()",
        "from pathlib import Path\ntext = Path('x').read_text()",
        "import cv2\nimage = cv2.imread('x')",
        "import numpy as np\nimage = np.load('x')",
        "print('x')",
        "import sys\nsys.stderr.write('x')",
        "async def f() -> None: ...",
        "log.warning('queue_full')",
        "self.log.error('queue_full')",
    ],
)
def test_anything_but_values_is_refused(source: str) -> None:
    assert list(purity.impurities(source))


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndef is_late(now: datetime, at: datetime) -> bool: return now > at",
        "def time(now: float) -> float: return now\nx = time(1.0)",
        "import cv2\nsmall = cv2.resize(image, (10, 10))",
        "import numpy as np\nempty = np.zeros((0, 4), np.float32)",
        "log.debug('looked')",
        "errors.error(3)",
        "from collections.abc import Awaitable\nkind = Awaitable",
    ],
)
def test_values_in_and_values_out_pass(source: str) -> None:
    assert list(purity.impurities(source)) == []


def test_only_the_contract_and_the_cores_are_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("protocol", "edge_agent/core", "edge_agent/adapters", "aggregator/core"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.py").write_text("import time\nstarted = time.time()\n")
    assert purity.main(tmp_path) == 1
    complaints = capsys.readouterr().err
    assert "edge_agent/core/x.py:2: `time.time()` reads a clock" in complaints
    assert "adapters" not in complaints
    assert len(complaints.splitlines()) == 3
