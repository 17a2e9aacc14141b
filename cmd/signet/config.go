package main

import (
	"errors"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/config"
)

func newConfig(a *app) *cobra.Command {
	return group("config", "Look at the configuration", newConfigCheck(a))
}

// checked is what `config check --json` prints.
type checked struct {
	Valid    bool          `json:"valid"`
	File     string        `json:"file,omitempty"`
	Issuer   string        `json:"issuer,omitempty"`
	Listen   string        `json:"listen,omitempty"`
	DataDir  string        `json:"data_dir,omitempty"`
	Database string        `json:"database,omitempty"`
	Clients  []string      `json:"clients,omitempty"`
	Warnings []string      `json:"warnings,omitempty"`
	Faults   config.Faults `json:"faults,omitempty"`
}

func newConfigCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Read the configuration and say what is wrong with it",
		Long: `Read the configuration file and the SIGNET_ variables as "serve" would, and say
everything that is wrong with them, one line each. Nothing is started or made.`,
		Args: takes(),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := a.load()
			if err != nil {
				var faults config.Faults
				if a.json && errors.As(err, &faults) {
					return errors.Join(a.printJSON(checked{Faults: faults}), err)
				}
				return err
			}
			return a.printChecked(cfg)
		},
	}
}

func (a *app) printChecked(cfg *config.Config) error {
	c := checked{
		Valid: true, File: cfg.File, Issuer: cfg.Issuer, Listen: cfg.Listen,
		DataDir: cfg.DataDir, Database: store.WithoutPassword(cfg.Database), Warnings: cfg.Warnings,
	}
	for _, client := range cfg.Clients {
		c.Clients = append(c.Clients, client.ClientID)
	}
	if a.json {
		return a.printJSON(c)
	}
	a.say("%s is good.", c.File)
	return a.pairs(
		pair{"issuer", c.Issuer},
		pair{"listen", c.Listen},
		pair{"data_dir", c.DataDir},
		pair{"database", c.Database},
		pair{"clients", lines(c.Clients)},
		pair{"warning", lines(c.Warnings)},
	)
}
