// Command worker is a codec worker for tests. If a codestream begins with a key of
// misbehaviours, the worker misbehaves accordingly instead of decoding it. A codestream that
// ends with EndsOpenJPH crashes only that library.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"dicomnode/internal/codec"
	"dicomnode/internal/codec/native"
)

func main() {
	os.Exit(codec.Work(decoder{}, os.Args[1:], os.Stdin, os.Stdout))
}

type decoder struct{ native.Libraries }

func (d decoder) Decode(j codec.Job, out []byte) (codec.Result, error) {
	if j.Family == codec.HTJ2K && bytes.HasSuffix(j.Code, []byte("EndsOpenJPH")) {
		return codec.Result{}, crash()
	}
	for word, do := range misbehaviours {
		if len(j.Code) >= len(word) && string(j.Code[:len(word)]) == word {
			if err := do(); err != nil {
				return codec.Result{}, err
			}
		}
	}
	return d.Libraries.Decode(j, out)
}

var misbehaviours = map[string]func() error{
	"CRASH": crash,
	"SPINS": func() error {
		for i := 0; ; i++ {
		}
	},
	"SLEEP": func() error { time.Sleep(time.Hour); return nil },
	"BOMBS": bomb,
	"OPENS": func() error { _, err := os.Open("/etc/passwd"); return escaped("open", err) },
	"SOCKS": func() error {
		_, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		return escaped("socket", err)
	},
	"EXECS": func() error { return escaped("exec", syscall.Exec("/bin/true", []string{"true"}, nil)) },
	"WRITE": func() error {
		_, err := os.Create("/tmp/codec-worker-escaped")
		return escaped("create", err)
	},
	"KILLS": func() error { return escaped("kill", syscall.Kill(os.Getppid(), 0)) },
	"CUTS0": func() error { return escaped("truncate", syscall.Ftruncate(3, 0)) }, // the memory shared with the node
	// more than the requested answer
	"FLOOD": func() error { os.Stdout.Write(make([]byte, 1<<16)); return nil },
}

// escaped returns an error if a confined worker could do something forbidden.
func escaped(what string, err error) error {
	if errors.Is(err, syscall.EPERM) {
		return errors.New("refused " + what)
	}
	return fmt.Errorf("not refused: %s: %v", what, err)
}

func crash() error {
	var p *int
	*p = 1
	return nil
}

func bomb() error {
	var kept [][]byte
	for {
		b := make([]byte, 64<<20)
		b[len(b)-1] = 1
		kept = append(kept, b)
		if len(kept) > 1<<10 {
			return errors.New("64 GiB were given")
		}
	}
}
