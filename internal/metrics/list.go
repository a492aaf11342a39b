package metrics

import "labelgate/internal/control"

// prefix begins the name of each metric.
const prefix = "labelgate_"

// list returns every metric but labelgate_up, without the prefix, in the order of
// the manual.
func list() []metric {
	return []metric{
		{name: "info", help: "Version and settings of the gateway, always 1.", labels: []string{"version", "mode", "confinement"},
			show: func(s *control.Status, add series) { add(1, s.Version, s.Mode, s.Confinement) }},
		states("state", "1 for the state that the gateway is in.", []string{control.StateJudging, control.StateStarting, control.StateHalted},
			func(s *control.Status) string { return s.State }),
		gauge("start_time_seconds", "When the gateway was started, in Unix time.", func(s *control.Status) float64 { return seconds(s.Started) }),
		counter("upgrades_total", "Programs that took over from another while it ran.", func(s *control.Status) uint64 { return s.Upgrades }),

		{name: "packets_total", help: "Packets judged, by the zone they came from and what became of them. Those that passed have no reason.",
			counter: true, labels: []string{"zone", "action", "reason"}, show: packets},
		causes("kernel_dropped_total", "Packets dropped before anybody judged them.", "cause", func(s *control.Status) []cause {
			k := &s.Counters.Kernel
			return []cause{{"queue-full", k.QueueFull}, {"buffer-full", k.BufferFull}, {"unjudged", k.Unjudged}, {"ipv6", k.IPv6}, {"ethertype", k.Ethertype}}
		}),
		causes("abandoned_total", "Packets dropped because their judge ended, or because they could not be recorded.", "cause", func(s *control.Status) []cause {
			return []cause{{"judge-ended", s.Counters.Unanswered}, {"not-recorded", s.Counters.Unrecorded}}
		}),
		gauge("queue_depth", "Packets that wait for a verdict.", func(s *control.Status) float64 { return float64(s.Queue.Depth) }),
		gauge("queue_length", "Packets that may wait for a verdict.", func(s *control.Status) float64 { return float64(s.Queue.Length) }),
		counter("queue_received_total", "Packets that the kernel handed over.", func(s *control.Status) uint64 { return s.Counters.Queue.Received }),
		causes("queue_faults_total", "What went wrong between kernel and gateway.", "fault", func(s *control.Status) []cause {
			q := &s.Counters.Queue
			return []cause{
				{"truncated", q.Truncated}, {"refused", q.Refused}, {"panicked", q.Panicked}, {"malformed", q.Malformed},
				{"overrun", q.Overruns}, {"receive", q.ReceiveErrors}, {"verdict", q.VerdictErrors},
			}
		}),
		causes("icmp_errors_total", "ICMP errors of the gateway's own.", "outcome", func(s *control.Status) []cause {
			i := &s.Counters.ICMP
			return []cause{{"sent", i.Sent}, {"limited", i.Limited}, {"full", i.Full}, {"unfit", i.Unfit}, {"failed", i.Failed}}
		}),

		states("audit_state", "1 for the state that the audit trail is in.", []string{control.AuditWriting, control.AuditHalted, control.AuditDegraded},
			func(s *control.Status) string { return s.Audit.State }),
		causes("audit_records_total", "Audit records, by what became of them.", "outcome", func(s *control.Status) []cause {
			return []cause{{"written", s.Audit.Written}, {"suppressed", s.Audit.Suppressed}, {"lost", s.Audit.Lost}}
		}),
		counter("audit_write_failures_total", "Writes of audit records that failed.", func(s *control.Status) uint64 { return s.Audit.Failures }),
		counter("audit_stalls_total", "Times that audit records found no room.", func(s *control.Status) uint64 { return s.Audit.Stalls }),

		gauge("policy_generation", "Generation of the policy in force.", func(s *control.Status) float64 { return float64(s.Policy.Generation) }),
		gauge("policy_load_time_seconds", "When the policy in force was loaded, in Unix time.", func(s *control.Status) float64 { return seconds(s.Policy.Loaded) }),
		gauge("policy_rules", "Access rules of the policy in force.", func(s *control.Status) float64 { return float64(s.Policy.Rules) }),
		gauge("policy_labels", "Labels of the policy in force.", func(s *control.Status) float64 { return float64(s.Policy.Labels) }),
		gauge("policy_hosts", "Host entries of the policy in force.", func(s *control.Status) float64 { return float64(s.Policy.Hosts) }),
		gauge("policy_warnings", "Warnings about the policy in force.", func(s *control.Status) float64 { return float64(s.Policy.Warnings) }),
		gauge("last_reload_successful", "0 when the last reload was refused.", func(s *control.Status) float64 { return truth(s.Reload == nil || !s.Reload.Refused) }),
		{name: "rules_in_place", help: "1 when the netfilter rules are as they must be. Otherwise packets may pass without being judged.", show: inPlace},
		counter("rules_changed_total", "Times that somebody else had changed the netfilter rules.", func(s *control.Status) uint64 { return s.Rules.Changed }),

		processes("process_running", "1 for a process of the gateway that runs.", false, func(p *control.Process) float64 { return truth(p.State == control.ProcessRunning) }),
		processes("restarts_total", "Processes of the gateway that ended and were started again.", true, func(p *control.Process) float64 { return float64(p.Restarts) }),
		processes("process_resident_bytes", "Memory of the processes of the gateway.", false, func(p *control.Process) float64 { return float64(p.Memory) }),

		gauge("control_clients", "Callers on the control socket.", func(s *control.Status) float64 { return float64(s.Counters.Control.Clients) }),
		counter("control_requests_total", "Requests on the control socket.", func(s *control.Status) uint64 { return s.Counters.Control.Requests }),
		counter("control_refused_total", "Requests and callers that the control socket refused.", func(s *control.Status) uint64 { return s.Counters.Control.Refused }),
		counter("control_admin_total", "Verbs of admins that were carried out.", func(s *control.Status) uint64 { return s.Counters.Control.Admin }),
	}
}

// Description is what the manual says of a metric.
type Description struct {
	Name, Help string
	Labels     []string
}

// Descriptions returns every metric of the gateway.
func Descriptions() []Description {
	all := []Description{{Name: prefix + up, Help: upHelp}}
	for _, m := range list() {
		all = append(all, Description{Name: prefix + m.name, Help: m.help, Labels: m.labels})
	}
	return all
}
