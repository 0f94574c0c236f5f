"""Atalaya's API from Python: rows, polars and pandas frames, and alerts as they happen.

from atalaya_client import Client

atalaya = Client("https://c4.example:8446", token_file="~/.atalaya/token", ca="~/.atalaya/ca.pem")
atalaya.counts(from_at="7d", bucket="hour", group_by=["point"], city="saltillo").polars()
"""

from atalaya_client.answer import Answer, Row
from atalaya_client.client import Client
from atalaya_client.errors import (
    AtalayaError,
    BadAnswer,
    BadQuestion,
    NotAdmitted,
    NotThere,
    Problem,
    ReasonNeeded,
    ServerBroke,
    TooBusy,
    TooLong,
    Unreachable,
)
from atalaya_client.kinds import Value
from atalaya_client.live import AlertLine, NoticeLine
from atalaya_client.question import Asked

__all__ = [
    "AlertLine",
    "Answer",
    "Asked",
    "AtalayaError",
    "BadAnswer",
    "BadQuestion",
    "Client",
    "NotAdmitted",
    "NotThere",
    "NoticeLine",
    "Problem",
    "ReasonNeeded",
    "Row",
    "ServerBroke",
    "TooBusy",
    "TooLong",
    "Unreachable",
    "Value",
]
