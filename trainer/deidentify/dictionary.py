#!/usr/bin/env python3
"""Plant a canary in every attribute of PS3.6 that holds words, names, dates or UIDs.

    dictionary.py ORIGINAL OUTPUT KEY

The list is pydicom's data dictionary, which is made from PS3.6: it knows nothing of
PS3.15 Table E.1-1, neither its rows nor its actions. Each canary stands once at the
top level and once in an item of Anatomic Region Sequence. KEY is a JSON object of
canaries and their places for midib.py. What midib.py wants retained stays as it is.
"""
import json, sys

import pydicom
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

WORDS = set('PN LO SH ST LT UT UC CS AE DA DT UI'.split())
# What says how to read the object, or is wanted as it is.
KEPT = set('''SpecificCharacterSet SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID PatientID Modality BodyPartExamined
ViewPosition PhotometricInterpretation PixelIntensityRelationship PresentationLUTShape TimezoneOffsetFromUTC'''.split())


def canary(vr, n):
    if vr in ('DA', 'DT'):
        return '19%02d%02d%02d' % (n % 89 + 10, n // 89 % 12 + 1, n // 1068 % 28 + 1)
    return {'UI': '1.2.826.0.1.3680043.8.498.7777.%d', 'PN': 'Kanarie%05d^Vogel', 'CS': 'KANARIE%05d', 'AE': 'KANARIE%05d',
            'SH': 'KANARIE%05d'}.get(vr, 'kanarie%05d tekst') % (900000 + n if vr == 'UI' else n)


def main(original, output, key):
    ds = pydicom.dcmread(original)
    item, places, n = Dataset(), {}, 0
    for tag, (vr, _, name, _, keyword) in sorted(DicomDictionary.items()):
        if vr not in WORDS or not keyword or keyword in KEPT or tag >> 16 in (0, 2, 4) or tag & 0xffff == 0:
            continue
        for where, target in (('', ds), ('AnatomicRegionSequence > ', item)):
            n += 1
            value = canary(vr, n)
            target.add_new(tag, vr, value)
            places[value] = where + keyword
    ds.AnatomicRegionSequence = Sequence([item])
    ds.save_as(output)
    json.dump(places, open(key, 'w'))


main(*sys.argv[1:])
