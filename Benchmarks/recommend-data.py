#!/usr/bin/env python3
"""Generates interactions with planted factors and genres, and splits them as recommendation papers do.

    recommend-data.py DIR --profiles 6040 --titles 3700 --interactions 600000 --seed 1

Every title has genres, which give its factors their direction, and factors of its own; every profile likes some genres and
has factors of its own; titles are watched by popularity (a power law) and by taste. Needs numpy. Writes to DIR

    items.csv            item_id,title,genres,year
    train.csv            user_id,item_id,timestamp,weight: profiles of the training
    foldin.csv truth.csv for profiles that training has not seen: 80 % of their titles, and the other 20 %
    cold-items.csv       titles that stand in no row of training; cold-truth.csv: who watched them
    shuffled.csv         train.csv with its titles dealt out anew: nothing to be learnt but popularity
"""
import argparse
import csv
import pathlib

import numpy as np

GENRES = ["Action", "Adventure", "Animation", "Children", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
          "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western", "Noir"]
WORDS = ["night", "river", "king", "return", "lost", "city", "love", "dark", "summer", "blood", "house", "last",
         "star", "dead", "girl", "man", "world", "dream", "fire", "winter", "road", "secret", "war", "sea"]


def main():
    options = argparse.ArgumentParser()
    options.add_argument("directory", type=pathlib.Path)
    options.add_argument("--profiles", type=int, default=6040)
    options.add_argument("--titles", type=int, default=3700)
    options.add_argument("--interactions", type=int, default=600_000)
    options.add_argument("--unseen", type=int, default=1000, help="profiles held out of training")
    options.add_argument("--cold", type=float, default=0.05, help="share of titles held out of training")
    options.add_argument("--factors", type=int, default=24)
    options.add_argument("--popularity", type=float, default=0.9, help="exponent of the power law")
    options.add_argument("--taste", type=float, default=1.4, help="how much taste decides, against popularity")
    options.add_argument("--groups", type=int, default=0,
                         help="not 0: profiles draw from that many common tastes, with repetitions merged; fast for millions")
    options.add_argument("--seed", type=int, default=1)
    options = options.parse_args()
    random = np.random.default_rng(options.seed)
    users, items, k = options.profiles, options.titles, options.factors
    options.directory.mkdir(parents=True, exist_ok=True)

    directions = random.normal(size=(len(GENRES), k))
    counts = random.choice([1, 2, 3], size=items, p=[0.4, 0.4, 0.2])
    genres = [sorted(random.choice(len(GENRES), size=count, replace=False)) for count in counts]
    planted = np.stack([directions[g].mean(axis=0) for g in genres]) + 0.9 * random.normal(size=(items, k))
    planted /= np.linalg.norm(planted, axis=1, keepdims=True)
    years = random.integers(1950, 2021, size=items)
    fame = -options.popularity * np.log(np.arange(items) + 10)
    random.shuffle(fame)

    taste = np.stack([directions[random.choice(len(GENRES), size=3, replace=False)].sum(axis=0) for _ in range(users)])
    taste += 1.2 * random.normal(size=(users, k))
    taste /= np.linalg.norm(taste, axis=1, keepdims=True)
    activity = random.lognormal(sigma=1.0, size=users)
    lengths = np.clip((activity / activity.sum() * options.interactions).astype(int), 5, items // 3)

    order = random.permutation(users)
    unseen = np.zeros(users, bool)
    unseen[order[:options.unseen]] = True
    cold = np.zeros(items, bool)
    cold[random.permutation(items)[:int(items * options.cold)]] = True

    with open(options.directory / "items.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["item_id", "title", "genres", "year"])
        with open(options.directory / "cold-items.csv", "w", newline="") as cold_file:
            cold_out = csv.writer(cold_file, lineterminator="\n")
            cold_out.writerow(["item_id", "title", "genres", "year"])
            for item in range(items):
                title = "The " + " ".join(random.choice(WORDS, size=2)).title()
                row = [f"t{item}", title, "|".join(GENRES[g] for g in genres[item]), years[item]]
                out.writerow(row)
                if cold[item]:
                    cold_out.writerow(row)

    files = {name: open(options.directory / f"{name}.csv", "w") for name in
             ["train", "foldin", "truth", "cold-truth", "shuffled"]}
    for name, file in files.items():
        file.write("user_id,item_id\n" if "truth" in name else "user_id,item_id,timestamp,weight\n")
        file.flush()
    rows = []
    start = 1_600_000_000
    if options.groups:
        centres = random.normal(size=(options.groups, k))
        centres /= np.linalg.norm(centres, axis=1, keepdims=True)
        common = np.exp(fame[None, :] + options.taste * np.sqrt(k) * (centres @ planted.T))
        common = np.cumsum(common / common.sum(axis=1, keepdims=True), axis=1)
        with open(options.directory / "train.csv", "a") as file:
            for user in range(users):
                parts = [common[group].searchsorted(random.random(count)) for group, count in
                         zip(random.choice(options.groups, size=3), random.multinomial(lengths[user], [0.6, 0.3, 0.1]))]
                for item in np.unique(np.minimum(np.concatenate(parts), items - 1)):
                    file.write(f"u{user},t{item},{start + int(random.integers(0, 7_776_000))},1\n")
        return
    for first in range(0, users, 500):
        batch = np.arange(first, min(first + 500, users))
        logits = fame[None, :] + options.taste * np.sqrt(k) * (taste[batch] @ planted.T)
        # The largest of logits with Gumbel noise are a sample without replacement.
        logits += random.gumbel(size=logits.shape)
        for row, user in enumerate(batch):
            count = lengths[user]
            seen = np.argpartition(-logits[row], count)[:count]
            random.shuffle(seen)
            times = np.sort(start + random.integers(0, 90 * 86_400, size=count))
            hidden = seen[cold[seen]]
            shown = seen[~cold[seen]]
            if unseen[user]:
                split = max(1, int(len(shown) * 0.8))
                for item, time in zip(shown[:split], times):
                    files["foldin"].write(f"u{user},t{item},{time},1\n")
                for item in shown[split:]:
                    files["truth"].write(f"u{user},t{item}\n")
                for item in hidden:
                    files["cold-truth"].write(f"u{user},t{item}\n")
            else:
                lines = [f"u{user},t{item},{time},1\n" for item, time in zip(shown, times)]
                files["train"].write("".join(lines))
                rows += [(user, item) for item in shown] if options.interactions <= 2_000_000 else []
    if rows:
        dealt = random.permutation([item for _, item in rows])
        seen = set()
        for (user, _), item in zip(rows, dealt):
            if (user, item) not in seen:
                seen.add((user, item))
                files["shuffled"].write(f"u{user},t{item},0,1\n")
    for file in files.values():
        file.close()


main()
