"""Settings: what a file may say, and that the documentation says the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from aggregator.errors import BadSettings
from aggregator.settings import DEFAULT_FILE, Section, Settings, anchored, config_path, load, parse

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "settings.md"


def test_a_city_is_all_that_a_file_must_name() -> None:
    settings = parse('city = "saltillo"')
    assert (settings.role, settings.broker.port, settings.database.dsn) == ("city", 8883, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('city = "saltillo"\nroll = "city"', "`roll`"),
        ('city = "saltillo"\n[keys]\ncrll = "a"', r"`crll` - at `\$.keys`"),
        ('city = "saltillo"\n[keys]\ncrl = 3', r"at `\$.keys.crl`"),
        ('city = "saltillo"\n[broker]\nport = 0', r"at `\$.broker.port`"),
        ('city = "San Pedro"', r"at `\$.city`"),
        ('city = "saltillo"\n[retention]\nhourly_days = 30', "counts_days <= hourly_days"),
        ('city = "saltillo"\n[retention]\nhourly_days = "keep"', "hourly_days <= daily_days"),
        ("", "`city`"),
        ("city", "not TOML"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(text: str, told: str) -> None:
    with pytest.raises(BadSettings, match=told):
        parse(text)


def test_a_password_in_the_dsn_is_refused_and_not_repeated() -> None:
    with pytest.raises(BadSettings, match="password_file") as caught:
        parse('city = "saltillo"\n[database]\ndsn = "postgresql://atalaya:tr0ub4dor@db/atalaya"')
    assert "tr0ub4dor" not in str(caught.value)


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "aggregator.toml"
    file.write_text('city = "saltillo"\nevidence_dir = "/srv/evidence"\n[keys]\ncrl = "elsewhere/crl.pem"\n')
    settings = load(file)
    assert settings.keys.crl == tmp_path / "elsewhere/crl.pem"
    assert settings.broker.key == tmp_path / "tls/worker.1.key.pem"
    assert settings.evidence_dir == Path("/srv/evidence")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.toml"):
        load(tmp_path / "none.toml")


def test_the_option_outranks_the_environment_and_the_environment_the_default() -> None:
    assert config_path(Path("a"), "b") == Path("a")
    assert config_path(None, "b") == Path("b")
    assert config_path(None, None) == config_path(None, "") == DEFAULT_FILE


def keys_of(section: type[Section], prefix: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Section):
            yield from keys_of(field.type, f"{field.name}.")
        else:
            yield prefix + field.name


def documented_keys() -> set[str]:
    part = DOCUMENT.read_text(encoding="utf-8").split("## Aggregator", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_.]+)` \|", part, re.MULTILINE))


def test_the_document_has_every_key_and_no_other() -> None:
    assert documented_keys() == set(keys_of(Settings))


def test_anchoring_reaches_every_path_of_the_file(tmp_path: Path) -> None:
    def paths(section: Section) -> Iterator[Path]:
        for field in msgspec.structs.fields(section):
            value = getattr(section, field.name)
            if isinstance(value, Section):
                yield from paths(value)
            elif isinstance(value, Path):
                yield value

    assert all(path.is_absolute() for path in paths(anchored(Settings(city="saltillo"), tmp_path)))
