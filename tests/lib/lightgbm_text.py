"""LightGBM's text models read plainly, walked plainly, and made at random.

An independent reference: it follows LightGBM's own Tree::NumericalDecision and
Tree::CategoricalDecision with Python's floats, one node at a time, and shares nothing with the
appliance's reader.  `write` makes random valid models of every kind."""

import math
import random as randomness

ZERO = 1.0000000180025095e-35  # kZeroThreshold, the float 1e-35f as a double
CATEGORIES, LEFT = 1, 2
NONE, AT_ZERO, AT_NAN = 0, 1, 2


class Tree:
    def __init__(self, lines):
        self.lines = lines
        self.values = self.numbers("leaf_value", float)
        self.feature = self.numbers("split_feature", int)
        self.threshold = self.numbers("threshold", float)
        self.decision = self.numbers("decision_type", int)
        self.left = self.numbers("left_child", int)
        self.right = self.numbers("right_child", int)
        self.boundaries = self.numbers("cat_boundaries", int)
        self.bits = self.numbers("cat_threshold", int)

    def numbers(self, key, kind):
        return [kind(word) for word in self.lines.get(key, "").split()]

    def numerical(self, node, value):
        missing = self.decision[node] >> 2
        if math.isnan(value) and missing != AT_NAN:
            value = 0.0
        if (missing == AT_ZERO and -ZERO <= value <= ZERO) or (missing == AT_NAN and math.isnan(value)):
            return bool(self.decision[node] & LEFT)
        return value <= self.threshold[node]

    def categorical(self, node, value):
        if math.isnan(value):
            return False
        # A number that no int holds becomes INT_MIN on the machines LightGBM runs on.
        category = int(value) if -2**31 <= value < 2**31 else -2**31
        if category < 0:
            return False
        which = int(self.threshold[node])
        word = self.boundaries[which] + category // 32
        return word < self.boundaries[which + 1] and bool(self.bits[word] >> category % 32 & 1)

    def predict(self, row):
        if len(self.values) == 1:
            return self.values[0]
        node = 0
        while node >= 0:
            value = row[self.feature[node]]
            test = self.categorical if self.decision[node] & CATEGORIES else self.numerical
            node = self.left[node] if test(node, value) else self.right[node]
        return self.values[~node]


class Model:
    def __init__(self, text):
        head, *blocks = text.split("end of trees")[0].split("Tree=")
        self.head = dict(line.partition("=")[::2] for line in head.splitlines())
        self.outputs = int(self.head["num_tree_per_iteration"])
        self.names = self.head["feature_names"].split()
        self.objective = self.head.get("objective", "").split() or ["custom"]
        self.trees = [Tree(dict(line.partition("=")[::2] for line in block.splitlines()))
                      for block in blocks]

    def margins(self, row):
        sums = [0.0] * self.outputs
        for number, tree in enumerate(self.trees):
            sums[number % self.outputs] += tree.predict(row)
        if "average_output" in self.head:
            sums = [value / (len(self.trees) // self.outputs) for value in sums]
        return sums

    def scores(self, margins):
        name, *rest = self.objective
        options = dict(word.partition(":")[::2] for word in rest)
        if name in ("binary", "multiclassova", "cross_entropy"):
            scale = float(options.get("sigmoid", 1))
            return [1 / (1 + math.exp(-scale * m)) if scale * m > -700 else 0.0 for m in margins]
        if name in ("poisson", "gamma", "tweedie"):
            return [math.exp(m) for m in margins]
        if name == "multiclass":
            powers = [math.exp(m - max(margins)) for m in margins]
            return [power / sum(powers) for power in powers]
        if "sqrt" in options:
            return [math.copysign(m * m, m) for m in margins]
        return list(margins)


class Writer:
    """A random tree: grown leaf by leaf, numbered as LightGBM does."""

    def __init__(self, random, features, categorical, leaves, scale):
        self.random, self.features, self.categorical = random, features, categorical
        self.scale = scale
        self.nodes, self.sets = [], []
        self.leaf_parents = [None]  # of each leaf: (node, side)
        for leaf in range(1, leaves):
            self.split(random.randrange(leaf), leaf)

    def split(self, leaf, new_leaf):
        random, node = self.random, len(self.nodes)
        feature = random.randrange(self.features)
        if feature < self.categorical:
            self.sets.append([random.getrandbits(32) & random.getrandbits(32)
                              for _ in range(random.randrange(0, 4))])
            threshold, decision = len(self.sets) - 1, CATEGORIES | random.choice((0, 8, 4))
        else:
            threshold = random.choice((0.0, -0.0, ZERO, -ZERO, 1e-40, 1e300, -1e300, 3.5e38,
                                       random.gauss(0, 1), random.gauss(0, 1), random.gauss(0, 1),
                                       float(random.randrange(-3, 3))))
            decision = random.choice((0, LEFT)) | random.choice((NONE, AT_ZERO, AT_NAN)) << 2
        parent = self.leaf_parents[leaf]
        if parent:
            self.nodes[parent[0]][parent[1]] = node
        self.nodes.append({"feature": feature, "threshold": threshold, "decision": decision,
                           "left": ~leaf, "right": ~new_leaf})
        self.leaf_parents[leaf] = (node, "left")
        self.leaf_parents.append((node, "right"))

    def counts(self, leaf_counts):
        counts = [0] * len(self.nodes)
        for node in reversed(range(len(self.nodes))):  # children come after their parents
            for side in ("left", "right"):
                child = self.nodes[node][side]
                counts[node] += counts[child] if child >= 0 else leaf_counts[~child]
        return counts

    def text(self, number):
        leaves = len(self.leaf_parents)
        values = [self.random.gauss(0, self.scale) for _ in range(leaves)]
        leaf_counts = [self.random.randrange(1, 500) for _ in range(leaves)]
        lines = [f"Tree={number}", f"num_leaves={leaves}", f"num_cat={len(self.sets)}"]
        if leaves > 1:
            for key, name in (("split_feature", "feature"), ("threshold", "threshold"),
                              ("decision_type", "decision"), ("left_child", "left"),
                              ("right_child", "right")):
                lines.append(f"{key}=" + " ".join(repr(node[name]) for node in self.nodes))
        lines.append("leaf_value=" + " ".join(map(repr, values)))
        if leaves > 1:
            lines.append("leaf_count=" + " ".join(map(str, leaf_counts)))
            lines.append("internal_count=" + " ".join(map(str, self.counts(leaf_counts))))
        if self.sets:
            boundaries = [0]
            for words in self.sets:
                boundaries.append(boundaries[-1] + len(words))
            lines.append("cat_boundaries=" + " ".join(map(str, boundaries)))
            lines.append("cat_threshold=" + " ".join(str(w) for words in self.sets for w in words))
        return "\n".join(lines + ["is_linear=0", "shrinkage=0.1", "", ""])


def write(seed, objective, outputs=1, iterations=20, leaves=31, features=6, categorical=2,
          average=False, version="v4"):
    random = randomness.Random(seed)
    head = ["tree", f"version={version}", f"num_class={outputs}", f"num_tree_per_iteration={outputs}",
            "label_index=0", f"max_feature_idx={features - 1}"]
    if objective:
        head.append(f"objective={objective}")
    if average:
        head.append("average_output")
    head.append("feature_names=" + " ".join(f"f{i}" for i in range(features)))
    head.append("feature_infos=" + " ".join(["none"] * features))
    trees = [Writer(random, features, categorical, random.choice((1, 2, leaves, leaves)),
                    0.3 / math.sqrt(iterations)).text(number)
             for number in range(outputs * iterations)]
    head.append("tree_sizes=" + " ".join(str(len(tree)) for tree in trees))
    return "\n".join(head + ["", ""]) + "\n".join(trees) + """
end of trees

feature_importances:
f0=3

parameters:
[boosting: gbdt]
end of parameters

pandas_categorical:null
"""
