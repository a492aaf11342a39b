package catalog

import "labelgate/internal/audit"

// events are all but decisions, in the order of package audit.
var events = []struct{ event, subject, meaning, advice string }{
	{
		audit.EventSuppressed, "@LABELGATE_COUNT@ records stand in this one",
		"So many decisions like the one that the record shows were made in a short time, and were counted in place of being recorded one by one. " +
			"other: of more networks than are followed one by one. died: of a process that ended before it had told of them.",
		"Nothing is missing in the counts. If it is a flood, look at the network that the record names.",
	},
	{
		audit.EventQueueOverflow, "The kernel dropped @LABELGATE_COUNT@ packets that waited to be judged",
		"More packets came than could be judged. queue-full: more waited than the queue holds. buffer-full: the socket's buffer was full. Nobody saw these packets; none passed.",
		"If it lasts: a larger queue (length in [queue]) helps against bursts only. Find out who sends so much, or use a faster machine.",
	},
	{
		audit.EventQueueError, "@LABELGATE_COUNT@ packets were not answered as they should have been",
		"verdict-refused: the kernel did not take a verdict, which happens to packets whose interface is gone. malformed-message, truncated-message: " +
			"the kernel's message could not be read. panic: judging failed. stale: a process before had them and never answered. They were dropped.",
		"A few at a change of interfaces or at a restart are nothing. Report others, with this record.",
	},
	{
		audit.EventFiltered, "Netfilter rules of the gateway dropped @LABELGATE_COUNT@ packets",
		"They could not be judged, and so were not asked about. unjudged: on their way to a zone that they had not been judged for. ipv6: IPv6 is closed in zones. " +
			"ethertype: neither IP nor ARP.",
		"ipv6 and ethertype are normal where hosts speak these; ethertypes in [[zone]] admits more. unjudged: something on this machine routes packets around the gateway.",
	},
	{
		audit.EventAuditFull, "Audit records find no room",
		"What records are written to takes none: a full disk, or one that does not answer. halt: all packets are dropped until it does. degrade: packets are judged without records, and counted.",
		"Make room. It goes on by itself.",
	},
	{
		audit.EventAuditRecovered, "Audit records are written again",
		"For a while none could be. The record has the number of packets that were dropped, or of records that were not written; with the reason output, nothing was lost.",
		"Find out why, so that it does not happen again.",
	},
	{
		audit.EventAuditDegraded, "A part of recording fails",
		"The trail of records goes on, but something beside it does not: copies of seals, the kernel's audit subsystem, or rotation. The record says which.",
		"Mend what the record names.",
	},
	{
		audit.EventRulesChanged, "The gateway's netfilter rules are not as they were",
		"drift: somebody changed or removed them, and they were put back within a second. bypass: something else on this machine leads packets around them, as the record says.",
		"Find out who did it. A firewall of this machine must leave the table labelgate alone.",
	},
	{
		audit.EventPolicyLoaded, "A policy is in force",
		"The record has the generation and the hash of what was loaded.",
		"Nothing, if it was you.",
	},
	{
		audit.EventPolicyRefused, "A policy was refused",
		"Its files have errors, or are not what was signed. The policy before stays in force, all of it.",
		"labelgate check says file, line and column of everything that is wrong. Then reload.",
	},
	{
		audit.EventReload, "The settings and the policy were read again",
		"Somebody asked for it by SIGHUP or through the control socket.",
		"Nothing, if it was you.",
	},
	{
		audit.EventControl, "User @LABELGATE_UID@ asked for something through the control socket",
		"The record says for what, and whether it was granted.",
		"Nothing, if it was you. The settings say who may.",
	},
	{
		audit.EventStart, "labelgate judges packets",
		"A gateway has started. Every zone was closed until now.",
		"Nothing, if it was you; else look for the record of a crash or a stop before this one.",
	},
	{
		audit.EventStop, "labelgate was stopped",
		"Zones stay closed: nothing passes until it runs again, or until somebody removes its rules (labelgated --open).",
		"Nothing, if it was you.",
	},
	{
		audit.EventUpgrade, "Another version of labelgate took over",
		"It has the queue of the one before, and packets waited meanwhile.",
		"Nothing, if it was you.",
	},
	{
		audit.EventSandbox, "What process @LABELGATE_PROCESS@ may still do",
		"Each process gives up what it does not need before it begins, and the kernel holds it to that.",
		"Nothing. Where the record names something that is missing, this kernel cannot do it.",
	},
	{
		audit.EventCrash, "Process @LABELGATE_PROCESS@ died",
		"The packets that it was judging were dropped; the record has their number. Others waited, and another process took its place.",
		"Report it, with this record and what the journal has beside it: nothing that a packet holds should do that.",
	},
	{
		audit.EventHang, "Process @LABELGATE_PROCESS@ did not answer and was ended",
		"The packets that it had were dropped; the record has their number. Others waited, and another process took its place.",
		"If the machine was not short of time or memory, report it, with this record.",
	},
	{
		audit.EventWatchdog, "The gateway looked at its own health and found: @LABELGATE_REASON@",
		"ill: the record says what is wrong; where a new start can help and it lasts, systemd makes one. well: nothing is any more. stuck: packets wait, and none is answered. moves: they are.",
		"Mend what the record names, a full disk say. If nothing on this machine explains it, report it.",
	},
	{
		audit.EventRecovered, "The torn end of the audit file was cut off",
		"A process was ended in the middle of a line, or the machine lost power. The record has the number of bytes. What a process was writing is written again; after a loss of power it is lost.",
		"Nothing, if you know of either. Otherwise have the trail verified.",
	},
	{
		audit.EventRotated, "An audit file begins",
		"Its first record says which file went before, and by which seal that ended.",
		"Nothing.",
	},
	{
		audit.EventSealed, "Audit records are sealed",
		"Whoever changes or removes a record before this one is found out from here on.",
		"Nothing. Copies of seals on another machine show even that the end of a file is missing.",
	},
	{
		audit.EventClock, "The machine's clock jumped",
		"Records have the time of the clock, but their order is that of their numbers, which no clock changes.",
		"If nobody set it, look after the source of time.",
	},
	{
		audit.EventGarbage, "A process sent what are no records",
		"@LABELGATE_COUNT@ lines from process @LABELGATE_PROCESS@ were none, or claimed to be of a kind that only the auditor writes. The record shows the first bytes of the first.",
		"Take it for a break-in into that process until you know better: stop the gateway, keep the files, report it.",
	},
}
