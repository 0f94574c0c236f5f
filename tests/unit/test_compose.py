"""The compose file and the Dockerfile, as far as that can be told without Docker."""

import os
import re
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from aggregator.settings import parse

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCUMENT = ROOT / "docs" / "dashboards.md"
LOOPBACK = ("127.0.0.1", "${ATALAYA_LISTEN:-127.0.0.1}")
# Any: YAML is judged here.
Json = dict[str, Any]


def compose() -> Json:
    """The file, its anchors resolved."""
    found: Json = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def services() -> Json:
    """The services by name."""
    found: Json = compose()["services"]
    return found


SERVICES = [pytest.param(each, id=name) for name, each in services().items()]
KEYS = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "mem_limit",
    "memswap_limit", "network_mode", "networks", "pid", "ports", "profiles", "read_only", "restart", "secrets",
    "security_opt", "shm_size", "stop_grace_period", "tmpfs", "ulimits", "volumes",
}  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_confined(service: Json) -> None:
    assert set(service) <= KEYS
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "docker.sock" not in str(service)


@pytest.mark.parametrize("name", ["database", "broker", "aggregator", "tool"])
def test_memory_that_holds_plates_reaches_no_disk(name: str) -> None:
    service = services()[name]
    assert service["memswap_limit"] == service["mem_limit"], "more than the memory would be swap"
    assert service["ulimits"]["core"] == 0


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_named_by_an_exact_tag(service: Json) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+\.\d+(-pg\d+)?", service["image"])


@pytest.mark.parametrize("service", SERVICES)
def test_a_port_is_published_on_loopback_unless_somebody_says_otherwise(service: Json) -> None:
    for port in service.get("ports", []):
        address, outside, inside = port.rsplit(":", 2)
        assert address in LOOPBACK
        assert outside == inside


def test_only_the_ports_of_boxes_can_be_opened_wider() -> None:
    wider = {port.rsplit(":", 1)[1] for each in services().values() for port in each.get("ports", []) if "${" in port}
    settings = parse('city = "saltillo"')
    assert wider == {str(settings.broker.port), str(settings.http.port), str(settings.http.enrol_port)}


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_in_the_repository_or_a_volume_and_files_cannot_be_written(service: Json) -> None:
    for mount in service.get("volumes", []):
        source, _, rest = mount.partition(":")
        if source.startswith("."):
            assert (DEPLOY / source).exists(), source
            assert rest.endswith(":ro")
        else:
            assert source in compose()["volumes"]


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_names_is_declared(service: Json) -> None:
    whole = compose()
    assert set(service.get("networks", [])) <= set(whole["networks"])
    assert set(service.get("secrets", [])) <= set(whole["secrets"])
    assert set(service.get("depends_on", {})) <= set(services())
    for key in ("pid", "network_mode"):
        if key in service:
            assert service[key].removeprefix("service:") in services()


@pytest.mark.parametrize("service", SERVICES)
def test_no_password_stands_in_the_file(service: Json) -> None:
    for name, value in service.get("environment", {}).items():
        if re.search("PASSWORD|SECRET|TOKEN", name):
            assert name.endswith("_FILE")
            assert value.startswith("/run/secrets/")
            assert value.rsplit("/", 1)[1] in service["secrets"]


def test_databases_and_figures_have_no_way_out() -> None:
    networks = compose()["networks"]
    assert networks["database"] == networks["figures"] == {"internal": True}
    assert services()["database"]["networks"] == ["database"]
    assert "ports" not in services()["database"]
    assert "ports" not in services()["prometheus"]


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to other accounts, which root alone can do")
def test_secrets_are_made_once_each_for_its_reader(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    command = [str(DEPLOY / "make_secrets.sh"), str(folder)]
    first = subprocess.run(command, check=True, capture_output=True, text=True)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == set(compose()["secrets"])
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        assert path.stat().st_uid != 0
        assert len(path.read_text().strip()) >= 40
        assert path.read_text().strip() not in first.stdout
    assert made["database_atalaya_password"] == made["aggregator_database_password"]
    assert made["aggregator_grafana_password"] == made["grafana_database_password"]
    assert len(set(made.values())) == 4
    (folder / "grafana_database_password").unlink()
    subprocess.run(command, check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made, (
        "what is there stays, what is not is its pair"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may make them")
def test_nobody_but_root_makes_secrets(tmp_path: Path) -> None:
    done = subprocess.run([str(DEPLOY / "make_secrets.sh"), str(tmp_path)], check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "root" in done.stderr


def test_the_secrets_folder_is_kept_out_of_the_repository_and_of_the_image() -> None:
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()
    assert (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()[1] == "*"


def test_the_dockerfile_copies_what_is_there_and_what_its_ignore_file_lets_in() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    sources = [word for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE) for word in line.split()[:-1]]
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert sources
    assert set(sources) == let_in
    assert all((ROOT / each).exists() for each in sources)
    assert not re.search(r"ADD |curl|wget|--trusted-host", text)
    assert "USER 10001:10001" in text
    assert "atalaya=10001" in (DEPLOY / "make_secrets.sh").read_text()


def test_the_image_gets_the_versions_that_the_tests_ran_on() -> None:
    """The image's lock file names no version but those of the tests' own; `make lock` writes both."""

    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    ours, tested = pins("aggregator.lock"), pins("dev.lock")
    assert {"aiohttp", "asyncpg", "prometheus-client", "setuptools"} <= set(ours)
    assert {name: version for name, version in ours.items() if tested.get(name) != version} == {}
    assert not {"openvino", "opencv-python-headless"} & set(ours)


def test_the_documented_start_names_services_and_options_that_exist() -> None:
    lines = DOCUMENT.read_text().replace("\\\n", " ")
    named = [shlex.split(each) for each in re.findall(r"^docker compose (.*)$", lines, re.MULTILINE)]
    assert named
    for words in named:
        at = next(place for place, word in enumerate(words) if word in ("run", "up", "exec", "build"))
        after = [word for word in words[at + 1 :] if not word.startswith("-") and ":" not in word]
        assert not after or after[0] in services(), words
