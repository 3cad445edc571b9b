package part10

// maxUID is the longest UID in characters (PS3.5 9.1).
const maxUID = 64

// ValidUID tells whether uid keeps the rules of PS3.5 9.1: 1 to 64 characters,
// components of digits joined by dots, none empty, none with a leading zero
// unless it is "0".
func ValidUID(uid string) bool {
	if !UsableUID(uid) {
		return false
	}
	start := true
	for i := 0; i < len(uid); i++ {
		if start && uid[i] == '0' && i+1 < len(uid) && uid[i+1] != '.' {
			return false
		}
		start = uid[i] == '.'
	}
	return true
}

// UsableUID is ValidUID without the rule on leading zeros, which equipment in
// the field breaks: it tells whether uid can serve as a key.
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
