"""The simulated AWS as a process, its control endpoint, and the clients that judge it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import subprocess
import threading
import time
import urllib.parse

import boto3
import botocore.session
from botocore.config import Config

import answers

READY_SECONDS = 20


class ControlError(Exception):
    """The control endpoint refused a call."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


class Simulator:
    """One running simulator. It ends with this process: its standard input is ours."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [os.environ["SIMULATOR"], "--listen", "127.0.0.1:0", "--exit-with-stdin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log = []
        self._lines = queue.Queue()
        out = (self.process.stdout, self._lines.put, lambda: self._lines.put(None))
        for stream in (out, (self.process.stderr, self.log.append)):
            threading.Thread(target=_drain, args=stream, daemon=True).start()
        try:
            self.ready_line = self._lines.get(timeout=READY_SECONDS)
        except queue.Empty:
            self.ready_line = None
        if self.ready_line is None:
            self.kill()
            raise RuntimeError("no ready line; standard error:\n" + "".join(self.log))
        word, _, url = self.ready_line.strip().partition(" ")
        if word != "listening" or not url.startswith("http://127.0.0.1:"):
            self.kill()
            raise RuntimeError(f"unexpected ready line {self.ready_line!r}")
        self.url = url
        self.host = urllib.parse.urlsplit(url).netloc

    def more_output(self):
        """What came on standard output after the ready line."""
        lines = []
        while not self._lines.empty():
            lines.append(self._lines.get())
        return [line for line in lines if line is not None]

    def stop(self):
        """An orderly end: end of standard input, and the exit code."""
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            code = self.process.wait(timeout=10)
        finally:
            self.kill()
        return code

    def kill(self):
        """Gone at once, as in a power cut."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()

    def control(self, method, path, body=None, timeout=30, **query):
        """A call of the control endpoint; its JSON answer, or None for an empty one."""
        url = "/_control" + path
        query = {name: value for name, value in query.items() if value is not None}
        if query:
            url += "?" + urllib.parse.urlencode(query)
        payload = None if body is None else json.dumps(body)
        status, _, text = self.raw(method, url, payload, {"content-type": "application/json"}, timeout=timeout)
        if status >= 400:
            raise ControlError(status, text)
        return json.loads(text) if text.strip() else None

    def raw(self, method, path, body=None, headers=None, timeout=30):
        """A bare HTTP exchange: status, headers (lower case) and body as text."""
        connection = http.client.HTTPConnection(self.host, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            text = response.read().decode()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, text
        finally:
            connection.close()

    def account(self, number, *, onboard=("us-east-1",)):
        """An account of this simulator, with an active replication set unless `onboard` is empty."""
        if onboard:
            self.control("POST", f"/accounts/{number}/onboard", {"regions": list(onboard)})
        return Account(self, number)

    def advance(self, seconds):
        """Moves the simulated time."""
        self.control("POST", "/clock/advance", {"seconds": seconds})


def _drain(stream, sink, end=None):
    with stream:
        for line in stream:
            sink(line)
    if end is not None:
        end()


_CORE = None


def _session():
    # Loading the models is what costs: one core session, shared.
    global _CORE
    if _CORE is None:
        _CORE = botocore.session.Session(profile=None)
    return boto3.Session(botocore_session=_CORE)


class Account:
    """One simulated account: clients for it, and its part of the control endpoint."""

    def __init__(self, simulator, number):
        self.simulator = simulator
        self.id = number
        self.key = access_key(number)
        self._clients = {}

    def client(self, service, region="us-east-1", *, key=None, token=None, check=True, validate=True, timeout=8):
        """A boto3 client without retries whose answers are all judged against the model."""
        identity = (service, region, key, token, check, validate, timeout)
        if identity not in self._clients:
            client = _session().client(
                service,
                region_name=region,
                endpoint_url=self.simulator.url,
                aws_access_key_id=key or self.key,
                aws_secret_access_key="secret",
                aws_session_token=token,
                config=Config(
                    retries={"total_max_attempts": 1},
                    parameter_validation=validate,
                    connect_timeout=5,
                    read_timeout=timeout,
                    user_agent_extra="conformance",
                ),
            )
            if check:
                answers.watch(client)
            self._clients[identity] = client
        return self._clients[identity]

    def contacts(self, region="us-east-1", **options):
        return self.client("ssm-contacts", region, **options)

    def incidents(self, region="us-east-1", **options):
        return self.client("ssm-incidents", region, **options)

    def sts(self, region="us-east-1", **options):
        return self.client("sts", region, **options)

    def ec2(self, region="us-east-1", **options):
        return self.client("ec2", region, **options)

    def alternate_contacts(self, region="us-east-1", **options):
        return self.client("account", region, **options)

    def organization(self, *members, **rest):
        """Makes this account the management account of others."""
        body = {"members": [member.id for member in members], **rest}
        self.simulator.control("PUT", f"/accounts/{self.id}/organization", body)

    def arn(self, alias, region="us-east-1"):
        """The ARN of a contact."""
        return f"arn:aws:ssm-contacts:{region}:{self.id}:contact/{alias}"

    def knobs(self, **values):
        self.simulator.control("PUT", "/knobs", values, account=self.id)

    def fault(self, kind, **rest):
        body = {"account": self.id, "kind": kind, **rest}
        return self.simulator.control("POST", "/faults", body)["id"]

    def hold(self, operation, when, **rest):
        body = {"account": self.id, "operation": operation, "when": when, **rest}
        return Hold(self.simulator, self.simulator.control("POST", "/holds", body)["id"])

    def calls(self, **query):
        return self.simulator.control("GET", "/calls", account=self.id, **query)["calls"]

    def codes(self, channel=None):
        """Every activation code sent, in order."""
        return self.simulator.control("GET", "/codes", account=self.id, channel=channel)["codes"]

    def pages(self, **query):
        """Every page that reached a human, in order."""
        return self.simulator.control("GET", "/pages", account=self.id, **query)["pages"]

    def iam(self, **policy):
        self.simulator.control("PUT", "/iam", policy, account=self.id)


class Hold:
    """A call that will wait in the simulator until it is released."""

    def __init__(self, simulator, identity):
        self.simulator = simulator
        self.id = identity

    def state(self, wait=None):
        return self.simulator.control("GET", f"/holds/{self.id}", wait=wait)["state"]

    def release(self, drop=None):
        self.simulator.control("POST", f"/holds/{self.id}/release", drop=drop)


class Background:
    """A call made in a thread, so that the test can look at the simulator meanwhile."""

    def __init__(self, call, *arguments, **parameters):
        self.outcome = queue.Queue()

        def work():
            try:
                self.outcome.put((call(*arguments, **parameters), None))
            except Exception as error:  # noqa: BLE001 - handed to the waiting test
                self.outcome.put((None, error))

        threading.Thread(target=work, daemon=True).start()

    def running(self):
        return self.outcome.empty()

    def result(self, timeout=15):
        value, error = self.outcome.get(timeout=timeout)
        if error is not None:
            raise error
        return value


def access_key(number):
    """An access key id from which the simulator reads the account."""
    return f"AKIA{number}TEST"


def eventually(probe, seconds=10):
    """The first true answer of `probe`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.02)
