package powercut

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// node is a file or a folder, whatever its name is now.
type node struct {
	folder  bool
	content []byte  // of a file, before the recording
	changes []write // of a file, in the order they were done
	durable int     // how many changes are certain

	names map[string]*node // of a folder, as the process sees them
	base  map[string]*node // of a folder, before the recording
}

// write is a change to the bytes of a file, or to its length.
type write struct {
	at        int
	bytes     []byte // nil when the file is cut, or extended, to at
	forgotten bool   // by a sync that failed
}

// naming is a change to names: a rename has two, first the new one, and is certain when
// that one's folder is.
type naming struct {
	entries   []entry
	durable   bool
	forgotten bool // by a sync that failed
}

// entry is what a name in a folder stands for from then on; nil for nothing.
type entry struct {
	in   *node
	name string
	is   *node
}

func newFolder() *node {
	return &node{folder: true, names: map[string]*node{}, base: map[string]*node{}}
}

// load reads a folder as it is.
func load(dir string) (*node, error) {
	n := newFolder()
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		child := &node{}
		switch {
		case e.IsDir():
			child, err = load(filepath.Join(dir, e.Name()))
		case e.Type().IsRegular():
			child.content, err = os.ReadFile(filepath.Join(dir, e.Name()))
		default:
			err = fmt.Errorf("%s: neither file nor folder", e.Name())
		}
		if err != nil {
			return nil, err
		}
		n.names[e.Name()], n.base[e.Name()] = child, child
	}
	return n, nil
}

// fresh is a copy of a node as it was before the recording.
func (n *node) fresh() *node {
	if !n.folder {
		return &node{content: n.content}
	}
	c := newFolder()
	for name, child := range n.base {
		child = child.fresh()
		c.names[name], c.base[name] = child, child
	}
	return c
}

// descriptor is an open file.
type descriptor struct {
	node   *node
	at     int
	append bool
}

// disk is what the process has done to the files so far.
type disk struct {
	dir    string
	root   *node
	naming []*naming
	open   map[int]*descriptor
	nodes  []*node // all that have changes
}

// until does what was begun until a moment. What had not ended by then is done as well:
// it may have been, and nothing of it is certain.
func (r *Recording) until(moment int) (*disk, error) {
	d := &disk{dir: r.dir, root: r.base.fresh(), open: map[int]*descriptor{}}
	type step struct {
		at   int
		do   func(*call) error
		call *call
	}
	var steps []step
	covered := map[*call]outcome{}
	for _, c := range r.calls {
		if c.began > moment {
			break
		}
		ended := min(c.ended, moment+1)
		steps = append(steps, step{c.began, func(c *call) error { covered[c] = d.begin(c); return nil }, c})
		steps = append(steps, step{ended, func(c *call) error {
			if c.ended > moment {
				return d.end(c, outcome{})
			}
			return d.end(c, covered[c])
		}, c})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at - b.at })
	for _, s := range steps {
		if err := s.do(s.call); err != nil {
			return nil, fmt.Errorf("line %d of the trace: %w", s.call.began, err)
		}
	}
	return d, nil
}

// outcome is what an ended sync does to what it covers: it is certain, or forgotten.
type outcome struct{ certain, forgotten func() }

// begin returns what happens when the call ends well or fails.
func (d *disk) begin(c *call) outcome {
	switch c.name {
	case "close": // another thread may have the number before the call is seen to end
		delete(d.open, c.number(0))
	case "fsync", "fdatasync":
		if f := d.open[c.number(0)]; f != nil {
			return d.sync(f.node)
		}
	}
	return outcome{}
}

// sync is the outcome of a sync of what was done so far to a file, or to the names in a folder.
func (d *disk) sync(n *node) outcome {
	if !n.folder {
		done := len(n.changes)
		return outcome{
			certain: func() { n.durable = max(n.durable, done) },
			forgotten: func() {
				for i := n.durable; i < done; i++ {
					n.changes[i].forgotten = true
				}
			},
		}
	}
	var done []*naming
	for _, c := range d.naming {
		if c.entries[0].in == n {
			done = append(done, c)
		}
	}
	return outcome{
		certain: func() {
			for _, c := range done {
				c.durable = true
			}
		},
		forgotten: func() {
			for _, c := range done {
				c.forgotten = !c.durable
			}
		},
	}
}

// end does what a call did.
func (d *disk) end(c *call, sync outcome) error {
	if c.result < 0 && c.ended != unknown {
		if sync.forgotten != nil {
			sync.forgotten()
		}
		return nil
	}
	switch c.name {
	case "close", "sync_file_range":
	case "fsync", "fdatasync":
		if sync.certain != nil {
			sync.certain()
		}
	case "openat":
		d.openFile(c)
	case "open":
		d.openFile(&call{name: "openat", args: append([]string{"AT_FDCWD"}, c.args...), result: c.result, ended: c.ended})
	case "lseek":
		if f := d.open[c.number(0)]; f != nil && !f.node.folder {
			f.at = c.result
		}
	case "write", "pwrite64":
		d.write(c)
	case "ftruncate":
		if f := d.open[c.number(0)]; f != nil {
			d.change(f.node, write{at: c.number(1)})
		}
	case "mkdirat", "mkdir":
		if folder, name := d.place(c.under(0)); folder != nil && folder.names[name] == nil {
			d.name(entry{folder, name, newFolder()})
		}
	case "unlinkat", "unlink", "rmdir":
		if folder, name := d.place(c.under(0)); folder != nil && folder.names[name] != nil {
			d.name(entry{folder, name, nil})
		}
	case "renameat", "renameat2", "rename":
		return d.rename(c)
	default:
		return d.unknown(c)
	}
	return nil
}

// under is the i-th folder and path of a call that names files.
func (c *call) under(i int) (folder, path string) {
	if strings.HasSuffix(c.name, "at") || strings.HasSuffix(c.name, "at2") {
		return c.args[2*i], string(c.data(2*i + 1))
	}
	return "AT_FDCWD", string(c.data(i))
}

// unknown reports whether a call that is not known touches the files.
func (d *disk) unknown(c *call) error {
	for i, a := range c.args {
		var touches bool
		switch f := d.open[c.number(i)]; {
		case c.name == "mmap": // SQLite shares an index to its log among processes in memory, and makes it anew after a crash
			touches = i == 4 && f != nil && c.has(3, "MAP_SHARED") && c.has(2, "PROT_WRITE") && !d.named(f.node, "-shm")
		case strings.HasPrefix(a, `"`):
			folder, _ := d.place("AT_FDCWD", string(c.data(i)))
			touches = folder != nil
		default:
			touches = f != nil && !f.node.folder
		}
		if touches {
			return fmt.Errorf("%s changes a file in a way that is not known here", c.name)
		}
	}
	return nil
}

// named reports whether a node has a name with a suffix.
func (d *disk) named(n *node, suffix string) bool {
	for _, c := range d.naming {
		for _, e := range c.entries {
			if e.is == n && strings.HasSuffix(e.name, suffix) {
				return true
			}
		}
	}
	return slices.ContainsFunc(d.below(d.root, suffix), func(m *node) bool { return m == n })
}

func (d *disk) below(n *node, suffix string) (all []*node) {
	for name, child := range n.names {
		if child.folder {
			all = append(all, d.below(child, suffix)...)
		} else if strings.HasSuffix(name, suffix) {
			all = append(all, child)
		}
	}
	return all
}

// place is the folder that a path leads to, as the process sees it, and the name in
// it; nil when it leads elsewhere.
func (d *disk) place(at, name string) (folder *node, base string) {
	folder = d.root
	if filepath.IsAbs(name) {
		rest, ok := strings.CutPrefix(path.Clean(name), d.dir)
		if !ok || rest != "" && rest[0] != '/' {
			return nil, ""
		}
		name = rest
	} else {
		f := d.open[(&call{args: []string{at}}).number(0)]
		if f == nil || !f.node.folder {
			return nil, ""
		}
		folder = f.node
	}
	parts := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	for _, p := range parts[:len(parts)-1] {
		if folder = folder.names[p]; folder == nil || !folder.folder {
			return nil, ""
		}
	}
	return folder, parts[len(parts)-1]
}

// openFile gives a descriptor its file, and a new file its name.
func (d *disk) openFile(c *call) {
	folder, name := d.place(c.under(0))
	if folder == nil {
		return
	}
	n := folder.names[name]
	if name == "" || name == "." {
		n = folder
	}
	if n == nil {
		if !c.has(2, "O_CREAT") {
			return
		}
		n = &node{}
		d.name(entry{folder, name, n})
	} else if c.has(2, "O_TRUNC") {
		d.change(n, write{})
	}
	if c.result >= 0 {
		d.open[c.result] = &descriptor{node: n, append: c.has(2, "O_APPEND")}
	}
}

// write adds bytes to a file.
func (d *disk) write(c *call) {
	f := d.open[c.number(0)]
	if f == nil || f.node.folder {
		return
	}
	b := c.data(1)
	if c.result >= 0 {
		b = b[:min(c.result, len(b))]
	}
	at := f.at
	switch {
	case c.name == "pwrite64":
		at = c.number(3)
	case f.append:
		at = len(f.node.whole(len(f.node.changes)))
		f.at = at + len(b)
	default:
		f.at += len(b)
	}
	d.change(f.node, write{at: at, bytes: b})
}

func (d *disk) change(n *node, w write) {
	if len(n.changes) == 0 {
		d.nodes = append(d.nodes, n)
	}
	n.changes = append(n.changes, w)
}

// name changes names, for the process at once.
func (d *disk) name(entries ...entry) {
	for _, e := range entries {
		if e.is == nil {
			delete(e.in.names, e.name)
		} else {
			e.in.names[e.name] = e.is
		}
	}
	d.naming = append(d.naming, &naming{entries: entries})
}

func (d *disk) rename(c *call) error {
	from, old := d.place(c.under(0))
	to, name := d.place(c.under(1))
	switch {
	case from == nil && to == nil:
		return nil
	case from == nil || to == nil:
		return fmt.Errorf("rename from or to elsewhere: %w", fs.ErrInvalid)
	}
	if n := from.names[old]; n != nil {
		d.name(entry{to, name, n}, entry{from, old, nil})
	}
	return nil
}

// whole is what a file holds after some of its changes, for the process.
func (n *node) whole(changes int) []byte {
	b := slices.Clone(n.content)
	for _, w := range n.changes[:changes] {
		b = w.apply(b)
	}
	return b
}

// certain is what a file holds on the disk whatever happens.
func (n *node) certain() []byte {
	b := slices.Clone(n.content)
	for _, w := range n.changes[:n.durable] {
		if !w.forgotten {
			b = w.apply(b)
		}
	}
	return b
}

// apply changes b.
func (w write) apply(b []byte) []byte {
	if w.bytes == nil {
		return resize(b, w.at)
	}
	if end := w.at + len(w.bytes); end > len(b) {
		b = resize(b, end)
	}
	copy(b[w.at:], w.bytes)
	return b
}

func resize(b []byte, n int) []byte {
	if n <= len(b) {
		return b[:n]
	}
	return append(b, make([]byte, n-len(b))...)
}
