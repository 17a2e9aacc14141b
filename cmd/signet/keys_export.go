package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"signet/keys"
)

func newKeysExport(a *app) *cobra.Command {
	var public, pem bool
	var kid string
	cmd := &cobra.Command{
		Use:   "export --public",
		Short: "Print the public keys, as a JWKS or as PEM",
		Long: `Print the public keys that are published now, as a JWKS (RFC 7517), or with --pem
as SubjectPublicKeyInfo. Private keys never leave the database.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !public:
				return usagef("--public is missing; there is no other export, for private keys never leave the database")
			case pem && a.json:
				return usagef("--pem and --json are two formats; give one of them")
			}
			return a.lookAtKeys(cmd.Context(), func(room keyRoom) error { return a.exportKeys(room, kid, pem) })
		},
	}
	cmd.Flags().BoolVar(&public, "public", false, "the public keys; private ones cannot be exported")
	cmd.Flags().StringVar(&kid, "kid", "", "only the key with this `KID`")
	cmd.Flags().BoolVar(&pem, "pem", false, "as PEM, instead of a JWKS")
	return cmd
}

func (a *app) exportKeys(room keyRoom, kid string, pem bool) error {
	published, err := room.ring.JWKS()
	if err != nil {
		return err
	}
	set, err := keys.ParseJWKS(published.Body)
	if err != nil {
		return err
	}
	if kid != "" {
		key, err := room.find(kid)
		if err != nil {
			return err
		}
		var ok bool
		if set, ok = set.Only(kid); !ok {
			return fmt.Errorf("the key %q is %s, so it is not published; \"signet keys list\" shows those that are", kid, key.State)
		}
	}
	if !pem {
		return a.printJSON(set)
	}
	text, err := set.PEM()
	if err == nil {
		_, err = a.stdout.Write(text)
	}
	return err
}
