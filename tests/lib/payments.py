"""Payments for tests: valid requests of POST /v1/decisions, told apart by a number."""

import json


def payment(number=0, **changed):
    value = {
        "id": f"p-{number}",
        "time": "2026-07-01T12:00:00Z",
        "amount": {"value": f"{10 + number % 900}.50", "currency": "EUR"},
        "card": f"tok_{number % 97}",
        "channel": "card_not_present",
        "merchant": {"id": f"m-{number % 31}", "category": "5411", "country": "DE"},
    }
    value.update(changed)
    return {key: item for key, item in value.items() if item is not None}


def body(number=0, **changed):
    return json.dumps(payment(number, **changed), separators=(",", ":"))


def batch(numbers):
    return {"transactions": [payment(number) for number in numbers]}


def large(number, size_bytes):
    """A payment of at least that many bytes that is still valid: JSON's blanks."""
    text = body(number)
    return text[:-1] + " " * max(0, size_bytes - len(text)) + "}"
