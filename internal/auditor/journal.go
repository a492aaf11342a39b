package auditor

import (
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"

	"labelgate/internal/audit"
)

// sendFunc is journal.Send.
type sendFunc func(message string, priority int, fields map[string]string) error

// Priorities of syslog, which the journal uses.
const (
	journalError   = int(journal.PriErr)
	journalWarning = int(journal.PriWarning)
	journalNotice  = int(journal.PriNotice)
	journalInfo    = int(journal.PriInfo)
)

func sendJournal(message string, priority int, fields map[string]string) error {
	return journal.Send(message, journal.Priority(priority), fields)
}

// openJournal makes the socket to the journal now, before the process is locked
// down. A journal that is not there may come later.
func openJournal() { journal.Enabled() }

func newJournal(c *Config, p patience) *sender {
	return &sender{patience: p, config: c, what: "writing to the journal", send: func(all []audit.Record) (int, error) {
		if err := c.dialed.journal(entry(&all[0])); err != nil {
			return 0, err
		}
		return 1, nil
	}}
}

// entry words a record for the journal: its text, and each field as one of the
// journal's.
func entry(r *audit.Record) (message string, priority int, fields map[string]string) {
	fields = map[string]string{
		"MESSAGE_ID":        MessageID(r.Event, r.Action, r.Reason),
		"SYSLOG_IDENTIFIER": "labelgated",
		"LABELGATE_SEQ":     strconv.FormatUint(r.Seq, 10),
	}
	r.Fields(func(key, value string) { fields["LABELGATE_"+strings.ToUpper(key)] = value })
	if !r.Time.IsZero() {
		fields["LABELGATE_TIME"] = r.Time.UTC().Format(time.RFC3339Nano)
	}
	plain := *r
	plain.Time = time.Time{} // the journal shows its own
	return string(plain.AppendText(nil)), urgency(r), fields
}

// urgency is the priority of a record.
func urgency(r *audit.Record) int {
	switch r.Event {
	case audit.EventDecision:
		if r.Action == audit.Denied {
			return journalNotice
		}
		return journalInfo
	case audit.EventCrash, audit.EventHang, audit.EventWatchdog, audit.EventAuditFull, audit.EventGarbage:
		return journalError
	case audit.EventAuditRecovered, audit.EventAuditDegraded, audit.EventPolicyRefused, audit.EventRulesChanged, audit.EventQueueOverflow,
		audit.EventRecovered, audit.EventClock, audit.EventSuppressed, audit.EventFiltered:
		return journalWarning
	}
	return journalInfo
}
