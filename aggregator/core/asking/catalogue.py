"""Everything that may be asked about. The command line, the API and its description, exports and docs read it here.

No resource but `plates` shows a plate; that one needs a reason, and whoever shows it writes the audit before.
"""

from collections.abc import Mapping
from typing import Final

from aggregator.core.alerts import Act, Outcome, State
from aggregator.core.alerts import Kind as AlertKind
from aggregator.core.asking.question import Column, Measure, Resource
from aggregator.core.asking.words import WORDS
from aggregator.core.visibility import What
from protocol.messages import Kind as MessageKind

_PLACE: Final = "city point camera"
_RECEIPT: Final = "is_historical is_clock_suspect created_at received_at"
_NOT_EVENTS: Final = (MessageKind.PIECE, MessageKind.REPORT)
STEPS: Final = ("raised", "seen", "decided", "dispatched", "on_site", "closed")
# Columns by which sums make sense wherever they stand.
_GROUPS: Final = frozenset(
    (
        *(
            "city",
            "point",
            "camera",
            "device",
            "kind",
            "state",
            "quality",
            "alarm",
            "condition",
            "is_active",
            "outcome",
        ),
        *("word", "unit", "act", "actor", "decided_by", "by", "what", "line", "profile", "partner", "is_historical"),
        *(
            "is_clock_suspect",
            "is_withdrawn",
            "is_amended",
            "picture",
            "is_true",
            "was_right",
            "hotlist_version",
            "step",
        ),
        *("why", "corridor", "seen_city", "seen_point", "seen_camera", "has_plate"),
    )
)
_VALUES: Final[dict[str, tuple[str, ...]]] = {
    "quality": ("exact", "possible", "withdrawn"),
    "condition": ("blocked", "moved", "blurred", "dark", "frozen"),
    "line": ("online", "offline", "never seen"),
    "by": ("camera", "list", "reason", "reader", "quality"),
    "act": tuple(each.value for each in Act),
    "outcome": tuple(each.value for each in Outcome),
    "step": STEPS,
    "why": tuple(each.value for each in (What.ASKED, What.NEIGHBOUR, What.CORRIDOR)),
}
_ALERT_STATES: Final = tuple(each.value for each in State)
_ALERT_KINDS: Final = tuple(each.value for each in AlertKind)
_EVENT_KINDS: Final = (*(kind.slug for kind in MessageKind if kind not in _NOT_EVENTS), "equivocation")


def _columns(
    names: str, *, values: Mapping[str, tuple[str, ...]] | None = None, about: Mapping[str, str] | None = None
) -> tuple[Column, ...]:
    lists, words = {**_VALUES, **(values or {})}, about or {}
    return tuple(
        Column(
            name=name,
            kind=WORDS[name][0],
            about=words.get(name, WORDS[name][1]),
            is_group=name in _GROUPS,
            values=lists.get(name, ()),
        )
        for name in names.split()
    )


def _sum(name: str, about: str) -> Measure:
    return Measure(name=name, kind="integer", about=about, sql=f"sum({name})::bigint")


def _seconds(name: str, about: str) -> Measure:
    return Measure(name=name, kind="number", about=about, sql=f"coalesce(sum({name}), 0)::double precision")


def _n(about: str) -> Measure:
    return Measure(name="n", kind="integer", about=about, sql="count(*)")


def _percentile(name: str, share: float) -> Measure:
    about = f"Seconds within which {share:.0%} of them were done"
    sql = f"percentile_cont({share}) WITHIN GROUP (ORDER BY seconds)"
    return Measure(name=name, kind="number", about=about, sql=sql)


_COUNTS: Final = (
    _sum("vehicles", "Vehicles that passed"),
    _sum("reads", "Plates that were read"),
    _sum("unreadable", "Plates that were seen and could not be read"),
    _sum("hits", "Reads that matched an entry"),
    _sum("faces", "Faces that were covered, in the frames that were looked at for them"),
    _sum("frames_in", "Frames that came from the camera"),
    _sum("frames_processed", "Frames that were looked at"),
    _sum("sampled_out", "Frames that were left out by plan"),
    _sum("dropped", "Frames that were left out because the box was behind"),
    _sum("reconnects", "Times that the camera was connected to anew"),
    _sum("stalls", "Times that the camera stopped sending"),
    _sum("decode_errors", "Frames that could not be decoded"),
    _sum("frames_face_counted", "Frames in which faces were counted"),
    _sum("minutes", "Reports that this is made of"),
    _seconds("live_s", "Seconds that cameras sent pictures, as they reported them"),
    _seconds("reported_s", "Seconds that reports cover"),
    _seconds("coverage_s", "Seconds that cameras were seen to be live: beside a count, how much of the street it saw"),
)
_COVERAGE: Final = (
    Measure(name="cameras", kind="integer", about="Cameras that are registered", sql="count(DISTINCT (point, camera))"),
    _seconds("coverage_s", "Seconds that cameras were seen to be live"),
    _seconds("blind_s", "Seconds that nothing was seen, though the cameras were registered"),
    Measure(
        name="coverage_share",
        kind="number",
        about="Share of the time that was seen, 0 to 1",
        sql="round((sum(coverage_s) / nullif(sum(coverage_s + blind_s), 0))::numeric, 6)::double precision",
    ),
)
_REACTIONS: Final = (
    _n("How many alerts came that far"),
    _percentile("p50_s", 0.5),
    _percentile("p90_s", 0.9),
    _percentile("p99_s", 0.99),
    Measure(name="max_s", kind="number", about="Seconds that the slowest took", sql="max(seconds)"),
)
_PRECISION: Final = (
    _n("How many hits were decided on"),
    Measure(
        name="errors", kind="integer", about="How many of them were wrong", sql="count(*) FILTER (WHERE NOT was_right)"
    ),
    Measure(
        name="precision", kind="number", about="Share that was right, 0 to 1",
        sql="round(avg(was_right::int), 6)::double precision",
    ),
)  # fmt: skip
_HEALTH: Final = (
    _n("Reports"),
    Measure(name="temperature_max_c", kind="number", about="The hottest, in degrees Celsius", sql="max(temperature_c)"),
    Measure(name="disk_free_min_mb", kind="integer", about="The least free disk, megabytes", sql="min(disk_free_mb)"),
    Measure(name="cpu_share_mean", kind="number", about="Mean share of the processors in use", sql="avg(cpu_share)"),
    Measure(name="outbox_max_rows", kind="integer", about="Most messages that waited", sql="max(outbox_rows)"),
    Measure(name="clock_offset_max_ms", kind="integer", about="How far the clock was off at worst, in milliseconds",
            sql="max(abs(clock_offset_ms))"),
)  # fmt: skip

_ALL: Final = (
    Resource(
        name="events",
        about="Hits, alarms and what belongs to them, without plates",
        view="ask.event",
        columns=_columns(
            f"event kind counted_at {_PLACE} device note {_RECEIPT}",
            values={"kind": _EVENT_KINDS},
            about={
                "kind": "hit, hit-amended, alarm, evidence, evidence-unavailable, dropped, camera-condition,"
                " acceptance, ..."
            },
        ),
        time="counted_at",
        key=("counted_at", "event"),
        measures=(_n("Events"),),
        is_descending=True,
    ),
    Resource(
        name="hits",
        about="Hits as they are now, without plates; none is a fact until a person has confirmed it",
        view="ask.hit",
        columns=_columns(
            f"hit counted_at captured_at {_PLACE} device confidence quality entries reasons is_amended is_withdrawn"
            f" is_from_lookback picture {_RECEIPT}"
        ),
        time="counted_at",
        key=("counted_at", "hit"),
        measures=(_n("Hits"),),
        is_descending=True,
    ),
    Resource(
        name="plates",
        about="Hits with their plates, for a reason, audited before",
        view="ask.hit_plate",
        columns=(
            *_columns(f"hit counted_at captured_at {_PLACE} device plate observed confidence quality"),
            Column(name="entries", kind="texts", about="The entries of the hotlist that it matches"),
            *_columns(f"reasons is_amended is_withdrawn is_from_lookback picture picture_sha256 {_RECEIPT}"),
        ),
        time="counted_at",
        key=("counted_at", "hit"),
        is_descending=True,
        reason_needed=True,
        secret=("plate", "observed"),
    ),
    Resource(
        name="alerts",
        about="Alerts as they are now, without plates",
        view="ask.alert",
        columns=_columns(
            f"alert state kind word note exact possible withdrawn {_PLACE} cameras reasons first_at last_at raised_at"
            " changed_at ended_at unit outcome is_true was_right decided_at decided_by merged_into is_historical"
            " is_erased",
            values={"state": _ALERT_STATES, "kind": _ALERT_KINDS},
            about={
                "state": "new, seen, confirmed, rejected, dispatched, on_site, closed or merged",
                "kind": "hit, panic, alarm or report",
            },
        ),
        time="raised_at",
        key=("raised_at", "alert"),
        measures=(_n("Alerts"),),
        is_descending=True,
    ),
    Resource(
        name="alert-history",
        about="What happened to alerts, line by line",
        view="ask.alert_history",
        columns=_columns(
            "number at alert act state actor reason outcome unit city point kind event other",
            values={"state": _ALERT_STATES, "kind": _ALERT_KINDS},
            about={"state": "How the alert stood after it", "kind": "The alert's kind: hit, panic, alarm or report"},
        ),
        time="at",
        key=("at", "number"),
        measures=(_n("Lines"),),
        is_descending=True,
    ),
    Resource(
        name="notices",
        about="What cities were told of hits in others, without plates",
        view="ask.notice",
        columns=(
            *_columns("notice told_at city why", about={"city": "The city that was told"}),
            Column(name="reason", kind="text", about="Why the vehicle is wanted", is_group=True),
            *_columns(
                "corridor state seen_city seen_point seen_camera captured_at until_at has_plate hit",
                values={"state": ("open", "over")},
                about={"state": "open or over"},
            ),
        ),
        time="told_at",
        key=("told_at", "city", "hit"),
        measures=(_n("Notices"),),
        is_descending=True,
    ),
    Resource(
        name="alarms",
        about="Alarms: panic buttons and analytic events of cameras, their starts and their ends",
        view="ask.alarm",
        columns=_columns(f"event counted_at started_at {_PLACE} device alarm is_active note {_RECEIPT}"),
        time="counted_at",
        key=("counted_at", "event"),
        measures=(_n("Starts and ends"),),
        is_descending=True,
    ),
    Resource(
        name="conditions",
        about="Cameras whose picture went bad, or good again",
        view="ask.condition",
        columns=_columns(
            f"event counted_at since_at {_PLACE} device condition is_active sharpness_before sharpness_after"
            " brightness_before brightness_after contrast_before contrast_after edges_before edges_after"
            f" shift_px_before shift_px_after still_ms_before still_ms_after {_RECEIPT}"
        ),
        time="counted_at",
        key=("counted_at", "event"),
        measures=(_n("Times"),),
        is_descending=True,
    ),
    Resource(
        name="counts",
        about="What cameras counted, with the seconds that they saw",
        view="ask.minute",
        columns=_columns(_PLACE),
        time="at",
        measures=_COUNTS,
        shape="counts",
    ),
    Resource(
        name="coverage",
        about="How long cameras saw the street, and how long they were blind",
        view="ask.camera",
        columns=_columns(_PLACE),
        time="at",
        measures=_COVERAGE,
        shape="coverage",
    ),
    Resource(
        name="health",
        about="Health of boxes, from the report of each minute",
        view="ask.health",
        columns=_columns(
            "report counted_at city point device temperature_c disk_free_mb memory_mb cpu_share clock_offset_ms"
            " outbox_rows outbox_bytes dead_letters oldest_unreceipted_at uptime_s hotlist_version hotlist_entries"
            f" hotlist_expires_at lookback_since refused_downlinks versions from_at to_at {_RECEIPT}"
        ),
        time="counted_at",
        key=("counted_at", "report"),
        measures=_HEALTH,
        is_descending=True,
    ),
    Resource(
        name="devices",
        about="Boxes as they are now: their line, their last report, what is missing of their messages",
        view="ask.device",
        columns=_columns(
            "device city point profile state line since last_report outbox_rows dead_letters hotlist_version"
            " lookback_since temperature_c disk_free_mb clock_offset_ms missing lost forks breaks registered_at",
            values={"state": ("active", "revoked")},
            about={"state": "active or revoked"},
        ),
        key=("city", "point", "device"),
        measures=(_n("Boxes"),),
    ),
    Resource(
        name="cameras",
        about="Cameras",
        view="ask.camera",
        columns=_columns("city point camera name heading_deg lane registered_at"),
        key=("city", "point", "camera"),
        measures=(_n("Cameras"),),
    ),
    Resource(
        name="points",
        about="Street points: where a box stands",
        view="ask.point",
        columns=_columns("city point name latitude longitude time_zone partner registered_at"),
        key=("city", "point"),
        measures=(_n("Points"),),
    ),
    Resource(
        name="cities",
        about="Cities",
        view="ask.city",
        columns=_columns("city name time_zone registered_at"),
        key=("city",),
    ),
    Resource(
        name="reactions",
        about="How fast somebody reacted: seconds from when it happened, for each step that an alert takes",
        view="ask.reaction",
        columns=(
            Column(name="step", kind="text", about="The step: " + ", ".join(STEPS), is_group=True, values=STEPS),
            *_columns(
                f"{_PLACE} kind word state outcome is_historical",
                values={"state": _ALERT_STATES, "kind": _ALERT_KINDS},
                about={"kind": "hit, panic, alarm or report"},
            ),
        ),
        time="raised_at",
        measures=_REACTIONS,
        shape="reactions",
        always=("step",),
    ),
    Resource(
        name="precision",
        about="Hits that people decided on, and how many of them were wrong",
        view="ask.decision",
        columns=_columns(f"by what {_PLACE} device"),
        time="decided_at",
        measures=_PRECISION,
        shape="sums",
        always=("by", "what"),
    ),
)
CATALOGUE: Final[dict[str, Resource]] = {resource.name: resource for resource in _ALL}
