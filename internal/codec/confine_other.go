//go:build !unix

package codec

import "errors"

func confine() (how string, err error) {
	return confinedNot, errors.New("this system has no limits for a process")
}
