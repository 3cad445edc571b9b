package codec

// Confinement says what to do if a worker cannot be confined.
type Confinement string

// The confinements.
const (
	Preferred Confinement = "preferred" // decode anyway, with limits on memory and files only
	Required  Confinement = "required"  // do not decode
)

// How a worker is confined, as the report names it.
const (
	confinedSeccomp = "seccomp"      // system calls, memory and files (seccomp(2), setrlimit(2))
	confinedLimits  = "rlimits only" // memory and files
	confinedNot     = "not confined"
)

// workerMemory is the limit for a worker's data in bytes, four times what the largest
// radiographs need.
const workerMemory = 1 << 30
