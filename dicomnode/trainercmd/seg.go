package trainercmd

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"dicomnode/configs"
	"dicomnode/dicomnode/cli/command"
	"dicomnode/dicomnode/pipeline"
	"dicomnode/trainer/dataset"
	"dicomnode/trainer/importer"
)

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
		Long: `Make a data set folder of radiographs and their BINARY DICOM segmentations, such
as "dicomnode segment" writes, after correction. IN are files and folders with both.
A segment's class is given by --class, by its Segmented Property Type or by its
label; pixels in no segment are ignored. Images are stored as the network's input:
open beam bright, raw linear signals as their logarithm. Patient names and IDs do not
reach the folder: the columns id and patient contain pseudonyms, made with a random
key, or with the key in the file --key, so that a patient has the same pseudonym in
several imports. Text burned into pixels is not detected; images with Burned In
Annotation YES are refused.
` + importCodes,
		Example: "  dicomnode trainer dataset import-seg study/ results/ --out data/ours",
		Args:    command.WantArgs(1, -1, "files or folders"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.in.Inputs = args
			if err := f.complete(cmd); err != nil {
				return err
			}
			codecs, err := pipeline.OpenCodecs(configs.Default(), nil)
			if err != nil {
				return err
			}
			f.in.Codecs = codecs
			return errors.Join(runImport(cmd, f.in.Out, f.asJSON, f.in.Run), codecs.Close())
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.in.Out, "out", "o", "", "folder to write")
	flags.StringVar(&f.key, "key", "", "key file for the pseudonyms; created if it does not exist")
	flags.StringArrayVar(&f.classes, "class", nil, "class of a segment by label or number: 'LABEL=bone', open-beam, soft-tissue or ignore (repeatable)")
	flags.StringVar(&f.rest, "rest", "ignore", "class of pixels in no segment: ignore or open-beam")
	flags.BoolVar(&f.in.BurnedIn, "burned-in", false, "accept images with Burned In Annotation YES")
	flags.IntVar(&f.in.Workers, "threads", 0, "images read at a time; 0 is one per core")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return cmd
}

func (f *segFlags) complete(cmd *cobra.Command) (err error) {
	if f.in.Out == "" {
		return command.Usagef("for example --out data/ours", "missing option: --out")
	}
	var known bool
	if f.in.Rest, known = classWords[f.rest]; !known {
		return command.Usagef("ignore or open-beam", "unknown value %q of --rest", f.rest)
	}
	f.in.Classes = map[string]uint8{}
	for _, c := range f.classes {
		i := strings.LastIndex(c, "=")
		class, known := classWords[c[i+1:]]
		if i < 1 || !known {
			return command.Usagef("for example --class 'Femur=bone'", "--class %q names none of open-beam, soft-tissue, bone, ignore", c)
		}
		f.in.Classes[c[:i]] = class
	}
	f.in.Key = importer.NewKey()
	if f.key != "" {
		f.in.Key, err = importer.LoadKey(f.key)
	}
	return err
}
