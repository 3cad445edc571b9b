package trainercmd

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dicomnode/trainer/evaluate"
)

// inCard lists the flags whose values a model card holds elsewhere, or that do not
// change a model.
var inCard = map[string]bool{
	"checkpoint": true, "curve": true, "json": true, "ort-lib": true, "threads": true, "device": true, "description": true,
	"data": true, "licence": true, "attribution": true, "name": true, "model-version": true,
}

// fileFlags are the flags that name a file or folder, and the word for one.
var fileFlags = map[string]string{"out": "BUNDLE", "model": "BUNDLE", "init": "BUNDLE", "validation": "LABELLED"}

// repeat is the command line that was given, for a model card.
func repeat(cmd *cobra.Command, folders []string) string {
	line := cmd.CommandPath()
	for _, folder := range folders {
		line += " " + public(folder, "DATASET")
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		word, isFile := fileFlags[flag.Name]
		value := plain(cmd, flag)
		switch {
		case inCard[flag.Name]:
			return
		case flag.Value.Type() == "bool":
			line += " --" + flag.Name
			return
		case flag.Name == "out": // where a model is written does not change it
			value = word
		case isFile:
			value = public(value, word)
		}
		if strings.ContainsAny(value, "*?[ ") {
			value = "'" + value + "'"
		}
		line += " --" + flag.Name + " " + value
	})
	return line
}

// score is the command line that prints the figures at 200×200 of a bundle on what opt chooses
// of a folder, for a model card.
func score(folder string, opt evaluate.Options) string {
	line := "dicomnode trainer evaluate " + public(folder, "DATASET")
	for _, p := range opt.Exclude {
		line += " --exclude '" + p + "'"
	}
	for _, s := range opt.Splits {
		line += " --split " + s
	}
	return line + " --effort whole --trunk none --model BUNDLE"
}

// public is a path that says nothing of this machine: an absolute one becomes word.
func public(path, word string) string {
	if filepath.IsAbs(path) {
		return word
	}
	return path
}

// plain is a flag's value as it would be typed.
func plain(cmd *cobra.Command, flag *pflag.Flag) string {
	if numbers, err := cmd.Flags().GetFloat64Slice(flag.Name); err == nil {
		return strings.ReplaceAll(strings.Trim(fmt.Sprint(numbers), "[]"), " ", ",")
	}
	if words, err := cmd.Flags().GetStringSlice(flag.Name); err == nil { // patterns may end in a bracket
		return strings.Join(words, ",")
	}
	return flag.Value.String()
}
