package configs_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dicomnode/configs"
)

// A file that no configuration needs is refused before it is parsed.
func TestFileIsBounded(t *testing.T) {
	const node = "node: {ae_title: XNET, listen: \"127.0.0.1:11112\"}\n"
	path := filepath.Join(t.TempDir(), "node.yaml")
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"256 KiB": {append([]byte(node), bytes.Repeat([]byte("# words\n"), 32<<10-100)...), ""},
		"more":    {append([]byte(node), bytes.Repeat([]byte("# words\n"), 32<<10)...), "larger than 262144 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, c.text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := configs.Load(path)
			if c.want == "" && err != nil && strings.Contains(err.Error(), "larger") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
