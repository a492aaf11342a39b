package daemon

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labelgate/internal/config"
	"labelgate/internal/load"
	"labelgate/internal/manifest"
)

func TestExpiry(t *testing.T) {
	start := time.Now()
	var log strings.Builder
	d := &daemon{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	b := &load.Bundle{Deadline: start.Add(10 * 24 * time.Hour), Seal: manifest.Seal{Version: 7, Expires: start}}
	for _, step := range []struct {
		after time.Duration
		said  int // how often by then
		ended bool
	}{
		{0, 0, false},
		{2 * 24 * time.Hour, 0, false},
		{3*24*time.Hour + time.Second, 1, false},
		{3*24*time.Hour + 2*time.Second, 1, false},
		{4*24*time.Hour + 2*time.Second, 2, false},
		{10*24*time.Hour - 1, 3, false},
		{10 * 24 * time.Hour, 3, true},
		{1000 * 24 * time.Hour, 3, true},
	} {
		err := d.expiry.look(d, b, start.Add(step.after))
		var expired *ExpiredError
		if errors.As(err, &expired) != step.ended || strings.Count(log.String(), "level=WARN") != step.said {
			t.Errorf("after %v: %v\n%s", step.after, err, log.String())
		}
		if err != nil && !strings.Contains(err.Error(), "version 7, expired") {
			t.Error(err)
		}
	}
	for _, b := range []*load.Bundle{nil, {}} {
		if err := d.expiry.look(d, b, start.AddDate(100, 0, 0)); err != nil {
			t.Error(err)
		}
	}
}

func TestRemember(t *testing.T) {
	var log strings.Builder
	state := filepath.Join(t.TempDir(), "version")
	d := &daemon{Options: Options{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	d.config, d.bundle = &config.Config{}, &load.Bundle{Seal: manifest.Seal{Version: 7, Sum: make([]byte, 32)}}
	d.remember()
	d.config.Manifest.State = state
	d.bundle.Seal.Version = 0
	d.remember()
	if _, err := os.Stat(state); err == nil {
		t.Error("something was kept that nobody asked for")
	}
	d.bundle.Seal.Version = 7
	d.remember()
	data, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := manifest.Recall(data); err != nil || s.Version != 7 {
		t.Errorf("%+v, %v", s, err)
	}
	d.config.Manifest.State = filepath.Join(state, "nowhere")
	d.remember()
	if !strings.Contains(log.String(), "the version in force is not kept") {
		t.Errorf("log %s", log.String())
	}
}

// TestCollect: settings may be named in any way.
func TestCollect(t *testing.T) {
	path := write(t, settings, rules, hosts)
	t.Chdir(filepath.Dir(path))
	for _, name := range []string{path, "labelgate.toml", "./labelgate.toml", "policy/../labelgate.toml"} {
		b, c, err := collect(name, nil, nil)
		if err != nil || len(b.Files) != 3 || len(c.Zones) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
