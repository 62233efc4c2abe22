package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/approval-relay/approval-relay/app"
	"github.com/approval-relay/approval-relay/config"
)

// runCmd runs the worker.
type runCmd struct {
	Config string        `name:"config.file" env:"APPROVAL_RELAY_CONFIG" help:"The configuration file; without it, SQLite in the working directory and HTTP in."`
	Watch  time.Duration `name:"config.watch" env:"APPROVAL_RELAY_CONFIG_WATCH" help:"Reload when the configuration file, or a file that it names, has changed: the time between two looks, such as 10s; 0 does not look."`
}

// Run loads the configuration and serves until the context ends. SIGHUP reloads the configuration.
func (c *runCmd) Run(w *world) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Stop(signals)
	hurry := make(chan os.Signal, 1)
	defer context.AfterFunc(w.ctx, func() { signal.Notify(hurry, syscall.SIGTERM, os.Interrupt) })()
	defer signal.Stop(hurry)
	conf, warnings, err := config.Load(c.Config, w.stdin, w.getenv)
	if err != nil {
		return err
	}
	log, level := newLogger(conf.Log, w.stderr)
	chooseMemorySettings(w.getenv, memoryLimit(os.DirFS("/"))).apply(log)
	for _, warning := range warnings {
		log.Warn("configuration", "line", warning.Line, "field", warning.Field, "message", warning.Message)
	}
	o := app.Options{
		Log:    log,
		Level:  level,
		Stdout: w.stdout,
		Hangup: signals,
		Hurry:  hurry,
	}
	if c.Config != "-" { // the standard input can be read once
		o.Load = func() (*config.Config, []config.Finding, error) { return config.Load(c.Config, nil, w.getenv) }
		o.File = c.Config
		o.WatchInterval = c.Watch
	}
	return serve(w.ctx, conf, o, func(_, _ net.Addr) {})
}

// serve runs the worker until the context ends. It calls ready with the addresses at which the worker listens.
func serve(ctx context.Context, c *config.Config, o app.Options, ready func(public, operator net.Addr)) error {
	o.Version, o.Revision = version, revision()
	worker, err := app.New(ctx, c, o)
	if err != nil {
		return err
	}
	return worker.Run(ctx, ready)
}

// newLogger returns the log that the configuration describes, and its level, which can be changed.
func newLogger(c config.Log, out io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	_ = level.UnmarshalText([]byte(c.Level)) // validated
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" {
		return slog.New(slog.NewTextHandler(out, options)), level
	}
	return slog.New(slog.NewJSONHandler(out, options)), level
}
