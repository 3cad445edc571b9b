package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/internal/hint"
)

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
			c, warnings, err := command.InspectConfig(path)
			if err != nil && (!asJSON || !errors.As(err, new(configs.Problems))) {
				return err
			}
			var probes []inspect.Tried
			if probing && err == nil {
				probes = inspect.Probe(cmd.Context(), c)
			}
			if asJSON {
				return errors.Join(command.PrintJSON(cmd.OutOrStdout(), checkedJSON(path, warnings, probes, err)), err, failedProbes(probes))
			}
			explain(cmd, path, c)
			for _, w := range warnings {
				fmt.Fprintf(cmd.OutOrStdout(), "warning: %s\n  hint: %s\n", w, w.Hint)
			}
			printProbes(cmd.OutOrStdout(), probes)
			return failedProbes(probes)
		},
	}
	command.ConfigFlag(cmd, &path)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&probing, "probe", false, "also test model, folders, disk and peers")
	return cmd
}

// checked is the result of a check as JSON.
type checked struct {
	File     string           `json:"file"`
	Problems configs.Problems `json:"problems"`
	Warnings configs.Problems `json:"warnings"`
	Probes   []probed         `json:"probes,omitempty"`
}

// probed is the result of one probe as JSON; Error is empty if it passed.
type probed struct {
	What  string `json:"what"`
	Found string `json:"found,omitempty"`
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

func checkedJSON(path string, warnings configs.Problems, probes []inspect.Tried, err error) checked {
	c := checked{File: path, Problems: configs.Problems{}, Warnings: append(configs.Problems{}, warnings...)}
	errors.As(err, &c.Problems)
	for _, p := range probes {
		j := probed{What: p.What, Found: p.Found}
		if p.Err != nil {
			j = probed{What: p.What, Error: p.Err.Error(), Hint: hint.Of(p.Err)}
		}
		c.Probes = append(c.Probes, j)
	}
	return c
}

// printProbes prints the results of --probe.
func printProbes(w io.Writer, probes []inspect.Tried) {
	for _, p := range probes {
		if p.Err == nil {
			fmt.Fprintf(w, "ok      %s: %s\n", p.What, p.Found)
			continue
		}
		fmt.Fprintf(w, "failed  %s: %v\n", p.What, p.Err)
		if text := hint.Of(p.Err); text != "" {
			fmt.Fprintf(w, "  hint: %s\n", text)
		}
	}
}

// failedProbes counts the probes that failed; it returns nil if there are none.
func failedProbes(probes []inspect.Tried) error {
	failed := 0
	for _, p := range probes {
		if p.Err != nil {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("check configuration: %d of %s failed", failed, command.Plural(len(probes), "probe"))
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
		fmt.Fprintf(w, "Route %s: %s from %s is segmented, %s %s%s.\n", r.Name, command.OrAll(r.Modalities, "every modality"),
			command.OrAll(r.From, "every peer"), sent(r.Kinds()), command.OrAll(r.SendTo, "nobody"), doubted(r.Quality))
	}
	fmt.Fprintln(w, kept(c.Retention))
}

// sent names the outputs of a route.
func sent(kinds []string) string {
	last := len(kinds) - 1
	if last == 0 {
		return kinds[0] + " goes to"
	}
	return strings.Join(kinds[:last], ", ") + " and " + kinds[last] + " go to"
}

// doubted describes what happens to results of low quality.
func doubted(q configs.Quality) string {
	switch {
	case q == configs.Quality{}:
		return ""
	case q.Below == configs.Hold:
		return fmt.Sprintf("; results of quality below %v are held", q.Min)
	}
	return fmt.Sprintf("; the log warns of results of quality below %v", q.Min)
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
