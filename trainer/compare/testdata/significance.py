"""Writes significance.json: McNemar's test with continuity correction as statsmodels
computes it and the sign test as SciPy does, for significance_test.go. Run by hand, not
in CI:

    python3 -m venv venv && venv/bin/pip install statsmodels==0.15.0 scipy==1.17.1
    venv/bin/python significance.py > significance.json
"""

import json
import sys

import scipy
import statsmodels
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar

PIXELS = [(0, 1), (1, 0), (5, 5), (5, 6), (10, 25), (300, 200), (4000, 4100), (15000, 14500), (20000, 1000)]
IMAGES = [(0, 1), (1, 1), (0, 5), (2, 9), (7, 7), (3, 14), (40, 20)]


def main():
    out = {"statsmodels": statsmodels.__version__, "scipy": scipy.__version__, "mcnemar": [], "sign": []}
    for b, c in PIXELS:
        r = mcnemar([[0, b], [c, 0]], exact=False, correction=b != c)  # with equal counts |b−c|−1 would be negative
        out["mcnemar"].append({"only_first": b, "only_this": c, "chi_square": float(r.statistic), "p": float(r.pvalue)})
    for better, worse in IMAGES:
        out["sign"].append({"better": better, "worse": worse, "p": float(binomtest(better, better + worse).pvalue)})
    json.dump(out, sys.stdout, indent=1)
    print()


main()
