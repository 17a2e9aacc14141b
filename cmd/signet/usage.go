package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"signet/cmd/signet/config"
)

// Exit codes, for scripts.
const (
	exitDone    = 0
	exitRefused = 1
	exitUsage   = 2
)

// usageError is a command line that cannot be meant; it exits with 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// report tells on stderr why a command failed, and returns the exit code.
func (a *app) report(cmd *cobra.Command, err error) int {
	var usage usageError
	var faults config.Faults
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintf(a.stderr, "%s: %s\nSee \"%s --help\".\n", cmd.CommandPath(), clean(usage.text), cmd.CommandPath())
		return exitUsage
	case errors.As(err, &faults):
		// One line for each; the file and line stand first, where editors
		// look for them.
		for _, f := range faults {
			fmt.Fprintln(a.stderr, clean(f.Error()))
		}
	default:
		io.WriteString(a.stderr, "signet: "+oneLine(err)+"\n")
	}
	return exitRefused
}

// oneLine is err as one line, however many errors it joins.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); line != "" {
			parts = append(parts, clean(line))
		}
	}
	return strings.Join(parts, "; ")
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		// With its own Args and RunE, cobra leaves the unknown command to us.
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("which command? There are %s", strings.Join(commandNames(cmd), ", "))
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usagef("unknown command %q; did you mean %q?", args[0], near[0])
			}
			return usagef("unknown command %q; there are %s", args[0], strings.Join(commandNames(cmd), ", "))
		},
		DisableFlagsInUseLine:      true,
		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(commands...)
	return cmd
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "completion" {
			names = append(names, c.Name())
		}
	}
	return names
}

// takes requires one argument for each name.
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef("%s is missing", strings.Join(names[len(args):], " "))
		case len(args) > len(names):
			return usagef("%q is one argument too many", args[len(names)])
		}
		return nil
	}
}

var unknownFlag = regexp.MustCompile(`^unknown flag: --(.*)$`)

// flagError turns what pflag says into a usage error, with the flag that was
// probably meant.
func flagError(cmd *cobra.Command, err error) error {
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return usageError{err.Error()}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := config.Nearest(m[1], names); near != "" {
		return usagef("unknown flag --%s; did you mean --%s?", m[1], near)
	}
	return usagef("unknown flag --%s", m[1])
}
