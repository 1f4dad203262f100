#!/usr/bin/env python3
"""Furnishes a simulated account as years of work by many hands leave one: 300 people, 40 schedules, 50 rotations, overrides, 20 escalation
plans, and things that were made badly. The same seed gives the same account, but for the ids that AWS assigns.

    AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_ACCESS_KEY_ID=… $(tests/conformance/python) tests/furnish/account.py

AWS_ENDPOINT_URL must be a simulator's: activation codes come from its control endpoint. Prints as JSON what was made, and what of it no
manifest can say.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
TEAMS = ["payments", "search", "checkout", "platform", "data"]
ZONES = ["Europe/London", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "America/Sao_Paulo"]
# Letters, digits and spaces of many scripts: what AWS takes in a display name. No emoji and no combining marks: it takes none.
NAMES = [
    ("Ana", "Silva"), ("Zoë", "Müller-Lüdenscheidt"), ("Алиса", "Иванова"), ("渡辺", "あきこ"), ("김", "민준"), ("محمد", "علي"), ("יעל", "כהן"),
    ("Γιώργος", "Παπαδόπουλος"), ("Søren", "Ødegård"), ("陈", "静"), ("Nguyễn", "Văn A."), ("O", "Hara 3rd"), ("Şükrü", "Çağlar"), ("Jean-Luc", "D"),
]
# What YAML takes for something else when it stands bare.
TRAPS = ["yes", "null", "007", "1e3", "0x1F", "2026-01-05", "12.30", "no", "-", "_", "Ⅷ", "on"]
CHANNELS = ["mobile", "Мобильный", "携帯電話", "Handy 1", "work.phone", "العمل", "bureau_2", "no", "123"]


class Control:
    """The simulator's control endpoint."""

    def __init__(self, endpoint, account):
        self.endpoint, self.account = endpoint, account
        # Never through a proxy: it is on this machine.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.endpoint}/_control{path}", data, {"content-type": "application/json"}, method=method)
        with self.opener.open(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def code(self, channel):
        return self.call("GET", f"/codes?account={self.account}&channel={channel}")["codes"][-1]["code"]

    def knob(self, name, value):
        self.call("PUT", f"/knobs?account={self.account}", {name: value})


class Account:
    """What is made, and what is expected of it."""

    def __init__(self, arguments):
        self.random = random.Random(arguments.seed)
        self.teams = [arguments.team_prefix + team for team in TEAMS]
        self.now = datetime.now(timezone.utc).replace(microsecond=0)
        self.client = boto3.client(
            "ssm-contacts",
            region_name=arguments.region,
            config=Config(proxies={}, retries={"total_max_attempts": 1}, max_pool_connections=8, parameter_validation=False),
        )
        self.control = Control(os.environ["AWS_ENDPOINT_URL"].rstrip("/"), arguments.account)
        self.people, self.schedules, self.rotations = [], [], []
        # Alias (of a rotation in no schedule: its name) -> a word of the reason.
        self.nothing, self.in_part, self.by_arn = {}, {}, {}
        self.overrides = 0

    def arn(self, alias):
        return self.people[0].rsplit("/", 1)[0] + "/" + alias

    # People --------------------------------------------------------------------------------------------------------------------------------

    def aliases(self, count):
        """Names as people give them: valid ones, with underscores, beginning or ending badly, some that differ in nothing else, long ones."""
        odd = [
            "a_b", "a-b", "a__b", "_a_b", "a_b_", "-a-b", "a-b-", "_", "__", "-", "7", "007", "null", "true", "x" * 63, "x" * 64,
            "y_" * 127, "z" * 255, "secrets", "default", "night_shift_", "kube-system",
        ]
        given = ["ana", "zoe", "alisa", "akiko", "minjun", "ali", "yael", "giorgos", "soren", "jing", "van_a", "ohara", "sukru", "jean-luc"]
        plain = [f"{given[number % len(given)]}{['-', '_', ''][number % 3]}{number:03}" for number in range(count - len(odd))]
        return odd + plain

    def person(self, number, alias, dice):
        first, last = NAMES[number % len(NAMES)]
        display = TRAPS[number % len(TRAPS)] if number % 9 == 0 else f"{first} {last} {number}"
        tags = [{"Key": "cost-centre", "Value": f"{number % 7}/{last[:1] if last[:1].isalpha() else 'x'}"}]
        # Some belong to no team.
        if number % 10:
            tags.append({"Key": "team", "Value": self.teams[number % len(self.teams)]})
        rest = {} if number % 13 == 0 else {"DisplayName": display}
        arn = self.client.create_contact(Alias=alias, Type="PERSONAL", Plan={"Stages": []}, Tags=tags, **rest)["ContactArn"]
        channels = []
        for place, kind in enumerate([dice.choice(["SMS", "VOICE"]), "EMAIL"]):
            name = CHANNELS[(number + 4 * place) % len(CHANNELS)]
            address = f"person{number}.{place}@example.com" if kind == "EMAIL" else f"+1500{number:07}"
            activated = dice.random() < 0.6
            channel = self.channel(arn, name, kind, address, activated)
            channels.append(channel)
        stages = []
        if number % 17:
            use = lambda channel, retry: {"ChannelTargetInfo": {"ContactChannelId": channel, **retry}}
            retry = {} if number % 4 == 0 else {"RetryIntervalInMinutes": number % 6}
            stages = [{"DurationInMinutes": number % 31, "Targets": [use(channels[0], retry)]}]
            if number % 3 == 0:
                stages.insert(0, {"DurationInMinutes": 5, "Targets": []})
            # Every fifth channel by mail is outside the plan.
            if number % 5:
                stages.append({"DurationInMinutes": 30, "Targets": [use(channels[1], {}), use(channels[0], {})]})
            self.client.update_contact(ContactId=arn, Plan={"Stages": stages})
        return arn, channels

    def channel(self, person, name, kind, address, activated=False):
        made = self.client.create_contact_channel(
            ContactId=person, Name=name, Type=kind, DeliveryAddress={"SimpleAddress": address}, DeferActivation=not activated
        )["ContactChannelArn"]
        if activated:
            self.client.activate_contact_channel(ContactChannelId=made, ActivationCode=self.control.code(made))
        return made

    def make_people(self, count):
        aliases = self.aliases(count)
        dice = [random.Random(self.random.random()) for _ in aliases]
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(self.person, range(count), aliases, dice))
        self.people = [arn for arn, _ in made]
        self.spoil_people(aliases, [channels for _, channels in made])

    def spoil_people(self, aliases, channels):
        """Things that were made badly. The last people are on call nowhere, so that nothing else is spoilt with them."""
        count = len(aliases)
        rename = lambda channel, name: self.client.update_contact_channel(ContactChannelId=channel, Name=name)
        bad = count - 1
        # A plan that uses a channel which was deleted since.
        for number in (bad, bad - 1, bad - 2):
            plan = [{"DurationInMinutes": 5, "Targets": [{"ChannelTargetInfo": {"ContactChannelId": channels[number][0]}}]}]
            self.client.update_contact(ContactId=self.people[number], Plan={"Stages": plan})
            self.client.delete_contact_channel(ContactChannelId=channels[number][0])
            self.nothing[aliases[number]] = "deleted"
        # A channel whose name holds the address, in the plan and outside it.
        number = bad - 3
        plan = [{"DurationInMinutes": 5, "Targets": [{"ChannelTargetInfo": {"ContactChannelId": channels[number][0]}}]}]
        self.client.update_contact(ContactId=self.people[number], Plan={"Stages": plan})
        rename(channels[number][0], f"phone 1500{number:07}")
        self.nothing[aliases[number]] = "holds an address"
        number = bad - 4
        self.client.update_contact(ContactId=self.people[number], Plan={"Stages": []})
        rename(channels[number][0], f"1500{number:07}")
        self.in_part[aliases[number]] = "holds an address"
        # More tags than leave room for ours.
        number = bad - 5
        tags = [{"Key": f"tag-{index}", "Value": "x"} for index in range(46)]
        self.client.tag_resource(ResourceARN=self.people[number], Tags=tags)
        self.nothing[aliases[number]] = "tags"

    # Schedules -----------------------------------------------------------------------------------------------------------------------------

    def recurrence(self, number, members):
        dice, at = self.random, lambda hour, minute=0: {"HourOfDay": hour, "MinuteOfHour": minute}
        kind = number % 3
        if kind == 0:
            times = dice.sample(range(24), 1 + number % 3)
            settings = {"DailySettings": [at(hour, dice.choice([0, 30])) for hour in times]}
        elif kind == 1:
            days = dice.sample(DAYS, 1 + number % 4)
            settings = {"WeeklySettings": [{"DayOfWeek": day, "HandOffTime": at(dice.randrange(24))} for day in days]}
        else:
            days = dice.sample([1, 10, 15, 28, 29, 30, 31], 1 + number % 2)
            settings = {"MonthlySettings": [{"DayOfMonth": day, "HandOffTime": at(9, 15)} for day in days]}
        window = lambda start, end: {"Start": at(*start), "End": at(*end)}
        coverages = [
            None,
            {day: [window((9,), (17,))] for day in DAYS[:5]},
            {day: [window((22,), (6,))] for day in DAYS},
            {day: [window((8,), (12,)), window((13, 30), (18,))] for day in DAYS[:5]},
            {"SAT": [window((0,), (0,))], "SUN": [window((0,), (0,))]},
            None,
        ]
        if coverages[number % 6]:
            settings["ShiftCoverages"] = coverages[number % 6]
        return {"NumberOfOnCalls": 1 + (number % 7 == 0 and members > 1), "RecurrenceMultiplier": 1 + number % 4, **settings}

    def rotation(self, number, name, members, tags=()):
        start = datetime(2024 + number % 3, 1 + number % 11, 1 + number % 28, number % 24, tzinfo=timezone.utc)
        made = self.client.create_rotation(
            Name=name,
            ContactIds=members,
            StartTime=start,
            TimeZoneId=ZONES[number % len(ZONES)],
            Recurrence=self.recurrence(number, len(members)),
            Tags=[{"Key": key, "Value": value} for key, value in tags],
        )["RotationArn"]
        self.rotations.append((made, members))
        return made

    def schedule(self, alias, rotations, team=None, display=None):
        tags = [{"Key": "team", "Value": team}] if team else []
        rest = {"DisplayName": display} if display else {}
        made = self.client.create_contact(Alias=alias, Type="ONCALL_SCHEDULE", Plan={"RotationIds": rotations}, Tags=tags, **rest)["ContactArn"]
        self.schedules.append(made)
        return made

    def make_schedules(self):
        # 40 schedules and 50 rotations: 29 with one, seven with two, and the odd ones below.
        members = lambda number: self.random.sample(self.people[:-10], 1 + number % 6)
        counts = [1] * 29 + [2] * 7
        number = 0
        for index, count in enumerate(counts):
            alias = [f"{TEAMS[index % 5]}-primary-{index}", f"{TEAMS[index % 5]}_secondary_{index}", f"s{index}-" + "long" * 40][index % 3]
            team = self.teams[index % 5] if index % 8 else None
            rotations = []
            for _ in range(count):
                # Names need not be unique in an account.
                name = ["week days", "Nights.1", "follow_the-sun", f"rotation {number}"][number % 4]
                if count > 1:
                    name += f" {number}"
                tags = [("team", team)] if team and number % 2 else []
                rotations.append(self.rotation(number, name, members(number), tags))
                number += 1
            self.schedule(alias, rotations, team, TRAPS[index % len(TRAPS)] if index % 4 == 0 else f"当番 {index}")
        self.schedule("empty-schedule", [])
        # In two schedules: it belongs to the one whose ARN comes first.
        shared = self.rotations[0][0]
        own = self.rotation(number, "own", members(3))
        self.schedule("zz-shares", [shared, own])
        self.in_part["zz-shares"] = "is in the schedule"
        twins = [self.rotation(number + 1 + twin, "twin", members(2 + twin)) for twin in range(2)]
        single = self.rotation(number + 3, "single", members(4))
        self.schedule("zz-twins", [*twins, single])
        self.in_part["zz-twins"] = "same name"
        lonely = self.rotation(number + 4, "lonely rotation", members(2))
        self.nothing["lonely rotation"] = "in no schedule"
        self.override(lonely, self.rotations[-1][1][:1], DAY, counted=False)
        # A rotation that has a tag otherwise than its schedule, and one that only it has.
        self.client.tag_resource(ResourceARN=own, Tags=[{"Key": "only-here", "Value": "1"}])
        # A zone that is an offset, which a manifest does not take.
        coded = self.rotation(number + 5, "coded", members(3))
        self.client.update_rotation(RotationId=coded, TimeZoneId="Etc/GMT-5", Recurrence=self.recurrence(number + 5, 1))
        alias = "payments-primary-0"
        held = self.client.get_contact(ContactId=self.arn(alias))["Plan"]["RotationIds"]
        self.client.update_contact(ContactId=self.arn(alias), Plan={"RotationIds": [*held, coded]})
        self.in_part[alias] = "Etc/GMT-5"
        tagged = self.arn("checkout-primary-12")
        self.client.tag_resource(ResourceARN=tagged, Tags=[{"Key": "tier", "Value": "1"}])
        rotation = self.client.get_contact(ContactId=tagged)["Plan"]["RotationIds"][0]
        self.client.tag_resource(ResourceARN=rotation, Tags=[{"Key": "tier", "Value": "2"}])
        self.in_part["checkout-primary-12"] = "tag tier"
        # A member who has left.
        self.leaver()

    def leaver(self):
        gone = self.client.create_contact(Alias="left-long-ago", Type="PERSONAL", Plan={"Stages": []})["ContactArn"]
        rotation = self.rotation(2, "with a leaver", [self.people[30], gone, self.people[31]])
        self.schedule("zz-leaver", [rotation])
        self.control.knob("delete_contact_in_rotation", "succeed")
        self.client.delete_contact(ContactId=gone)
        self.control.knob("delete_contact_in_rotation", "conflict")
        self.by_arn["zz-leaver"] = gone

    # Overrides -----------------------------------------------------------------------------------------------------------------------------

    def override(self, rotation, people, start, length=3 * HOUR, counted=True):
        begin = self.now + start
        self.client.create_rotation_override(RotationId=rotation, NewContactIds=people, StartTime=begin, EndTime=begin + length)
        self.overrides += counted

    def make_overrides(self):
        # The first rotations, each in a schedule of its own.
        turns = self.rotations[:31]
        for number in range(4):
            rotation, members = turns[number]
            self.override(rotation, members[:1], -(number + 2) * 10 * DAY, counted=False)
        for number in range(4, 9):
            rotation, members = turns[number]
            self.override(rotation, members[-1:], -2 * HOUR, 3 * DAY)
        for number in range(9, 20):
            rotation, members = turns[number]
            self.override(rotation, members[: 1 + number % 3], number * 5 * DAY, number * HOUR)
        # Nobody at all; one above the other; the same twice.
        rotation, members = turns[20]
        self.override(rotation, [], 7 * DAY)
        rotation, members = turns[21]
        self.override(rotation, members[:1], 8 * DAY, 10 * HOUR)
        self.override(rotation, members[-1:], 8 * DAY + 2 * HOUR, 2 * HOUR)
        rotation, members = turns[22]
        for _ in range(2):
            self.override(rotation, members[:1], 9 * DAY)

    # Escalation plans ----------------------------------------------------------------------------------------------------------------------

    def plan(self, alias, stages, team=None):
        tags = [{"Key": "team", "Value": team}] if team else []
        self.client.create_contact(Alias=alias, Type="ESCALATION", Plan={"Stages": stages}, DisplayName=f"Эскалация {alias[:20]}", Tags=tags)

    def make_plans(self, count):
        engage = lambda arn, essential=False: {"ContactTargetInfo": {"ContactId": arn, "IsEssential": essential}}
        for number in range(count - 4):
            stages = [{"DurationInMinutes": 5, "Targets": []}] if number % 4 == 0 else []
            stages.append({"DurationInMinutes": number, "Targets": [engage(self.schedules[number], number % 2 == 0)]})
            for level in range(number % 3):
                people = [engage(person) for person in self.people[number + 40 * level : number + 40 * level + 2]]
                stages.append({"DurationInMinutes": 0 if level else 15, "Targets": people})
            self.plan([f"{TEAMS[number % 5]}-escalation-{number}", f"escalate_{number}_"][number % 2], stages, self.teams[number % 5])
        # Nobody, somebody who is gone, a schedule that is gone, somebody who has no manifest.
        self.plan("empty-plan", [])
        self.nothing["empty-plan"] = "no stage"
        for alias, kind, plan in (("gone-person", "PERSONAL", {"Stages": []}), ("gone-schedule", "ONCALL_SCHEDULE", {"RotationIds": []})):
            gone = self.client.create_contact(Alias=alias, Type=kind, Plan=plan)["ContactArn"]
            self.plan(f"names-{alias}", [{"DurationInMinutes": 5, "Targets": [engage(gone), engage(self.people[50])]}])
            self.client.delete_contact(ContactId=gone)
            self.by_arn[f"names-{alias}"] = gone
        self.plan("names-nobody-s", [{"DurationInMinutes": 5, "Targets": [engage(self.people[-1])]}])
        self.by_arn["names-nobody-s"] = self.people[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--account", default="123456789012")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--people", type=int, default=300, help="at least 110")
    parser.add_argument("--plans", type=int, default=20)
    parser.add_argument("--team-prefix", default="", help="stands before the value of every tag \"team\"")
    arguments = parser.parse_args()
    account = Account(arguments)
    account.make_people(arguments.people)
    account.make_schedules()
    account.make_overrides()
    account.make_plans(arguments.plans)
    print(
        json.dumps(
            {
                "people": len(account.people),
                "schedules": len(account.schedules),
                "rotations": len(account.rotations),
                "plans": arguments.plans,
                "overrides": account.overrides,
                "nothing": account.nothing,
                "inPart": account.in_part,
                "byArn": account.by_arn,
            }
        )
    )


if __name__ == "__main__":
    main()
