package configs

import (
	"fmt"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a configuration file. The YAML library takes time and memory in the
// square of the nesting; what this package decodes is five levels deep.
const (
	maxFile   = 256 << 10 // bytes: some 3,000 peers
	maxDepth  = 16        // brackets, or entries and anchors opened on one line
	maxIndent = 128       // columns
)

// tooDeep finds nesting that no configuration has, before the parser meets it.
func tooDeep(text []byte) *Problem {
	flow, line, opened := 0, 0, 0
	for _, t := range lexer.Tokenize(string(text)) {
		if t.Type == token.CommentType {
			continue
		}
		indent := 0
		if t.Position.Line != line {
			line, opened, indent = t.Position.Line, 0, t.Position.Column
		}
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			opened++
		}
		if flow > maxDepth || opened > maxDepth || indent > maxIndent {
			return &Problem{Line: line, What: fmt.Sprintf("nested more than %d levels deep", maxDepth), Hint: hintDefaultFile}
		}
	}
	return nil
}
