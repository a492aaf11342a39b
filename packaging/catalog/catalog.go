// Package catalog makes the message catalog of the journal: what journalctl -x shows
// below a record of labelgate. The identifiers are the auditor's, what a reason
// means is netlabel's own sentence; what to do is said here.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"labelgate/internal/audit"
	"labelgate/internal/auditor"
	"labelgate/netlabel"
)

// Text returns the catalog, the same every time.
func Text() (string, error) {
	entries, err := all()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("# Written by make catalog; packaging/catalog has the words.\n")
	for _, e := range entries {
		fmt.Fprintf(&b, "\n-- %s\nSubject: %s\nDefined-By: labelgate\nDocumentation: file:/usr/share/doc/labelgate/operations.md\n\n%s\n",
			e.id, e.subject, strings.Join(e.text, "\n\n"))
	}
	return b.String(), nil
}

type entry struct {
	id, subject string
	text        []string // paragraphs
}

func all() ([]entry, error) {
	var entries []entry
	for _, e := range events {
		entries = append(entries, entry{auditor.MessageID(e.event, "", ""), e.subject, []string{wrap(e.meaning), wrap(e.advice)}})
	}
	entries = append(entries,
		entry{auditor.MessageID(audit.EventDecision, audit.Granted, ""), "A packet passed", []string{wrap(granted), packet}},
		entry{auditor.MessageID(audit.EventDecision, audit.Denied, ""), "A packet was dropped", []string{wrap(denied), packet}})
	for _, r := range netlabel.Reasons() {
		todo, ok := advice[r]
		if !ok {
			return nil, fmt.Errorf("reason %s: packaging/catalog does not say what to do", r)
		}
		entries = append(entries, entry{auditor.MessageID(audit.EventDecision, audit.Denied, r.String()), "A packet was dropped: " + r.String(),
			[]string{wrap(sentence(r.Explain())), wrap(todo), packet}})
	}
	return entries, check(entries)
}

// check finds what journald would not: entries without an identifier, or two under
// the same.
func check(entries []entry) error {
	var seen []string
	for _, e := range entries {
		if e.id == "" {
			return fmt.Errorf("%q has no MESSAGE_ID in internal/auditor", e.subject)
		}
		if slices.Contains(seen, e.id) {
			return fmt.Errorf("%q has the MESSAGE_ID of another entry", e.subject)
		}
		seen = append(seen, e.id)
	}
	return nil
}

// sentence makes one of what stands behind a colon elsewhere.
func sentence(s string) string {
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// wrap breaks a paragraph into lines for a terminal.
func wrap(text string) string {
	var b strings.Builder
	width := 0
	for _, w := range strings.Fields(text) {
		switch {
		case width == 0:
		case width+1+len(w) > 78:
			b.WriteByte('\n')
			width = 0
		default:
			b.WriteByte(' ')
			width++
		}
		b.WriteString(w)
		width += len(w)
	}
	return b.String()
}

// packet is what records of decisions have in common. The journal leaves the name of
// a field in its place where a record has none.
const packet = `Source        @LABELGATE_SADDR@ in zone @LABELGATE_ZONE@, by @LABELGATE_NETIF@
Destination   @LABELGATE_DADDR@ in zone @LABELGATE_OUT_ZONE@, protocol @LABELGATE_PROTO@
Subject       @LABELGATE_SUBJECT@
Object        @LABELGATE_OBJECT@`

const granted = `The rules allow it. It is recorded because the settings ask for that (logging = 2 or 3).`

const denied = `labelgate explain says step by step what becomes of a packet, and which rule is next to allowing it.`
