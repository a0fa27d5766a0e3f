#!/usr/bin/env python3
"""Live answers against config/openapi.yaml: every path, every kind of answer."""

import json
import pathlib
import sys

import jsonschema
import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
import payments
import tap
from appliance import TREE, Appliance

SPEC = TREE / "config/openapi.yaml"
JSON, PROBLEM = "application/json", "application/problem+json"

# (method, path, body, expected status)
CASES = (
    ("GET", "/v1/health/live", None, 200),
    ("GET", "/v1/health/ready", None, 200),
    ("GET", "/v1/version", None, 200),
    ("POST", "/v1/decisions", payments.body(1), 200),
    ("POST", "/v1/decisions", json.dumps(payments.batch(range(5))), 200),
    ("POST", "/v1/decisions", "{", 400),
    ("POST", "/v1/decisions", '{"id": "\\ud800"}', 400),
    ("POST", "/v1/decisions", payments.body(2, id=None), 422),
    ("POST", "/v1/decisions", payments.body(3, amount={"value": "1", "currency": "XXQ"}), 422),
    ("POST", "/v1/decisions", json.dumps({"transactions": []}), 422),
    ("POST", "/v1/decisions", json.dumps(payments.batch(range(65))), 413),
    ("POST", "/v1/decisions", payments.body(104, device="d-5", payee="acc-9", deadline_us=60000000),
     200),
    ("POST", "/v1/decisions", payments.body(5, deadline_us=0), 422),
    ("POST", "/v1/decisions", payments.body(1, card="tok-other"), 409),
    ("POST", "/v1/decisions", payments.body(106, time="2200-01-01T00:00:00Z"), 422),
)

# Bodies of the other routes: what the description takes, and what it must not take.
LABEL = {"id": "p-1", "label": "fraud"}
EDIT = {"list": "blocked_merchants", "value": "m-9"}
LATER = "2026-12-01T00:00:00Z"
BODIES = (
    ("/v1/labels", LABEL, True),
    ("/v1/labels", LABEL | {"caller": "spiffe://bank/cards"}, True),
    ("/v1/labels", {"labels": [LABEL, LABEL | {"label": "none"}]}, True),
    ("/v1/labels", {"labels": []}, False),
    ("/v1/labels", LABEL | {"label": "Fraud"}, False),
    ("/v1/labels", {"id": "p-1"}, False),
    ("/v1/labels", LABEL | {"note": "x"}, False),
    ("/v1/lists", EDIT, True),
    ("/v1/lists", EDIT | {"expires": LATER}, True),
    ("/v1/lists", EDIT | {"remove": False, "expires": LATER}, True),
    ("/v1/lists", {"edits": [EDIT, EDIT | {"remove": True}]}, True),
    ("/v1/lists", EDIT | {"remove": True, "expires": LATER}, False),
    ("/v1/lists", EDIT | {"value": ""}, False),
    ("/v1/lists", {"list": "blocked_merchants"}, False),
)


def resolve(spec, node):
    """Follows one local $ref."""
    while "$ref" in node:
        here = spec
        for step in node["$ref"].removeprefix("#/").split("/"):
            here = here[step]
        node = here
    return node


def schema_of(spec, method, path, status, media):
    operation = spec["paths"][path][method.lower()]
    answers = operation["responses"]
    tap.check(str(status) in answers or "default" in answers,
              f"{method} {path} does not describe {status}")
    answer = resolve(spec, answers.get(str(status)) or answers["default"])
    tap.check(media in answer["content"], f"{method} {path} {status} does not describe {media}")
    return answer["content"][media]["schema"]


def validate(spec, schema, value):
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema,
                "components": spec.get("components", {})}
    jsonschema.Draft202012Validator(document).validate(value)


def load():
    tap.check(SPEC.exists(), f"{SPEC.relative_to(TREE)} is missing")
    return yaml.safe_load(SPEC.read_text())


def test_answers(appliance):
    """every answer is as the description says"""
    spec = load()
    for method, path, body, expected in CASES:
        caller = appliance.caller()
        status, headers, text = caller.request(method, path, body)
        caller.close()
        what = f"{method} {path} {(body or '')[:60]}"
        tap.same(status, expected, f"status of {what}: {text[:300]!r}")
        media = headers.get_content_type()
        tap.same(media, JSON if status < 400 else PROBLEM, f"media type of {what}")
        validate(spec, schema_of(spec, method, path, status, media), json.loads(text))


def test_requests(appliance):
    """the description accepts the payments that the appliance accepts"""
    spec = load()
    node = resolve(spec, spec["paths"]["/v1/decisions"]["post"]["requestBody"])
    schema = node["content"][JSON]["schema"]
    validate(spec, schema, payments.payment(1))
    validate(spec, schema, payments.batch(range(3)))
    for wrong in (payments.payment(1, id=None), payments.payment(1, id=7),
                  payments.payment(1, amount={"value": 12.5, "currency": "EUR"})):
        try:
            validate(spec, schema, wrong)
        except jsonschema.ValidationError:
            caller = appliance.caller()
            tap.same(caller.post("/v1/decisions", wrong)[0], 422, f"status of {wrong}")
            caller.close()
        else:
            raise tap.Failed(f"the description accepts {wrong}")


def test_bodies(appliance):
    """the description takes labels and list edits as the decoder does"""
    spec = load()
    for path, body, good in BODIES:
        node = resolve(spec, spec["paths"][path]["post"]["requestBody"])
        try:
            validate(spec, node["content"][JSON]["schema"], body)
        except jsonschema.ValidationError as error:
            tap.check(not good, f"{path} refuses {body}: {error.message}")
        else:
            tap.check(good, f"{path} accepts {body}")
        caller = appliance.caller()
        status, answer = caller.post(path, body)
        caller.close()
        tap.same(status, 200 if good else 422, f"status of {path} with {body} ({answer})")


def test_rights(appliance):
    """labels and lists ask for rights of their own"""
    spec = load()
    for path, body in (("/v1/labels", LABEL), ("/v1/lists", EDIT)):
        for name, expected in (("client", 200), ("client2", 403)):
            caller = appliance.caller(name)
            status, headers, text = caller.request("POST", path, json.dumps(body))
            caller.close()
            tap.same(status, expected, f"status of {path} for {name}: {text[:300]!r}")
            media = headers.get_content_type()
            validate(spec, schema_of(spec, "POST", path, status, media), json.loads(text))


def test_problems(appliance):
    """a problem names the place by a JSON pointer"""
    caller = appliance.caller()
    status, problem = caller.post("/v1/decisions",
                                  {"transactions": [payments.payment(1),
                                                    payments.payment(2, channel="pigeon")]})
    caller.close()
    tap.same(status, 422, "status")
    tap.check("/transactions/1/channel" in json.dumps(problem), f"it says: {problem}")


def test_lost(appliance):
    """unknown paths and methods: 404, and 405 with Allow"""
    caller = appliance.caller()
    tap.same(caller.request("GET", "/nowhere")[0], 404, "status")
    caller.close()
    caller = appliance.caller()
    status, headers, _ = caller.request("GET", "/v1/decisions")
    tap.same((status, headers["Allow"]), (405, "POST"), "status and Allow")
    caller.close()


if __name__ == "__main__":
    tap.main([test_answers, test_requests, test_bodies, test_rights, test_problems, test_lost],
             lambda: Appliance("openapi"))
