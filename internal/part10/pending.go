package part10

import (
	"errors"
	"io"
)

var errUnfinished = errors.New("part10: not available in this revision")

func ReadHeader(r io.Reader) (Header, error)                     { return Header{}, errUnfinished }
func WriteMeta(w io.Writer, m Meta) error                        { return errUnfinished }
func Scan(r io.Reader, transferSyntaxUID string) (Header, error) { return Header{}, errUnfinished }
func ValidUID(uid string) bool                                   { return false }
