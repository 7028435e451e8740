#!/usr/bin/env python3
"""Evaluations a second against PyPI's jsonata-python, in the same run, turn about.

  jsonata-against-python.py [--seconds 1] [--rounds 3] -- PROGRAM

PROGRAM is the jsonata-benchmark of this package. Both sides parse each expression and its data once and evaluate it over and
over on one core; the figure is the median of the rounds. Needs `pip install jsonata-python`.
"""
import argparse, json, statistics, subprocess, time
import jsonata

ORDERS = {"orders": [{"id": "o%d" % i, "customer": ["Ada", "Bob", "Eve"][i % 3],
                      "lines": [{"sku": "s%d" % (j % 7), "qty": j + 1, "price": 1.25 * (j + 1)} for j in range(5)]} for i in range(20)]}
CASES = [
    ("field", "states.input.title.id", {"states": {"input": {"title": {"id": "t1"}}}}),
    ("arguments of a task", '{"bucket": input.bucket, "key": input.prefix & "/" & input.name, "rungs": $count(input.ladder)}',
     {"input": {"bucket": "b", "prefix": "p", "name": "n.mp4", "ladder": [1, 2, 3, 4]}}),
    ("condition", 'status = "done" and progress >= 100', {"status": "done", "progress": 100}),
    ("total", "$sum(orders.lines.(price * qty))", ORDERS),
    ("filter", 'orders[customer = "Ada"].lines[qty > 3].sku', ORDERS),
    ("group", "orders.lines{sku: $sum(qty)}", ORDERS),
    ("sort", "orders.lines^(>price, sku).sku", ORDERS),
    ("functions", "$map([1..50], function($x){$x * $x}) ~> $reduce(function($a, $b){$a + $b})", {}),
    ("regex", '$replace("the quick brown fox", /(\\w+) (\\w+)/, "$2 $1")', {}),
    ("dates", '$fromMillis(1520175967089, "[D1o] [MNn] [Y]")', {}),
]


def python_rate(text, data, seconds):
    expression = jsonata.Jsonata(text)
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _ in range(5):
            expression.evaluate(data)
        count += 5
    return count / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("program", nargs="+")
    options = parser.parse_args()
    ours, theirs = {}, {}
    text = json.dumps([{"name": n, "expr": e, "data": d} for n, e, d in CASES])
    for _ in range(options.rounds):
        run = subprocess.run(options.program + [str(options.seconds)], input=text, capture_output=True, text=True, check=True)
        for name, rate in json.loads(run.stdout).items():
            ours.setdefault(name, []).append(rate)
        for name, expression, data in CASES:
            theirs.setdefault(name, []).append(python_rate(expression, data, options.seconds))
    print("| expression | ours, 1/s | jsonata-python, 1/s | ratio |\n|---|---|---|---|")
    ratios = []
    for name, _, _ in CASES:
        a, b = statistics.median(ours[name]), statistics.median(theirs[name])
        ratios.append(a / b)
        print("| %s | %s | %s | %.0f |" % (name, format(round(a), ","), format(round(b), ","), a / b))
    print("\ngeometric mean %.0f, least %.0f" % (statistics.geometric_mean(ratios), min(ratios)))


main()
