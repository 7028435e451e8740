#!/usr/bin/env python3
"""Measures what features and what others watched are worth alone and together, and whether the gate lets a model of shuffled
data through; on what recommend-data.py wrote.

    recommend-hybrid.py DIR --showrunner .build/release/showrunner

To be found by profiles that training has not seen: the rest of what they watched, titles that nobody else has watched
among it (truth.csv and cold-truth.csv together). `together` ranks all titles, `by what others watched` those that stand in
training, `by features` all of them under names that the model does not know. Trains DIR/model with --auto where there is
none. The gate compares a model of shuffled.csv, trained by the same search, with popularity and with DIR/model on truth.csv,
by the rules of docs/recommendations.md.
"""
import argparse
import csv
import json
import math
import pathlib
import subprocess

options = argparse.ArgumentParser()
options.add_argument("directory", type=pathlib.Path)
options.add_argument("--showrunner", default=".build/release/showrunner")
chosen = options.parse_args()
directory = chosen.directory
STRANGE = "like "


def recommend(*words):
    subprocess.run([chosen.showrunner, "recommend", *map(str, words)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def table(name):
    with open(directory / name, newline="") as file:
        return list(csv.DictReader(file))


def write(name, columns, rows):
    with open(directory / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        out.writerows(rows)


def sets(*names):
    found = {}
    for name in names:
        for row in table(name):
            found.setdefault(row["user_id"], set()).add(row["item_id"])
    return found


def measure(rankings, truth):
    ndcg = recall = 0.0
    for user, wanted in truth.items():
        ranking = rankings.get(user, [])
        recall += sum(item in wanted for item in ranking[:20]) / len(wanted)
        gain = sum(1 / math.log2(place + 2) for place, item in enumerate(ranking[:100]) if item in wanted)
        ndcg += gain / sum(1 / math.log2(place + 2) for place in range(min(100, len(wanted))))
    return ndcg / len(truth), recall / len(truth)


def train(interactions, model):
    if not (directory / model).exists():
        recommend("train", "--interactions", directory / interactions, "--items", directory / "items.csv",
                  "--out", directory / model, "--auto", "--threads", 2)


def ranked(model, only=None, top=100):
    words = ["score", "--model", directory / model, "--profiles", directory / "foldin.csv", "--top", top,
             "--out", directory / "ranked.csv"]
    recommend(*words, *(["--only-items", directory / only] if only else []))
    rankings = {}
    for row in table("ranked.csv"):
        rankings.setdefault(row["user_id"], []).append(row["item_id"])
    return rankings


items, history = table("items.csv"), sets("foldin.csv")
cold = {row["item_id"] for row in table("cold-items.csv")}
columns = ["item_id", "title", "genres", "year"]
write("warm-items.csv", columns, ([row[c] for c in columns] for row in items if row["item_id"] not in cold))
write("strange-items.csv", columns, ([STRANGE + row["item_id"], row["title"], row["genres"], row["year"]] for row in items))

train("train.csv", "model")
everything = sets("truth.csv", "cold-truth.csv")
features = {user: [item.removeprefix(STRANGE) for item in ranking] for user, ranking in
            ranked("model", "strange-items.csv", top=1000).items()}
features = {user: [item for item in ranking if item not in history[user]][:100] for user, ranking in features.items()}
for name, rankings in [("by features", features), ("by what others watched", ranked("model", "warm-items.csv")),
                       ("together", ranked("model"))]:
    ndcg, recall = measure(rankings, everything)
    print(f"{name:28} NDCG@100 {ndcg:.4f}  Recall@20 {recall:.4f}", flush=True)

train("shuffled.csv", "shuffled-model")
truth, watched = sets("truth.csv"), {}
for row in table("train.csv"):
    watched[row["item_id"]] = watched.get(row["item_id"], 0) + 1
popular = sorted(watched, key=lambda item: (-watched[item], item))
popularity = measure({user: [item for item in popular if item not in seen][:100] for user, seen in history.items()}, truth)
serving, shuffled = measure(ranked("model", "warm-items.csv"), truth), measure(ranked("shuffled-model", "warm-items.csv"), truth)
for name, (ndcg, recall) in [("popularity", popularity), ("in service", serving), ("of shuffled data", shuffled)]:
    print(f"{name:28} NDCG@100 {ndcg:.4f}  Recall@20 {recall:.4f}")
reasons = []
if shuffled[0] <= popularity[0]:
    reasons.append(f"NDCG@100 is {shuffled[0]:.4f}, and popularity alone has {popularity[0]:.4f}")
if shuffled[0] < serving[0] * 0.95:
    reasons.append(f"NDCG@100 fell from {serving[0]:.4f} to {shuffled[0]:.4f}, by more than 5 %")
print("the gate:", json.dumps(reasons) if reasons else "accepts it")
