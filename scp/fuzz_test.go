package scp_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzServer: for any input a Server answers in complete PDUs, closes the connection, does not
// panic, and acknowledges only what was stored. Coverage of one input differs between runs, so
// fuzz with -fuzzminimizetime=10x.
func FuzzServer(f *testing.F) {
	paths, err := filepath.Glob("testdata/wire/*.hex")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no recordings in testdata/wire: %v", err)
	}
	for _, path := range paths {
		recorded := readStream(f, path)
		f.Add(bytes.Join(recorded, nil))
		f.Add(bytes.Join(takesTinyPDUs(recorded), nil))
		f.Add(bytes.Join(framings["three PDVs in a PDU"](recorded), nil))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if len(sent) > 64<<10 {
			return
		}
		b := &backend{}
		ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		addr, log := serveOn(t, ln, b, takesQueries)
		nc, err := net.Dial("unix", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(patience))
		p := nc.(*net.UnixConn)
		_, _ = p.Write(sent) // fails if the server has closed the connection
		_ = p.CloseWrite()
		got, err := io.ReadAll(p)
		if err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatal(err)
		}
		b.mu.Lock()
		stored := len(b.asked)
		b.mu.Unlock()
		if n := acknowledged(t, got); n > stored {
			t.Errorf("%d instances acknowledged, %d stored", n, stored)
		}
		if strings.Contains(log.String(), "panic") {
			t.Errorf("a panic ended the association:\n%s", log)
		}
	})
}

// acknowledged counts the C-STORE-RSP with status 0000 among complete PDUs.
func acknowledged(t *testing.T, b []byte) (n int) {
	t.Helper()
	var set []byte
	for len(b) > 0 {
		if len(b) < 6 || len(b)-6 < int(binary.BigEndian.Uint32(b[2:])) {
			t.Fatalf("answer ends within a PDU: %x", b)
		}
		end := 6 + int(binary.BigEndian.Uint32(b[2:]))
		if b[0] == 4 {
			v := values(b[:end])[0]
			set = append(set, v.data...)
			if b = b[end:]; !v.last() {
				continue
			}
			rsp := elements(set)
			set = nil
			if binary.LittleEndian.Uint16(rsp[0x0100]) == 0x8001 && binary.LittleEndian.Uint16(rsp[0x0900]) == 0 {
				n++
			}
			continue
		}
		b = b[end:]
	}
	return n
}
