package main

import (
	"context"
	"io"
	"log/slog"
	"net"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/config"
)

// runCmd runs the worker.
type runCmd struct {
	Config string `name:"config.file" env:"APPROVAL_RELAY_CONFIG" help:"The configuration file; without it, SQLite in the working directory and HTTP in."`
}

// Run loads the configuration and serves until the context ends.
func (c *runCmd) Run(w *world) error {
	conf, warnings, err := config.Load(c.Config, w.stdin, w.getenv)
	if err != nil {
		return err
	}
	log := newLogger(conf.Log, w.stderr)
	for _, warning := range warnings {
		log.Warn("configuration", "line", warning.Line, "field", warning.Field, "message", warning.Message)
	}
	return serve(w.ctx, conf, log, w.stdout, func(_, _ net.Addr) {})
}

// serve runs the worker until the context ends. It calls ready with the addresses at which the worker listens.
func serve(ctx context.Context, c *config.Config, log *slog.Logger, stdout io.Writer, ready func(public, operator net.Addr)) error {
	worker, err := app.New(ctx, c, app.Options{
		Log:      log,
		Stdout:   stdout,
		Version:  version,
		Revision: revision(),
	})
	if err != nil {
		return err
	}
	return worker.Run(ctx, ready)
}

// newLogger returns the log that the configuration describes.
func newLogger(c config.Log, out io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}
