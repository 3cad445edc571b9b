package ul

// State returns the state of PS3.8 Table 9-10.
func (c *Conn) State() State { return c.machine.State() }
