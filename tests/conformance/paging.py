"""Who is sent what and when in an engagement: what the simulator plays as events, computed from intervals.

Times are minutes since the engagement started; answers come at half minutes, so that nothing happens at the same time.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Person:
    """An engagement plan: stages of a duration and targets, each a channel and its retry interval."""

    stages: list
    activated: set
    answer: float | None = None
    # When a stage of the escalation engaged the person, and whether as an essential target.
    engaged: list = field(default_factory=list)

    def answered_by(self, minute):
        return self.answer is not None and self.engaged and self.engaged[0][0] < self.answer < minute

    def essential_at(self, minute):
        return any(essential for when, essential in self.engaged if when <= minute)


def play(stages, people):
    """Engages `people` by the stages of an escalation plan: (duration, [(name, essential)])."""
    begin = 0
    for duration, targets in stages:
        answered = (person for person in people.values() if person.answered_by(begin))
        if any(person.essential_at(person.answer) for person in answered):
            return
        last = False
        for name, essential in targets:
            person = people[name]
            person.engaged.append((begin, essential))
            last |= bool(person.answered_by(begin) and person.essential_at(begin))
        if last:
            return
        begin += duration


def runs(person):
    """From when to when the person's plan runs."""
    starts = sorted({when for when, _ in person.engaged})
    answered = person.answer if person.answered_by(float("inf")) else float("inf")
    for start, end in zip(starts, [*starts[1:], float("inf")]):
        if start < answered:
            yield start, min(end, answered)


def sent(person):
    """What is sent to the person: (minute, channel)."""
    found = []
    for start, end in runs(person):
        begin = start
        for duration, targets in person.stages:
            for channel, retry in targets:
                if channel in person.activated:
                    step = retry if 0 < retry < duration else max(duration, 1)
                    times = range(begin, begin + max(duration, 1), step)
                    found += [(minute, channel) for minute in times if minute < end]
            begin += duration
    return sorted(found)


def failed(person):
    """The first minute in which it turns out that there is nothing to reach the person by."""
    for start, end in runs(person):
        usable = [
            channel for _, targets in person.stages for channel, _ in targets if channel in person.activated
        ]
        last = start + sum(duration for duration, _ in person.stages[:-1])
        if not usable and last < end:
            return last
    return None
