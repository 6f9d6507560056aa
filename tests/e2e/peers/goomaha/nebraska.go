package main

import (
	"context"
	"errors"

	"github.com/kinvolk/nebraska/updater"
)

// programmed is a program that updates itself with Nebraska's updater: it has
// nothing to download and nothing to apply, or fails to.
type programmed struct {
	info  *updater.UpdateInfo
	fails bool
}

func (p *programmed) FetchUpdate(_ context.Context, info updater.UpdateInfo) error {
	p.info = &info
	return nil
}

func (p *programmed) ApplyUpdate(context.Context, updater.UpdateInfo) error {
	if p.fails {
		return errors.New("the disk is full")
	}
	return nil
}

// nebraska is what programs do with Nebraska's updater.
func nebraska(who identity) (map[string]act, error) {
	found, err := updater.New(updater.Config{
		OmahaURL: who.url, AppID: who.appID, Channel: who.track, InstanceID: who.machine, InstanceVersion: who.version,
	})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	update := func(fails bool) (map[string]any, error) {
		program := &programmed{fails: fails}
		err := found.TryUpdate(ctx, program)
		line := map[string]any{"instance_version": found.InstanceVersion()}
		if program.info != nil {
			line["version"] = program.info.Version
			line["urls"] = program.info.URLs
			line["packages"] = program.info.Packages
		}
		none := updater.NoUpdateError{}
		if errors.As(err, &none) {
			line["status"] = none.UpdateStatus
		}
		return line, err
	}
	return map[string]act{
		"check": func([]string) (map[string]any, error) {
			info, err := found.CheckForUpdates(ctx)
			if err != nil {
				return nil, err
			}
			return map[string]any{"has_update": info.HasUpdate, "status": info.UpdateStatus, "version": info.Version}, nil
		},
		"update": func([]string) (map[string]any, error) { return update(false) },
		"fail":   func([]string) (map[string]any, error) { return update(true) },
		"progress": func([]string) (map[string]any, error) {
			return nil, found.ReportProgress(ctx, updater.ProgressDownloadStarted)
		},
	}, nil
}
