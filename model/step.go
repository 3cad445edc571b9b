package model

// operation is the operation of a step.
type operation int

const (
	opConv operation = iota
	opPool
	opUp
	opUnpool
	opConcat
)

// input is the name of the picture among the results of steps.
const input = "x"

// step is one row of an architecture's table: its result has a name, its operands are results
// of earlier rows.
type step struct {
	name   string
	op     operation
	args   []string
	out    int // channels of the result at width 1, of opConv alone
	side   int // rows and columns of the kernel
	linear bool
}

// conv is a 3×3 block of out channels at width 1.
func conv(name, x string, out int) step {
	return step{name: name, op: opConv, args: []string{x}, out: out, side: 3}
}

// sized is the block with another square kernel.
func (s step) sized(side int) step {
	s.side = side
	return s
}

// withoutReLU is the block that ends with its batch normalisation.
func (s step) withoutReLU() step {
	s.linear = true
	return s
}

func pool(name, x string) step { return step{name: name, op: opPool, args: []string{x}} }

// up doubles x to the rows and columns of like.
func up(name, x, like string) step { return step{name: name, op: opUp, args: []string{x, like}} }

// unpool doubles x to the map that was pooled, each value where the maximum was.
func unpool(name, x, full, pooled string) step {
	return step{name: name, op: opUnpool, args: []string{x, full, pooled}}
}

func concat(name, a, b string) step { return step{name: name, op: opConcat, args: []string{a, b}} }

// layer is a step of a network of a certain width.
type layer struct {
	step
	block    Block // of opConv
	channels int   // of the result
}

// layers works out the channels along the table.
func (n Network) layers() []layer {
	var list []layer
	results := map[string]layer{input: {channels: 1}} // one grey channel at every width
	blocks := 0
	for _, s := range n.find().steps {
		x := results[s.args[0]]
		l := layer{step: s, channels: x.channels}
		switch s.op {
		case opConv:
			l.channels = s.out * n.Width
			l.block = Block{Index: blocks, Name: s.name, In: x.channels, Out: l.channels, Side: s.side, Linear: s.linear}
			blocks++
		case opConcat:
			l.channels += results[s.args[1]].channels
		}
		results[s.name] = l
		list = append(list, l)
	}
	return list
}
