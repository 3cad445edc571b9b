package store

import "os"

// FailSyncs makes syncs of folders fail when f returns an error.
func (d *Disk) FailSyncs(f func() error) {
	d.syncs.do = func(folder *os.File) error {
		if err := f(); err != nil {
			return err
		}
		return folder.Sync()
	}
}
