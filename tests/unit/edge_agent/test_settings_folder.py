"""A box's documents on its disk: cut off or changed as they may be, it runs what its region signed, or the defaults."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from edge_agent.adapters import keystore, settings_folder
from edge_agent.adapters.signed_settings import (
    NOTHING_SIGNED,
    InForce,
    begin,
    effective_settings,
    install_settings,
    read_in_force,
)
from edge_agent.core import rollout as rules
from edge_agent.errors import BadSettings, NotEnrolled
from protocol.point_messages import SettingsState
from tests.simulators.city import City

LOCAL = 'identity_dir = "identity"\ndata_dir = "data"\nlock_memory = false\nreport_interval_s = 7.0\n'
SIGNED = {None: 60.0, 1: 11.0, 2: 12.0}
"""What the report interval is under each document; under none, the default and never the local file's."""


class PowerCut(BaseException):
    """The end of the power, which no `except` outlives."""


class Pole:
    """A box with its files, and the city it belongs to."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "agent.toml"
        self.city = City(folder / "city")
        self.who = self.city.enrol(folder / "identity")
        self.config.write_text(LOCAL)
        self.signed: dict[int, bytes] = {}
        self.documents = folder / "data" / settings_folder.NAME

    def install(self, number: int) -> None:
        """Give it a document to try: the same bytes each time."""
        if number not in self.signed:
            text = f"report_interval_s = {SIGNED[number]}"
            self.signed[number] = self.city.settings(self.who, text, number=number)
        install_settings(self.config, self.signed[number])

    def keep(self) -> None:
        """Start it, and find the document good."""
        folder = begin(self.config).folder
        assert folder is not None
        folder.keep(rules.kept(folder.state))

    def look(self) -> tuple[int | None, InForce]:
        """Which document it would run."""
        found = read_in_force(self.config)
        return (found.document.number if found.document else None), found


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Pole:
    """A box that has kept two documents."""
    found = Pole(tmp_path_factory.mktemp("pole"))
    for number in (1, 2):
        found.install(number)
        found.keep()
    return found


@pytest.fixture
def fresh(tmp_path: Path) -> Pole:
    """A box that has had none."""
    return Pole(tmp_path)


def test_without_a_document_the_local_file_speaks(fresh: Pole) -> None:
    number, found = fresh.look()
    assert (number, found.settings.report_interval_s, found.passed_over, found.is_local) == (None, 7.0, (), True)


def test_a_box_that_is_not_enrolled_believes_no_document(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text(LOCAL)
    assert effective_settings(config).report_interval_s == 7.0
    with pytest.raises(NotEnrolled):
        install_settings(config, b"")


def test_a_document_outranks_the_local_file_from_its_trial_on(fresh: Pole) -> None:
    fresh.install(1)
    number, found = fresh.look()
    assert (number, found.is_trial, found.settings.report_interval_s) == (1, True, 11.0)
    assert found.passed_over == ("report_interval_s",)
    assert found.settings.lock_memory is False
    fresh.keep()
    assert not fresh.look()[1].is_trial


def test_a_trial_that_was_rolled_back_leaves_what_there_was(fresh: Pole) -> None:
    fresh.install(1)
    folder = begin(fresh.config).folder
    assert folder is not None
    folder.keep(rules.rolled_back(folder.state, "inference"))
    assert fresh.look()[1].settings.report_interval_s == 7.0
    assert list(fresh.documents.glob("*.cose")) == [], "what was rolled back does not lie about"
    fresh.install(1)  # the same again: known, and not tried twice
    assert fresh.look()[0] is None


def test_every_start_of_a_trial_is_counted_on_the_disk_before_anything_else(fresh: Pole) -> None:
    fresh.install(1)
    seen = [begin(fresh.config).is_trial for _ in range(rules.MOST_STARTS + 1)]
    assert seen == [True] * rules.MOST_STARTS + [False]
    folder = read_in_force(fresh.config).folder
    assert folder is not None
    assert [(each.state, each.reason) for each in folder.state.owed] == [(SettingsState.ROLLED_BACK, "crashed")]


def test_a_local_file_that_no_longer_fits_takes_no_document_down_with_it(fresh: Pole) -> None:
    fresh.install(1)
    fresh.keep()
    fresh.config.write_text(LOCAL + "no_such_key = 1\n")
    with pytest.raises(BadSettings, match="no_such_key"):
        begin(fresh.config)
    fresh.config.write_text(LOCAL)
    assert fresh.look()[0] == 1


@pytest.mark.parametrize("cut_at", range(1, 5))
def test_a_power_cut_at_any_write_leaves_one_document_or_the_other(
    fresh: Pole, cut_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh.install(1)
    fresh.keep()
    write, writes = keystore.write_private, 0

    def cut(path: Path, data: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes == cut_at:
            path.with_name(f".{path.name}.new").write_bytes(data[: len(data) // 2])
            raise PowerCut
        write(path, data)

    monkeypatch.setattr(settings_folder, "write_private", cut)
    with suppress(PowerCut):
        fresh.install(2)  # two writes: the document, the state
        fresh.keep()  # two more: the start, the end of the trial
    assert writes == cut_at
    monkeypatch.undo()
    number, found = fresh.look()
    assert number in (1, 2)
    assert found.settings.report_interval_s == SIGNED[number]
    assert found.alarms == ()
    fresh.install(2)  # the broker still has it
    fresh.keep()
    assert fresh.look()[0] == 2


def test_a_lost_state_tries_the_newest_document_again_and_goes_back_to_the_one_below_it(fresh: Pole) -> None:
    fresh.install(1)
    fresh.keep()
    fresh.install(2)  # on trial, and perhaps one that brings the box down
    (fresh.documents / settings_folder.STATE).write_bytes(b"{")
    found = begin(fresh.config)
    assert found.alarms == ("the state of the settings cannot be read",)
    assert (found.is_trial, found.settings.report_interval_s) == (True, SIGNED[2])
    for _ in range(rules.MOST_STARTS):
        found = begin(fresh.config)
    assert (found.is_trial, found.settings.report_interval_s, found.alarms) == (False, SIGNED[1], ())


@pytest.fixture
def restored(pole: Pole) -> Iterator[Pole]:
    """The box, its files put back as they were."""
    before = {file: file.read_bytes() for file in pole.documents.iterdir()}
    yield pole
    for file in pole.documents.iterdir():
        file.unlink()
    for file, data in before.items():
        file.write_bytes(data)


@rounds(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(which=st.integers(0, 2), at=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), is_cut=st.booleans())
def test_no_changed_byte_makes_a_box_run_what_nobody_signed(
    restored: Pole, which: int, at: float, bit: int, is_cut: bool
) -> None:
    file = sorted(restored.documents.iterdir())[which]
    whole = file.read_bytes()
    place = int(at * len(whole))
    file.write_bytes(
        whole[:place] if is_cut else whole[:place] + bytes((whole[place] ^ 1 << bit,)) + whole[place + 1 :]
    )
    try:
        number, found = restored.look()
        assert found.settings.report_interval_s == SIGNED[number], "the local file's word came back"
        assert number is not None or NOTHING_SIGNED in found.alarms
        if file.suffix == ".cose":
            assert number == 2 or found.alarms, "a document that was changed is told"
    finally:
        file.write_bytes(whole)
    assert restored.look()[0] == 2
