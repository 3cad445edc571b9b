package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// DefaultYAML is the commented file that "config init" writes; it decodes to
// [Default].
//
//go:embed default.yaml
var DefaultYAML []byte

// Load reads and checks the file. The error is [Problems] when the content is
// at fault.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return Config{}, fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFile {
		return Config{}, fmt.Errorf("read configuration: %s is larger than %d bytes", path, maxFile)
	}
	return Parse(text)
}

// Parse decodes one YAML document over [Default] and validates it.
func Parse(text []byte) (Config, error) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Config{}, Problems{syntaxProblem(err)}
	}
	if len(file.Docs) > 1 {
		return Config{}, Problems{{Line: 1, What: "the file holds more than one YAML document", Hint: "remove the --- separators"}}
	}
	keys := newKeys(file)
	if len(keys.wrong) > 0 {
		return Config{}, keys.wrong
	}
	c := Default()
	if empty(file) {
		return c, nil
	}
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict(), yaml.CustomUnmarshaler(parseDuration)).Decode(&c)
	if err != nil {
		return Config{}, Problems{syntaxProblem(err)}
	}
	if problems := validate(c); len(problems) > 0 {
		return Config{}, keys.locate(problems)
	}
	return c, nil
}

// parseDuration reads a duration such as 30s; only 0 needs no unit.
func parseDuration(d *time.Duration, text []byte) (err error) {
	*d, err = time.ParseDuration(strings.Trim(string(text), " \t\n\"'"))
	return err
}

// syntaxProblem takes the line out of the YAML library's error.
func syntaxProblem(err error) Problem {
	p := Problem{What: err.Error(), Hint: "compare with the file that \"dicomnode config init\" writes"}
	var y yaml.Error
	if errors.As(err, &y) {
		p.What = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			p.Line = t.Position.Line
		}
	}
	return p
}

// empty reports whether the document says nothing: the decoder would clear the
// defaults.
func empty(file *ast.File) bool {
	switch body(file).(type) {
	case nil, *ast.NullNode, *ast.CommentGroupNode:
		return true
	}
	return false
}

// body is the document's root node, nil for an empty file.
func body(file *ast.File) ast.Node {
	if len(file.Docs) == 0 || file.Docs[0] == nil {
		return nil
	}
	return file.Docs[0].Body
}
