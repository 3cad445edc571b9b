package archive

// SetFree replaces the measure of free space.
func (a *Archive) SetFree(free func(dir string) (int64, error)) {
	a.free = func() (int64, error) { return free(a.opt.Dir) }
}
