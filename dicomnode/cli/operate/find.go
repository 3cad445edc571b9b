package operate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/inspect"
	"dicomnode/internal/archive"
	"dicomnode/internal/uid"
)

// findFlags select images.
type findFlags struct {
	config, study, peer, state string
	since                      string
	object                     int64
	notDelivered, unrouted     bool
	limit                      int
	asJSON                     bool
}

func (f *findFlags) add(cmd *cobra.Command) {
	f.addChoice(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.state, "state", "", "images in this state: "+strings.Join(inspect.States, ", "))
	flags.BoolVar(&f.notDelivered, "not-delivered", false, "images with a result that is not delivered")
	flags.BoolVar(&f.unrouted, "unrouted", false, "images that no route took")
	flags.IntVar(&f.limit, "limit", 0, "examine at most so many images, the most recent ones (default: all)")
}

// addChoice adds the flags that select images in any state.
func (f *findFlags) addChoice(cmd *cobra.Command) {
	command.ConfigFlag(cmd, &f.config)
	flags := cmd.Flags()
	flags.StringVar(&f.study, "study", "", "Study Instance UID, or accession number")
	flags.StringVar(&f.peer, "peer", "", "images of this peer of the configuration")
	flags.StringVar(&f.since, "since", "", "received since: 2h, 3d, or 2026-11-28 14:00")
	flags.Int64Var(&f.object, "object", 0, "one image or result by its number, object=N in the log")
}

// query is the query of the flags and the argument.
func (f *findFlags) query(cmd *cobra.Command, args []string) (q inspect.Query, err error) {
	q = inspect.Query{Term: f.study, Peer: f.peer, Object: f.object, State: f.state, NotDelivered: f.notDelivered, Limit: f.limit}
	if len(args) > 0 {
		if f.study != "" {
			return q, command.Usagef("name the study once", "%s: both %s and --study", cmd.CommandPath(), args[0])
		}
		q.Term = args[0]
	}
	if f.unrouted {
		q.State = inspect.Unrouted
	}
	if q.State != "" && !slices.Contains(inspect.States, q.State) {
		return q, command.Usagef("states are "+strings.Join(inspect.States, ", "), "unknown state %q", q.State)
	}
	if q.Since, err = sinceTime(f.since, time.Now()); err != nil {
		return q, err
	}
	return q, nil
}

// empty reports whether nothing is selected.
func (f *findFlags) empty(args []string) bool {
	return len(args) == 0 && f.study == "" && f.peer == "" && f.since == "" && f.object == 0 && f.state == "" && !f.notDelivered && !f.unrouted
}

// sinceTime reads a duration before now, in days too, or a local time; "" is the
// beginning.
func sinceTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := configs.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly, time.RFC3339} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, command.Usagef("for example 2h, 3d, 2026-11-28 or \"2026-11-28 14:00\"", "--since %q is no time", s)
}

// list prints the images of a query, as JSON if requested.
func (f *findFlags) list(cmd *cobra.Command, args []string, query imageQuery, print func(io.Writer, []inspect.History) error) error {
	q, err := query(cmd, args)
	if err != nil {
		return err
	}
	lives, err := f.find(cmd, q)
	if err != nil {
		return err
	}
	if f.asJSON {
		err := command.PrintJSON(cmd.OutOrStdout(), lives)
		if len(lives) > 0 || err != nil {
			return err
		}
		return print(io.Discard, lives) // whether none is an error depends on the verb
	}
	return print(cmd.OutOrStdout(), lives)
}

// imageQuery is the query of the flags and arguments of a verb.
type imageQuery = func(*cobra.Command, []string) (inspect.Query, error)

func printFound(w io.Writer, lives []inspect.History) error {
	if len(lives) == 0 {
		return errors.New("find: no such image; expired images are removed (retention: {keep: …})")
	}
	return printHistories(w, lives)
}

func findCmd() *cobra.Command {
	var f findFlags
	cmd := &cobra.Command{
		Use: "find [ACCESSION|UID] [--since T] [--peer NAME] [--state S] [--not-delivered] [--unrouted] [--json]", Short: "show the history of images",
		Long: `Show the history of images: when and from which peer they were received, the route
that was chosen and why not the others, the results, each delivery with status and
Error Comment of the destination, and pending jobs. Images are selected by accession
number, by the UID of a study, series, image or result, or by flags. It prints
accession numbers and UIDs, but no names. Works while the node runs.

Exit codes: 0 found, 1 nothing found or failed, 2 wrong usage.`,
		Example: "  dicomnode find A1234567\n  dicomnode find --since 1d --not-delivered",
		Args:    command.WantArgs(0, 1, "at most one accession number or UID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.list(cmd, args, f.findQuery, printFound)
		},
	}
	f.add(cmd)
	cmd.Flags().Lookup("limit").Usage = fmt.Sprintf("examine at most so many images, the most recent ones (default: %d if no image, time or state is given)", defaultLimit)
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

// defaultLimit is the limit of "dicomnode find" for everything that is stored.
const defaultLimit = 1000

// findQuery is the query of "dicomnode find".
func (f *findFlags) findQuery(cmd *cobra.Command, args []string) (inspect.Query, error) {
	q, err := f.query(cmd, args)
	if q.Term == "" && q.State == "" && !q.NotDelivered && q.Since.IsZero() {
		q.Limit = cmp.Or(q.Limit, defaultLimit)
	}
	return q, err
}

// find runs the query, and says if its limit leaves images out.
func (f *findFlags) find(cmd *cobra.Command, q inspect.Query) (lives []inspect.History, err error) {
	c, err := command.LoadConfig(f.config)
	if err != nil {
		return nil, err
	}
	err = withArchive(cmd.Context(), f.config, func(a *archive.Archive) error {
		var limited bool
		lives, limited, err = inspect.Find(cmd.Context(), a, c, q)
		if limited {
			fmt.Fprintf(cmd.ErrOrStderr(), "only the latest %d images were examined; --limit N examines more\n", q.Limit)
		}
		return err
	})
	return lives, err
}

func printHistories(w io.Writer, lives []inspect.History) error {
	var b strings.Builder
	for i, l := range lives {
		if i > 0 {
			b.WriteString("\n")
		}
		printHistory(&b, l)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func printHistory(b *strings.Builder, l inspect.History) {
	fmt.Fprintf(b, "image %d: %s\n", l.Object, l.State)
	fmt.Fprintf(b, "  accession  %s\n  study      %s\n  instance   %s", cmp.Or(l.Accession, "-"), l.Study, l.Instance)
	if l.Version > 1 {
		fmt.Fprintf(b, ", version %d", l.Version)
	}
	if l.Superseded {
		b.WriteString(", a newer version counts")
	}
	fmt.Fprintf(b, "\n  received   %s from %s (%s calling %s), %s\n", clock(l.Received), l.Peer, l.CallingAE, l.CalledAE, strings.TrimSpace(l.Modality+" "+l.BodyPart))
	if l.Route != "" {
		fmt.Fprintf(b, "  route      %s\n", l.Route)
	}
	for _, r := range l.Routes {
		if r.Route != l.Route && r.Mismatch != "" {
			fmt.Fprintf(b, "  not route  %s, for its %s\n", r.Route, r.Mismatch)
		}
	}
	if l.Outcome != "" {
		fmt.Fprintf(b, "  %-10s %s", l.Outcome, clock(l.OutcomeAt))
		if l.Quality != nil {
			fmt.Fprintf(b, ", quality %.3f", *l.Quality)
		}
		b.WriteString("\n")
	}
	if l.Job != nil {
		fmt.Fprintf(b, "  job %d      %s\n", l.Job.ID, jobWords(*l.Job))
	}
	for _, r := range l.Results {
		fmt.Fprintf(b, "  result %d  %s %s, made %s\n", r.Object, uid.Name(r.SOPClass), r.Instance, clock(r.Made))
		for _, d := range r.Deliveries {
			printDelivery(b, d)
		}
	}
	for _, a := range l.Acts {
		fmt.Fprintf(b, "  %-10s %s by %s", a.What, clock(a.At), a.Who)
		if a.Reason != "" {
			fmt.Fprintf(b, ": %s", a.Reason)
		}
		b.WriteString("\n")
	}
}

func printDelivery(b *strings.Builder, d inspect.Delivery) {
	fmt.Fprintf(b, "    to %s: %s %s, tries: %d\n", d.Destination, d.State, clock(d.At), d.Attempts)
	if d.Words != "" {
		what := "last"
		if d.State == inspect.Held {
			what = "held"
		}
		fmt.Fprintf(b, "      %s: %s\n", what, d.Words)
	}
	if d.Job == nil {
		return
	}
	job := *d.Job
	if d.Words != "" && strings.Contains(job.Reason, d.Words) { // printed already
		job.Reason = ""
	}
	fmt.Fprintf(b, "      job %d: %s\n", job.ID, jobWords(job))
}

func jobWords(j inspect.Job) string {
	s := fmt.Sprintf("%s, tries: %d", j.State, j.Attempts)
	if !j.NextAt.IsZero() {
		s += ", next " + clock(j.NextAt)
	}
	if j.Reason != "" {
		s += ": " + j.Reason
	}
	return s
}
