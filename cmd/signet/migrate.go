package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"signet/authz/store"
	"signet/cmd/signet/server"
)

func newMigrate(a *app) *cobra.Command {
	return group("migrate", "The schema of the database", newMigrateStatus(a), newMigrateUp(a))
}

// migration is what `migrate status --json` prints for each migration.
type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// migrated is what `migrate up --json` prints.
type migrated struct {
	Applied []migration `json:"applied"`
	Backup  string      `json:"backup,omitempty"`
}

func newMigrateStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "List the migrations, and which of them the database has",
		Long: `List the migrations of this release, and which of them the database has.
Nothing is changed or made.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.migrateStatus(cmd.Context()) },
	}
}

func (a *app) migrateStatus(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	all, err := store.Migrations(ctx, server.StoreConfig(cfg, a.quietLog()))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(shownMigrations(all))
	}
	var rows [][]string
	for _, m := range all {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		rows = append(rows, []string{strconv.FormatInt(m.Version, 10), state, m.Name})
	}
	return a.table("There are no migrations.", []string{"VERSION", "STATE", "NAME"}, rows)
}

func shownMigrations(all []store.Migration) []migration {
	shown := make([]migration, 0, len(all))
	for _, m := range all {
		shown = append(shown, migration(m))
	}
	return shown
}

func newMigrateUp(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "up",
		Short: "Bring the database up to this release",
		Long: `Apply the migrations that the database does not have. A SQLite database is
copied beside itself first. Servers of the release before may run meanwhile: a
migration only adds.`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.migrateUp(cmd.Context()) },
	}
}

func (a *app) migrateUp(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if err := server.MakeDataDir(cfg); err != nil {
		return err
	}
	done, err := store.Migrate(ctx, server.StoreConfig(cfg, a.quietLog()))
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(migrated{Applied: shownMigrations(done.Applied), Backup: done.Backup})
	}
	if done.Backup != "" {
		a.say("Copied the database as it was to %s.", done.Backup)
	}
	for _, m := range done.Applied {
		a.say("Applied %s.", m.Name)
	}
	if len(done.Applied) == 0 {
		a.say("The database is up to date.")
	}
	return nil
}
