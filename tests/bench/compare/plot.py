"""Plots of a report as SVG."""

import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 960, 330, 160, 26, 64
INK, FAINT, GRID = "#1f2933", "#66727f", "#dde2e7"
COLOURS = {"zrbridge": "#d1495b", "peer": "#7b8794", "limit": "#c3cad1"}
KINDS = {"zeromq": "limit", "forward": "limit", "zadd": "limit", "streams_read": "peer", "streams_group": "peer",
         "streams_crowd": "peer", "script": "peer", "jetstream_ordered": "peer", "jetstream_pull": "peer",
         "jetstream_publish": "peer", "beanstalkd": "peer"}

#  Rows of the second plot: title, figures of p50 and p99.
LATENCIES = (("ZeroMQ round trip", "zeromq_p50", "zeromq_p99"), ("Redis round trip", "redis_p50", "redis_p99"),
             ("zrbridge, one at a time", "one_p50", "one_p99"),
             ("zrbridge, one at a time, spin_us = 50", "spinning_p50", "spinning_p99"),
             ("zrbridge, half its peak rate", "half_p50", "half_p99"))


def _text(x, y, text, anchor="start", colour=INK, size=13, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}" '
            f'font-weight="{weight}">{escape(text)}</text>')


def _line(x, y, x2, y2, colour, width=1.0):
    return (f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"/>')


def _legend(entries, y):
    """entries: (colour, text), from left to right."""
    parts, x = [], LEFT
    for colour, text in entries:
        parts += [f'<circle cx="{x + 5}" cy="{y - 4}" r="5" fill="{colour}"/>', _text(x + 16, y, text, colour=FAINT)]
        x += 34 + 7 * len(text)
    return parts


def _frame(title, rows, parts):
    height = TOP + rows * ROW + 40
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', _text(16, 26, title, size=16, weight="bold"),
        *parts, "</svg>", ""])


def _step(most):
    """Of an axis's marks: 1, 2 or 5 times a power of ten, for at most six of them."""
    power = 10 ** math.floor(math.log10(most / 6))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 6 >= most)


def rates(report):
    """A bar for each rate, the fastest first, with a line from the least to the greatest of the rounds."""
    rows = sorted((row for row in report.figures() if row[1] == "/s" and not row[0].endswith(("_small", "_large"))),
                  key=lambda row: -row[3])
    most = max((row[5] for row in rows), default=1)
    scale = (WIDTH - LEFT - RIGHT) / most
    bottom, step = TOP + len(rows) * ROW, _step(most)
    parts = _legend([(COLOURS["zrbridge"], "zrbridge"), (COLOURS["peer"], "peer"), (COLOURS["limit"], "limit")], 48)
    for mark in range(int(most / step) + 1):
        x = LEFT + mark * step * scale
        parts += [_line(x, TOP, x, bottom, GRID), _text(x, bottom + 18, f"{mark * step:,.0f}", "middle", FAINT, 11)]
    for index, (name, _, title, median, least, greatest) in enumerate(rows):
        y = TOP + index * ROW
        kind = KINDS.get(name, "zrbridge")
        parts += [_text(LEFT - 10, y + 18, title, "end"),
                  f'<rect x="{LEFT}" y="{y + 4}" width="{max(1, median * scale):.1f}" height="{ROW - 8}" '
                  f'fill="{COLOURS[kind]}"/>',
                  _line(LEFT + least * scale, y + ROW / 2, LEFT + greatest * scale, y + ROW / 2, INK, 1.5),
                  _text(LEFT + greatest * scale + 8, y + 18, f"{median:,.0f}", colour=FAINT, size=12)]
    return _frame("Messages of 100 bytes a second", len(rows), parts)


def latencies(report):
    """A dot for p50 and one for p99 of each row, by powers of ten."""
    medians = {row[0]: row[3] for row in report.figures()}
    rows = [(title, medians[p50], medians[p99]) for title, p50, p99 in LATENCIES if p50 in medians]
    low = math.floor(math.log10(min((row[1] for row in rows), default=1)))
    high = math.ceil(math.log10(max((row[2] for row in rows), default=10)))
    scale = (WIDTH - LEFT - RIGHT) / max(1, high - low)
    bottom = TOP + len(rows) * ROW
    parts = _legend([(COLOURS["peer"], "p50"), (INK, "p99")], 48)
    for power in range(low, high + 1):
        x = LEFT + (power - low) * scale
        parts += [_line(x, TOP, x, bottom, GRID),
                  _text(x, bottom + 18, f"{10.0 ** power:,.0f} µs", "middle", FAINT, 11)]
    for index, (title, p50, p99) in enumerate(rows):
        y = TOP + index * ROW + ROW / 2
        xs = [LEFT + (math.log10(value) - low) * scale for value in (p50, p99)]
        parts += [_text(LEFT - 10, y + 5, title, "end"), _line(*[xs[0], y, xs[1], y], FAINT, 1.5),
                  f'<circle cx="{xs[0]:.1f}" cy="{y:.1f}" r="6" fill="{COLOURS["peer"]}"/>',
                  f'<circle cx="{xs[1]:.1f}" cy="{y:.1f}" r="6" fill="{INK}"/>',
                  _text(xs[1] + 12, y + 5, f"{p50:,.0f} / {p99:,.0f} µs", colour=FAINT, size=12)]
    return _frame("Latency: p50 and p99", len(rows), parts)
