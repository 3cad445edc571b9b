"""Writes fixture.json: figures of small segmentations as scikit-learn and SciPy
compute them, for fixture_test.go. Run by hand: python3 fixture.py > fixture.json
with scikit-learn and SciPy installed."""

import json
import sys

import numpy as np
import scipy
import sklearn
from scipy.ndimage import distance_transform_edt
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support, roc_auc_score

IGNORE = 255
SPACING = 0.25
THRESHOLD = 0.6
FPR = 0.03
BINS = 15


def image(random, rows, cols, classes):
    """A label of smooth regions, and probabilities that follow it badly, in thousandths."""
    y, x = np.mgrid[0:rows, 0:cols]
    field = np.sin(x / cols * 4 + random.uniform(0, 6)) + np.cos(y / rows * 5 + random.uniform(0, 6))
    label = np.digitize(field, np.quantile(field, np.arange(1, classes) / classes)).astype(int)
    logits = np.stack([1.6 * (label == k) for k in range(3)]) + random.normal(0, 1, (3, rows, cols))
    logits[0] += 2.5 * (random.uniform(0, 1, (rows, cols)) < 0.1)
    p = np.exp(logits) / np.exp(logits).sum(0)
    p = np.round(p, 3)
    p[2] = np.round(1 - p[0] - p[1], 3)
    label[random.uniform(0, 1, label.shape) < 0.05] = IGNORE
    label[:2] = IGNORE
    return label, np.clip(p, 0, 1).astype(np.float32)


def figures(label, p):
    """Figures of pixels, n labels and 3×n probabilities."""
    keep = label != IGNORE
    truth, p = label[keep], p[:, keep]
    predicted = p.argmax(0)
    precision, recall, f1, support = precision_recall_fscore_support(truth, predicted, labels=[0, 1, 2], zero_division=0)
    auc = [float(roc_auc_score(truth == k, p[k])) if 0 < (truth == k).sum() < len(truth) else None for k in range(3)]
    pairs = [(a, n) for a, n in zip(auc, support) if a is not None]
    confidence = p.max(0).astype(np.float64)
    hit = predicted == truth
    accuracy, mean = calibration_curve(hit, confidence, n_bins=BINS, strategy="uniform")
    weight, _ = np.histogram(confidence, bins=np.linspace(0, 1, BINS + 1))
    soft = (predicted == 1) & (p[1] >= np.float32(THRESHOLD))
    strict = next(t for t in range(1001) if ((predicted == 1) & (p[1] >= np.float32(t / 1000)))[truth != 1].mean() <= FPR) / 1000
    return {
        "pixels": len(truth),
        "confusion": confusion_matrix(truth, predicted, labels=[0, 1, 2]).tolist(),
        "accuracy": accuracy_score(truth, predicted),
        "class_accuracy": [accuracy_score(truth == k, predicted == k) for k in range(3)],
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "weighted_f1": float(np.average(f1, weights=support)),
        "auc": auc,
        "weighted_auc": float(np.average([a for a, _ in pairs], weights=[n for _, n in pairs])),
        "confidence": [float(confidence[predicted == k].mean()) for k in range(3)],
        "mean_confidence": float(confidence.mean()),
        "ece": float(np.abs(accuracy - mean) @ weight[weight > 0] / len(truth)),
        "tpr": float(soft[truth == 1].mean()),
        "fpr": float(soft[truth != 1].mean()),
        "strict": strict,
    }


def edge(classes, k):
    """Pixels of class k beside a scored pixel of another class."""
    padded = np.pad(classes, 1, constant_values=IGNORE)
    middle = padded[1:-1, 1:-1] == k
    other = (padded != k) & (padded != IGNORE)
    return middle & (other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:])


def boundary(label, p):
    """Mean and 95th percentile of boundary distances per class; None without both boundaries."""
    predicted = np.where(label == IGNORE, IGNORE, p.argmax(0))
    out = []
    for k in range(3):
        a, b = edge(label, k), edge(predicted, k)
        if not a.any() or not b.any():
            out.append(None)
            continue
        d = np.concatenate([distance_transform_edt(~a)[b], distance_transform_edt(~b)[a]])
        out.append([float(d.mean()), float(np.percentile(d, 95)), float(d.mean() * SPACING)])
    return out


def main():
    random = np.random.default_rng(20190322)
    images = [image(random, *shape) for shape in [(30, 40, 3), (44, 25, 3), (24, 24, 2)]]
    rows = [{"rows": l.shape[0], "columns": l.shape[1], "label": l.ravel().tolist(),
             "thousandths": np.rint(p * 1000).astype(int).reshape(3, -1).tolist(), "boundary": boundary(l, p),
             **figures(l.ravel(), p.reshape(3, -1))} for l, p in images]
    pooled = figures(np.concatenate([l.ravel() for l, _ in images]), np.concatenate([p.reshape(3, -1) for _, p in images], axis=1))
    out = {"sklearn": sklearn.__version__, "scipy": scipy.__version__, "spacing": SPACING, "threshold": THRESHOLD, "images": rows, "pooled": pooled}
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


main()
