"""What a member answers at the origins of one partition, as arrays with a row an origin."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tradepipe.forecasting.horizons import cumulate
from tradepipe.forecasting.model import (
    ENGINES,
    BoolArray,
    FloatArray,
    IntArray,
    MeanForecast,
    VarianceForecast,
)

LARGEST_MEAN = 2.0
LARGEST_VOLATILITY = 5.0
"""Cumulative log returns beyond which a forecast is garbage: limits of the contract `member_forecasts`."""

LADDER = ("batched", "samossa", "reference", "baseline")
"""Engines from the one asked for first to the one that always runs."""

_RUNGS = {engine: rung for rung, engine in enumerate(LADDER)}
_NONE = 0


class Words:
    """Texts as numbers, so that columns of them are built from arrays. 0 is None."""

    def __init__(self) -> None:
        self.texts: list[str | None] = [None]
        self._numbers: dict[str | None, int] = {None: _NONE}

    def numbers(self, texts: Sequence[str | None]) -> IntArray:
        """The number of each text."""
        for text in set(texts) - self._numbers.keys():
            self._numbers[text] = len(self.texts)
            self.texts.append(text)
        return np.array([self._numbers[text] for text in texts], dtype=np.int64)


@dataclass(frozen=True)
class Answers:
    """Cumulative forecasts of one member, a row an origin.

    Attributes:
        mean: (origins, H); NaN where there is none.
        volatility: (origins, H).
        freedom: (origins,) of the Student t law; inf: normal.
        engine: (origins,) number in `LADDER`.
        reason: (origins,) number in `words`.
        through: (origins,) number of the session of the newest bar fitted to; -1: none.
        rests: (origins,) when the last bar of other symbols that it rests on became known (as `Bars.clock`); 0: none.
        words: of the reasons.
    """

    mean: FloatArray
    volatility: FloatArray
    freedom: FloatArray
    engine: IntArray
    reason: IntArray
    through: IntArray
    rests: IntArray
    words: Words = field(default_factory=Words)

    @classmethod
    def nothing(cls, origins: int, horizon: int) -> "Answers":
        """No answer yet."""
        return cls(
            mean=np.full((origins, horizon), np.nan),
            volatility=np.full((origins, horizon), np.nan),
            freedom=np.full(origins, np.inf),
            engine=np.full(origins, LADDER.index("baseline")),
            reason=np.zeros(origins, dtype=np.int64),
            through=np.full(origins, -1),
            rests=np.zeros(origins, dtype=np.int64),
        )

    @property
    def given(self) -> BoolArray:
        """(origins,) where there is an answer that is of use: finite, and within the contract's limits."""
        small = (np.abs(self.mean) <= LARGEST_MEAN).all(axis=1)
        sound = ((self.volatility > 0) & (self.volatility <= LARGEST_VOLATILITY)).all(axis=1)
        return np.asarray(small & sound)

    def put(
        self, at: IntArray, rows: BoolArray, mean: MeanForecast, variance: VarianceForecast, through: IntArray
    ) -> None:
        """Write what `rows` of the forecasts say to the origins `at`, one for each of these rows."""
        total, spread = cumulate(mean.mean, mean.response, variance.variance)
        self.mean[at] = total[rows]
        with np.errstate(invalid="ignore"):
            self.volatility[at] = np.sqrt(spread[rows])
        self.freedom[at] = variance.freedom[rows]
        self.engine[at] = np.maximum(_rungs(mean.engine), _rungs(variance.engine))[rows]
        if any(mean.reason) or any(variance.reason):
            self.reason[at] = self.words.numbers(said(mean.reason, variance.reason))[rows]
        self.through[at] = through

    def bounded(self) -> None:
        """Move a volatility beyond the limit to it, and say so: of the random walk, which has nothing to fall to."""
        wild = np.flatnonzero((self.volatility > LARGEST_VOLATILITY).any(axis=1))
        self.volatility[wild] = np.minimum(self.volatility[wild], LARGEST_VOLATILITY)
        note = f"extreme movement: volatility set to {LARGEST_VOLATILITY:g} where it was larger"
        self.reason[wild] = self.words.numbers([note])[0]

    def withhold_late(self, known: IntArray) -> None:
        """Take back what rests on a bar of another symbol that became known after the origin's, (origins,) `known`."""
        late = np.flatnonzero((self.rests > known) & ~np.isnan(self.mean[:, 0]))
        self.mean[late] = np.nan
        self.reason[late] = self.words.numbers(["a bar of another symbol in its window became known later"])[0]

    def left_out(self, rows: BoolArray, reason: str) -> None:
        """Say why no fit answers, at those of the origins `rows` where none does."""
        self.reason[rows & (self.through < 0)] = self.words.numbers([reason])[0]

    def stood_in_for(self, walk: "Answers", lengths: IntArray, fewest: int) -> None:
        """Where there is no answer of use, take the random walk's, and say why.

        Args:
            walk: its answers.
            lengths: (origins,) returns that a refit at the origin would see.
            fewest: returns that a refit needs.
        """
        lacking = np.flatnonzero(~self.given & walk.given)
        few, waits = f"fewer than {fewest} returns", f"waits for a refit since it had {fewest} returns, or came back"
        garbage, short, waiting = self.words.numbers(["the forecast is garbage or not finite", few, waits])
        unfitted = np.where(lengths[lacking] < fewest, short, waiting)
        withheld = np.isnan(self.mean[lacking, 0]) & (self.rests[lacking] > 0)
        told = np.where(withheld, self.reason[lacking], garbage)
        unfitted = np.where(self.reason[lacking] == _NONE, unfitted, self.reason[lacking])
        self.reason[lacking] = np.where(self.through[lacking] < 0, unfitted, told)
        for name in ("mean", "volatility", "freedom", "through"):
            getattr(self, name)[lacking] = getattr(walk, name)[lacking]
        self.engine[lacking] = LADDER.index("baseline")


def lower_engine(mean: Sequence[str], variance: Sequence[str]) -> list[str]:
    """Of each row's two engines the one further down the ladder."""
    return [LADDER[rung] for rung in np.maximum(_rungs(mean), _rungs(variance)).tolist()]


def said(mean: Sequence[str | None], variance: Sequence[str | None]) -> list[str | None]:
    """Both equations' reasons in one."""
    return [one if other is None else _joined(one, other) for one, other in zip(mean, variance, strict=True)]


def _joined(mean: str | None, variance: str) -> str:
    return f"variance: {variance}" if mean is None else f"{mean}; variance: {variance}"


def _rungs(engines: Sequence[str]) -> IntArray:
    return np.array([_RUNGS[engine] for engine in engines], dtype=np.int64)


if set(LADDER) != set(ENGINES):
    raise RuntimeError(f"the ladder has {LADDER}, the engines are {ENGINES}")
