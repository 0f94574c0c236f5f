"""What a box is told about itself and about where to find us: its identity.toml."""

import msgspec

from aggregator.settings import Settings


def identity_text(device: str, city: str, point: str, settings: Settings) -> str:
    """The identity file of a device under these settings."""
    boxes = settings.boxes
    pairs: dict[str, str | int] = {
        "device": device,
        "city": city,
        "point": point,
        "broker_host": boxes.broker_host,
        "broker_port": boxes.broker_port,
        "artefacts_url": boxes.artefacts_url,
        "server_name": boxes.server_name,
        "enrolment_url": boxes.enrolment_url,
    }
    # A JSON string or integer is a TOML one.
    return "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in pairs.items())
