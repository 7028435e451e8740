#!/usr/bin/env python3
"""Measures `implicit`'s ALS, popularity and chance on what recommend-data.py wrote, with the metrics of docs/recommendations.md.

    recommend-peer.py DIR [--evaluate RANKINGS.csv ...] [--als]

Needs numpy, scipy and implicit (PyPI). ALS is trained with several settings, and the best one on the truth itself is shown:
a peer that is tuned on the answers. --evaluate measures rankings of `showrunner recommend score` by the same code.
"""
import argparse
import csv
import math
import pathlib
import time

import numpy as np
import scipy.sparse as sparse

options = argparse.ArgumentParser()
options.add_argument("directory", type=pathlib.Path)
options.add_argument("--evaluate", nargs="*", default=[])
options.add_argument("--als", action="store_true")
options = options.parse_args()


def rows(name):
    with open(options.directory / name, newline="") as file:
        yield from csv.DictReader(file)


def measure(rankings, truth):
    ndcg = recall20 = recall50 = 0.0
    for user, wanted in truth.items():
        ranking = rankings.get(user, [])
        recall20 += sum(item in wanted for item in ranking[:20]) / len(wanted)
        recall50 += sum(item in wanted for item in ranking[:50]) / len(wanted)
        gain = sum(1 / math.log2(place + 2) for place, item in enumerate(ranking[:100]) if item in wanted)
        ndcg += gain / sum(1 / math.log2(place + 2) for place in range(min(100, len(wanted))))
    return ndcg / len(truth), recall20 / len(truth), recall50 / len(truth)


def show(name, rankings, truth, seconds=None):
    ndcg, recall20, recall50 = measure(rankings, truth)
    print(f"{name:44} ndcg@100 {ndcg:.4f}  recall@20 {recall20:.4f}  recall@50 {recall50:.4f}"
          + (f"  {seconds:.1f} CPU s" if seconds else ""), flush=True)
    return ndcg


def truth_of(name):
    truth = {}
    for row in rows(name):
        truth.setdefault(row["user_id"], set()).add(row["item_id"])
    return truth


truth = truth_of("truth.csv")
titles, users, train_rows = {}, {}, []
for row in rows("train.csv"):
    train_rows.append((users.setdefault(row["user_id"], len(users)), titles.setdefault(row["item_id"], len(titles))))
names = list(titles)
pairs = np.array(train_rows)
train = sparse.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (len(users), len(titles)))
foldin, fold_users = [], {}
for row in rows("foldin.csv"):
    if row["item_id"] in titles:
        foldin.append((fold_users.setdefault(row["user_id"], len(fold_users)), titles[row["item_id"]]))
pairs = np.array(foldin)
history = sparse.csr_matrix((np.ones(len(pairs), np.float32), (pairs[:, 0], pairs[:, 1])), (len(fold_users), len(titles)))

popular = np.argsort(-np.asarray(train.sum(axis=0)).ravel(), kind="stable")
seen = {user: set(history[number].indices) for user, number in fold_users.items()}
show("popularity", {user: [names[i] for i in popular if i not in seen[user]][:100] for user in fold_users}, truth)
cold_truth = truth_of("cold-truth.csv")
cold = [row["item_id"] for row in rows("cold-items.csv")]
random = np.random.default_rng(0)
if cold_truth:
    show("chance, unseen titles", {user: list(random.permutation(cold)[:100]) for user in cold_truth}, cold_truth)
for path in options.evaluate:
    rankings = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            rankings.setdefault(row["user_id"], []).append(row["item_id"])
    show(pathlib.Path(path).name, rankings, cold_truth if "cold" in path else truth)

if options.als:
    from implicit.als import AlternatingLeastSquares
    for factors in (32, 64, 128):
        for alpha in (1, 5, 20):
            for penalty in (0.1, 1, 10, 50):
                start = time.process_time()
                model = AlternatingLeastSquares(
                    factors=factors, regularization=penalty, alpha=alpha, iterations=15, num_threads=1, random_state=1)
                model.fit(train, show_progress=False)
                seconds = time.process_time() - start
                items, _ = model.recommend(
                    np.arange(len(fold_users)), history, N=100, recalculate_user=True, filter_already_liked_items=True)
                rankings = {user: [names[i] for i in items[number]] for user, number in fold_users.items()}
                show(f"implicit ALS factors={factors} alpha={alpha} reg={penalty}", rankings, truth, seconds)
