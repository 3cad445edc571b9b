"""pynetdicom as modality and PACS over DICOM TLS, with certificates on both sides.

pynetdicom_tls.py CERTIFICATES OWN_PORT NODE_PORT FILE: sends FILE to the node and prints
the SOP Class UID of the first object that the node sends back.
"""
import ssl
import sys
import threading

from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt

directory, own_port, node_port, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


def context(purpose):
    c = ssl.create_default_context(purpose, cafile=directory + "/ca.crt")
    c.load_cert_chain(directory + "/modality.crt", directory + "/modality.key")
    c.verify_mode = ssl.CERT_REQUIRED
    return c


received, classes = threading.Event(), []


def stored(event):
    classes.append(event.request.AffectedSOPClassUID)
    received.set()
    return 0x0000


ae = AE(ae_title="MODALITY")
ae.add_supported_context(SEGMENTATION, ExplicitVRLittleEndian)
server = ae.start_server(("127.0.0.1", own_port), block=False, evt_handlers=[(evt.EVT_C_STORE, stored)],
                         ssl_context=context(ssl.Purpose.CLIENT_AUTH))
data = dcmread(file)
ae.add_requested_context(data.SOPClassUID, data.file_meta.TransferSyntaxUID)
client = context(ssl.Purpose.SERVER_AUTH)  # checks the name of the node's certificate too
association = ae.associate("127.0.0.1", node_port, ae_title="XNET", tls_args=(client, "node"))
if not association.is_established:
    sys.exit("no association with the node")
status = association.send_c_store(data)
association.release()
if status.Status != 0x0000:
    sys.exit("C-STORE answered %04X" % status.Status)
if not received.wait(60):
    sys.exit("no segmentation came back")
server.shutdown()
print("received", classes[0])
