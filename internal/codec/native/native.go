//go:build cgo

package native

/*
#cgo CFLAGS: -O3 -std=gnu11
#cgo LDFLAGS: -ldl
#include <stdlib.h>
#include "codecs.h"
*/
import "C"

import (
	"bytes"
	"errors"
	"os"
	"unsafe"

	"dicomnode/internal/codec"
)

// Libraries are the C libraries of all families. They are loaded once per process.
type Libraries struct{}

var _ codec.Decoder = Libraries{}

// Load opens the library at path for a family and returns its version.
func (Libraries) Load(f codec.Family, path string) (string, error) {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var version, reason [C.text_size]C.char
	if C.codec_load(C.int(f), p, &version[0], &reason[0]) != 0 {
		return "", errors.New(C.GoString(&reason[0]))
	}
	if words, ok := releaseWords[f]; ok {
		return release(path, words), nil
	}
	return C.GoString(&version[0]), nil
}

// releaseWords precede the version in the files of libraries that have no function for it.
var releaseWords = map[codec.Family]string{codec.JPEG: "libjpeg-turbo version ", codec.HTJ2K: "OpenJPH Ver "}

// release returns the version that follows words in a library's file.
func release(path, words string) string {
	file, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	_, rest, found := bytes.Cut(file, []byte(words))
	digits := len(rest) - len(bytes.TrimLeft(rest, "0123456789."))
	if !found || digits > 20 {
		return ""
	}
	return string(bytes.TrimRight(rest[:digits], "."))
}

// Decode writes the job's samples to out, little endian.
func (Libraries) Decode(j codec.Job, out []byte) (codec.Result, error) {
	if len(j.Code) == 0 || len(out) == 0 {
		return codec.Result{}, errors.New("nothing to decode")
	}
	want := C.struct_want{rows: C.uint32_t(j.Rows), columns: C.uint32_t(j.Columns), samples: C.uint32_t(j.Samples), threads: C.uint32_t(j.Threads)}
	var r C.struct_result
	status := C.codec_decode(C.int(j.Family), (*C.uint8_t)(unsafe.Pointer(&j.Code[0])), C.size_t(len(j.Code)),
		(*C.uint8_t)(unsafe.Pointer(&out[0])), C.size_t(len(out)), &want, &r)
	text := C.GoString(&r.text[0])
	if status != 0 {
		return codec.Result{}, errors.New(text)
	}
	return codec.Result{Precision: int(r.precision), Bytes: int(r.bytes), Signed: r.is_signed != 0, Planar: r.planar != 0, Warning: text}, nil
}
