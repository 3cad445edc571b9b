"""Makes the probes: 16 by 16 pixels, pixel i (row by row) is i/255 of full scale.

pip install imagecodecs numpy; htj2k needs ojph_compress (OpenJPH).
"""
import pathlib
import subprocess
import tempfile

import imagecodecs as ic
import numpy as np

here = pathlib.Path(__file__).parent
ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
deep = ramp * 257

def write(name, code):
    (here / name).write_bytes(code)

write("baseline.jpg", ic.jpeg8_encode(ramp.astype(np.uint8), level=95))
write("extended.jpg", ic.jpeg8_encode((ramp.astype(int) * 4095 // 255).astype(np.uint16), level=95, bitspersample=12))
write("lossless.jpg", ic.jpeg8_encode(deep, lossless=True, predictor=1, bitspersample=16))
write("lossless.jls", ic.jpegls_encode(deep))
write("near-lossless.jls", ic.jpegls_encode(ramp.astype(np.uint8), level=2))
write("lossless.j2k", ic.jpeg2k_encode(deep, codecformat="j2k", reversible=True, level=0, resolutions=2))
with tempfile.TemporaryDirectory() as d:
    raw = pathlib.Path(d, "x.pgm")
    raw.write_bytes(b"P5\n16 16\n65535\n" + deep.astype(">u2").tobytes())
    subprocess.run(["ojph_compress", "-i", raw, "-o", pathlib.Path(d, "x.jph"), "-reversible", "true", "-num_decomps", "2"], check=True)
    write("lossless.jph", pathlib.Path(d, "x.jph").read_bytes())
