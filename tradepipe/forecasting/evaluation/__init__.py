"""How good forecasts were: scores of each, sums that add up, tables of metrics, and plain sentences.

`scores` meets forecasts with what came; `sums` reduces scores to what adds up over any partitions;
`metrics` are made of sums; `skill` says in a sentence what they mean; `views` are for plots.
"""

from tradepipe.forecasting.evaluation.metrics import evaluate
from tradepipe.forecasting.evaluation.scores import Weigher, score_forecasts
from tradepipe.forecasting.evaluation.skill import accuracy, verdict, without_skill
from tradepipe.forecasting.evaluation.sums import LeakError, by_origin, fold, judged, loss_series, statistics

__all__ = [
    "LeakError",
    "Weigher",
    "accuracy",
    "by_origin",
    "evaluate",
    "fold",
    "judged",
    "loss_series",
    "score_forecasts",
    "statistics",
    "verdict",
    "without_skill",
]
