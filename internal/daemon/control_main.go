package daemon

import "log/slog"

func runControl(log *slog.Logger, args []string) error { return nil }
