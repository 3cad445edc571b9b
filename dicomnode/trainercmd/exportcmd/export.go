// Package exportcmd has the verbs of "trainer export": flags, one call into a package under
// trainer/export, and what it prints.
package exportcmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/internal/durable"
	"dicomnode/internal/hint"
	"dicomnode/scp"
	"dicomnode/segment"
	"dicomnode/trainer/deidentify"
	"dicomnode/trainer/deidentify/profile"
	"dicomnode/trainer/export"
	"dicomnode/trainer/export/frompacs"
	"dicomnode/trainer/export/whoiswho"
)

// exportFlags are those of trainer export. The exported ones are kept while
// pictures wait for review, so that finish does the same.
type exportFlags struct {
	Config    string   `json:"config"`
	Read      bool     `json:"config_read"` // Config was given, or is at the standard place
	From      []string `json:"from"`
	Node      bool     `json:"node"`
	PACS      string   `json:"pacs"`
	Calling   string   `json:"calling"`
	Receive   string   `json:"receive"`
	Out       string   `json:"out"`
	Project   string   `json:"project"`
	Key       string   `json:"key"`
	Formats   []string `json:"formats"`
	Pixels    string   `json:"pixels"`
	Labels    string   `json:"labels"`
	Dates     string   `json:"dates"`
	BurnedIn  string   `json:"burned_in"`
	Profile   string   `json:"profile"`
	Retain    []string `json:"retain"`
	Texts     string   `json:"texts"`
	SameAs    string   `json:"same_as"`
	NoIssuer  bool     `json:"ignore_issuer"`
	ReviewAll bool     `json:"review_all"`

	StudyDate  string   `json:"study_date"`
	Modalities []string `json:"modalities"`
	BodyParts  []string `json:"body_parts"`
	Accessions string   `json:"accessions"`
	HasSEG     bool     `json:"has_seg"`

	finishing  bool
	whoIsWho   string
	recipients []string
	workers    int
	version    string
	dryRun     bool
	asJSON     bool
}

// Command is the verb "export" with all its verbs, of a program of that version.
func Command(version string) *cobra.Command {
	f := &exportFlags{version: version}
	cmd := &cobra.Command{
		Use: "export [FOLDER…] --out SET --key FILE", Short: "make a de-identified training set of radiographs",
		Long: `De-identify radiographs and write them as a training set: DICOM objects, 16-bit
pictures, the trainer's data set folder, and the layouts of nnU-Net v2 and MONAI.

Attributes are de-identified by PS3.15 Annex E; by default only those are kept that
are needed to interpret the pixels (--profile basic: the standard's Basic Profile
alone). Every byte is searched for values of the originals before it is written.
Pictures that may contain burned-in text wait for review:

  dicomnode trainer export studies/ --out set --key knee.key --formats dataset,dicom
  dicomnode trainer export review set       review the pictures
  dicomnode trainer export finish set       then write the set

The same command resumes after an interruption, and adds new images to an existing
set. Objects retrieved from a PACS are in SET.work until the set is finished; they
never enter a node. The key is required to extend a set and to re-identify patients;
a lost key cannot be replaced. The set contains no identifying values;
--reidentification writes an encrypted table of originals and pseudonyms.
` + command.ExitCodes + ` Exit code 1 also if pictures wait for review.`,
		Example: `  dicomnode trainer export key knee.key
  dicomnode trainer export studies/ --out set --key knee.key --labels draft
  dicomnode trainer export --from-node --study-date 20260101-20261031 --body-part KNEE --out set --key knee.key
  dicomnode trainer export --from-pacs PACS --study-date 20260101-20260131 --modality DX --out set --key knee.key`,
		Args: command.WantArgs(0, -1, "folders or files of radiographs"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.From = args; sources(len(args) > 0, f.Node, f.PACS != "") != 1 {
				return command.Usagef("name folders, or --from-node for the archive of the node in --config, or --from-pacs: one of them", "missing argument, or too many: where the radiographs are")
			}
			_, err := os.Stat(f.Config)
			f.Read = cmd.Flags().Changed("config") || err == nil
			return f.run(cmd)
		},
	}
	f.add(cmd)
	cmd.AddCommand(exportKeyCmd(), exportReviewCmd(), exportFinishCmd(version), exportCheckCmd(), exportRevokeCmd())
	return cmd
}

func sources(named ...bool) (n int) {
	for _, is := range named {
		if is {
			n++
		}
	}
	return n
}

func (f *exportFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	command.ConfigFlag(cmd, &f.Config)
	flags.BoolVar(&f.Node, "from-node", false, "export from the archive of the node in --config, which may be running")
	flags.StringVar(&f.PACS, "from-pacs", "", "retrieve from a PACS: the name of a peer in --config, or AET@host:port")
	flags.StringVar(&f.Calling, "calling", "", "AE title of the export (default: node.ae_title)")
	flags.StringVar(&f.Receive, "receive", "", "TITLE@host:port of the export, for C-MOVE; without it, C-GET is used")
	flags.StringVarP(&f.Out, "out", "o", "", "folder of the set")
	flags.StringVar(&f.Key, "key", "", "key file; empty takes "+deidentify.KeyVariable+" of the environment")
	flags.StringVar(&f.Project, "project", "", "name that the set belongs to; a set is extended under the same one only")
	flags.StringSliceVar(&f.Formats, "formats", []string{"dataset"}, "dicom, png, tiff, dataset, nnunet, monai; the last three have labels")
	flags.StringVar(&f.Pixels, "pixels", "stored", "values of pictures: stored, corrected or canonical")
	flags.StringVar(&f.Labels, "labels", "draft", "draft (the model's masks), colours (masks to be corrected by painting) or none")
	flags.StringVar(&f.Dates, "dates", "remove", "remove, shift (by the same number of days for all dates of a patient) or keep")
	flags.StringVar(&f.BurnedIn, "burned-in", "quarantine", "burned-in text: quarantine (every picture with findings is reviewed), blank (only where the boxes are unsure) or keep")
	flags.BoolVar(&f.ReviewAll, "review-all", false, "review every picture, not only those with findings")
	flags.StringVar(&f.Profile, "profile", "training", "training (also keep what is needed to interpret the pixels) or basic (PS3.15 alone)")
	flags.StringSliceVar(&f.Retain, "retain", nil, "options of PS3.15 E.3: patient, device, institution, uids, descriptors, safe_private, graphics (overlays that the review keeps)")
	flags.StringVar(&f.Texts, "keep-texts", "", "file of descriptions to keep, one per line (with --retain descriptors)")
	flags.StringVar(&f.SameAs, "same-as", "", "CSV of Patient IDs and the IDs they stand for")
	flags.BoolVar(&f.NoIssuer, "ignore-issuer", false, "equal Patient IDs of different issuers are one patient")
	flags.StringVar(&f.StudyDate, "study-date", "", "YYYYMMDD or YYYYMMDD-YYYYMMDD")
	flags.StringSliceVar(&f.Modalities, "modality", nil, "modalities, such as DX,CR")
	flags.StringSliceVar(&f.BodyParts, "body-part", nil, "values of Body Part Examined")
	flags.StringVar(&f.Accessions, "accession-list", "", "file of accession numbers, a line each")
	flags.BoolVar(&f.HasSEG, "has-seg", false, "only images that a segmentation among the objects refers to")
	flags.StringVar(&f.whoIsWho, "reidentification", "", "file for the encrypted table of originals and pseudonyms")
	flags.StringSliceVar(&f.recipients, "recipient", nil, "recipient of the table, age1… (repeatable)")
	flags.IntVar(&f.workers, "threads", 0, "objects at a time; 0 is one per core")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print what would be exported and write nothing")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

// options checks the flags.
func (f *exportFlags) options(cmd *cobra.Command) (opt export.Options, err error) {
	if f.Out == "" {
		return opt, command.Usagef("for example --out set", "missing option: --out")
	}
	opt = export.Options{Out: f.Out, Source: export.Folders(f.From), Project: f.Project, Pixels: export.Pixels(f.Pixels), Labels: export.Labels(f.Labels),
		BurnedIn: export.Policy(f.BurnedIn), ReviewAll: f.ReviewAll, Workers: f.workers, DryRun: f.dryRun}
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"pixels", f.Pixels, []string{"stored", "corrected", "canonical"}}, {"labels", f.Labels, []string{"draft", "colours", "none"}},
		{"burned-in", f.BurnedIn, []string{"quarantine", "blank", "keep"}}, {"profile", f.Profile, []string{"training", "basic"}},
		{"dates", f.Dates, []string{"remove", "shift", "keep"}},
	} {
		if !slices.Contains(c.allowed, c.value) {
			return opt, command.Usagef(strings.Join(c.allowed, ", "), "unknown value %q of --%s", c.value, c.flag)
		}
	}
	for _, name := range f.Formats {
		if !slices.Contains(export.Formats, export.Format(name)) {
			return opt, command.Usagef("dicom, png, tiff, dataset, nnunet, monai", "unknown format %q", name)
		}
		opt.Formats = append(opt.Formats, export.Format(name))
	}
	if err := f.checkLabels(opt.Formats, cmd.Flags().Changed("labels")); err != nil {
		return opt, err
	}
	if opt.Filter, err = f.filter(); err != nil {
		return opt, err
	}
	opt.Deidentify, err = f.rules()
	return opt, err
}

// checkLabels refuses labels that none of the formats has, and formats that lack their labels.
// Nobody asked for the labels of the default.
func (f *exportFlags) checkLabels(formats []export.Format, asked bool) error {
	has := func(some ...export.Format) bool {
		return slices.ContainsFunc(some, func(s export.Format) bool { return slices.Contains(formats, s) })
	}
	switch labels := export.Labels(f.Labels); {
	case labels == export.Colours && has(export.Dataset, export.MONAI):
		return command.Usagef("choose --formats png; \"dicomnode trainer dataset import-colours\" makes a data set of the corrected masks",
			"the formats dataset and monai need --labels draft, not colours")
	case labels == export.Draft && asked && !has(export.Dataset, export.NNUNet, export.MONAI):
		return command.Usagef("add dataset, nnunet or monai to --formats, or choose --labels colours or none",
			"--labels draft: --formats %s has no labels", strings.Join(f.Formats, ","))
	}
	return nil
}

func (f *exportFlags) filter() (filter export.Filter, err error) {
	filter = export.Filter{Modalities: f.Modalities, BodyParts: f.BodyParts, HasSEG: f.HasSEG}
	if f.StudyDate != "" {
		from, to, ranged := strings.Cut(f.StudyDate, "-")
		if !ranged {
			to = from
		}
		for _, d := range []string{from, to} {
			if _, err := time.Parse("20060102", d); err != nil {
				return filter, command.Usagef("for example --study-date 20260101-20261031", "--study-date is no date or range: %q", f.StudyDate)
			}
		}
		filter.From, filter.To = from, to
	}
	filter.Accessions, err = lines(f.Accessions)
	return filter, err
}

// rules are the options of the de-identification.
func (f *exportFlags) rules() (opt deidentify.Options, err error) {
	opt = deidentify.Options{Basic: f.Profile == "basic", IgnoreIssuer: f.NoIssuer, Version: f.version}
	for _, r := range f.Retain {
		opt.Retain = append(opt.Retain, profile.Option(r))
	}
	switch f.Dates {
	case "shift":
		opt.Retain = append(opt.Retain, profile.ModifiedDates)
	case "keep":
		opt.Retain = append(opt.Retain, profile.FullDates)
	}
	if opt.Key, err = deidentify.LoadKey(f.Key); err != nil {
		if errors.Is(err, deidentify.ErrKeyReadable) {
			return opt, hint.Add(err, "chmod 600 "+f.Key)
		}
		return opt, hint.Add(err, "make one with \"dicomnode trainer export key FILE\"; it stays with you, apart from the set")
	}
	if err := f.apart(f.Key, "key"); err != nil {
		return opt, err
	}
	texts, err := lines(f.Texts)
	if err != nil {
		return opt, err
	}
	opt.Approved = map[string]bool{}
	for _, t := range texts {
		opt.Approved[t] = true
	}
	opt.SameAs, err = sameAs(f.SameAs)
	return opt, err
}

// apart refuses a secret inside the set.
func (f *exportFlags) apart(path, what string) error {
	if path == "" {
		return nil
	}
	inside, err := filepath.Rel(absolute(f.Out), absolute(path))
	if err == nil && filepath.IsLocal(inside) {
		return command.Usagef("never store it with the set", "the %s lies inside --out", what)
	}
	return nil
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// lines are those of a file that are not empty; no file has none.
func lines(path string) ([]string, error) {
	if path == "" {
		return nil, nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.SplitSeq(string(b), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out, nil
}

func sameAs(path string) (map[string]string, error) {
	rows, err := lines(path)
	out := map[string]string{}
	for n, row := range rows {
		from, to, ok := strings.Cut(row, ",")
		if !ok {
			return nil, fmt.Errorf("read %s, line %d: want two IDs with a comma between them", path, n+1)
		}
		out[strings.ToUpper(strings.TrimSpace(from))] = to
	}
	return out, err
}

func (f *exportFlags) run(cmd *cobra.Command) error {
	opt, err := f.options(cmd)
	if err != nil {
		return err
	}
	closeSource, err := f.openSource(cmd, &opt)
	if err != nil {
		return err
	}
	if source, ok := opt.Source.(*frompacs.Source); ok && f.dryRun {
		return f.count(cmd, source)
	}
	closeModels, err := f.openPipeline(cmd, &opt)
	if err != nil {
		return errors.Join(err, closeSource())
	}
	list, err := f.openList(&opt)
	if err == nil {
		err = f.export(cmd, opt, list)
	}
	return errors.Join(err, closeModels(), closeSource())
}

func (f *exportFlags) export(cmd *cobra.Command, opt export.Options, list *whoiswho.List) error {
	if !f.asJSON && !f.dryRun {
		bar := command.NewProgress(cmd.ErrOrStderr(), 1000, "exporting")
		opt.Progress = func(done, total int) { _ = bar.Set(1000 * done / total) } // cosmetic
	}
	report, err := export.Run(cmd.Context(), opt)
	if list != nil {
		err = errors.Join(err, list.Close())
	}
	if errors.Is(err, export.ErrPending) {
		err = errors.Join(err, f.save())
	}
	if report == nil {
		return err
	}
	if source, ok := opt.Source.(*frompacs.Source); ok {
		report.Notes = append(report.Notes, notSent(source)...)
	}
	return errors.Join(f.print(cmd.OutOrStdout(), report), hintedExport(err, f.Out))
}

// notSent says what the PACS has and did not send.
func notSent(s *frompacs.Source) []string {
	n, untold := s.Missing()
	if n == 0 {
		return nil
	}
	what, why := command.Plural(n, "object"), ""
	if untold {
		why = ", or of classes that are not exported: it does not tell which"
	}
	return []string{"the PACS did not send " + what + " that it has" + why + "; the same command asks again"}
}

// config is the configuration with which the export began. To finish it, the same file must
// be there: another one may name another model.
func (f *exportFlags) config() (configs.Config, error) {
	if f.Read || f.Config != command.DefaultConfig {
		return command.LoadConfig(f.Config)
	}
	return command.WithoutConfig(), nil
}

// openPipeline opens the models where labels are wanted; without, burned-in writing
// is looked for everywhere.
func (f *exportFlags) openPipeline(cmd *cobra.Command, opt *export.Options) (func() error, error) {
	if f.dryRun {
		opt.Labels = export.None
		opt.Formats = []export.Format{export.DICOM}
		return func() error { return nil }, nil
	}
	c, err := f.config()
	if err != nil {
		return nil, err
	}
	codecs, err := pipeline.OpenCodecs(c, nil)
	if err != nil {
		return nil, err
	}
	opt.Codecs = codecs
	p, closeModels, err := pipeline.Open(c)
	if err != nil && opt.Labels == export.None {
		opt.Pipeline = &segment.Pipeline{}
		return codecs.Close, nil
	}
	if err != nil {
		return nil, errors.Join(err, codecs.Close())
	}
	opt.Pipeline = p
	return func() error { return errors.Join(closeModels(), codecs.Close()) }, nil
}

func (f *exportFlags) openList(opt *export.Options) (*whoiswho.List, error) {
	if f.whoIsWho == "" || f.dryRun {
		return nil, nil
	}
	if err := f.apart(f.whoIsWho, "list of who is who"); err != nil {
		return nil, err
	}
	list, err := whoiswho.Create(f.whoIsWho, f.recipients)
	if err != nil {
		return nil, hint.Add(err, "name a new file, and with --recipient who can read it (age1…, from age-keygen)")
	}
	opt.Reidentify = list.Add
	return list, nil
}

// command.json keeps the flags while pictures wait.
func commandFile(out string) string {
	return filepath.Join(filepath.Clean(out)+".work", "command.json")
}

func (f *exportFlags) save() error {
	saved := *f
	for i, path := range saved.From {
		saved.From[i] = absolute(path)
	}
	for _, path := range []*string{&saved.Config, &saved.Key, &saved.Texts, &saved.SameAs, &saved.Accessions} {
		if *path != "" {
			*path = absolute(*path)
		}
	}
	b, err := json.Marshal(saved)
	if err != nil {
		return err
	}
	return durable.ReplaceBytes(commandFile(f.Out), 0o600, b)
}

func hintedExport(err error, out string) error {
	var status *scp.StatusError
	switch {
	case errors.Is(err, export.ErrPending):
		return hint.Add(err, fmt.Sprintf("look at them with \"dicomnode trainer export review %s\", then \"dicomnode trainer export finish %s\"", out, out))
	case errors.Is(err, export.ErrLeak):
		return hint.Add(err, "nothing was written; the places are listed above. The attributes named there hold values that also stand where they are kept")
	case errors.Is(err, export.ErrOtherKey):
		return hint.Add(err, "name the key and project of the set, or choose another --out")
	case errors.Is(err, frompacs.ErrUnbounded):
		return hint.Add(err, "for example --study-date 20260101-20260131, or --accession-list FILE")
	case errors.Is(err, frompacs.ErrNoRole):
		return hint.Add(err, "try --receive TITLE@host:port (C-MOVE), a title that the PACS must know")
	case errors.As(err, &status) && status.Status == 0xA801: // PS3.4 C.4.2.1.5: Move Destination Unknown
		return hint.Add(err, "a PACS sends by C-MOVE only to titles that are entered there, with address and port; its log says more")
	case errors.Is(err, export.ErrMixedPatients):
		return hint.Add(err, "put the objects right, or say with --same-as which Patient IDs are one patient")
	}
	return err
}

func (f *exportFlags) print(w io.Writer, r *export.Report) error {
	if f.asJSON {
		return command.PrintJSON(w, r)
	}
	var b strings.Builder
	for _, h := range r.Hits {
		fmt.Fprintf(&b, "leak: %s\n", h)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	reasons := make([]string, 0, len(r.Refused))
	for reason, n := range r.Refused {
		reasons = append(reasons, fmt.Sprintf("refused: %s: %s\n", command.Plural(n, "object"), reason))
	}
	slices.Sort(reasons)
	b.WriteString(strings.Join(reasons, ""))
	fmt.Fprintf(&b, "%s of %s, %s\n", command.Plural(r.Images, "image"), command.Plural(r.Patients, "patient"), command.Plural(r.Objects, "other object"))
	fmt.Fprintf(&b, "exported before %d, filtered %d, rejected %d, waiting for review %d\n", r.Kept, r.Filtered, r.Rejected, r.Pending)
	_, err := io.WriteString(w, b.String())
	return err
}
