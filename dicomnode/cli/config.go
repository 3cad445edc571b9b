package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/internal/hint"
)

func configCmd() *cobra.Command {
	return command.Group("config", "write and check the configuration file", configInitCmd(), configCheckCmd())
}

func configInitCmd() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "init [FILE] [--force]", Short: "write a commented default configuration",
		Long: `Write the commented default configuration to FILE, or to standard output.
An existing file is kept unless --force is given.
` + command.ExitCodes,
		Example: "  dicomnode config init dicomnode.yaml",
		Args:    command.WantArgs(0, 1, "at most one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := cmd.OutOrStdout().Write(configs.DefaultYAML)
				return err
			}
			return writeDefault(args[0], force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "overwrite an existing file")
	return cmd
}

func writeDefault(path string, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if !force {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(path, flags, 0o640)
	if errors.Is(err, os.ErrExist) {
		return hint.Add(fmt.Errorf("write configuration: %s exists", path), "choose another name, or overwrite it with --force")
	}
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	_, err = f.Write(configs.DefaultYAML)
	return errors.Join(err, f.Close())
}

func configCheckCmd() *cobra.Command {
	var path string
	var asJSON, probing bool
	cmd := &cobra.Command{
		Use: "check [FILE] [--probe] [--json]", Short: "check a configuration and summarise it",
		Long: `Check a configuration file. Every problem is reported with its line, its key
and a hint. A valid file is summarised: which peers may associate, and where results
are sent. A setting that is valid but probably a mistake causes a warning. --probe
also tests the model and its runtime, the data folder, the disk, host names, a C-ECHO
to each peer that has an address, and storage commitment where it is used.
` + command.ExitCodes,
		Example: "  dicomnode config check dicomnode.yaml",
		Args:    command.WantArgs(0, 1, "at most one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				path = args[0]
			}
			c, err := command.LoadConfig(path)
			var problems configs.Problems
			if asJSON && (err == nil || errors.As(err, &problems)) {
				if problems == nil {
					problems = configs.Problems{}
				}
				return errors.Join(command.PrintJSON(cmd.OutOrStdout(), map[string]any{"file": path, "problems": problems}), err)
			}
			if err != nil {
				return err
			}
			explain(cmd, path, c)
			if _, warnings, err := configs.Inspect(path); err == nil {
				for _, w := range warnings {
					fmt.Fprintf(cmd.OutOrStdout(), "warning: %s\n  hint: %s\n", w, w.Hint)
				}
			}
			if probing {
				return printProbes(cmd.OutOrStdout(), inspect.Probe(cmd.Context(), c))
			}
			return nil
		},
	}
	command.ConfigFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&probing, "probe", false, "also test model, folders, disk and peers")
	return cmd
}

// printProbes prints the results of --probe; the error counts the failures.
func printProbes(w io.Writer, probes []inspect.Tried) error {
	failed := 0
	for _, p := range probes {
		if p.Err == nil {
			fmt.Fprintf(w, "ok      %s: %s\n", p.What, p.Found)
			continue
		}
		failed++
		fmt.Fprintf(w, "failed  %s: %v\n", p.What, p.Err)
		if text := hint.Of(p.Err); text != "" {
			fmt.Fprintf(w, "  hint: %s\n", text)
		}
	}
	if failed > 0 {
		return fmt.Errorf("check configuration: %d of %s failed", failed, command.Plural(len(probes), "probe"))
	}
	return nil
}

// explain summarises a configuration.
func explain(cmd *cobra.Command, path string, c configs.Config) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "%s is good.\n%s listens on %s and keeps its data in %s.\n", path, c.Node.AETitle, c.Node.Listen, c.Node.DataDir)
	if c.Calibration.AETitle != "" {
		fmt.Fprintf(w, "Dark frames go to AE title %s.\n", c.Calibration.AETitle)
	}
	if len(c.Peers) == 0 {
		fmt.Fprintln(w, "Nobody may associate: list your modalities and PACS under peers.")
	}
	for _, p := range c.Peers {
		can := "may send"
		if p.Callable() {
			can = "may send and receive"
		}
		fmt.Fprintf(w, "Peer %s (%s at %s) %s.\n", p.Name, p.AETitle, p.Address, can)
	}
	if len(c.Routes) == 0 {
		fmt.Fprintln(w, "Nothing is segmented: write a route.")
	}
	for _, r := range c.Routes {
		fmt.Fprintf(w, "Route %s: %s from %s is segmented, the SEG goes to %s.\n", r.Name,
			command.OrAll(r.Modalities, "every modality"), command.OrAll(r.From, "every peer"), command.OrAll(r.SendTo, "nobody"))
	}
	fmt.Fprintln(w, kept(c.Retention))
}

// kept describes the retention of finished objects.
func kept(r configs.Retention) string {
	s := "Finished images and segmentations are kept for ever"
	if r.Keep > 0 {
		s = fmt.Sprintf("Finished images and segmentations are kept for %.4g days", r.Keep.Hours()/24)
	}
	if r.MinFreeMiB > 0 {
		return fmt.Sprintf("%s, the oldest go earlier when less than %d MiB of the disk is free.", s, r.MinFreeMiB)
	}
	return s + ", however full the disk."
}
