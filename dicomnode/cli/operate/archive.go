package operate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/node"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/archive"
	"dicomnode/internal/hint"
)

func archiveCmd() *cobra.Command {
	return command.Group("archive", "check, rebuild, back up, restore and erase what the node has stored",
		archiveCheckCmd(), archiveRebuildCmd(), archiveBackupCmd(), archiveRestoreCmd(), archiveEraseCmd())
}

func archiveCheckCmd() *cobra.Command {
	var config string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check [--json]", Short: "read every stored object and compare it with the index",
		Long: `Read every stored object, compare it with the checksum in the index, and look for
files that the index does not name. It changes nothing and works while the node
runs. The exit code is 1 if there is a problem. A missing or damaged object is
replaced when its sender sends it again, or can be restored from a backup.
` + command.ExitCodes,
		Example: "  dicomnode archive check --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				step, done := steps(cmd, a, "checking")
				c, err := a.Check(cmd.Context(), step)
				done()
				if err != nil {
					return err
				}
				return reportCheck(cmd, c, asJSON)
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// steps is a progress bar over the objects of an archive.
func steps(cmd *cobra.Command, a *archive.Archive, what string) (step, done func()) {
	s, err := a.Stats(cmd.Context())
	if err != nil {
		return func() {}, func() {}
	}
	bar := command.NewProgress(cmd.ErrOrStderr(), int(s.Objects), what)
	return func() { _ = bar.Add(1) }, func() { _ = bar.Finish() } // cosmetic
}

func reportCheck(cmd *cobra.Command, c archive.Checked, asJSON bool) error {
	out := cmd.OutOrStdout()
	if asJSON {
		if err := command.PrintJSON(out, c); err != nil {
			return err
		}
	} else {
		for _, p := range c.Problems {
			fmt.Fprintf(out, "object %d (%s): %s\n", p.Object, p.File, p.What)
		}
		fmt.Fprintf(out, "%d objects checked, %d problems\n", c.Objects, len(c.Problems))
		if c.Unsummed > 0 {
			fmt.Fprintf(out, "%d objects of an earlier release had no checksum; damage before this check is not detected\n", c.Unsummed)
		}
	}
	if n := len(c.Problems); n > 0 {
		return hint.Add(fmt.Errorf("archive check: %d problems", n), "send the damaged objects again, or restore a backup")
	}
	return nil
}

func archiveRebuildCmd() *cobra.Command {
	var config string
	var noDeliver bool
	cmd := &cobra.Command{
		Use: "rebuild [--no-deliver]", Short: "rebuild the index from the stored files; the node must not run",
		Long: `Rebuild the index from the stored files, if it is lost, damaged or older than
they are. The old index is kept under another name, and its readable rows are used.
Results keep their SOP Instance UIDs and bytes. Results that are not known to be
delivered are delivered again when the node runs, or not at all with --no-deliver.
An image without a result is segmented.
` + command.ExitCodes,
		Example: "  dicomnode archive rebuild --config dicomnode.yaml",
		Args:    command.WantArgs(0, 0, "no arguments"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt, done, err := archiveOptions(config)
			if err != nil {
				return err
			}
			defer done()
			bar := command.NewProgress(cmd.ErrOrStderr(), countFiles(opt.Dir), "reading")
			r, err := archive.Rebuild(cmd.Context(), opt, !noDeliver, func() { _ = bar.Add(1) })
			if err != nil {
				return archiveHint(err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%d received objects and %d results are in the new index\n%d images will be segmented, %d deliveries made again\n",
				r.Received, r.Results, r.Jobs, r.Deliveries)
			if r.Without > 0 {
				fmt.Fprintf(out, "%d files of an earlier release do not tell what they are for: they are kept, without a job\n", r.Without)
			}
			if r.Aside > 0 {
				fmt.Fprintf(out, "%d files are no whole objects: see %s\n", r.Aside, filepath.Join(opt.Dir, "lost+found"))
			}
			if r.Old != "" {
				fmt.Fprintf(out, "the old index is %s\n", r.Old)
			}
			return nil
		},
	}
	command.ConfigFlag(cmd, &config)
	cmd.Flags().BoolVar(&noDeliver, "no-deliver", false, "deliver no result again")
	return cmd
}

// archiveOptions are the options for opening the archive of a configuration without a node.
// done stops its decoders.
func archiveOptions(config string) (opt archive.Options, done func() error, err error) {
	c, err := command.LoadConfig(config)
	if err != nil {
		return opt, nil, err
	}
	codecs, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		return opt, nil, err
	}
	return node.ArchiveOptions(c, codecs), codecs.Close, nil
}

// countFiles counts the files below a folder, as far as it can be read.
func countFiles(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			n++
		}
		return nil
	})
	return n
}

// archiveHint adds a hint to an error of opening an archive.
func archiveHint(err error) error {
	if errors.Is(err, archive.ErrInUse) {
		return hint.Add(err, "stop the node first: one process uses a data directory at a time")
	}
	return node.ArchiveHint(err)
}

func archiveBackupCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "backup FOLDER", Short: "copy index and objects into a new folder, while the node runs",
		Long: `Copy a snapshot of the index, and the objects it names, into a FOLDER that does
not exist yet. The node may run and receive meanwhile. The copy contains images of
patients: protect it like the archive.
` + command.ExitCodes,
		Example: "  dicomnode archive backup /backup/xnet-monday --config dicomnode.yaml",
		Args:    command.WantArgs(1, 1, "one new folder"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withArchive(cmd.Context(), config, func(a *archive.Archive) error {
				step, done := steps(cmd, a, "copying")
				n, damaged, err := a.Backup(cmd.Context(), args[0], step)
				done()
				if errors.Is(err, fs.ErrExist) {
					return hint.Add(err, "name a folder that does not exist yet")
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%d objects copied to %s\n", n, args[0])
				if len(damaged) > 0 {
					return hint.Add(fmt.Errorf("archive backup: %d objects were damaged and are not in the copy", len(damaged)), "see \"dicomnode archive check\"")
				}
				return nil
			})
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}

func archiveRestoreCmd() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "restore FOLDER", Short: "restore the archive from a backup; the node must not run",
		Long: `Restore the archive of the configuration from a backup. Its folder must have no
index and no objects. Objects that were erased after the backup, according to the
list in the archive's folder, are not restored. The counts of restored and missing
objects are printed.
` + command.ExitCodes,
		Example: "  dicomnode archive restore /backup/xnet-monday --config dicomnode.yaml",
		Args:    command.WantArgs(1, 1, "the folder of a backup"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opt, done, err := archiveOptions(config)
			if err != nil {
				return err
			}
			defer done()
			bar := command.NewProgress(cmd.ErrOrStderr(), countFiles(args[0]), "copying")
			r, err := archive.Restore(cmd.Context(), opt, args[0], func() { _ = bar.Add(1) })
			if errors.Is(err, fs.ErrNotExist) {
				return hint.Add(fmt.Errorf("archive restore: %w", err), "name a folder that \"dicomnode archive backup\" made")
			}
			if errors.Is(err, fs.ErrExist) {
				return hint.Add(err, "move index.sqlite* and objects out of the folder; leave the file \"erased\" there")
			}
			if err != nil {
				return archiveHint(err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d objects restored\n", r.Objects)
			if r.Erased > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%d objects had been erased since the backup was made, and are erased again\n", r.Erased)
			}
			if r.Missing > 0 {
				return hint.Add(fmt.Errorf("archive restore: %d objects are in the backup's index and not among its files", r.Missing), "send them again, or look in an older backup")
			}
			return nil
		},
	}
	command.ConfigFlag(cmd, &config)
	return cmd
}

// objectIDs lists the received objects that match, each version.
func objectIDs(ctx context.Context, a *archive.Archive, matches func(archive.Object) (bool, error)) (ids []int64, err error) {
	all, err := a.Search(ctx, archive.Query{ReceivedOnly: true}, 1<<30)
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		ok, err := matches(o)
		if err != nil {
			return nil, err
		}
		if ok {
			ids = append(ids, o.ID)
		}
	}
	return ids, nil
}
