package configs

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// DefaultYAML is the commented file that "config init" writes; it decodes to
// [Default].
//
//go:embed default.yaml
var DefaultYAML []byte

// Load reads and checks the file. The error is [Problems] when the content is
// at fault.
func Load(path string) (Config, error) {
	c, _, err := Inspect(path)
	return c, err
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("read configuration: %s is larger than %d bytes", path, maxFile)
	}
	return text, nil
}

// Inspect is [Load] with warnings about settings that are valid but probably a mistake.
func Inspect(path string) (c Config, warnings Problems, err error) {
	text, err := read(path)
	if err != nil {
		return Config{}, nil, err
	}
	return inspect(text)
}

// Parse decodes one YAML document over [Default] and validates it.
func Parse(text []byte) (Config, error) {
	c, _, err := inspect(text)
	return c, err
}

// byteOrderMark is how some editors begin UTF-8 files; YAML 1.2 5.2 allows it.
var byteOrderMark = []byte("\xEF\xBB\xBF")

func inspect(text []byte) (c Config, warnings Problems, err error) {
	text = bytes.TrimPrefix(text, byteOrderMark)
	if bytes.HasPrefix(text, []byte("\xFF\xFE")) || bytes.HasPrefix(text, []byte("\xFE\xFF")) {
		return Config{}, nil, Problems{{Line: 1, What: "the file is encoded as UTF-16", Hint: "save it again as UTF-8"}}
	}
	if p := tooDeep(text); p != nil {
		return Config{}, nil, Problems{*p}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return Config{}, nil, Problems{syntaxProblem(err)}
	}
	if len(file.Docs) > 1 {
		return Config{}, nil, Problems{{Line: 1, What: "the file holds more than one YAML document", Hint: "remove the --- separators"}}
	}
	keys := newKeys(file)
	if len(keys.wrong) > 0 {
		return Config{}, nil, problemsBeside(keys, file)
	}
	if c = Default(); empty(file) {
		return c, nil, nil
	}
	err = yaml.NewDecoder(bytes.NewReader(text), yaml.Strict(), yaml.CustomUnmarshaler(parseDuration)).Decode(&c)
	if err != nil {
		return Config{}, nil, Problems{syntaxProblem(err)}
	}
	if problems := validate(c); len(problems) > 0 {
		return Config{}, nil, keys.locate(problems)
	}
	warnings = keys.locate(warn(c))
	return c, warnings, nil
}

// problemsBeside are the wrong keys, and the problems of what the document has without them.
func problemsBeside(k *keys, file *ast.File) Problems {
	c := Default()
	if root := body(file); root != nil {
		err := yaml.NewDecoder(bytes.NewReader(nil), yaml.CustomUnmarshaler(parseDuration)).DecodeFromNode(root, &c)
		if err != nil {
			return append(k.wrong, syntaxProblem(err))
		}
	}
	all := append(k.wrong, k.besides(k.locate(validate(c)))...)
	slices.SortStableFunc(all, func(a, b Problem) int { return a.Line - b.Line })
	return all
}

// hintDefaultFile is the hint if no other fits.
const hintDefaultFile = `compare with the file that "dicomnode config init" writes`

// syntaxProblem takes the line out of the YAML library's error.
func syntaxProblem(err error) Problem {
	p := Problem{What: err.Error(), Hint: hintDefaultFile}
	var y yaml.Error
	if errors.As(err, &y) {
		p.What = y.GetMessage()
		if t := y.GetToken(); t != nil && t.Position != nil {
			p.Line = t.Position.Line
		}
	}
	return p
}

// empty reports whether the document is empty: the decoder would clear the defaults.
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
