"""Writes fixture.json: figures of small segmentations as scikit-learn and SciPy
compute them, for fixture_test.go. Run by hand, not in CI:

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1
    venv/bin/python fixture.py > fixture.json

The same versions write the same bytes; they stand in the file."""

import json
import sys
import warnings

import numpy as np
import scipy
import sklearn
from scipy.ndimage import distance_transform_edt
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, precision_recall_fscore_support, roc_auc_score, roc_curve

warnings.filterwarnings("ignore", message="The y_prob values do not sum to one")  # in single precision
IGNORE = 255
SPACING = 0.25
THRESHOLD = 0.6
FPR = 0.03
BINS = 15
SIDE = 200  # of the picture that an image is put into
LEAST = 1e-7  # probability in the cross-entropy
CURVE = [0, 0.3, 0.5, 0.55, 0.6, 0.7, 0.8, 0.9]  # thresholds of the soft-tissue curve
WITHIN = [0, 4, 8, 16, 40]  # distances in eighths of a per cent of SIDE


def image(random, rows, cols, classes, digits=3):
    """A label of smooth regions, and probabilities that follow it badly, in thousandths or,
    with fewer digits, in coarser steps, so that many are equal and some are 0 and 1."""
    y, x = np.mgrid[0:rows, 0:cols]
    field = np.sin(x / cols * 4 + random.uniform(0, 6)) + np.cos(y / rows * 5 + random.uniform(0, 6))
    label = np.digitize(field, np.quantile(field, np.arange(1, classes) / classes)).astype(int)
    logits = np.stack([1.6 * (label == k) for k in range(3)]) + random.normal(0, 1, (3, rows, cols))
    logits[0] += 2.5 * (random.uniform(0, 1, (rows, cols)) < 0.1)
    p = np.exp(logits) / np.exp(logits).sum(0)
    p = np.round(p, digits)
    p[2] = np.round(1 - p[0] - p[1], digits)
    label[random.uniform(0, 1, label.shape) < 0.05] = IGNORE
    label[:2] = IGNORE
    return label, np.clip(p, 0, 1).astype(np.float32)


def calibration(hit, confidence):
    """Expected calibration error, and pixels, confidence and accuracy of the bins that have any."""
    accuracy, mean = calibration_curve(hit, confidence, n_bins=BINS, strategy="uniform")
    weight, _ = np.histogram(confidence, bins=np.linspace(0, 1, BINS + 1))
    return float(np.abs(accuracy - mean) @ weight[weight > 0] / len(hit)), weight.tolist(), mean.tolist(), accuracy.tolist()


def soft_tissue(truth, p, threshold):
    """True-positive rate, false-positive rate and precision of a threshold on top of the likeliest class."""
    said = (p.argmax(0) == 1) & (p[1] >= np.float32(threshold))
    return [float(said[truth == 1].mean()), float(said[truth != 1].mean()), float((truth[said] == 1).mean()) if said.any() else None]


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
    ece, weight, mean, accuracy = calibration(hit, confidence)
    class_accuracy = [accuracy_score(truth == k, predicted == k) for k in range(3)]
    strict = next(t for t in range(1001) if ((predicted == 1) & (p[1] >= np.float32(t / 1000)))[truth != 1].mean() <= FPR) / 1000
    tpr, fpr, _ = soft_tissue(truth, p, THRESHOLD)
    return {
        "pixels": len(truth),
        "confusion": confusion_matrix(truth, predicted, labels=[0, 1, 2]).tolist(),
        "accuracy": accuracy_score(truth, predicted),
        "class_accuracy": class_accuracy,
        "weighted_class_accuracy": float(np.average(class_accuracy, weights=support)),
        "weighted_precision": float(precision_recall_fscore_support(truth, predicted, average="weighted", zero_division=0)[0]),
        "cross_entropy": float(log_loss(truth, np.clip(p.T.astype(np.float64), LEAST, 1), labels=[0, 1, 2])),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "weighted_f1": float(np.average(f1, weights=support)),
        "auc": auc,
        "weighted_auc": float(np.average([a for a, _ in pairs], weights=[n for _, n in pairs])),
        "confidence": [float(confidence[predicted == k].mean()) for k in range(3)],
        "mean_confidence": float(confidence.mean()),
        "ece": ece,
        "bins": {"pixels": weight, "confidence": mean, "accuracy": accuracy},
        "class_ece": [calibration(hit[predicted == k], confidence[predicted == k])[0] for k in range(3)],
        "tpr": tpr,
        "fpr": fpr,
        "curve": [[t, *soft_tissue(truth, p, t)] for t in CURVE],
        "strict": strict,
    }


def roc(label, p):
    """Every point of each class's ROC curve: false-positive and true-positive rates."""
    keep = label != IGNORE
    curves = [roc_curve(label[keep] == k, p[k][keep], drop_intermediate=False) for k in range(3)]
    return [[np.round(x, 6).tolist() for x in c[:2]] for c in curves]


def edge(classes, k):
    """Pixels of class k beside a scored pixel of another class."""
    padded = np.pad(classes, 1, constant_values=IGNORE)
    middle = padded[1:-1, 1:-1] == k
    other = (padded != k) & (padded != IGNORE)
    return middle & (other[:-2, 1:-1] | other[2:, 1:-1] | other[1:-1, :-2] | other[1:-1, 2:])


def boundary(label, p):
    """Per class mean and 95th percentile of boundary distances, both in millimetres, and
    shares within WITHIN; None without both boundaries."""
    predicted = np.where(label == IGNORE, IGNORE, p.argmax(0))
    out = []
    for k in range(3):
        a, b = edge(label, k), edge(predicted, k)
        if not a.any() or not b.any():
            out.append(None)
            continue
        d = np.concatenate([distance_transform_edt(~a)[b], distance_transform_edt(~b)[a]])
        figures = [d.mean(), np.percentile(d, 95), d.mean() * SPACING, np.percentile(d, 95) * SPACING]
        out.append([float(v) for v in figures + [(d <= w / 800 * SIDE).mean() for w in WITHIN]])
    return out


def main():
    random = np.random.default_rng(20190322)
    images = [image(random, *shape) for shape in [(30, 40, 3), (44, 25, 3), (24, 24, 2), (20, 30, 3, 1)]]
    rows = [{"rows": l.shape[0], "columns": l.shape[1], "label": l.ravel().tolist(),
             "thousandths": np.rint(p * 1000).astype(int).reshape(3, -1).tolist(), "boundary": boundary(l, p),
             **figures(l.ravel(), p.reshape(3, -1))} for l, p in images]
    label, p = np.concatenate([l.ravel() for l, _ in images]), np.concatenate([p.reshape(3, -1) for _, p in images], axis=1)
    pooled = {**figures(label, p), "roc": roc(label, p)}
    out = {"numpy": np.__version__, "sklearn": sklearn.__version__, "scipy": scipy.__version__, "spacing": SPACING, "threshold": THRESHOLD, "within": WITHIN, "images": rows, "pooled": pooled}
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
