package main

import (
	"github.com/spf13/cobra"

	"signet/cmd/signet/demo"
)

func newDemo(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run an issuer, an app and an API to click through",
		Long: `Run an issuer, an app that signs people in with it, and an API that the app
calls, on loopback ports and in a temporary folder, with somebody to sign in as.
Nothing of it touches your configuration or your data, and all of it goes away
when you press Ctrl-C.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo.Run(cmd.Context(), a.quietLog(), func(d *demo.Demo) error {
				if a.json {
					return a.printJSON(d)
				}
				return d.Describe(a.stdout)
			})
		},
	}
}
