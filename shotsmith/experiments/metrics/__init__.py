"""What is measured of answers, prompts and calls: pure functions on plain values.

An answer that could not be read is None everywhere, and counts as wrong.
"""

from .answers import METRICS, Metric, Truths, metric, metrics_for
from .calibration import BINS, Bin, Calibration, RiskCoverage, calibration, risk_coverage
from .costs import Costs, costs
from .efficiency import Efficiency, data_efficiency
from .estimates import RESAMPLES, Estimate, accuracy, difference
from .f1 import f1_columns, macro_f1_of
from .labels import LabelBias, content_free_bias, label_bias
from .places import Flips, PositionBias, copy_rate, gold_last_gain, order_flips, position_bias, recency_lift
from .votes import VoteAgreement, vote_agreement
from .words import WordErrors, word_error_rate, word_errors

__all__ = [
    "BINS",
    "METRICS",
    "RESAMPLES",
    "Bin",
    "Calibration",
    "Costs",
    "Efficiency",
    "Estimate",
    "Flips",
    "LabelBias",
    "Metric",
    "PositionBias",
    "RiskCoverage",
    "Truths",
    "VoteAgreement",
    "WordErrors",
    "accuracy",
    "calibration",
    "content_free_bias",
    "copy_rate",
    "costs",
    "data_efficiency",
    "difference",
    "f1_columns",
    "gold_last_gain",
    "label_bias",
    "macro_f1_of",
    "metric",
    "metrics_for",
    "order_flips",
    "position_bias",
    "recency_lift",
    "risk_coverage",
    "vote_agreement",
    "word_error_rate",
    "word_errors",
]
