#!/usr/bin/env python3
"""Write or check table.csv, types.csv and codes.csv.

The facts come from three packages of PyPI, read as text and never run:
  dicom-anonymizer 2.1.0  PS3.15 Table E.1-1, edition 2026c: the Basic Profile
  idiscore 1.2.0          the same table of 2024: the columns of the options
  highdicom, pydicom      PS3.3 attribute types, PS3.6 keywords, PS3.16 concepts

    generate.py --packages FOLDER [--check]

FOLDER holds the unpacked packages (pip install --no-deps --target FOLDER ...);
pydicom must be importable. With --check nothing is written and any difference
is printed and fails.
"""
import argparse, ast, csv, difflib, importlib.util, io, json, pathlib, sys

from pydicom.datadict import dictionary_has_tag, dictionary_description, keyword_for_tag, tag_for_keyword, repeater_has_tag
from pydicom.sr._concepts_dict import concepts

HERE = pathlib.Path(__file__).parent
BASIC = {'D_TAGS': 'D', 'Z_TAGS': 'Z', 'X_TAGS': 'X', 'U_TAGS': 'U', 'Z_D_TAGS': 'Z/D', 'X_Z_TAGS': 'X/Z',
         'X_D_TAGS': 'X/D', 'X_Z_D_TAGS': 'X/Z/D', 'X_Z_U_STAR_TAGS': 'X/Z/U*'}
OPTIONS = {'retain_safe_private': 'safe_private', 'retain_uid': 'uids', 'retain_device_id': 'device',
           'retain_institution_id': 'institution', 'retain_patient_characteristics': 'patient',
           'retain_full_dates': 'full_dates', 'retain_modified_dates': 'modified_dates',
           'clean_descriptors': 'descriptors', 'clean_structured_content': 'structured', 'clean_graphics': 'graphics'}
ACTIONS = {'DUMMY': 'D', 'EMPTY': 'Z', 'REMOVE': 'X', 'KEEP': 'K', 'CLEAN': 'C', 'UID': 'U', 'EMPTY_OR_DUMMY': 'Z/D',
           'REMOVE_OR_EMPTY': 'X/Z', 'REPLACE_OR_DUMMY': 'X/Z', 'REMOVE_OR_DUMMY': 'X/D',
           'REMOVE_OR_EMPTY_OR_DUMMY': 'X/Z/D', 'REMOVE_OR_EMPTY_OR_UID': 'X/Z/U*'}
# Storage SOP classes that are de-identified; every other is refused.
CLASSES = {'1': 'CR', '1.1': 'DX', '1.1.1': 'DX', '1.2': 'MG', '1.2.1': 'MG', '1.3': 'IO', '1.3.1': 'IO', '7': 'SC',
           '7.2': 'SC8', '7.3': 'SC16', '12.1': 'XA', '12.2': 'XA', '66.4': 'SEG', '88.11': 'SR11', '88.22': 'SR22',
           '88.33': 'SR33', '88.34': 'SR34'}
# Context groups of PS3.16 whose meanings may be kept: anatomy, views, segments, measurements, devices.
CONTEXT_GROUPS = {4, 4009, 4010, 4011, 4014, 4031, 4005, 244, 245, 7150, 7151, 7166, 7191, 7192, 7202, 7203, 7005, 7162,
                  7469, 7461, 7452, 218, 6147, 7550, 270, 271, 7021, 7050, 5, 7460, 82, 42, 2}


def basic(packages):
    path = packages / 'dicomanonymizer/dicom_anonymization_databases/dicomfields_2026c.py'
    rows = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id in BASIC and node.targets[0].id != 'ALL_TAGS':
            for entry in ast.literal_eval(node.value):
                mask = entry[2:] if len(entry) == 4 else (0xffff, 0xffff)
                rows[entry[0] << 16 | entry[1], mask[0] << 16 | mask[1]] = BASIC[node.targets[0].id]
    # Table E.1-1's row "Private Attributes": gggg is odd.
    rows[0x00010000, 0x00010000] = 'X'
    return rows


def identifier(call):
    """The tag and mask of SingleTag("00080050"), RepeatingGroup("60xx4000") or PrivateTags()."""
    if call.func.id == 'PrivateTags':
        return 0x00010000, 0x00010000
    text = call.args[0].value
    return int(text.replace('x', '0'), 16), int(''.join('0' if c == 'x' else 'f' for c in text), 16)


def options(packages):
    columns = {}
    for node in ast.parse((packages / 'idiscore/_public_dicom.py').read_text()).body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)):
            continue
        name = node.targets[0].id
        if name not in OPTIONS and name != 'basic_profile':
            continue
        rules = next(k.value for k in node.value.keywords if k.arg == 'rules')
        columns[name] = {identifier(r.elts[0]): ACTIONS[r.elts[1].attr] for r in rules.elts}
    assert set(columns) == set(OPTIONS) | {'basic_profile'}, columns.keys()
    return columns


# What the table does not name and what carries text all the same.
BEYOND = {(0x60000022, 0xff00ffff): 'X', (0x60001500, 0xff00ffff): 'X', (0x00281055, 0xffffffff): 'X',
          (0x00283003, 0xffffffff): 'X', (0x00181020, 0xffffffff): 'X/Z/D', (0x00280303, 0xffffffff): 'X',
          (0x04000561, 0xffffffff): 'X', (0xfffcfffc, 0xffffffff): 'X', (0x00880200, 0xffffffff): 'X',
          (0x00120062, 0xffffffff): 'X', (0x00120063, 0xffffffff): 'X', (0x00120064, 0xffffffff): 'X'}


def name(tag, mask):
    if mask == 0x00010000:
        return 'PrivateAttributes'
    if (tag, mask) == (0x50000000, 0xff000000):
        return 'CurveData'
    return keyword_for_tag(tag) or 'Unknown'


def table(packages):
    first, columns = basic(packages), options(packages)
    keys = sorted(set(first) | set(columns['basic_profile']) | set(BEYOND) | {k for c in columns.values() for k in c})
    yield ['tag', 'mask', 'keyword', 'source', 'basic', *OPTIONS.values()]
    for key in keys:
        source, action = '2026c', first.get(key)
        if action is None:
            source, action = '2024', columns['basic_profile'].get(key)
        if action is None:
            source, action = 'beyond', BEYOND.get(key, '')
        yield ['%08X' % key[0], '%08X' % key[1], name(*key), source, action, *(columns[o].get(key, '') for o in OPTIONS)]


def types(packages):
    """Rows (object, path, tag, type) of every attribute of Type 1, 1C, 2 and 2C, and 3 at the top level."""
    folder = packages / 'highdicom/_standard'
    modules, attributes, classes = (json.loads((folder / f).read_text()) for f in
                                    ('iod_module_map.json', 'module_attribute_map.json', 'sop_class_iod_map.json'))
    yield ['object', 'path', 'tag', 'type']
    rows = {}
    for suffix, short in CLASSES.items():
        iod = classes['1.2.840.10008.5.1.4.1.1.' + suffix]
        for module in modules[iod]:
            for a in attributes.get(module['key'], []):
                top = (a['path'] + [a['keyword']])[0]
                tag = tag_for_keyword(a['keyword'])
                if tag is None or len(a['path']) > 3 or a['path'] and top not in KEPT_SEQUENCES:
                    continue
                if a['path'] and a['type'] == '3':
                    continue
                # What a user-optional module asks for is marked U: without the module nothing is asked.
                kind = a['type'] + ('U' if module['usage'] == 'U' and not a['path'] and a['type'] != '3' else '')
                path = '/'.join('%08X' % tag_for_keyword(k) for k in a['path'])
                key = (short if not a['path'] else '*', path, '%08X' % tag)
                rows[key] = min(rows.get(key, '3'), kind)
    for key in sorted(rows):
        yield [*key, rows[key]]


KEPT_SEQUENCES = set('''AnatomicRegionSequence ViewCodeSequence VOILUTSequence ModalityLUTSequence PresentationLUTSequence
ReferencedSeriesSequence SegmentSequence SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence DimensionOrganizationSequence
DimensionIndexSequence SourceImageSequence ContentSequence ConceptNameCodeSequence ContentTemplateSequence
CurrentRequestedProcedureEvidenceSequence VerifyingObserverSequence AcquisitionContextSequence PatientOrientationCodeSequence
DeidentificationMethodCodeSequence ReferencedInstanceSequence PerformedProcedureCodeSequence ReferencedPerformedProcedureStepSequence
ProcedureCodeSequence IconImageSequence ContributingEquipmentSequence InstitutionCodeSequence'''.split())


def codes(_):
    yield ['scheme', 'value', 'meaning']
    rows = set()
    for scheme in ('DCM', 'SCT', 'UCUM'):
        for entry in concepts[scheme].values():
            for value, (meaning, groups) in entry.items():
                if scheme == 'DCM' or set(groups) & CONTEXT_GROUPS:
                    rows.add((scheme, value, meaning))
    yield from sorted(rows)


def render(rows):
    out = io.StringIO()
    csv.writer(out, lineterminator='\n').writerows(rows)
    return out.getvalue()


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--packages', type=pathlib.Path, required=True)
    p.add_argument('--check', action='store_true')
    a = p.parse_args()
    failed = False
    for file, make in (('table.csv', table), ('types.csv', types), ('codes.csv', codes)):
        text = render(make(a.packages))
        if not a.check:
            (HERE / file).write_text(text)
        elif (HERE / file).read_text() != text:
            failed = True
            sys.stdout.writelines(difflib.unified_diff((HERE / file).read_text().splitlines(True), text.splitlines(True), file, 'packages', n=0))
    sys.exit(failed)


main()
