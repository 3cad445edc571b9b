package powercut

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// call is a system call of the process.
type call struct {
	name         string
	args         []string
	result       int // below 0 when it failed, or is not known
	began, ended int // lines of the trace; ended is beyond the last when it never did
}

// number is an argument that is a number or a file descriptor; -1 when it is neither.
func (c *call) number(i int) int {
	if i >= len(c.args) {
		return -1
	}
	n, err := strconv.ParseInt(c.args[i], 0, 64)
	if err != nil {
		return -1
	}
	return int(n)
}

// data is an argument that is a string, which strace -xx writes in hexadecimal digits.
func (c *call) data(i int) []byte {
	if i >= len(c.args) {
		return nil
	}
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Trim(c.args[i], `"`), `\x`, ""))
	if err != nil {
		return nil
	}
	return b
}

// has reports whether flags are among those of an argument.
func (c *call) has(i int, flag string) bool {
	if i >= len(c.args) {
		return false
	}
	for f := range strings.SplitSeq(c.args[i], "|") {
		if f == flag {
			return true
		}
	}
	return false
}

// readTrace reads what strace -f -xx wrote, and tells how many lines there are. Calls
// are in the order of their beginning.
func readTrace(r io.Reader) (calls []*call, lines int, err error) {
	in := bufio.NewReaderSize(r, 1<<20)
	pending := map[string]*call{}
	for ; ; lines++ {
		line, err := in.ReadString('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		thread, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		text = strings.TrimSpace(text)
		if strings.HasPrefix(text, "+++") || strings.HasPrefix(text, "---") {
			continue
		}
		if rest, resumed := strings.CutPrefix(text, "<... "); resumed {
			_, rest, _ = strings.Cut(rest, " resumed>")
			c := pending[thread]
			if c == nil {
				return nil, 0, fmt.Errorf("line %d of the trace resumes what did not begin", lines)
			}
			delete(pending, thread)
			c.end(rest, lines)
			continue
		}
		name, rest, ok := strings.Cut(text, "(")
		if !ok {
			return nil, 0, fmt.Errorf("line %d of the trace is no call", lines)
		}
		c := &call{name: name, began: lines, result: -1, ended: unknown}
		calls = append(calls, c)
		if before, unfinished := strings.CutSuffix(rest, "<unfinished ...>"); unfinished {
			c.end(before, unknown)
			pending[thread] = c
			continue
		}
		c.end(rest, lines)
	}
	return calls, lines, nil
}

// unknown is when a call ended that never did.
const unknown = 1 << 60

// end takes the rest of a call in: arguments, and its result when there is one.
func (c *call) end(text string, line int) {
	args := text
	if i := strings.LastIndex(text, " = "); i >= 0 {
		args = text[:i]
		result, _, _ := strings.Cut(text[i+3:], " ")
		if n, err := strconv.ParseInt(result, 0, 64); err == nil {
			c.result = int(n)
		}
	}
	args = strings.TrimSuffix(strings.TrimRight(args, " "), ")")
	for a := range strings.SplitSeq(args, ",") {
		if a = strings.TrimSpace(a); a != "" && a != ")" {
			c.args = append(c.args, a)
		}
	}
	c.ended = line
}
