"""Makes streams.zip: small images in every syntax, from several encoders.

IMAGE.raw holds the samples (little endian); IMAGE.SYNTAX.ENCODER the codestream. A
lossy one has the samples that another decoder gives beside it (.raw): DCMTK's for
JPEG and JPEG-LS, OpenJPEG's for JPEG 2000. IMAGE is u or s (signed), the bits of the
samples, "in" and the bits that the data set states; rgb has three equal samples.

pip install pydicom imagecodecs numpy; DCMTK, GDCM, OpenJPEG and OpenJPH tools.
"""
import io
import pathlib
import subprocess
import tempfile
import zipfile

import imagecodecs as ic
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

ROWS, COLUMNS = 40, 56
work = pathlib.Path(tempfile.mkdtemp())
here = pathlib.Path(__file__).parent
out = {}


def image(bits, signed):
    """A ramp, an edge, noise and the extreme values."""
    rng = np.random.default_rng(bits + signed)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    v = (x / COLUMNS * 0.6 + y / ROWS * 0.3) * (1 << bits) + rng.normal(0, (1 << bits) / 200, (ROWS, COLUMNS))
    v[10:20, 20:40] *= 0.3
    v = np.clip(v, 0, (1 << bits) - 1).astype(np.int32)
    v[0, 0], v[0, 1] = 0, (1 << bits) - 1
    if signed:
        v -= 1 << (bits - 1)
    return v


def dicom(v, bits, signed, samples=1):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientID = ds.PatientName = ds.StudyID = ""
    ds.Modality, ds.ConversionType = "OT", "SYN"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = ROWS, COLUMNS, samples
    ds.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    kind = ("i" if signed else "u") + str(ds.BitsAllocated // 8)
    ds.PixelData = v.astype("<" + kind).tobytes()
    path = work / "in.dcm"
    ds.save_as(path, enforce_file_format=True)
    return path


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def codestream(path):
    return next(generate_frames(dcmread(path).PixelData, number_of_frames=1))


def raw(path):
    return dcmread(path).PixelData


def attempt(name, make):
    try:
        out[name] = make()
    except Exception as e:  # an encoder that cannot do these bits
        print("not made:", name, type(e).__name__, str(e)[:80])


def through(tool, src, *options, decoder=None):
    """The codestream a DICOM tool makes, and what a decoder makes of it."""
    dst = work / "out.dcm"
    dst.unlink(missing_ok=True)
    run(tool, *options, src, dst)
    if decoder is None:
        return codestream(dst), None
    back = work / "back.dcm"
    run(decoder, dst, back)
    return codestream(dst), raw(back)


def lossy(name, make):
    try:
        out[name], out[name + ".raw"] = make()
    except Exception as e:
        print("not made:", name, type(e).__name__, str(e)[:80])


def pgm(v, bits):
    path = work / "x.pgm"
    kind = "u1" if bits <= 8 else ">u2"
    path.write_bytes(f"P5\n{COLUMNS} {ROWS}\n{(1 << bits) - 1}\n".encode() + v.astype(kind).tobytes())
    return path


def tool_file(suffix, *command):
    path = work / ("x" + suffix)
    path.unlink(missing_ok=True)
    run(*command, "-o", path)
    return path.read_bytes()


def grey(name, bits, signed, stated):
    v = image(bits, signed)
    kind = "u1" if stated <= 8 else "<u2" if not signed else "<i2"
    out[name + ".raw"] = v.astype(kind).tobytes()
    src = dicom(v, stated, signed)
    attempt(name + ".70.dcmtk", lambda: through("dcmcjpeg", src, "+e1")[0])
    attempt(name + ".57.dcmtk", lambda: through("dcmcjpeg", src, "+el", "+sv", "6")[0])
    attempt(name + ".80.dcmtk", lambda: through("dcmcjpls", src, "+el")[0])
    attempt(name + ".70.gdcm", lambda: through("gdcmconv", src, "--jpeg", "--lossless")[0])
    attempt(name + ".80.gdcm", lambda: through("gdcmconv", src, "--jpegls")[0])
    attempt(name + ".90.gdcm", lambda: through("gdcmconv", src, "--j2k")[0])
    lossy(name + ".81.dcmtk", lambda: through("dcmcjpls", src, "+en", "+md", "3", decoder="dcmdjpls"))
    if bits <= 8 and not signed:
        lossy(name + ".50.dcmtk", lambda: through("dcmcjpeg", src, "+eb", "+q", "90", decoder="dcmdjpeg"))
    if bits <= 12 and not signed:
        lossy(name + ".51.dcmtk", lambda: through("dcmcjpeg", src, "+ee", "+q", "90", decoder="dcmdjpeg"))
    typed = v.astype("u1" if stated <= 8 else "i2" if signed else "u2")
    attempt(name + ".90.openjpeg", lambda: ic.jpeg2k_encode(typed, codecformat="j2k", reversible=True, level=0, bitspersample=stated))
    if signed:
        return
    attempt(name + ".57.turbo", lambda: ic.jpeg8_encode(typed, lossless=True, predictor=4, bitspersample=max(bits, 2)))
    attempt(name + ".80.charls", lambda: ic.jpegls_encode(typed))
    attempt(name + ".201.openjph", lambda: tool_file(".jph", "ojph_compress", "-i", pgm(v, bits), "-reversible", "true"))
    attempt(name + ".202.openjph", lambda: tool_file(".jph", "ojph_compress", "-i", pgm(v, bits), "-reversible", "true", "-prog_order", "RPCL"))
    attempt(name + ".90.opj", lambda: tool_file(".j2k", "opj_compress", "-i", pgm(v, bits)))

    def lossy2000(make):
        code = make()
        return code, ic.jpeg2k_decode(code).astype(kind).tobytes()

    lossy(name + ".91.opj", lambda: lossy2000(lambda: tool_file(".j2k", "opj_compress", "-i", pgm(v, bits), "-I", "-r", "4")))
    lossy(name + ".203.openjph", lambda: lossy2000(lambda: tool_file(".jph", "ojph_compress", "-i", pgm(v, bits), "-qstep", "0.002")))


def colour():
    v = np.repeat(image(8, False)[:, :, None], 3, axis=2)
    out["rgb.raw"] = v.astype("u1").tobytes()
    src = dicom(v, 8, False, 3)
    attempt("rgb.70.dcmtk", lambda: through("dcmcjpeg", src, "+e1", "+cn")[0])
    attempt("rgb.80.dcmtk", lambda: through("dcmcjpls", src, "+el")[0])
    for n, mode in {"none": "+in", "line": "+il", "sample": "+is"}.items():
        attempt("rgb.80." + n, lambda m=mode: through("dcmcjpls", src, "+el", m)[0])
    attempt("rgb.90.gdcm", lambda: through("gdcmconv", src, "--j2k")[0])
    attempt("rgb.90.openjpeg", lambda: ic.jpeg2k_encode(v.astype("u1"), codecformat="j2k", reversible=True, level=0, mct=True))


def noise():
    """Noise whose JPEG-LS codestream ends in a zero byte that belongs to the data."""
    for seed in range(10000):
        v = np.random.default_rng(seed).integers(0, 1 << 16, (ROWS, COLUMNS), dtype=np.uint16)
        code = ic.jpegls_encode(v)
        if code[-3] == 0:
            out["n16.raw"], out["n16.80.charls"] = v.tobytes(), code
            return


for name, bits, signed, stated in [("u8", 8, False, 8), ("u10", 10, False, 10), ("u12", 12, False, 12), ("u16", 16, False, 16),
                                   ("u10in12", 10, False, 12), ("s12", 12, True, 12), ("s16", 16, True, 16)]:
    grey(name, bits, signed, stated)
colour()
noise()
with zipfile.ZipFile(here / "streams.zip", "w", zipfile.ZIP_DEFLATED) as z:
    for name in sorted(out):
        z.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), out[name], zipfile.ZIP_DEFLATED)
print(len(out), "entries")
