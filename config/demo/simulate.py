#!/usr/bin/env python3
"""Assay's payment simulator: a small bank's cards, shops and transfers, with fraud.

Prints one request of POST /v1/decisions a line, in the order of time, and with
--labels writes the truth beside it: one `{"id", "fraud", "scenario"}` a line.
The same seed gives the same bytes.  Only Python's standard library is used.

Customers live somewhere, pay at shops near home by day and online at any hour,
draw cash and send instant transfers to people they know.  Three frauds happen:

  stolen    a card's number is used online, far away, several times an hour
  skimmed   a terminal leaks; its cards are used for larger amounts at other shops
  scam      a customer is talked into a large transfer to a new payee

The features are what a bank's feature store would supply: windows over the
card's own past, and a terminal's share of known fraud, known two days late.
A feature that has no value (no past, no terminal) is left out.

example:
  config/demo/simulate.py --count 1000 --seed 1 --labels truth.jsonl > requests.jsonl
"""

import argparse
import collections
import datetime
import heapq
import json
import math
import random
import sys

FEATURES = ("amount", "hour", "is_weekend", "card_present", "card_tx_count_1h", "card_tx_count_1d",
            "card_amount_sum_1d", "card_amount_avg_7d", "amount_to_avg_7d", "minutes_since_last",
            "terminal_risk_7d", "distance_km", "country_differs", "new_payee")

START = datetime.datetime(2026, 3, 2, tzinfo=datetime.timezone.utc)
CUSTOMERS = 600
TERMINALS = 240
SHOPS_ONLINE = 60
WARM_UP_S = 8 * 86400  # simulated before the first payment printed, to fill the windows
HOUR_S, DAY_S = 3600, 86400
KNOWN_AFTER_S = 2 * DAY_S  # a fraud is known to the bank two days later

# country: currency, share of customers, (km east, km north) of its middle
COUNTRIES = {"DE": ("EUR", 30, (0, 0)), "FR": ("EUR", 25, (-700, -300)),
             "NL": ("EUR", 12, (-350, 150)), "IT": ("EUR", 15, (100, -900)),
             "ES": ("EUR", 10, (-1500, -1100)), "PL": ("PLN", 8, (700, 100))}
FAR = ("US", "BR", "NG", "VN", "AE")
CATEGORIES = {"5411": 28.0, "5812": 24.0, "5541": 45.0, "5651": 60.0, "5732": 140.0, "5912": 18.0}
GIVEN = ("Ada", "Bruno", "Chiara", "Daan", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jakub",
         "Klara", "Luca", "Marta", "Noah", "Olga", "Paul", "Rosa", "Sven", "Tomas", "Vera")
FAMILY = ("Almeida", "Becker", "Conti", "Dubois", "Evers", "Fischer", "Garcia", "Hoffmann",
          "Ivanova", "Jansen", "Kowalski", "Lambert", "Moretti", "Nowak", "Ortega", "Petit")


class Customer:
    def __init__(self, number, rng):
        self.number = number
        self.country = rng.choices(list(COUNTRIES), [row[1] for row in COUNTRIES.values()])[0]
        east, north = COUNTRIES[self.country][2]
        self.home = (rng.gauss(east, 150), rng.gauss(north, 150))
        self.card, self.account = f"tok_{rng.getrandbits(48):012x}", f"acc-{number:06d}"
        self.name = f"{rng.choice(GIVEN)} {rng.choice(FAMILY)}"
        self.per_day = rng.uniform(0.8, 4.0)
        self.spends = rng.lognormvariate(0.0, 0.4)
        self.payees = [(number + rng.randrange(1, CUSTOMERS)) % CUSTOMERS for _ in range(4)]
        self.known = set(self.payees)
        self.past = collections.deque()  # (time, amount) of the last seven days
        self.last_time = None
        self.last_place = None


class Terminal:
    def __init__(self, number, rng):
        self.id = f"t-{number:04d}"
        self.merchant = f"m-{number // 2:04d}"
        self.category = rng.choice(list(CATEGORIES))
        self.country = rng.choices(list(COUNTRIES), [row[1] for row in COUNTRIES.values()])[0]
        east, north = COUNTRIES[self.country][2]
        self.place = (rng.gauss(east, 150), rng.gauss(north, 150))
        self.past = collections.deque()  # (time, fraud) not older than nine days


def kilometres(a, b):
    return math.hypot(a[0] - b[0], a[1] - b[1])


class World:
    """Draws the payments of all customers in order of time."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.customers = [Customer(n, self.rng) for n in range(CUSTOMERS)]
        self.terminals = [Terminal(n, self.rng) for n in range(TERMINALS)]
        for customer in self.customers:
            near = sorted(self.terminals, key=lambda t: kilometres(t.place, customer.home))
            customer.shops = near[:12]
        self.due = []  # (time, order, what, customer number, scenario)
        self.order = 0
        for customer in self.customers:
            self.plan(self.rng.expovariate(customer.per_day) * DAY_S, "pay", customer)
        for what, every_s in (("steal", 0.25 * DAY_S), ("skim", 0.2 * DAY_S), ("scam", 0.25 * DAY_S)):
            self.plan(self.rng.expovariate(1 / every_s), what, None)

    def plan(self, time_s, what, customer, scenario=""):
        self.order += 1
        heapq.heappush(self.due, (time_s, self.order, what, customer.number if customer else -1,
                                  scenario))

    def payments(self):
        """(time, request fields) for ever; state is updated as each is drawn."""
        while True:
            time_s, _, what, number, scenario = heapq.heappop(self.due)
            customer = self.customers[number] if number >= 0 else None
            if what == "pay":
                self.plan(self.after(time_s, customer), "pay", customer)
                yield time_s, self.ordinary(time_s, customer)
            elif what == "fraud":
                yield time_s, getattr(self, "pay_" + scenario)(time_s, customer)
            else:
                getattr(self, what)(time_s)

    def after(self, time_s, customer):
        """People pay by day: a payment drawn for the night is put off to the morning."""
        next_s = time_s + self.rng.expovariate(customer.per_day) * DAY_S
        hour = next_s % DAY_S / HOUR_S
        if hour < 6 and self.rng.random() < 0.85:
            next_s += (6.5 - hour + self.rng.random() * 4) * HOUR_S
        return next_s

    def ordinary(self, time_s, customer):
        kind = self.rng.random()
        if kind < 0.62:
            terminal = self.rng.choice(customer.shops)
            if self.rng.random() < 0.02:
                terminal = self.rng.choice(self.terminals)  # away from home
            return self.at_terminal(customer, terminal, "card_present")
        if kind < 0.68:
            terminal = self.rng.choice(customer.shops)
            fields = self.at_terminal(customer, terminal, "atm")
            fields["amount"] = float(self.rng.choice((20, 50, 50, 100, 150, 200)))
            fields["category"] = "6011"
            return fields
        if kind < 0.88:
            return self.online(customer, self.rng.lognormvariate(3.4, 0.8) * customer.spends,
                               self.rng.choice(FAR) if self.rng.random() < 0.06 else customer.country)
        new = self.rng.random() < 0.12
        payee = self.somebody(customer) if new else self.rng.choice(customer.payees)
        return self.transfer(customer, payee, self.rng.lognormvariate(4.2, 1.0) * customer.spends)

    def at_terminal(self, customer, terminal, channel, scale=1.0, scenario=""):
        amount = self.rng.gammavariate(3.0, CATEGORIES[terminal.category] / 3.0)
        return {"customer": customer, "channel": channel, "terminal": terminal,
                "merchant": terminal.merchant, "category": terminal.category,
                "country": terminal.country, "place": terminal.place,
                "amount": amount * customer.spends * scale, "scenario": scenario}

    def online(self, customer, amount, country, scenario=""):
        shop = self.rng.randrange(SHOPS_ONLINE)
        far = country in FAR
        place = (9000 * self.rng.uniform(0.5, 1), 0) if far else None
        return {"customer": customer, "channel": "card_not_present", "merchant": f"w-{shop:03d}",
                "category": self.rng.choice(("5732", "5815", "5311")), "country": country,
                "place": place, "amount": amount, "scenario": scenario}

    def transfer(self, customer, payee, amount, scenario=""):
        return {"customer": customer, "channel": "instant", "payee": payee, "amount": amount,
                "scenario": scenario}

    def somebody(self, customer):
        """Any other customer."""
        return (customer.number + self.rng.randrange(1, CUSTOMERS)) % CUSTOMERS

    # ---- the three frauds: when they start, and each payment of them
    def steal(self, time_s):
        self.plan(time_s + self.rng.expovariate(4 / DAY_S), "steal", None)
        victim = self.rng.choice(self.customers)
        for _ in range(self.rng.randint(2, 7)):
            time_s += self.rng.expovariate(1 / 900)
            self.plan(time_s, "fraud", victim, "stolen")

    def pay_stolen(self, _time_s, customer):
        country = self.rng.choice(FAR) if self.rng.random() < 0.7 else customer.country
        return self.online(customer, self.rng.lognormvariate(5.0, 0.7), country, "stolen")

    def skim(self, time_s):
        self.plan(time_s + self.rng.expovariate(5 / DAY_S), "skim", None)
        leaking = self.rng.choice(self.terminals)
        victims = [c for c in self.customers if leaking in c.shops]
        for _ in range(min(len(victims), self.rng.randint(2, 6))):
            self.plan(time_s + self.rng.uniform(0.2, 5) * DAY_S, "fraud", self.rng.choice(victims),
                      "skimmed")

    def pay_skimmed(self, time_s, customer):
        # Mules buy at the same few terminals until they are known.
        mules = self.terminals[int(time_s // (10 * DAY_S)) % 7::31]
        return self.at_terminal(customer, self.rng.choice(mules), "card_present",
                                self.rng.uniform(1.5, 5), "skimmed")

    def scam(self, time_s):
        self.plan(time_s + self.rng.expovariate(4 / DAY_S), "scam", None)
        self.plan(time_s, "fraud", self.rng.choice(self.customers), "scam")

    def pay_scam(self, _time_s, customer):
        return self.transfer(customer, self.somebody(customer),
                             self.rng.lognormvariate(7.0, 0.6), "scam")


def forget(past, before_s):
    while past and past[0][0] < before_s:
        past.popleft()


def features_of(time_s, fields):
    """What the bank knows the moment before this payment, this payment included."""
    customer, amount = fields["customer"], fields["amount"]
    forget(customer.past, time_s - 7 * DAY_S)
    day = [a for t, a in customer.past if t >= time_s - DAY_S]
    weekday = (START + datetime.timedelta(seconds=time_s)).weekday()
    values = {"amount": amount, "hour": time_s % DAY_S / HOUR_S, "is_weekend": float(weekday >= 5),
              "card_present": float(fields["channel"] in ("card_present", "atm")),
              "card_tx_count_1h": float(sum(t >= time_s - HOUR_S for t, _ in customer.past)),
              "card_tx_count_1d": float(len(day)), "card_amount_sum_1d": sum(day),
              "country_differs": float(fields.get("country", customer.country) != customer.country)}
    if customer.past:
        average = sum(a for _, a in customer.past) / len(customer.past)
        values["card_amount_avg_7d"] = average
        values["amount_to_avg_7d"] = amount / max(average, 0.01)
    if customer.last_time is not None:
        values["minutes_since_last"] = (time_s - customer.last_time) / 60
    if fields.get("place"):
        values["distance_km"] = kilometres(fields["place"], customer.last_place or customer.home)
    if "terminal" in fields:
        past = fields["terminal"].past
        forget(past, time_s - 7 * DAY_S - KNOWN_AFTER_S)
        known = [fraud for t, fraud in past if t < time_s - KNOWN_AFTER_S]
        if known:
            values["terminal_risk_7d"] = sum(known) / len(known)
    if "payee" in fields:
        values["new_payee"] = float(fields["payee"] not in customer.known)
    return values


def remember(time_s, fields):
    customer = fields["customer"]
    customer.past.append((time_s, fields["amount"]))
    customer.last_time = time_s
    if fields.get("place"):
        customer.last_place = fields["place"]
    if "terminal" in fields:
        fields["terminal"].past.append((time_s, bool(fields["scenario"])))
    if "payee" in fields:
        customer.known.add(fields["payee"])


def party(role, customer):
    # A token in the place of the number: the simulator makes no valid IBANs.
    return {"role": role, "name": customer.name, "country": customer.country,
            "identifiers": [{"scheme": "ACCOUNT", "value": customer.account}]}


def request_of(number, time_s, fields, customers):
    customer = fields["customer"]
    when = START + datetime.timedelta(seconds=int(time_s))
    request = {"id": f"sim-{number:07d}", "time": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
               "amount": {"value": f"{fields['amount']:.2f}",
                          "currency": COUNTRIES[customer.country][0]},
               "channel": fields["channel"]}
    if fields["channel"] == "instant":
        request["account"] = customer.account
        request["parties"] = [party("originator", customer),
                              party("beneficiary", customers[fields["payee"]])]
    else:
        request["card"] = customer.card
        request["merchant"] = {"id": fields["merchant"], "category": fields["category"],
                               "country": fields["country"]}
        request["parties"] = [party("originator", customer)]
    if "terminal" in fields:
        request["terminal"] = fields["terminal"].id
    return request


def simulate(count, seed):
    """(request, scenario or "") of `count` payments after the warm-up."""
    world = World(seed)
    number = 0
    for time_s, fields in world.payments():
        time_s = float(int(time_s))
        fields["amount"] = max(0.5, round(fields["amount"], 2))
        values = features_of(time_s, fields)
        remember(time_s, fields)
        if time_s < WARM_UP_S:
            continue
        if number == count:
            return
        number += 1
        request = request_of(number, time_s, fields, world.customers)
        request["features"] = {name: round(values[name], 4) for name in FEATURES if name in values}
        yield request, fields["scenario"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="payments to print (1000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same bytes (1)")
    parser.add_argument("--labels", metavar="FILE", help="write the truth to this file")
    args = parser.parse_args()
    labels = open(args.labels, "w", encoding="utf-8") if args.labels else None
    for request, scenario in simulate(args.count, args.seed):
        sys.stdout.write(json.dumps(request, separators=(",", ":")) + "\n")
        if labels:
            labels.write(json.dumps({"id": request["id"], "fraud": int(bool(scenario)),
                                     "scenario": scenario}) + "\n")
    if labels:
        labels.close()


if __name__ == "__main__":
    main()
