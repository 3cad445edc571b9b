package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

const importCodes = `
Exit codes: 0 done, 1 failed (then nothing was written), 2 wrong usage.`

// coloursFlags are those of trainer dataset import-colours.
type coloursFlags struct {
	in                     importer.Painted
	open, soft, bone       string
	ignore                 []string
	tolerance              int
	unknown, polarity      string
	asJSON                 bool
	polarities, unknownHow map[string]string
}

func trainerColoursCmd() *cobra.Command {
	f := coloursFlags{
		polarities: map[string]string{"auto": "", dataset.AirBright: dataset.AirBright, dataset.AirDark: dataset.AirDark},
		unknownHow: map[string]string{"refuse": "", "ignore": "ignore"},
	}
	cmd := &cobra.Command{
		Use:   "import-colours IMAGES LABELS --out DATASET --open-beam '#rrggbb' --soft-tissue '#rrggbb' --bone '#rrggbb'",
		Short: "import label pictures painted in three colours",
		Long: `Make a data set folder of images and of label pictures painted in one colour for
each class (with GIMP, for example; export as PNG). IMAGES and LABELS are folders
whose files have the same names but for the extension; the folder an image is in
names its body part. Mixed colours along smooth edges go to the nearest class
beside them. Colours that mean nothing are listed with their pixels, and nothing
is imported then (--unknown ignore imports all the same and ignores those pixels).
` + importCodes,
		Example: "  dicomnode trainer dataset import-colours xrays painted --out data/ours --open-beam '#0000ff' --soft-tissue '#ff0000' --bone '#00ff00'",
		Args:    wantArgs(2, 2, "a folder of images and one of labels"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.in.Images, f.in.Labels = args[0], args[1]
			if err := f.complete(cmd); err != nil {
				return err
			}
			return runImport(cmd, f.in.Out, f.asJSON, f.in.Run)
		},
	}
	f.add(cmd)
	return cmd
}

func (f *coloursFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&f.in.Out, "out", "o", "", "folder to write")
	flags.StringVar(&f.open, "open-beam", "", "colour of open beam, such as '#0000ff'")
	flags.StringVar(&f.soft, "soft-tissue", "", "colour of soft tissue")
	flags.StringVar(&f.bone, "bone", "", "colour of bone")
	flags.StringSliceVar(&f.ignore, "ignore", nil, "colour of pixels that are not scored, or transparent (repeatable)")
	flags.IntVar(&f.tolerance, "tolerance", 8, "by how much a channel may differ from a colour, of 255")
	flags.StringVar(&f.unknown, "unknown", "refuse", "pixels of other colours: refuse the import or ignore them")
	flags.StringVar(&f.in.LabelSuffix, "label-suffix", "", "what a label's name has more than its image's, such as _label")
	flags.StringVar(&f.polarity, "polarity", "auto", "air_bright, air_dark, or auto: found from each label")
	flags.StringVar(&f.in.BodyPart, "body-part", "", "body part of all images; empty takes the folder's name")
	flags.StringVar(&f.in.Source, "source", "painted label", "where the images come from, for the table")
	flags.IntVar(&f.in.Workers, "threads", 0, "images read at a time; 0 is one per core")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func (f *coloursFlags) complete(cmd *cobra.Command) (err error) {
	if f.in.Out == "" || f.open == "" || f.soft == "" || f.bone == "" {
		return usagef("for example --out data/ours --open-beam '#0000ff' --soft-tissue '#ff0000' --bone '#00ff00'",
			"%s wants --out and the colours of the three classes", cmd.CommandPath())
	}
	how, known := f.unknownHow[f.unknown]
	if !known {
		return usagef("refuse or ignore", "unknown value %q of --unknown", f.unknown)
	}
	f.in.KeepUnknown = how == "ignore"
	if f.in.Polarity, known = f.polarities[f.polarity]; !known {
		return usagef("auto, air_bright or air_dark", "unknown value %q of --polarity", f.polarity)
	}
	if f.in.Palette, err = importer.NewPalette(f.open, f.soft, f.bone, f.ignore, f.tolerance); err != nil {
		return usagef("colours are written '#rrggbb', in quotes because of the shell", "%w", err)
	}
	return nil
}

// segFlags are those of trainer dataset import-seg.
type segFlags struct {
	in      importer.Segmented
	key     string
	classes []string
	rest    string
	asJSON  bool
}

// classWords are the classes as they are written on the command line.
var classWords = map[string]uint8{"open-beam": dataset.OpenBeam, "soft-tissue": dataset.SoftTissue, "bone": dataset.Bone, "ignore": dataset.Ignore}

func trainerSEGCmd() *cobra.Command {
	f := &segFlags{}
	cmd := &cobra.Command{
		Use: "import-seg IN… --out DATASET", Short: "import radiographs with their DICOM segmentations",
		Long: `Make a data set folder of radiographs and BINARY DICOM segmentations of them,
such as "dicomnode segment" writes and people corrected. IN are files and folders
with both. A segment's class is told by --class, by its Segmented Property Type
or by its label; pixels in no segment are ignored. Images are stored as the
network is shown them: open beam bright, raw linear signals as their logarithm.
No name or number of a patient reaches the folder: the columns id and patient hold
pseudonyms, made with a key that is forgotten, or with --key kept in a file, so
that several imports give a patient the same one. Names burned into pixels are
not found; images that say they have some are refused.
` + importCodes,
		Example: "  dicomnode trainer dataset import-seg study/ results/ --out data/ours",
		Args:    wantArgs(1, -1, "files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.in.Inputs = args
			if err := f.complete(cmd); err != nil {
				return err
			}
			return runImport(cmd, f.in.Out, f.asJSON, f.in.Run)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.in.Out, "out", "o", "", "folder to write")
	flags.StringVar(&f.key, "key", "", "file of the key of the pseudonyms; made when it is not there")
	flags.StringArrayVar(&f.classes, "class", nil, "class of a segment by label or number: 'LABEL=bone', open-beam, soft-tissue or ignore (repeatable)")
	flags.StringVar(&f.rest, "rest", "ignore", "class of pixels in no segment: ignore or open-beam")
	flags.BoolVar(&f.in.BurnedIn, "burned-in", false, "take images that say that names are burned into their pixels")
	flags.IntVar(&f.in.Workers, "threads", 0, "images read at a time; 0 is one per core")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *segFlags) complete(cmd *cobra.Command) (err error) {
	if f.in.Out == "" {
		return usagef("for example --out data/ours", "%s wants --out", cmd.CommandPath())
	}
	var known bool
	if f.in.Rest, known = classWords[f.rest]; !known {
		return usagef("ignore or open-beam", "unknown value %q of --rest", f.rest)
	}
	f.in.Classes = map[string]uint8{}
	for _, c := range f.classes {
		i := strings.LastIndex(c, "=")
		class, known := classWords[c[i+1:]]
		if i < 1 || !known {
			return usagef("for example --class 'Femur=bone'", "--class %q names none of open-beam, soft-tissue, bone, ignore", c)
		}
		f.in.Classes[c[:i]] = class
	}
	f.in.Key = importer.NewKey()
	if f.key != "" {
		f.in.Key, err = importer.LoadKey(f.key)
	}
	return err
}

// runImport runs an importer and prints its account.
func runImport(cmd *cobra.Command, out string, asJSON bool, run func(context.Context, func(done, total int)) (*importer.Result, error)) error {
	bar := newProgress(cmd.ErrOrStderr(), 1000, "importing")
	res, err := run(cmd.Context(), func(done, total int) { _ = bar.Set(1000 * done / total) }) // cosmetic
	if err != nil && !errors.Is(err, importer.ErrProblems) {
		return fmt.Errorf("import: %w", err)
	}
	if errors.Is(err, importer.ErrProblems) {
		err = fmt.Errorf("import: %w: %s", err, plural(len(res.Problems), "problem"))
	}
	if asJSON {
		return errors.Join(printJSON(cmd.OutOrStdout(), res), err)
	}
	return errors.Join(printImport(cmd.OutOrStdout(), res, out, err), err)
}

func printImport(w io.Writer, res *importer.Result, out string, failed error) error {
	var b strings.Builder
	for _, p := range res.Problems {
		fmt.Fprintf(&b, "error: %s\n", p.Error())
		if p.Hint != "" {
			fmt.Fprintf(&b, "  hint: %s\n", p.Hint)
		}
	}
	for _, n := range res.Notes {
		fmt.Fprintf(&b, "note: %s\n", n.Error())
	}
	if failed == nil {
		fmt.Fprintf(&b, "%s in %s\n", plural(res.Images, "image"), out)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
