"""Shifts by the rule of docs/shifts.md, found slowly: day by day, from the beginning, with Python's own calendar."""

from __future__ import annotations

import bisect
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
DAY = timedelta(days=1)


def _instant(zone, date, time):
    """The instant of a wall time: of two the first, and after a gap by its length."""
    wall = datetime(date.year, date.month, date.day, time["HourOfDay"], time["MinuteOfHour"], tzinfo=zone, fold=0)
    return wall.astimezone(timezone.utc)


def _listed(recurrence, date):
    """The period a date is in, and its hand-off times."""
    if recurrence.get("DailySettings"):
        return date.toordinal(), recurrence["DailySettings"]
    if recurrence.get("WeeklySettings"):
        settings = recurrence["WeeklySettings"]
        times = [each["HandOffTime"] for each in settings if each["DayOfWeek"] == DAYS[date.weekday()]]
        return (date.toordinal() - 1) // 7, times
    is_last = (date + DAY).month != date.month
    settings = recurrence["MonthlySettings"]
    times = [
        each["HandOffTime"]
        for each in settings
        if each["DayOfMonth"] == date.day or (is_last and each["DayOfMonth"] > date.day)
    ]
    return date.year * 12 + date.month, times


def _edges(start, zone, recurrence, until):
    """The start and every hand-off after it, up to some way past `until`."""
    length = recurrence["RecurrenceMultiplier"]
    date, last = (start - 40 * DAY).date(), (until + (40 + 32 * length) * DAY).date()
    periods = {}
    while date <= last:
        period, times = _listed(recurrence, date)
        for time in times:
            periods.setdefault(_instant(zone, date, time), set()).add(period)
        date += DAY
    instants = sorted(each for each in periods if each >= start)
    first = min(periods[instants[0]])
    hand_offs = [each for each in instants if any((p - first) % length == 0 for p in periods[each])]
    return hand_offs if hand_offs[0] == start else [start, *hand_offs]


def _covered(start, zone, coverage, until):
    """What is covered, joined; none means everything."""
    if not coverage:
        return None
    found, date = [], (start - 4 * DAY).date()
    while date <= (until + 4 * DAY).date():
        for window in coverage.get(DAYS[date.weekday()], []):
            minutes = [window[side]["HourOfDay"] * 60 + window[side]["MinuteOfHour"] for side in ("Start", "End")]
            ends = date if minutes[1] > minutes[0] else date + DAY
            found.append((_instant(zone, date, window["Start"]), _instant(zone, ends, window["End"])))
        date += DAY
    joined = []
    for begin, end in sorted(each for each in found if each[0] < each[1]):
        if joined and begin <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], end)
        else:
            joined.append([begin, end])
    return joined


def shifts(members, start, zone, recurrence, overrides, begin, until):
    """The pieces that overlap a time, as the service shows them. Of several overrides the last in the list holds."""
    zone, pieces = ZoneInfo(zone), []
    count = recurrence["NumberOfOnCalls"]
    edges = _edges(start, zone, recurrence, until)
    horizon = edges[min(bisect.bisect_right(edges, until), len(edges) - 1)]
    covered = _covered(start, zone, recurrence.get("ShiftCoverages"), horizon)
    for number, (opens, closes) in enumerate(zip(edges, edges[1:])):
        if closes <= begin or opens >= until:
            continue
        regular = [members[(number * count + index) % len(members)] for index in range(count)]
        stretches = [(opens, closes)] if covered is None else covered
        for left, right in stretches:
            left, right = max(left, opens), min(right, closes)
            if left >= right:
                continue
            marks = {left, right} | {
                moment for _, a, b in overrides if a < b for moment in (a, b) if left < moment < right
            }
            marks, last = sorted(marks), None
            for a, b in zip(marks, marks[1:]):
                holds = [index for index, (_, x, y) in enumerate(overrides) if x <= a and y >= b]
                by = max(holds, default=None)
                if last is not None and last[0] == by:
                    last[1]["EndTime"] = b
                    continue
                piece = {
                    "ContactIds": regular if by is None else overrides[by][0],
                    "StartTime": a,
                    "EndTime": b,
                    "Type": "REGULAR" if by is None else "OVERRIDDEN",
                    "ShiftDetails": {"OverriddenContactIds": [] if by is None else regular},
                }
                last = [by, piece]
                pieces.append(piece)
    return [each for each in pieces if each["StartTime"] < until and each["EndTime"] > begin]
