package archive

// Pause shows the pauses between attempts to the tests, with the defaults.
var Pause = Options{}.withDefaults().pause

// DefaultAttempts is how many attempts a job has by default.
const DefaultAttempts = defaultAttempts
