package exportcmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/internal/hint"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/review"
)

func exportKeyCmd() *cobra.Command {
	return &cobra.Command{
		Use: "key FILE", Short: "make a key for the pseudonyms",
		Long: `Make a key file that only its owner can read. With the key a set can be extended,
and it can be tested whether a person is in the set; without it neither is possible.
Keep a copy with the patients' records, and never with the set.
` + command.ExitCodes,
		Example: "  dicomnode trainer export key knee.key",
		Args:    command.WantArgs(1, 1, "a file"),
		RunE: func(_ *cobra.Command, args []string) error {
			err := deidentify.CreateKey(args[0])
			if errors.Is(err, fs.ErrExist) {
				return hint.Add(err, "choose a new name: a key is never overwritten")
			}
			return err
		},
	}
}

func exportFinishCmd(version string) *cobra.Command {
	f := &exportFlags{version: version}
	cmd := &cobra.Command{
		Use: "finish SET", Short: "write a set after its pictures were reviewed",
		Long: `Finish an export after its review, with the flags it was started with. The files of
the review are removed.
` + command.ExitCodes,
		Example: "  dicomnode trainer export finish set",
		Args:    command.WantArgs(1, 1, "the folder of a set"),
		RunE: func(cmd *cobra.Command, args []string) error {
			b, err := os.ReadFile(commandFile(args[0]))
			asJSON := f.asJSON
			if err == nil {
				err = json.Unmarshal(b, f)
			}
			if err != nil {
				return hint.Add(fmt.Errorf("finish: %w", err), "no export of this set waits; run \"trainer export\" again")
			}
			f.Out, f.asJSON, f.finishing = args[0], asJSON, true
			return f.run(cmd)
		},
	}
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func exportCheckCmd() *cobra.Command {
	var originals, retain []string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "check FOLDER --originals FOLDER…", Short: "search any folder for values of the originals",
		Long: `Search every byte of a folder, also one that another program wrote, for values of
the original DICOM objects: names, numbers, dates, texts, UIDs, in several
spellings and encodings. It prints file, place and attribute, never the value.
` + command.ExitCodes + ` Exit code 1 also if there are hits.`,
		Example: "  dicomnode trainer export check set --originals studies/",
		Args:    command.WantArgs(1, 1, "the folder to search"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(originals) == 0 {
				return command.Usagef("for example --originals studies/", "missing option: --originals")
			}
			var options []profile.Option
			for _, r := range retain {
				options = append(options, profile.Option(r))
			}
			hits, read, err := export.Check(cmd.Context(), args[0], export.Folders(originals), options)
			if err != nil {
				return hint.Add(err, "--originals names the folders of the DICOM files before the export")
			}
			if asJSON {
				err = command.PrintJSON(cmd.OutOrStdout(), map[string]any{"originals": read, "hits": hits})
			} else {
				for _, h := range hits {
					fmt.Fprintln(cmd.OutOrStdout(), h)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s, %s\n", command.Plural(read, "original"), command.Plural(len(hits), "hit"))
			}
			if len(hits) > 0 {
				err = errors.Join(err, export.ErrLeak)
			}
			return err
		},
	}
	cmd.Flags().StringSliceVar(&originals, "originals", nil, "folders of the originals")
	cmd.Flags().StringSliceVar(&retain, "retain", nil, "options of PS3.15 E.3 whose values may stay")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func exportRevokeCmd() *cobra.Command {
	var list string
	cmd := &cobra.Command{
		Use: "revoke SET PSEUDONYM…", Short: "remove patients or images from a set",
		Long: `Remove the files and rows of patients or images, given by the pseudonyms and IDs
of the manifest, and print what was removed. Copies of the set are not changed.
` + command.ExitCodes,
		Example: "  dicomnode trainer export revoke set 0f3a9c1122334455",
		Args:    command.WantArgs(1, -1, "the folder of a set and pseudonyms"),
		RunE: func(cmd *cobra.Command, args []string) error {
			who, err := lines(list)
			if err != nil {
				return err
			}
			if who = append(who, args[1:]...); len(who) == 0 {
				return command.Usagef("name pseudonyms, or --list FILE", "missing argument: PSEUDONYM")
			}
			removed, err := export.Revoke(args[0], who)
			for _, path := range removed {
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			return hint.Add(err, "pseudonyms and IDs are those of manifest.jsonl in the set")
		},
	}
	cmd.Flags().StringVar(&list, "list", "", "file of pseudonyms, a line each")
	return cmd
}

func exportReviewCmd() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use: "review SET", Short: "review pictures with burned-in text",
		Long: `Serve a local web page that shows the pictures of an export that may contain
burned-in text, for a decision about each. It prints the address with a one-time
token. Stop it with Ctrl-C.
` + command.ExitCodes,
		Example: "  dicomnode trainer export review set",
		Args:    command.WantArgs(1, 1, "the folder of a set"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := export.ReviewDir(args[0] + ".work")
			waiting, err := review.List(dir)
			if err != nil {
				return err
			}
			if len(waiting) == 0 {
				return hint.Add(errors.New("no picture waits"), "run \"trainer export\" first")
			}
			return serveReview(cmd, listen, dir)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address on the loopback interface")
	return cmd
}

// serveReview serves the page until the command is stopped.
func serveReview(cmd *cobra.Command, listen, dir string) error {
	host, _, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return command.Usagef("for example --listen 127.0.0.1:8042", "--listen is no address of the loopback interface: %q", listen)
	}
	l, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
	if err != nil {
		return err
	}
	page := review.Page{Dir: dir, Token: review.NewToken()}
	server := &http.Server{Handler: page, ReadHeaderTimeout: 10 * time.Second}
	done := context.AfterFunc(cmd.Context(), func() { _ = server.Close() }) // the address is all it holds
	defer done()
	fmt.Fprintf(cmd.OutOrStdout(), "http://%s/?token=%s\n", l.Addr(), page.Token)
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
