#!/usr/bin/env python3
"""What "dicomnode trainer export" and other programs leave of 1,525 planted values.

    peers.py --program bin/dicomnode --cases ../shared/cases/deid --packages .runtime/deidentify

canary.py of CASES makes one CR with a value of its own in every row of PS3.15 Table
E.1-1 and in odd places, and leak.py there looks for them; neither is changed. It needs
RG3_UNC.dcm in ../../data/dicom of CASES, and in PACKAGES what
trainer/deidentify/fetch.sh puts there. Python packages of peers.txt, gdcmanon and
Orthanc are tried where they are installed; what is not is named. Prints a table of
docs/export.md. "make export-peers" installs and runs all of it.
"""
import argparse
import contextlib
import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings


def dicomnode(profile):
    def peer(source, out, args):
        work = pathlib.Path(tempfile.mkdtemp(dir=out.parent.parent))
        key, made = work / 'key', work / 'set'
        subprocess.run([args.program, 'trainer', 'export', 'key', key], check=True, capture_output=True)
        subprocess.run([args.program, 'trainer', 'export', source, '--out', made, '--key', key, '--formats', 'dicom', '--labels', 'none',
                        '--burned-in', 'keep', '--profile', profile], check=True, capture_output=True)
        shutil.copy(next(made.glob('dicom/*/*.dcm')), out)
        return 'this checkout'
    return peer


def version_of(command):
    said = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r'\d+\.\d+[\w.+-]*', said.stdout + said.stderr)
    return found.group() if found else ''


def deid(source, out, _):
    from deid.config import DeidRecipe
    from deid.dicom import get_identifiers, replace_identifiers
    files = [str(source)]
    folder = tempfile.mkdtemp(dir=out.parent.parent)
    made = replace_identifiers(files, ids=get_identifiers(files), deid=DeidRecipe(), save=True, output_folder=folder, overwrite=True)
    shutil.copy(made[0], out)
    return importlib.metadata.version('deid')


def dicognito(source, out, _):
    import pydicom
    from dicognito.anonymizer import Anonymizer
    dataset = pydicom.dcmread(source)
    Anonymizer().anonymize(dataset)
    dataset.save_as(out)
    return importlib.metadata.version('dicognito')


def dicom_anonymizer(edition):
    def peer(source, out, _):
        from dicomanonymizer import simpledicomanonymizer as program
        if edition:
            program.anonymize_dicom_file(source, out, base_rules_gen=lambda: program.initialize_actions(edition))
        else:
            program.anonymize_dicom_file(source, out)
        return importlib.metadata.version('dicom-anonymizer')
    return peer


def gdcmanon(source, out, _):
    folder = tempfile.mkdtemp(dir=out.parent.parent)
    certificate = os.path.join(folder, 'certificate.pem')
    subprocess.run(['openssl', 'req', '-x509', '-nodes', '-newkey', 'rsa:2048', '-subj', '/CN=nobody', '-days', '1',
                    '-keyout', os.path.join(folder, 'key.pem'), '-out', certificate], check=True, capture_output=True)
    subprocess.run(['gdcmanon', '-e', '-c', certificate, source, out], check=True, capture_output=True)
    return version_of(['gdcmanon', '--version'])


@contextlib.contextmanager
def orthanc_server(folder):
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    config = os.path.join(folder, 'orthanc.json')
    with open(config, 'w', encoding='utf-8') as f:
        json.dump({'StorageDirectory': folder, 'IndexDirectory': folder, 'HttpPort': port, 'DicomServerEnabled': False,
                   'RemoteAccessAllowed': False, 'AuthenticationEnabled': False}, f)
    server = subprocess.Popen(['Orthanc', config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f'http://127.0.0.1:{port}', server
    finally:
        server.terminate()
        server.wait()


def orthanc(source, out, _):
    with orthanc_server(tempfile.mkdtemp(dir=out.parent.parent)) as (address, server):
        def ask(path, body=None):
            with urllib.request.urlopen(urllib.request.Request(address + path, data=body), timeout=60) as answer:
                return answer.read()
        for _ in range(120):
            try:
                about = json.loads(ask('/system'))
                break
            except (urllib.error.URLError, ConnectionError):
                if server.poll() is not None:
                    raise RuntimeError('Orthanc has ended')
                time.sleep(.5)
        else:
            raise RuntimeError('Orthanc does not answer')
        instance = json.loads(ask('/instances', source.read_bytes()))['ID']
        out.write_bytes(ask(f'/instances/{instance}/anonymize', json.dumps({'DicomVersion': '2021b', 'Force': True}).encode()))
        return about['Version']


PEERS = {
    'dicomnode, training': dicomnode('training'), 'dicomnode, basic': dicomnode('basic'), 'Orthanc, DicomVersion 2021b': orthanc, 'deid, default recipe': deid,
    'dicognito': dicognito, 'dicom-anonymizer, edition 2026c': dicom_anonymizer('dicomfields_2026c'),
    'dicom-anonymizer, default edition': dicom_anonymizer(None), 'gdcmanon -e': gdcmanon,
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--program', type=pathlib.Path, required=True)
    p.add_argument('--cases', type=pathlib.Path, required=True)
    p.add_argument('--packages', type=pathlib.Path, required=True)
    args = p.parse_args()
    warnings.simplefilter('ignore')  # of pydicom, about rows that it does not know
    args.program = args.program.resolve()
    with tempfile.TemporaryDirectory() as root:
        run = pathlib.Path(root, 'run')
        (run / 'can_out').mkdir(parents=True)
        (run / 'anon').symlink_to(args.packages.resolve())
        pathlib.Path(root, 'shared').symlink_to(args.cases.resolve().parent.parent)
        script = {'PYTHONPATH': str(args.packages.resolve()), 'PYTHONDONTWRITEBYTECODE': '1', 'PATH': os.environ['PATH']}
        subprocess.run([sys.executable, args.cases.resolve() / 'canary.py'], cwd=run, env=script, check=True, capture_output=True)
        versions = {}
        for i, (name, peer) in enumerate(PEERS.items()):
            try:
                versions[str(i)] = name, peer(run / 'canary.dcm', run / 'can_out' / str(i), args)
            except (ImportError, OSError) as missing:
                print(f'{name}: not installed: {missing}', file=sys.stderr)
        said = subprocess.run([sys.executable, args.cases.resolve() / 'leak.py'], cwd=run, env=script, check=True, capture_output=True, text=True).stdout
    print('| program | version | values left | nested | at the top |\n|---|---|---|---|---|')
    for found in re.finditer(r'(?m)^== (\S+) \d+ left (\d+) of \d+ \| nested (\d+) \| root (\d+)', said):
        name, version = versions[found[1]]
        print(f'| {name} | {version} | {found[2]} | {found[3]} | {found[4]} |')


if __name__ == '__main__':
    main()
