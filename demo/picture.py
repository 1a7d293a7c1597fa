"""picture.py - the run as an SVG: lines per bucket of time, coloured by the version that served
them, with the swaps and the refusals where they happened.  Drawn from measured data only."""

import math
from collections import Counter
from html import escape

COLOURS = {"v1": "#4477aa", "v2": "#228833", "v6": "#ccbb44", "v7": "#aa3377", "pass": "#cc3311"}
OTHER = "#888888"
LABELS = {"pass": "failed call, line passed on as it was"}
TOP, BOTTOM, LEFT, RIGHT = 102, 340, 70, 20
WIDTH, HEIGHT = 1080, 410


class Buckets:
    """Counts lines per bucket and version."""

    def __init__(self, size):
        self.size = size
        self.counts = {}

    def add(self, seconds, name):
        bucket = self.counts.setdefault(int(seconds / self.size), Counter())
        bucket[name] += 1

    def highest(self):
        return max((sum(bucket.values()) for bucket in self.counts.values()), default=1)


class Panel:
    """One stretch of time with a scale of its own."""

    def __init__(self, title, buckets, begin, end, left, width):
        self.title, self.buckets = title, buckets
        self.begin, self.end = begin, max(end, begin + buckets.size)
        self.left, self.width = left, width
        self.top_rate = nice(buckets.highest() / buckets.size)

    def x(self, seconds):
        share = (seconds - self.begin) / (self.end - self.begin)
        return self.left + self.width * min(1.0, max(0.0, share))

    def y(self, rate):
        return BOTTOM - (BOTTOM - TOP) * rate / self.top_rate

    def holds(self, seconds):
        return self.begin <= seconds <= self.end


def nice(value):
    """The next 1, 2, 2.5 or 5 times a power of ten."""
    step = 10.0 ** math.floor(math.log10(max(value, 1e-6)))
    for factor in (1, 2, 2.5, 5, 10):
        if factor * step >= value:
            return factor * step
    return 10 * step


def text(x, y, words, size=12, anchor="start", colour="#222", weight="normal"):
    return ('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s" fill="%s" font-weight="%s">'
            "%s</text>" % (x, y, size, anchor, colour, weight, escape(words)))


def line(x1, y1, x2, y2, colour="#bbb", dash=None):
    return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"%s/>' % (
        x1, y1, x2, y2, colour, ' stroke-dasharray="%s"' % dash if dash else "")


def order(name):
    return (name == "pass", name)


def draw_bars(panel):
    out = []
    for index in sorted(panel.buckets.counts):
        bucket = panel.buckets.counts[index]
        begin = index * panel.buckets.size
        x1, x2 = panel.x(begin), panel.x(begin + panel.buckets.size)
        base = 0.0
        for name in sorted(bucket, key=order):
            rate = bucket[name] / panel.buckets.size
            out.append('<rect x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill="%s"/>' % (
                x1, panel.y(base + rate), max(0.5, x2 - x1), panel.y(base) - panel.y(base + rate),
                COLOURS.get(name, OTHER)))
            base += rate
    return out


def draw_axes(panel):
    out = [text(panel.left, TOP - 36, panel.title, 12, weight="bold")]
    for share in (0.25, 0.5, 0.75, 1.0):
        rate = panel.top_rate * share
        out.append(line(panel.left, panel.y(rate), panel.left + panel.width, panel.y(rate), "#e4e4e4"))
        out.append(text(panel.left - 6, panel.y(rate) + 4, "%gk" % (rate / 1000), 11, "end", "#555"))
    span = panel.end - panel.begin
    step = nice(span * 60 / panel.width)
    tick = int(panel.begin / step + 0.999) * step
    while tick <= panel.end + 1e-9:
        out.append(line(panel.x(tick), BOTTOM, panel.x(tick), BOTTOM + 4, "#555"))
        out.append(text(panel.x(tick), BOTTOM + 17, "%g s" % round(tick, 3), 11, "middle", "#555"))
        tick += step
    out.append(line(panel.left, BOTTOM, panel.left + panel.width, BOTTOM, "#555"))
    return out


def draw_marks(panel, marks):
    """marks: (asked, answered, label, accepted)"""
    out = []
    free = 0.0  # where the label before ends
    for asked, answered, label, accepted in marks:
        if not panel.holds(asked):
            continue
        row = 13 if panel.x(asked) < free else 0
        free = panel.x(asked) + 7 * len(label)
        colour = "#222" if accepted else "#cc3311"
        if not accepted:
            out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#cc3311" '
                       'fill-opacity="0.12"/>' % (panel.x(asked), TOP - 6,
                                                  max(2.0, panel.x(answered) - panel.x(asked)),
                                                  BOTTOM - TOP + 6))
        out.append(line(panel.x(asked), TOP - 6, panel.x(asked), BOTTOM, colour,
                        None if accepted else "3,3"))
        out.append(text(panel.x(asked) + 3, TOP - 10 - row, label, 11, "start", colour))
    return out


def draw_legend(names):
    out = []
    x = LEFT
    for name in sorted(names, key=order):
        out.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>' % (
            x, HEIGHT - 32, COLOURS.get(name, OTHER)))
        label = LABELS.get(name, "served by " + name)
        out.append(text(x + 17, HEIGHT - 22, label))
        x += 40 + 7 * len(label)
    return out


def draw(title, panels, marks):
    """panels: [(title, Buckets, begin, end, share of the width)] -> the SVG's text"""
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
           'font-family="system-ui, sans-serif">' % (WIDTH, HEIGHT, WIDTH, HEIGHT),
           '<rect width="%d" height="%d" fill="white"/>' % (WIDTH, HEIGHT),
           text(LEFT, 26, title, 16, weight="bold"),
           text(LEFT, 44, "lines per second", 12, colour="#555")]
    names = set()
    space = WIDTH - RIGHT
    left = LEFT
    room = space - LEFT - 60 * (len(panels) - 1)
    for panel_title, buckets, begin, end, share in panels:
        panel = Panel(panel_title, buckets, begin, end, left, room * share)
        out += draw_axes(panel) + draw_bars(panel) + draw_marks(panel, marks)
        names.update(*buckets.counts.values())
        left += panel.width + 60
    out += draw_legend(names)
    out.append("</svg>")
    return "\n".join(out) + "\n"
