package codec

// Confinement says what is done where a worker cannot be confined.
type Confinement string

// The confinements.
const (
	Preferred Confinement = "preferred" // decode all the same, with limits on memory and files alone
	Required  Confinement = "required"  // do not decode
)

// How a worker is confined.
const (
	confinedSeccomp = "seccomp"      // system calls, memory and files (seccomp(2), setrlimit(2))
	confinedLimits  = "rlimits only" // memory and files
	confinedNot     = "not confined"
)

// workerMemory is what a worker may have for its data, bytes: four times what the
// largest radiographs need.
const workerMemory = 1 << 30
