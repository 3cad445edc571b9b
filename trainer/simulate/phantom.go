package simulate

// Phantom is replaced below.
func Phantom() *Body { return nil }
