#!/usr/bin/env python3
"""Assay's payment simulator: a small bank's cards, accounts, shops and transfers, with fraud.

Prints one request of POST /v1/decisions a line, in the order of time.  With --labels
the truth goes beside it, one `{"id", "fraud", "known", "scenario"}` a line; with
--feedback the frauds come in the stream itself, as bodies of POST /v1/labels, when the
bank would learn of them.  The same seed gives the same bytes.  Only Python's standard
library is used.

Customers live somewhere, pay at shops near home by day and online at any hour, draw
cash and send instant transfers to people they know.  A few accounts have been quiet
since autumn; their last payments come first.  What criminals do:

  velocity     a card's number is used online again and again, a dozen times an hour
  testing      small amounts try a card out, then a large one takes the money
  cloned       a terminal leaks; its cards are present abroad while their owners are at home
  scam         a customer is talked into a large transfer to a new payee
  structuring  transfers just below the reporting threshold, together far above it
  mule         money comes into an account from several victims and is sent on at once
  dormant      an account that was quiet for months sends a large transfer

A request says what the caller knows and Assay can't (FEATURES); everything about the
past of cards, accounts and terminals is computed by Assay.

example:
  config/demo/simulate.py --count 1000 --seed 1 --labels truth.jsonl > requests.jsonl
"""

import argparse
import datetime
import heapq
import json
import math
import random
import sys

FEATURES = ("card_present", "distance_km", "country_differs")

START = datetime.datetime(2026, 3, 2, tzinfo=datetime.timezone.utc)
CUSTOMERS = 600
TERMINALS = 240
SHOPS_ONLINE = 60
SLEEPERS = 120  # customers quiet since autumn
HOUR_S, DAY_S = 3600, 86400
KNOWN_S = (DAY_S, 6 * DAY_S)  # how long after it the bank learns of a fraud

# what is begun, and how often a day
CRIMES = {"velocity": 2.5, "testing": 3, "clone": 2.5, "scam": 4, "structuring": 1.5, "mule": 1,
          "wake": 3}
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
        self.device = f"dev-{rng.getrandbits(32):08x}"
        self.last_place = None


class Terminal:
    def __init__(self, number, rng):
        self.id = f"t-{number:04d}"
        self.merchant = f"m-{number // 2:04d}"
        self.category = rng.choice(list(CATEGORIES))
        self.country = rng.choices(list(COUNTRIES), [row[1] for row in COUNTRIES.values()])[0]
        east, north = COUNTRIES[self.country][2]
        self.place = (rng.gauss(east, 150), rng.gauss(north, 150))


def kilometres(a, b):
    return math.hypot(a[0] - b[0], a[1] - b[1])


class World:
    """Draws the payments of all customers in order of time."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.customers = [Customer(n, self.rng) for n in range(CUSTOMERS + SLEEPERS)]
        self.sleepers = self.customers[CUSTOMERS:]
        self.terminals = [Terminal(n, self.rng) for n in range(TERMINALS)]
        for customer in self.customers:
            customer.shops = sorted(self.terminals, key=lambda t: (
                t.country != customer.country, kilometres(t.place, customer.home)))[:12]
        self.due = []  # (time, order, what, who, fields of a payment)
        self.order = 0
        for customer in self.sleepers:
            self.plan(-self.rng.uniform(95, 115) * DAY_S, "payment",
                      **self.transfer(customer, customer.payees[0], 50 * customer.spends))
        for customer in self.customers[:CUSTOMERS]:
            self.plan(self.rng.expovariate(customer.per_day) * DAY_S, "pay", customer)
        for crime, a_day in CRIMES.items():
            self.plan(self.rng.expovariate(a_day) * DAY_S, crime)

    def plan(self, time_s, what, who=None, **fields):
        self.order += 1
        heapq.heappush(self.due, (time_s, self.order, what, who, fields))

    def payments(self):
        """(time, request fields) for ever; what comes next is planned as each is drawn."""
        while True:
            time_s, _, what, who, fields = heapq.heappop(self.due)
            if what == "pay":
                self.plan(self.after(time_s, who), "pay", who)
                yield time_s, self.ordinary(who)
            elif what == "payment":
                yield time_s, fields
            else:
                self.plan(time_s + self.rng.expovariate(CRIMES[what]) * DAY_S, what)
                getattr(self, what)(time_s)

    def after(self, time_s, customer):
        """People pay by day: a payment drawn for the night is put off to the morning."""
        next_s = time_s + self.rng.expovariate(customer.per_day) * DAY_S
        hour = next_s % DAY_S / HOUR_S
        if hour < 6 and self.rng.random() < 0.85:
            next_s += (6.5 - hour + self.rng.random() * 4) * HOUR_S
        return next_s

    def ordinary(self, customer):
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
                "place": place, "amount": amount, "scenario": scenario,
                "device": self.device_of(customer)}

    def transfer(self, customer, payee, amount, scenario=""):
        return {"customer": customer, "channel": "instant", "payee": payee, "amount": amount,
                "device": self.device_of(customer), "scenario": scenario}

    def device_of(self, customer):
        """People buy a new telephone now and then."""
        if self.rng.random() < 0.02:
            customer.device = f"dev-{self.rng.getrandbits(32):08x}"
        return customer.device

    def somebody(self, customer):
        """Any other customer."""
        return (customer.number + self.rng.randrange(1, CUSTOMERS)) % CUSTOMERS

    def anyone(self):
        return self.customers[self.rng.randrange(CUSTOMERS)]

    def stranger(self):
        """Where a criminal sits: another device, another country mostly."""
        return f"dev-{self.rng.getrandbits(32):08x}", self.rng.choice(FAR)

    # ---- the crimes: each plans its payments from now on
    def velocity(self, time_s):
        victim = self.anyone()
        device, country = self.stranger()
        for _ in range(self.rng.randint(8, 18)):
            time_s += self.rng.expovariate(1 / 120)
            fields = self.online(victim, self.rng.lognormvariate(4.2, 0.7), country, "velocity")
            self.plan(time_s, "payment", **{**fields, "device": device})

    def testing(self, time_s):
        victim = self.anyone()
        device, country = self.stranger()
        small = self.rng.randint(3, 7)
        for number in range(small + 1):
            time_s += self.rng.expovariate(1 / 240)
            amount = self.rng.uniform(0.5, 1.9) if number < small else self.rng.uniform(150, 1200)
            fields = self.online(victim, amount, country, "testing")
            self.plan(time_s, "payment", **{**fields, "device": device})

    def clone(self, time_s):
        leaking = self.rng.choice(self.terminals)
        victims = [c for c in self.customers[:CUSTOMERS] if leaking in c.shops]
        mules = self.terminals[int(time_s // (10 * DAY_S)) % 7::61]  # the same until they are known
        for victim in self.rng.sample(victims, min(len(victims), self.rng.randint(1, 3))):
            time_s += self.rng.uniform(0.1, 1) * DAY_S
            self.plan(time_s, "payment",
                      **self.at_terminal(victim, victim.shops[0], "card_present"))
            abroad = [t for t in mules if t.country != victim.shops[0].country] or mules
            for terminal in self.rng.sample(abroad, min(len(abroad), self.rng.randint(1, 3))):
                self.plan(time_s + self.rng.uniform(0.1, 1.8) * HOUR_S, "payment",
                          **self.at_terminal(victim, terminal, "card_present",
                                             self.rng.uniform(1.5, 5), "cloned"))

    def scam(self, time_s):
        victim = self.anyone()
        self.plan(time_s, "payment", **self.transfer(victim, self.somebody(victim),
                                                   self.rng.lognormvariate(8.2, 0.6), "scam"))

    def structuring(self, time_s):
        who = self.anyone()
        for _ in range(self.rng.randint(3, 5)):
            time_s += self.rng.uniform(0.3, 3) * HOUR_S
            self.plan(time_s, "payment", **self.transfer(who, self.somebody(who),
                                                       self.rng.uniform(3800, 9900), "structuring"))

    def mule(self, time_s):
        who, total = self.anyone(), 0.0
        device, _ = self.stranger()
        for _ in range(self.rng.randint(3, 5)):
            time_s += self.rng.uniform(0.2, 1.5) * HOUR_S
            amount = self.rng.uniform(400, 2500)
            total += amount
            self.plan(time_s, "payment", **self.transfer(self.anyone(), who.number, amount, "mule"))
        for share in (0.5, 0.3, 0.15):
            time_s += self.rng.uniform(0.2, 1) * HOUR_S
            fields = self.transfer(who, self.somebody(who), total * share, "mule")
            self.plan(time_s, "payment", **{**fields, "device": device})

    def wake(self, time_s):
        if not self.sleepers:
            return
        who = self.sleepers.pop(self.rng.randrange(len(self.sleepers)))
        if self.rng.random() < 0.4:  # its owner is back
            self.plan(time_s, "pay", who)
            return
        device, _ = self.stranger()
        fields = self.transfer(who, self.somebody(who), self.rng.uniform(3000, 9000), "dormant")
        self.plan(time_s, "payment", **{**fields, "device": device})


def supplied(fields):
    """What the bank's own systems know of this payment, and Assay does not."""
    customer = fields["customer"]
    values = {"card_present": float(fields["channel"] in ("card_present", "atm")),
              "country_differs": float(fields.get("country", customer.country) != customer.country)}
    if fields.get("place"):
        values["distance_km"] = kilometres(fields["place"], customer.last_place or customer.home)
        customer.last_place = fields["place"]
    return values


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
        request["payee"] = customers[fields["payee"]].account
        request["parties"] = [party("originator", customer),
                              party("beneficiary", customers[fields["payee"]])]
    else:
        request["card"] = customer.card
        request["merchant"] = {"id": fields["merchant"], "category": fields["category"],
                               "country": fields["country"]}
        request["parties"] = [party("originator", customer)]
    if "terminal" in fields:
        request["terminal"] = fields["terminal"].id
    if "device" in fields:
        request["device"] = fields["device"]
    values = supplied(fields)
    request["features"] = {name: round(values[name], 4) for name in FEATURES if name in values}
    return request


def simulate(count, seed):
    """(request, scenario or "", when a fraud is known to the bank) of `count` payments."""
    world = World(seed)
    payments = world.payments()
    for number in range(1, count + 1):
        time_s, fields = next(payments)
        fields["amount"] = max(0.5, round(fields["amount"], 2))
        known = START + datetime.timedelta(seconds=int(time_s + world.rng.uniform(*KNOWN_S)))
        yield request_of(number, time_s, fields, world.customers), fields["scenario"], known


def stream(count, seed):
    """(line, request or None, scenario, when known): payments and, when due, the labels."""
    due = []
    for request, scenario, known in simulate(count, seed):
        now = datetime.datetime.fromisoformat(request["time"])
        while due and due[0][0] <= now:
            yield {"labels": [{"id": heapq.heappop(due)[1], "label": "fraud"}]}, None, "", None
        if scenario:
            heapq.heappush(due, (known, request["id"]))
        yield request, request, scenario, known


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="payments to print (1000)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same bytes (1)")
    parser.add_argument("--labels", metavar="FILE", help="write the truth to this file")
    parser.add_argument("--feedback", action="store_true",
                        help="print labels of frauds too, when the bank learns of them")
    args = parser.parse_args()
    labels = open(args.labels, "w", encoding="utf-8") if args.labels else None
    for line, request, scenario, known in stream(args.count, args.seed):
        if request or args.feedback:
            sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
        if labels and request:
            labels.write(json.dumps({"id": request["id"], "fraud": int(bool(scenario)),
                                     "known": known.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                     "scenario": scenario}) + "\n")
    if labels:
        labels.close()


if __name__ == "__main__":
    main()
