package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal asks for a graceful stop; a second one, no longer
	// caught, ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, newApp(), os.Args[1:]))
}

// app is what every command works with. Tests put their own in.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	now            func() time.Time
	// rand is the source of secrets and ids; nil is crypto/rand.
	rand io.Reader
	// prompt asks for a line on the terminal without showing it, and is nil
	// where there is no terminal.
	prompt func(question string) (string, error)

	configFile string
	json       bool
}

func newApp() *app {
	return &app{
		stdin:   os.Stdin,
		stdout:  os.Stdout,
		stderr:  os.Stderr,
		environ: os.Environ(),
		now:     time.Now,
		prompt:  terminalPrompt(),
	}
}

// newRoot is the table of all commands.
func newRoot(a *app) *cobra.Command {
	root := group("signet", "OAuth 2.1 and OpenID Connect, in one binary",
		newServe(a),
		newDemo(a),
		newClients(a),
		newUsers(a),
		newGrants(a),
		newLogout(a),
		newKeys(a),
		newToken(a),
		newMigrate(a),
		newBackup(a),
		newConfig(a),
		newVersion(a),
	)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "read the configuration from `FILE` (default ./config.yaml)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON: an array for a list, one object for anything else")
	return root
}

// run runs one command and returns the exit code.
func run(ctx context.Context, a *app, args []string) int {
	root := newRoot(a)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return a.report(cmd, err)
}
