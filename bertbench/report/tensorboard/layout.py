"""What the custom-scalars page draws together: the two splits of each quality in one chart.

The baseline band will be a margin chart per quality beside these.
"""

from __future__ import annotations

import re

from tensorboard.plugins.custom_scalar.layout_pb2 import Category, Chart, Layout, MultilineChartContent

from bertbench.quantities import QUALITY
from bertbench.report.tensorboard.scalars import SPLITS, quality_tag


def layout() -> Layout:
    """One chart per quality, train and validation in it. Every run says the same, which TensorBoard merges into one."""
    charts = [Chart(title=name.replace("_", " "), multiline=_both_splits(name)) for name in QUALITY]
    return Layout(category=[Category(title="train and validation, per epoch", chart=charts)])


def _both_splits(quality: str) -> MultilineChartContent:
    # Tags are regular expressions there, matched from the left: without the end mark, loss would also draw loss_low.
    return MultilineChartContent(tag=[f"{re.escape(quality_tag(split, quality))}$" for split in SPLITS])
