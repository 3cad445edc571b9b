package archive

// Pause shows the pauses between attempts to the tests, with the defaults.
var Pause = Options{}.withDefaults().pause

// DefaultAttempts is how many attempts a job has by default.
const DefaultAttempts = defaultAttempts

// LogLimit is how large SQLite's log may stay.
const LogLimit = logLimit

// SetFree replaces the measure of free space.
func (a *Archive) SetFree(free func(dir string) (int64, error)) { a.free = free }
