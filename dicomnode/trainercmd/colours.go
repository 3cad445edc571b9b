package trainercmd

import (
	"github.com/spf13/cobra"

	"dicomnode/dicomnode/cli/command"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

// coloursFlags are those of trainer dataset import-colours.
type coloursFlags struct {
	in                importer.Painted
	open, soft, bone  string
	ignore            []string
	tolerance         int
	unknown, polarity string
	asJSON            bool
}

// polarities are the values of --polarity; "" is found from each label.
var polarities = map[string]string{"auto": "", dataset.AirBright: dataset.AirBright, dataset.AirDark: dataset.AirDark}

func trainerColoursCmd() *cobra.Command {
	f := &coloursFlags{}
	cmd := &cobra.Command{
		Use:   "import-colours IMAGES LABELS --out DATASET --open-beam '#rrggbb' --soft-tissue '#rrggbb' --bone '#rrggbb'",
		Short: "import label pictures painted in three colours",
		Long: `Make a data set folder of images and of label pictures painted in one colour for
each class (with GIMP, for example; export as PNG). IMAGES and LABELS are folders
whose files have the same names except for the extension; the folder of an image
names its body part. Mixed colours along antialiased edges become the nearest
adjacent class. Other colours are listed with their number of pixels, and stop the
import (--unknown ignore imports the images and ignores those pixels).
` + importCodes,
		Example: "  dicomnode trainer dataset import-colours xrays painted --out data/ours --open-beam '#0000ff' --soft-tissue '#ff0000' --bone '#00ff00'",
		Args:    command.WantArgs(2, 2, "a folder of images and one of labels"),
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
	flags.IntVar(&f.tolerance, "tolerance", 8, "greatest difference of a channel from a class colour, of 255")
	flags.StringVar(&f.unknown, "unknown", "refuse", "pixels of other colours: refuse the import or ignore them")
	flags.StringVar(&f.in.LabelSuffix, "label-suffix", "", "suffix of label names, such as _label")
	flags.StringVar(&f.polarity, "polarity", "auto", "air_bright, air_dark, or auto: from each label")
	flags.StringVar(&f.in.BodyPart, "body-part", "", "body part of all images; empty takes the folder's name")
	flags.StringVar(&f.in.Source, "source", "painted label", "where the images come from, for the table")
	flags.IntVar(&f.in.Workers, "threads", 0, "images read at a time; 0 is one per core")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
}

func (f *coloursFlags) complete(cmd *cobra.Command) (err error) {
	if f.in.Out == "" || f.open == "" || f.soft == "" || f.bone == "" {
		return command.Usagef("for example --out data/ours --open-beam '#0000ff' --soft-tissue '#ff0000' --bone '#00ff00'",
			"missing option: --out and the colours of the three classes")
	}
	if f.unknown != "refuse" && f.unknown != "ignore" {
		return command.Usagef("refuse or ignore", "unknown value %q of --unknown", f.unknown)
	}
	f.in.KeepUnknown = f.unknown == "ignore"
	var known bool
	if f.in.Polarity, known = polarities[f.polarity]; !known {
		return command.Usagef("auto, air_bright or air_dark", "unknown value %q of --polarity", f.polarity)
	}
	if f.in.Palette, err = importer.NewPalette(f.open, f.soft, f.bone, f.ignore, f.tolerance); err != nil {
		return command.Usagef("colours are written '#rrggbb', in quotes because of the shell", "%w", err)
	}
	return nil
}
