"""Rows of the registry: what is taken, and that what is wrong is named by its column."""

import csv
from pathlib import Path

import pytest

from aggregator.adapters.registry_files import read_rows, time_zones
from aggregator.core.registry import (
    KINDS,
    Camera,
    City,
    Device,
    Line,
    Outcome,
    Point,
    check_header,
    left_out,
    name_of,
    parse_row,
)
from aggregator.errors import BadInput, NotThere

ZONES = {"America/Monterrey", "America/Matamoros"}
POINT = {"point_id": "p-1", "city_id": "saltillo", "name": "Uno", "latitude": "25.42", "longitude": "-100.99"}
CAMERA = {"point_id": "p-1", "camera_id": "cam-1", "heading_deg": "90"}


def test_a_point_is_read_from_text() -> None:
    assert parse_row("point", {**POINT, "time_zone": " America/Matamoros ", "partner_id": ""}, ZONES) == Point(
        point_id="p-1",
        city_id="saltillo",
        name="Uno",
        latitude=25.42,
        longitude=-100.99,
        time_zone="America/Matamoros",
    )


def test_an_empty_cell_is_an_absent_value() -> None:
    assert parse_row("camera", {**CAMERA, "lane": " ", "name": ""}, ZONES) == Camera(
        point_id="p-1", camera_id="cam-1", heading_deg=90
    )


@pytest.mark.parametrize(
    ("noun", "cells", "column"),
    [
        ("point", {**POINT, "latitude": "90.01"}, "latitude"),
        ("point", {**POINT, "latitude": "25,42"}, "latitude"),
        ("point", {**POINT, "latitude": "nan"}, "latitude"),
        ("point", {**POINT, "longitude": "-180.5"}, "longitude"),
        ("point", {**POINT, "point_id": "P 1"}, "point_id: want 1 to 32"),
        ("point", {**POINT, "point_id": "-"}, "point_id"),
        ("point", {**POINT, "name": " "}, "name"),
        ("point", {**POINT, "time_zone": "Coahuila"}, "time_zone"),
        ("point", {**POINT, "time_zone": "../../etc/passwd"}, "time_zone"),
        ("camera", {**CAMERA, "heading_deg": "360"}, "heading_deg"),
        ("camera", {**CAMERA, "heading_deg": "north"}, "heading_deg"),
        ("camera", {**CAMERA, "heading_deg": "-1"}, "heading_deg"),
        ("city", {"city_id": "saltillo", "name": "x" * 201}, "name"),
        ("partner", {"partner_id": "oxxo", "name": "O", "terms": "f. 3", "signed_on": "1 May"}, "signed_on"),
        ("device", {"device_id": "worker.1", "point_id": "p-1"}, "device_id"),
    ],
)
def test_what_is_wrong_with_a_row_is_named_by_its_column(noun: str, cells: dict[str, str], column: str) -> None:
    with pytest.raises(BadInput, match=column):
        parse_row(noun, cells, ZONES)


@pytest.mark.parametrize("noun", KINDS)
def test_a_header_with_an_unknown_column_is_refused_by_name(noun: str) -> None:
    with pytest.raises(BadInput, match="unknown column 'colour'"):
        check_header(noun, [*(f for f in KINDS[noun].__struct_fields__), "colour"])


def test_a_header_that_lacks_a_column_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="no column heading_deg"):
        check_header("camera", ["point_id", "camera_id"])


def test_a_column_that_stands_twice_is_refused() -> None:
    with pytest.raises(BadInput, match="twice"):
        check_header("device", ["device_id", "point_id", "point_id"])


def write_csv(path: Path, rows: list[list[str]], *, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_lines_are_numbered_as_an_editor_shows_them(tmp_path: Path) -> None:
    file = write_csv(
        tmp_path / "d.csv", [["device_id", "point_id"], ["box-1", "p-1"], ["BOX", "p-1"], ["box-3", "p-1"]]
    )
    lines = dict(read_rows("device", file))
    assert lines[2] == Device(device_id="box-1", point_id="p-1")
    assert isinstance(lines[3], str)
    assert isinstance(lines[4], Device)


def test_a_line_with_too_few_or_too_many_cells_is_refused(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "d.csv", [["device_id", "point_id"], ["box-1"], ["box-2", "p-1", "x"]])
    assert [isinstance(row, str) for _, row in read_rows("device", file)] == [True, True]


def test_a_file_from_a_spreadsheet_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    rows = [["city_id", "name"], ["saltillo", "Saltillo, Coahuila de Zaragoza"]]
    file = write_csv(tmp_path / "c.csv", rows, encoding="utf-8-sig")
    assert [row for _, row in read_rows("city", file)] == [City(city_id="saltillo", name=rows[1][1])]


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b'city_id,name\n"saltillo,x\n', b""])
def test_a_file_that_is_no_table_is_refused_by_its_name(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "cities.csv"
    file.write_bytes(data)
    with pytest.raises(BadInput, match=r"cities\.csv"):
        list(read_rows("city", file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotThere, match=r"none\.csv"):
        list(read_rows("city", tmp_path / "none.csv"))


def test_the_default_time_zone_is_one() -> None:
    assert City(city_id="saltillo", name="Saltillo").time_zone in time_zones()


def test_an_undone_import_says_which_good_lines_were_left_out() -> None:
    lines = [Line(2, Outcome.ADDED, "p-1"), Line(3, Outcome.REFUSED, "p-2", "why")]
    assert [line.outcome for line in left_out(lines)] == [Outcome.LEFT_OUT, Outcome.REFUSED]


def test_a_camera_is_called_by_its_point_and_its_name() -> None:
    assert name_of(parse_row("camera", CAMERA, ZONES)) == "p-1/cam-1"
