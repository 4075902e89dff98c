"""Draws docs/performance.svg, ours divided by the peers'; called by run.py.

Needs matplotlib, which the extra `bench` brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from figures import Row
from pairs import Ratios, ratios

Bar = tuple[str, str, Ratios]
"""Workload, peer, and our share of the peer's rate in each pair."""


def bars(rows: Sequence[Row]) -> list[Bar]:
    """One per workload and peer: rates only, where more is better; the kept pairs, or all where none is."""
    found = [
        (row.title, peer, ratios([pair for pair in pairs if pair.steady], key) or ratios(pairs, key))
        for row in rows
        for peer, pairs in row.against.items()
        if not row.figure.smaller_is_better and (key := row.figure.key)
    ]
    return [(title, peer, ratio) for title, peer, ratio in found if ratio]


def draw(rows: Sequence[Row], path: Path) -> bool:
    """Writes an SVG; False when there is nothing to draw. Raises ImportError without matplotlib."""
    shown = bars(rows)
    if not shown:
        return False
    import matplotlib
    from matplotlib.figure import Figure

    # Fixed ids and text as text: the same figures give the same file, and readers can search it.
    matplotlib.rcParams.update({"svg.hashsalt": "performance", "svg.fonttype": "none"})
    figure = Figure(figsize=(9, 1.2 + 0.45 * len(shown)), layout="constrained")
    axes = figure.subplots()
    _fill(axes, shown)
    figure.savefig(path, format="svg", metadata={"Date": None})
    return True


def _fill(axes, shown: Sequence[Bar]) -> None:
    peers = list(dict.fromkeys(peer for _, peer, _ in shown))
    for place, (_, peer, ratio) in enumerate(shown):
        below, above = ratio.median - min(ratio.values), max(ratio.values) - ratio.median
        color = f"C{peers.index(peer)}"
        axes.barh(place, ratio.median, xerr=[[below], [above]], color=color, alpha=0.75, capsize=3)
        axes.annotate(f" {ratio.median:.2f}", (max(ratio.values), place), va="center", fontsize=8)
    axes.set_yticks(range(len(shown)), [f"{title}\nagainst {peer}" for title, peer, _ in shown], fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel(
        "gateway / peer: above 1 the gateway does more (median; lines: smallest and largest pair)"
    )
