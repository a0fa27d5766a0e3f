#!/usr/bin/env python3
"""model.output says which class of a model of several is the score; LightGBM's text decides too."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TREE / "tests/lib"))

# pylint: disable=wrong-import-position
import lightgbm_text
import payments
import settings
import tap

ASSAYCTL = pathlib.Path(os.environ.get("B") or TREE / "build").resolve() / "assayctl"
NAMES = ["f0", "f1", "f2", "f3"]
ROW = {"f0": 0.75, "f1": -1.5, "f2": 3.0, "f3": 0.0}


class Folder:
    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.temporary.__enter__())
        text = lightgbm_text.write(5, "multiclass num_class:3", outputs=3, features=4, categorical=1)
        (self.path / "model.txt").write_text(text)
        return self

    def __exit__(self, *details):
        return self.temporary.__exit__(*details)

    def decide(self, **changed):
        values = {**settings.defaults(self.path, 1), "features": NAMES,
                  "model.file": str(self.path / "model.txt"), **changed}
        (self.path / "a.cfg").write_text(settings.text(values))
        return subprocess.run([ASSAYCTL, "decide", "--config", self.path / "a.cfg"],
                              input=payments.body(1, features=ROW) + "\n", capture_output=True,
                              text=True, check=False)

    def score(self, **changed):
        done = self.decide(**changed)
        tap.same(done.returncode, 0, f"exit status ({done.stderr})")
        return json.loads(done.stdout)["score"]

    def scores(self):
        table = ",".join(NAMES) + "\n" + ",".join(str(ROW[name]) for name in NAMES) + "\n"
        done = subprocess.run([ASSAYCTL, "score", "--json", self.path / "model.txt"], input=table,
                              capture_output=True, text=True, check=True)
        answer = json.loads(done.stdout)
        return [answer[f"score_{i}"] for i in range(3)]


def test_each(folder):
    """each output can be the score, and all differ"""
    scores = folder.scores()
    tap.same(len({round(score, 6) for score in scores}), 3, f"different scores of {scores}")
    for output, score in enumerate(scores):
        got = folder.score(**{"model.output": output})
        tap.check(abs(got - score) <= 1e-6, f"output {output}: got {got}, expected {score}")


def test_last(folder):
    """left out, the last is"""
    got, score = folder.score(), folder.scores()[2]
    tap.check(abs(got - score) <= 1e-6, f"got {got}, expected {score}")


def test_too_many(folder):
    """an output that the model does not have is refused"""
    done = folder.decide(**{"model.output": 3})
    tap.same(done.returncode, 2, "exit status")
    tap.check("model.output: is 3, but" in done.stderr and "allowed: 0 to 2" in done.stderr, done.stderr)


if __name__ == "__main__":
    tap.main([test_each, test_last, test_too_many], Folder)
