"""The garbage collector, told what it need not look at.

A batch makes a hundred thousand objects in a tenth of a second and drops them with hardly a cycle among them. By
Python's own measure (700 objects more than before) that is a walk through what is young every few messages, and again
and again one through every module there is: a tenth of what the ingest costs. Cycles go on being found, only in fewer
and longer looks.
"""

import gc
from typing import Final

MORE_BEFORE_A_LOOK: Final = 20_000


def look_seldom() -> None:
    """Leave out of all looks what there is now, such as modules, and look less often. For programs, not for tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MORE_BEFORE_A_LOOK)
