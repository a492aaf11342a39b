package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"labelgate/internal/control"
)

// writeStatus writes a status for people, as far as it can in 80 columns.
func writeStatus(out io.Writer, s *control.Status, now time.Time) error {
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, "labelgated %s, %s", plain(s.Version), plain(s.State))
	if s.Detail != "" {
		fmt.Fprintf(w, ": %s", plain(s.Detail))
	}
	fmt.Fprintf(w, "\nup %s, mode %s, confinement %s%s\n", span(now.Sub(s.Started)), word(s.Mode), word(s.Confinement), upgraded(s, now))
	fmt.Fprintf(w, "settings %s\n\n", word(s.Settings))

	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%-9s%s\n", name, fmt.Sprintf(format, args...)) }
	closed(line, &s.Rules, now)
	inForce(line, &s.Policy, now)
	if r := s.Reload; r != nil && r.Refused {
		line("reload", "REFUSED %s ago, nothing changed:", span(now.Sub(r.Time)))
		line("", "%s", plain(r.Message))
	}
	full := ""
	if s.Queue.Length > 0 && s.Queue.Depth >= s.Queue.Length {
		full = ": FULL"
	}
	line("queue", "number %d, %s of %s packets wait%s", s.Queue.Number, thousands(uint64(s.Queue.Depth)), thousands(uint64(s.Queue.Length)), full)
	trail(line, &s.Audit)
	fmt.Fprintln(w)
	writeCounters(w, &s.Counters)
	fmt.Fprintln(w)
	writeProcesses(w, s.Processes, now)
	return w.Flush()
}

// inForce describes the policy.
func inForce(line liner, p *control.Policy, now time.Time) {
	if p.Generation == 0 {
		line("policy", "none yet")
		return
	}
	line("policy", "generation %d, %.12s, loaded %s ago", p.Generation, word(p.Digest), span(now.Sub(p.Loaded)))
	line("", "%s, %s, %s, %s%s", plural(p.Zones, "zone", "zones"), plural(p.Labels, "label", "labels"),
		plural(p.Rules, "rule", "rules"), plural(p.Hosts, "host entry", "host entries"), warned(p.Warnings))
}

// word is plain text, or a dash where there is none.
func word(text string) string {
	if text == "" {
		return "-"
	}
	return plain(text)
}

type liner func(name, format string, args ...any)

func upgraded(s *control.Status, now time.Time) string {
	if s.Upgrades == 0 {
		return ""
	}
	return fmt.Sprintf(", upgraded %s ago", span(now.Sub(s.Since)))
}

func closed(line liner, r *control.Rules, now time.Time) {
	switch {
	case r.InPlace:
		line("closed", "netfilter rules are in place (%s, looked at %s ago)", word(r.Backend), span(now.Sub(r.Checked)))
	case r.Checked.IsZero():
		line("closed?", "netfilter rules have not been looked at yet")
	default:
		line("OPEN", "netfilter rules are not in place: packets may pass unjudged")
	}
	if r.Changed > 0 {
		line("", "somebody else has changed them %s", times(r.Changed))
	}
}

func trail(line liner, a *control.Audit) {
	switch a.State {
	case control.AuditHalted:
		line("audit", "HALTED, so all packets are dropped: %s", plain(a.Error))
	case control.AuditDegraded:
		line("audit", "DEGRADED, packets are judged without records: %s", plain(a.Error))
	default:
		line("audit", "%s to %s", word(a.State), word(a.Output))
	}
	rest := ""
	if a.Lost > 0 {
		rest += fmt.Sprintf(", %s LOST", thousands(a.Lost))
	}
	if a.Failures > 0 {
		rest += fmt.Sprintf(", %s failed", plural(int(a.Failures), "write", "writes"))
	}
	if a.Stalls > 0 {
		rest += fmt.Sprintf(", full %s", times(a.Stalls))
	}
	line("", "%s records, %s suppressed%s", thousands(a.Written), thousands(a.Suppressed), rest)
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return thousands(n) + " times"
}

func writeProcesses(w io.Writer, processes []control.Process, now time.Time) {
	t := newTable(w, "PROCESS", ">PID", "STATE", "FOR", ">RESTARTS", ">MEMORY", ">USER", "MAY STILL")
	var ends []string
	for i := range processes {
		p := &processes[i]
		pid, user, can := "", "", ""
		if p.PID != 0 {
			pid, user, can = fmt.Sprint(p.PID), fmt.Sprint(p.Sandbox.UID), may(&p.Sandbox)
		}
		t.row(p.Name, pid, p.State, span(now.Sub(p.Since)), fmt.Sprint(p.Restarts), mebibytes(p.Memory), user, can)
		if p.LastEnd != "" {
			ends = append(ends, fmt.Sprintf("the %s before ended with %s", plain(p.Name), plain(p.LastEnd)))
		}
	}
	t.flush()
	for _, e := range ends {
		fmt.Fprintln(w, e)
	}
}

// may says what a process is still able to do to the machine, and in capitals what
// it should not be.
func may(s *control.Sandbox) string {
	words := append([]string(nil), s.Capabilities...)
	if s.Landlock == 0 {
		words = append(words, "ANY FILE")
	}
	if s.Seccomp != "kill" && s.Seccomp != "refuse" {
		words = append(words, "ANY CALL")
	}
	if !s.NoNewPrivs {
		words = append(words, "GAIN RIGHTS")
	}
	if len(words) == 0 {
		return "nothing"
	}
	return strings.Join(words, ", ")
}
