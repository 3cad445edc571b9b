package commitment

// Failure Reasons (0008,1197) of instances that are not committed (PS3.3 C.14.1.1).
const (
	ProcessingFailure       uint16 = 0x0110
	NoSuchObjectInstance    uint16 = 0x0112
	ClassInstanceConflict   uint16 = 0x0119
	SOPClassNotSupported    uint16 = 0x0122
	DuplicateTransactionUID uint16 = 0x0131
	ResourceLimitation      uint16 = 0x0213
)
