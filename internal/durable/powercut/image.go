package powercut

import (
	"math/rand/v2"
	"os"
	"path/filepath"
)

// sector is what a disk writes whole or not at all, bytes.
const sector = 512

// Disk is how a disk treats syncs.
type Disk int

const (
	// Honest keeps what was synced.
	Honest Disk = iota
	// Lying answers to a sync at once and keeps nothing for it: whoever tests with
	// such a disk learns whether its own judgement notices losses.
	Lying
)

// Image makes, in the folder into, what dir may hold when the power fails at a moment.
// Each call with another state of random makes another image. Modes and owners are not
// kept.
func (r *Recording) Image(moment int, random *rand.Rand, kind Disk, into string) error {
	d, err := r.until(moment)
	if err != nil {
		return err
	}
	if kind == Lying {
		for _, c := range d.naming {
			c.durable = false
		}
		for _, n := range d.nodes {
			n.durable = 0
		}
	}
	d.settle(draw(random))
	return d.root.put(into, draw(random))
}

// fate decides what becomes of something uncertain.
type fate struct {
	random *rand.Rand
	how    int
}

// Fates: nothing uncertain is kept, all of it, what came first, or any part.
const (
	nothing = iota
	everything
	first
	anyPart
	fates
)

func draw(random *rand.Rand) *fate { return &fate{random: random, how: random.IntN(fates)} }

// keeps reports whether a change is kept.
func (f *fate) keeps() bool {
	switch f.how {
	case nothing:
		return false
	case everything:
		return true
	case first:
		if f.random.IntN(4) == 0 {
			f.how = nothing // from here on
			return false
		}
		return true
	}
	return f.random.IntN(2) == 0
}

// settle makes the names what the disk kept of them.
func (d *disk) settle(f *fate) {
	restore(d.root)
	for _, c := range d.naming { // a folder begins empty
		for _, e := range c.entries {
			if e.is != nil && e.is.folder {
				restore(e.is)
			}
		}
	}
	for _, c := range d.naming {
		if !c.forgotten && (c.durable || f.keeps()) {
			c.settle(f)
		}
	}
}

func (c *naming) settle(f *fate) {
	for i, e := range c.entries {
		switch {
		case i > 0 && !c.durable && f.how == anyPart && f.random.IntN(4) == 0: // the old name has not gone yet
		case e.is == nil:
			delete(e.in.names, e.name)
		default:
			e.in.names[e.name] = e.is
		}
	}
}

// restore makes the names in a folder what they were before the recording.
func restore(n *node) {
	clear(n.names)
	for name, child := range n.base {
		if n.names[name] = child; child.folder {
			restore(child)
		}
	}
}

// put writes what the disk kept of a folder.
func (n *node) put(into string, f *fate) error {
	for name, child := range n.names {
		path := filepath.Join(into, name)
		if !child.folder {
			if err := os.WriteFile(path, child.kept(f), 0o600); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := child.put(path, f); err != nil {
			return err
		}
	}
	return nil
}

// kept is what the disk kept of a file.
func (n *node) kept(of *fate) []byte {
	f := &fate{random: of.random, how: of.how}
	if f.how == anyPart {
		f.how = f.random.IntN(fates) // each file its own
	}
	b := n.certain()
	for _, w := range n.changes[n.durable:] {
		if w.forgotten {
			continue
		}
		if w.bytes == nil {
			if f.keeps() {
				b = w.apply(b)
			}
			continue
		}
		for from := 0; from < len(w.bytes); {
			to := min(len(w.bytes), from+sector-(w.at+from)%sector)
			part := write{at: w.at + from, bytes: w.bytes[from:to]}
			if f.keeps() {
				b = part.apply(b)
			} else if end := part.at + len(part.bytes); end > len(b) && f.how == anyPart && f.random.IntN(2) == 0 {
				b = resize(b, end) // the length without the bytes
			}
			from = to
		}
	}
	return b
}
