"""SimpleLPR behind a pipe, in an environment of its own: a line of JSON in, a line of JSON out.

In: `{"countries": [...], "file": path}`. Out: for each candidate the text as it was read (the match without a country),
the text as the likeliest country's syntax has it (none if no country fits), the height of the print and the corners of
the plate; and the milliseconds the call took, which include decoding the file. Runs with its own Python and imports
nothing of the project. The trial version is what the package index has; it knows neither Mexico nor the USA.
"""

import json
import sys
import time
from typing import Any

import simplelpr  # type: ignore[import-not-found]  # lives in an environment of its own


def main() -> None:
    """Answer until the other side closes the pipe."""
    setup = simplelpr.EngineSetupParms()
    setup.cudaDeviceId = -1
    setup.enableImageProcessingWithGPU = setup.enableClassificationWithGPU = False
    setup.maxConcurrentImageProcessingOps = 1
    engine, chosen, processor = simplelpr.SimpleLPR(setup), None, None
    known = {engine.get_countryCode(index) for index in range(engine.numSupportedCountries)}
    print(json.dumps({"version": ".".join(str(getattr(engine.versionNumber, part)) for part in "ABCD")}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["countries"] != chosen:
            chosen = asked["countries"]
            processor = _processor(engine, known, chosen)
        print(json.dumps(_answer(processor, asked["file"])), flush=True)


def _processor(engine: Any, known: set[str], countries: list[str]) -> Any:  # Any: the package has no types
    for name in known:
        engine.set_countryWeight(name, 1.0 if name in countries else 0.0)
    engine.realizeCountryWeights()
    processor = engine.createProcessor()
    processor.plateRegionDetectionEnabled = processor.cropToPlateRegionEnabled = True
    return processor


def _answer(processor: Any, file: str) -> dict[str, Any]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    candidates = list(processor.analyze(file))
    cpu_ms, wall_ms = (time.process_time() - cpu_s) * 1000, (time.perf_counter() - wall_s) * 1000
    plates = [
        {
            "corners": [[point.x, point.y] for point in candidate.plateRegionVertices],
            "confidence": candidate.plateDetectionConfidence,
            "height": candidate.boundingBox.height,
            "raw": _characters(candidate.matches[-1]),
            "by_country": _characters(candidate.matches[0]) if candidate.matches[0].country else [],
        }
        for candidate in candidates
    ]
    return {"plates": plates, "cpu_ms": cpu_ms, "wall_ms": wall_ms}


def _characters(match: Any) -> list[list[Any]]:
    return [[element.glyph, element.confidence] for element in match.elements]


if __name__ == "__main__":
    main()
