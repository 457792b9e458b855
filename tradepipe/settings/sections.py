"""What every part of the configuration shares."""

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Interval = Literal["1m", "5m", "15m", "1h", "4h", "1d"]


def _not_negative(value: dt.timedelta) -> dt.timedelta:
    if value < dt.timedelta(0):
        raise ValueError("a duration of zero or more is expected")
    return value


Duration = Annotated[dt.timedelta, AfterValidator(_not_negative)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
