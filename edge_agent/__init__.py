"""The program on a street box: cameras in, signed messages out."""

import sys

# OpenVINO reports each import to its maker over the internet, through this package. A box tells nobody but its city.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None is how Python says: not importable
