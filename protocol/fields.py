"""What a field of a message may hold.

Every field has bounds that a database column and a terminal can take: no number past 53 bits, no control characters in
text. Times are milliseconds since 1970 in UTC; shares are per mille; boxes are pixels of the full frame.
"""

from typing import Annotated, Final

import msgspec

MAX_PICTURE_BYTES: Final = 64 * 1024 * 1024
THUMBNAIL_BYTES: Final = 24 * 1024

# `\Z`, since `$` also matches before a final newline.
Id = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}\Z")]
Plate = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,12}\Z")]
Hash = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
OutboxId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]  # a version, a kind, a reason
Signed = Annotated[int, msgspec.Meta(ge=-(2**53), le=2**53)]
Ordinal = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
PictureBytes = Annotated[int, msgspec.Meta(ge=0, le=MAX_PICTURE_BYTES)]
TimeMs = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800_000)]  # to the year 2100
Permille = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,47}\Z")]
Label = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,120}\Z")]
Box = Annotated[tuple[Count, Count, Count, Count], "x1, y1, x2, y2"]
Thumbnail = Annotated[bytes, msgspec.Meta(min_length=1, max_length=THUMBNAIL_BYTES)]
