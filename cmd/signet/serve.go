package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"signet/cmd/signet/server"
)

func newServe(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server until it is told to stop",
		Long: `Run the server until it is told to stop (SIGTERM or Ctrl-C: it finishes what it
is doing; a second signal ends it at once). On an empty database it prints a
one-time link to create the first administrator.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			log := newLogger(a.stderr, cfg.Log)
			for _, warning := range cfg.Warnings {
				log.Warn(warning)
			}
			return server.Run(cmd.Context(), cfg, log, a.announce)
		},
	}
}

// announce prints where the server is and, while nobody can sign in, the link
// that creates the first administrator.
func (a *app) announce(where server.Announcement) error {
	if a.json {
		return a.printJSON(where)
	}
	fmt.Fprintf(a.stdout, "Signet is ready.\n\n  issuer     %s\n  discovery  %s\n  JWKS       %s\n", where.Issuer, where.Discovery, where.JWKS)
	if where.Setup == "" {
		return nil
	}
	_, err := fmt.Fprintf(a.stdout, "\nNobody can sign in yet. Create the first administrator here; the link works once,\nuntil %s:\n\n  %s\n\n",
		where.SetupExpires.Local().Format("15:04 MST"), where.Setup)
	return err
}
