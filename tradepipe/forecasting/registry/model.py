"""What the registry knows: versions of members, where they are active, what happened to them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from tradepipe.store.model import Input

Status = Literal["candidate", "active", "retired"]
Happening = Literal["registered", "promoted", "displaced", "rolled_back", "returned", "retired", "superseded"]
Metric = Literal["log_score", "qlike", "rmse_ratio", "hit_rate", "sharpe", "win_rate"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
LESS_IS_BETTER: Final = frozenset({"qlike", "rmse_ratio"})
RULE: Final = "rule"
"""Who acts where no person does."""


@dataclass(frozen=True)
class Version:
    """A member as it was fitted for one partition: specs, code and the parameters of all symbols.

    Attributes:
        market: where it forecasts.
        id: `member/partition/hex8`; the digest covers specs, code version and all parameters.
        member: its name in the `model` column.
        partition: the partition of `member_forecasts` that it made.
        mean: text of the mean equation's spec.
        variance: text of the variance equation's spec.
        engines: share of the fits, by engine.
        parameters: by name, the least, the median and the most over symbols and refits. All of them are in `fits`.
        fits: the generation of `member_forecasts.fits` that holds every parameter.
        first_session: of the training windows.
        last_session: of the training windows.
        code_version: of the layer that fitted it.
        data: the generations it was trained on.
    """

    market: str
    id: str
    member: str
    partition: str
    mean: str
    variance: str
    engines: Mapping[str, float]
    parameters: Mapping[str, tuple[float, float, float]]
    fits: Input
    first_session: dt.date
    last_session: dt.date
    code_version: str
    data: tuple[Input, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Registered:
    """A version in the registry. `version.data` is empty: `ModelRegistry.data` reads it.

    Attributes:
        version: what was registered.
        number: in the order of registration.
        status: active as long as it is active in any regime.
        regimes: where it is active.
        supersedes: the version that an earlier content of the same partition had.
        superseded_by: the version that the partition's present content has; None: this one.
        registered_at: UTC.
        run_id: of the run that made it.
    """

    version: Version
    number: int
    status: Status
    regimes: tuple[str, ...]
    supersedes: str | None
    superseded_by: str | None
    registered_at: dt.datetime
    run_id: str | None

    @property
    def id(self) -> str:
        return self.version.id


@dataclass(frozen=True)
class Event:
    """Something that happened to a version. `regime` is None where it is about all of them.

    Attributes:
        seq: order of happening.
        at: UTC.
        who: a person's name, or `rule`.
        why: the reason given, or what the rule saw.
        evidence: newest evaluation partition known then.
    """

    seq: int
    at: dt.datetime
    who: str
    why: str
    happening: Happening
    market: str
    version: str
    regime: str | None
    before: Status | None
    after: Status
    evidence: str | None
    run_id: str | None


@dataclass(frozen=True)
class Activation:
    """One of the places in a regime, and who holds it since when. `evidence` as in `Event`."""

    market: str
    regime: str
    slot: int
    version: str
    member: str
    since: dt.datetime
    who: str
    why: str
    evidence: str | None


@dataclass(frozen=True)
class Standing:
    """A model in one regime as the rule sees it.

    Attributes:
        version: its newest version that nobody took out.
        partition: of that version; the earlier is the older one.
        number: of its registration.
        value: the metric over all versions of the model in the evaluation partitions that count, all horizons.
        score: the metric over the random walk's in the same partitions, regime and horizons; more is better.
        forecasts: judged in the partitions that count.
        refusal: why it is not eligible; None if it is.
    """

    regime: str
    version: str
    member: str
    partition: str
    number: int
    value: float | None
    score: float | None
    forecasts: int
    refusal: str | None
