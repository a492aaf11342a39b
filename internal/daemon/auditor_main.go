package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/internal/channel"
	"labelgate/internal/config"
	"labelgate/internal/sandbox"
)

func runAuditor(log *slog.Logger, args []string) error {
	f := inherited("channel", "records")
	done := make(chan error, 2)
	verbs := map[string]channel.Handler{
		verbOpen: channel.Bind(func(a config.Audit) (sandbox.State, error) {
			var out *os.File
			switch a.Output {
			case config.Stderr:
				out = os.Stderr
			case config.Stdout:
				out = os.Stdout
			default:
				var err error
				if out, err = os.OpenFile(a.Output, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
					return sandbox.State{}, err
				}
			}
			unix.SetNonblock(int(f[1].Fd()), false)
			go func() { done <- writeRecords(int(f[1].Fd()), out, a.Format) }()
			return sandbox.State{}, nil
		}),
		verbState: channel.Bind(func(struct{}) (struct{}, error) { return struct{}{}, nil }),
	}
	go func() {
		if err := channel.Serve(f[0], verbs); err != nil {
			done <- err
		}
	}()
	return <-done
}

func writeRecords(fd int, out *os.File, format config.Format) error {
	b := make([]byte, audit.MaxDatagram)
	var seq uint64
	for {
		n, _, err := unix.Recvfrom(fd, b, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || n == 0 {
			return err
		}
		var text []byte
		for line := range bytes.Lines(b[:n]) {
			r, err := audit.ParseJSON(bytes.TrimSpace(line))
			if err != nil {
				return fmt.Errorf("record: %w", err)
			}
			seq++
			r.Seq = seq
			if format == config.JSON {
				text = r.AppendJSON(text)
			} else {
				text = r.AppendText(text)
			}
			text = append(text, '\n')
		}
		if _, err := out.Write(text); err != nil {
			return err
		}
	}
}
