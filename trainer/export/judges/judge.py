"""Reads a set of "dicomnode trainer export" as nnU-Net v2 and MONAI do.

judge.py SET: nnU-Net's integrity check, its reader and its label manager on every
case, the folds that its trainer reads, and MONAI's loader on every entry. A line for
each; exit status 1 and the reason where one refuses.
"""
import importlib.metadata
import json
import os
import sys

import numpy
from batchgenerators.utilities.file_and_folder_operations import load_json
from monai.data import CacheDataset, load_decathlon_datalist
from monai.transforms import Compose, EnsureChannelFirstd, LoadImaged
from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json
from nnunetv2.experiment_planning.verify_dataset_integrity import verify_dataset_integrity
from nnunetv2.utilities.label_handling.label_handling import LabelManager
from nnunetv2.utilities.utils import get_filenames_of_train_images_and_targets


def version(package):
    return package + " " + importlib.metadata.version(package)


def manifest(root):
    with open(os.path.join(root, "manifest.jsonl"), encoding="utf-8") as f:
        return {r["id"]: r for r in map(json.loads, f)}


def nnunet(root):
    folder = os.path.join(root, "nnunet", "Dataset001_Radiographs")
    about = load_json(os.path.join(folder, "dataset.json"))
    verify_dataset_integrity(folder, 1)
    labels = LabelManager(about["labels"], None)
    assert labels.has_ignore_label and labels.ignore_label == 3, about["labels"]
    cases = get_filenames_of_train_images_and_targets(folder, about)
    first = next(iter(cases.values()))
    reader = determine_reader_writer_from_dataset_json(about, first["images"][0])()
    who, seen, deep = manifest(root), set(), 0
    for name, case in cases.items():
        image, _ = reader.read_images(case["images"])
        label, _ = reader.read_seg(case["label"])
        assert image.shape == label.shape, (image.shape, label.shape)
        deep += who[name]["bits_stored"] > 8 and len(numpy.unique(image)) > 256
        seen |= set(numpy.unique(label).astype(int).tolist())
    assert seen <= {0, 1, 2, 3} and {0, 1, 2} <= seen, seen
    assert deep, "no picture is more than 8 bits deep"
    validated = []
    splits = load_json(os.path.join(folder, "splits_final.json"))
    for fold in splits:
        assert set(fold["train"]) | set(fold["val"]) == set(cases), "a fold leaves cases out"
        shared = {who[c]["patient"] for c in fold["train"]} & {who[c]["patient"] for c in fold["val"]}
        assert not shared, "patients on both sides"
        validated += fold["val"]
    assert sorted(validated) == sorted(cases), "a case is not validated once"
    print(f"{version('nnunetv2')}: {len(cases)} cases read by {type(reader).__name__}, "
          f"labels {sorted(seen)}, {len(splits)} folds by patient")


def monai(root):
    listed = os.path.join(root, "monai.json")
    entries = load_decathlon_datalist(listed, is_segmentation=True, data_list_key="training", base_dir=root)
    keys = ["image", "label"]
    data = CacheDataset(entries, Compose([LoadImaged(keys), EnsureChannelFirstd(keys)]), num_workers=1, progress=False)
    for d in data:
        assert d["image"].shape == d["label"].shape and d["image"].shape[0] == 1, d["image"].shape
        assert set(numpy.unique(d["label"]).astype(int).tolist()) <= {0, 1, 2, 255}
    folds = {e["fold"] for e in entries}
    print(f"{version('monai')}: {len(data)} pairs loaded, folds {sorted(folds)}")


if __name__ == "__main__":  # nnU-Net starts processes that import this file
    nnunet(sys.argv[1])
    monai(sys.argv[1])
