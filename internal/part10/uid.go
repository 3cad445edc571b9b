package part10

// maxUID is the longest UID in characters (PS3.5 9.1).
const maxUID = 64

// UsableUID tells whether uid can serve as a key: 1 to 64 characters, components
// of digits joined by dots, none empty (PS3.5 9.1). Leading zeros, which the
// standard forbids, are let through: equipment in the field writes them.
func UsableUID(uid string) bool {
	if len(uid) == 0 || len(uid) > maxUID {
		return false
	}
	dot := true // a dot here would leave an empty component
	for i := 0; i < len(uid); i++ {
		switch c := uid[i]; {
		case c >= '0' && c <= '9':
			dot = false
		case c == '.' && !dot:
			dot = true
		default:
			return false
		}
	}
	return !dot
}
