#!/usr/bin/env python3
"""Judge de-identified objects by the rules of the MIDI-B challenge.

    midib.py ORIGINAL DEIDENTIFIED KEY

KEY is a JSON object of canaries and their places, as canary.py writes it. The
answer key is made here, from the canaries and the value representations alone,
and knows nothing of PS3.15 Table E.1-1. The actions and their meaning are those of
CBIIT/MIDI_validation_script (2025): text_removed and date_shifted look for the old
value as a part of the new one, uid_changed wants another UID, uid_consistent the
same one wherever the old one stood, patid_consistent one new Patient ID,
tag_retained and text_retained that an attribute, or its value, is still there, and
pixels_retained the same pixel data.

Prints one line of JSON: checks and failures by category (HIPAA, DICOM, research).
"""
import collections, json, re, sys

import pydicom

# What research needs of a radiograph, and every object must keep.
RETAINED = '''SOPClassUID Modality BodyPartExamined ViewPosition Rows Columns BitsAllocated BitsStored HighBit PixelRepresentation
SamplesPerPixel PhotometricInterpretation PixelSpacing ImagerPixelSpacing RescaleSlope RescaleIntercept WindowCenter WindowWidth KVP
PixelIntensityRelationship PixelIntensityRelationshipSign PresentationLUTShape'''.split()
REQUIRED = 'SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID PatientName StudyDate StudyTime AccessionNumber'.split()
# 45 CFR 164.514(b)(2): names, dates, numbers, addresses, devices, and whatever else is unique.
HIPAA = re.compile('Name|Date|ID$|Number|Address|Phone|Telephone|Institution|Serial|Physician|Operator|Person|UID|Age|Comments|Description|Occupation|Responsible')


def values(ds):
    for e in ds.iterall():
        if e.VR != 'SQ':
            yield e


def text(e):
    return e.value if isinstance(e.value, bytes) else str(e.value)


def main(original, made, key):
    old, new = pydicom.dcmread(original), pydicom.dcmread(made)
    canaries = json.load(open(key))
    texts, uids = [], set()
    for ds in (new.file_meta, new):
        for e in values(ds):
            (uids.add if e.VR == 'UI' and not isinstance(e.value, pydicom.multival.MultiValue) else lambda _: None)(str(e.value))
            texts.append(text(e))
    joined = '\n'.join(t.decode('latin-1') if isinstance(t, bytes) else t for t in texts if len(t) < 1 << 16)
    checks, failed = collections.Counter(), collections.Counter()
    failures = []

    def check(category, action, what, ok):
        checks[category] += 1
        if not ok:
            failed[category] += 1
            failures.append([category, action, what])

    for value, place in canaries.items():
        category = 'HIPAA' if HIPAA.search(place.split(' > ')[-1].split(' ')[-1]) else 'DICOM'
        if re.fullmatch(r'[0-9.]+', value) and value.startswith('1.2.826'):
            check(category, 'uid_changed', place, value not in uids)
        elif re.fullmatch(r'19\d{6}(\d{6})?', value):
            check(category, 'date_shifted', place, value not in joined)
        else:
            check(category, 'text_removed', place, value not in joined)
    # One old UID is one new UID, wherever it stands at the same place.
    pairs = collections.defaultdict(set)
    for k in ('SOPInstanceUID', 'StudyInstanceUID', 'SeriesInstanceUID'):
        pairs[str(old[k].value)].add(str(new[k].value))
    pairs[str(old.SOPInstanceUID)].add(str(new.file_meta.MediaStorageSOPInstanceUID))
    for k, v in pairs.items():
        check('DICOM', 'uid_consistent', 'root', len(v) == 1 and k not in v)
    check('HIPAA', 'patid_consistent', 'PatientID', new.PatientID not in ('', old.PatientID))
    for k in REQUIRED:
        check('DICOM', 'tag_retained', k, k in new)
    for k in RETAINED:
        if k in old and k not in ('SOPInstanceUID',):
            check('research', 'text_retained', k, k in new and str(new[k].value) == str(old[k].value))
    check('research', 'pixels_retained', 'PixelData', old.PixelData == new.PixelData)
    print(json.dumps({'checks': checks, 'failed': failed, 'failures': failures[:20]}))


main(*sys.argv[1:])
