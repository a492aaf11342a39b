package auditor

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"labelgate/internal/audit"
	"labelgate/netlabel"
)

func TestEntry(t *testing.T) {
	r := *record(4)
	r.Seq, r.Direct, r.OptionIn = 9, "a\nb", audit.MakeOption([]byte{0x86, 3})
	message, priority, fields := entry(&r)
	if !strings.HasPrefix(message, "lsm=labelgate event=decision fn=gw_forward action=denied") || priority != journalNotice {
		t.Errorf("%d %q", priority, message)
	}
	for name, want := range map[string]string{
		"LABELGATE_SEQ": "9", "LABELGATE_EVENT": "decision", "LABELGATE_SUBJECT": "Pop", "LABELGATE_REASON": "no-rule", "LABELGATE_GENERATION": "5",
		"LABELGATE_DIRECT_HEX": "610A62", "LABELGATE_OPTION_IN": "8603", "MESSAGE_ID": reasonIDs["no-rule"], "SYSLOG_IDENTIFIER": "labelgated",
	} {
		if fields[name] != want {
			t.Errorf("%s is %q, want %q", name, fields[name], want)
		}
	}
	for name, value := range fields {
		if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || name[0] == '_' || strings.Contains(value, "\n") {
			t.Errorf("field %q is %q", name, value)
		}
	}
}

// Every event and every reason has an identifier, and no two have the same.
func TestMessageIDs(t *testing.T) {
	seen := map[string]string{}
	check := func(what, id string) {
		t.Helper()
		if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(id) {
			t.Errorf("%s has identifier %q; draw one (32 random hexadecimal digits) and add it to messageid.go", what, id)
		}
		if was := seen[id]; was != "" {
			t.Errorf("%s and %s have the same identifier", what, was)
		}
		seen[id] = what
	}
	for _, reason := range netlabel.Reasons() {
		check(reason.String(), reasonIDs[reason.String()])
	}
	if len(reasonIDs) != len(netlabel.Reasons()) {
		t.Errorf("%d identifiers for %d reasons: some have gone", len(reasonIDs), len(netlabel.Reasons()))
	}
	for event, id := range eventIDs {
		check(event, id)
		if !audit.Known(event) {
			t.Errorf("there is no event %s", event)
		}
	}
	source, err := os.ReadFile("../audit/event.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`Event\w+ += "(\w+)"`).FindAllSubmatch(source, -1) {
		if event := string(m[1]); event != audit.EventDecision && eventIDs[event] == "" {
			t.Errorf("event %s has no identifier", event)
		}
	}
	check("granted", MessageID(audit.EventDecision, audit.Granted, ""))
	check("denied", MessageID(audit.EventDecision, audit.Denied, "new"))
}

// A journal that takes nothing for a while loses nothing.
func TestJournalAway(t *testing.T) {
	r := newRig(t)
	r.config.Output, r.config.KeyFile = Journal, ""
	tries := 0
	var seqs []string
	r.config.dialed.journal = func(_ string, _ int, fields map[string]string) error {
		if tries++; tries%3 != 0 {
			return errors.New("no journal here")
		}
		seqs = append(seqs, fields["LABELGATE_SEQ"])
		return nil
	}
	r.start()
	r.hand(0, 4, 2)
	r.drained(2)
	r.mustStop()
	if got := strings.Join(seqs, " "); !strings.HasPrefix(got, "1 2 3 4") {
		t.Errorf("sent %s", got)
	}
}

// Real datagrams to where the journal listens.
func TestJournalSocket(t *testing.T) {
	if !inside(t) {
		return
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	const socket = "/run/systemd/journal/socket"
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	r := newRig(t)
	r.config.Output, r.config.KeyFile = Journal, ""
	r.start()
	r.hand(0, 3, 3)
	b := make([]byte, 1<<16)
	for i := range 3 {
		n, err := listener.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b[:n])
		for _, want := range []string{"PRIORITY=5\n", "MESSAGE=lsm=labelgate event=decision ", "LABELGATE_SUBJECT=Pop\n", "MESSAGE_ID=" + reasonIDs["no-rule"] + "\n", "LABELGATE_SEQ=" + string(rune('1'+i)) + "\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
	r.mustStop()
}

// Seals have copies elsewhere, which find a trail that was cut.
func TestSealCopies(t *testing.T) {
	for _, where := range []string{Stderr, Journal} {
		r := newRig(t)
		var lines []string
		r.config.SealCopy = where
		r.config.Stderr = writerFunc(func(b []byte) (int, error) {
			lines = append(lines, string(b))
			return len(b), nil
		})
		r.config.dialed.journal = func(message string, _ int, fields map[string]string) error {
			if fields["MESSAGE_ID"] != eventIDs[audit.EventSealed] {
				t.Errorf("fields %v", fields)
			}
			lines = append(lines, message)
			return nil
		}
		r.start()
		r.hand(0, 5, 5)
		r.mustStop()
		if len(lines) != 1 {
			t.Fatalf("%d copies in %s", len(lines), where)
		}
		seal, _, err := audit.Parse([]byte(lines[0]))
		all := r.records()
		if err != nil || seal.Chain != all[len(all)-1].Chain {
			t.Errorf("copy %q: %v", lines[0], err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
