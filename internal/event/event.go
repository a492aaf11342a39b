// Package event words a verdict as an audit record: label names for indices,
// file:line for rules and entries, the options as they came and as they left.
// The daemon and replay share it, so that a packet reads the same in both.
package event

import (
	"labelgate/cipso"
	"labelgate/engine"
	"labelgate/internal/audit"
	"labelgate/internal/ipv4"
	"labelgate/netlabel"
)

// Packet is what was judged, and where.
type Packet struct {
	Direction  netlabel.Direction
	Bytes      []byte // from the IP header on
	Out        []byte // as netlabel.Snapshot.Process filled it
	In, OutDev string // interfaces by name, empty where unknown
}

// Record describes the verdict of s on p. It copies what it needs of the bytes.
func Record(s *netlabel.Snapshot, p Packet, v *netlabel.Verdict) audit.Record {
	r := audit.Record{
		Event: audit.EventDecision, Fn: "gw_" + p.Direction.String(), Action: audit.Granted, Requested: "w",
		Subject: s.LabelName(v.Subject), Object: s.LabelName(v.Object),
		Netif: p.In, OutNetif: p.OutDev, Zone: s.ZoneName(v.InZone), OutZone: s.ZoneName(v.OutZone),
		Reason: v.Reason.String(), SourceEntry: entryAt(s, v.SourceEntry), DestEntry: entryAt(s, v.DestEntry),
		Verdict: v.Action.String(), Generation: s.Generation(), LengthIn: uint32(len(p.Bytes)),
	}
	if v.Action == netlabel.Drop {
		r.Action = audit.Denied
	}
	if v.Checked {
		r.Step = v.Decision.Step.String()
		if v.Decision.Rule != engine.NoRule {
			r.Rule = s.Policy().Rule(v.Decision.Rule).Origin.String()
		}
	}
	switch {
	case v.OptionFault != cipso.NoFault:
		r.Fault, r.Pointer = v.OptionFault.String(), v.Pointer
	case v.HeaderFault != ipv4.NoFault:
		r.Fault, r.Pointer = v.HeaderFault.String(), v.Pointer
	}
	arrived(&r, s, p.Bytes)
	left(&r, p, v)
	return r
}

// arrived reads what it can of the packet, however broken it is.
func arrived(r *audit.Record, s *netlabel.Snapshot, packet []byte) {
	var view ipv4.View
	view.Parse(packet, ipv4.Compat)
	if !view.Src.IsValid() {
		return
	}
	r.Saddr, r.Daddr, r.Proto = view.Src, view.Dst, view.Proto
	r.HasPorts, r.Src, r.Dest = view.HasPorts, view.SrcPort, view.DstPort
	r.HasICMP, r.ICMPType, r.ICMPCode = view.HasICMP, view.ICMPType, view.ICMPCode
	if view.CIPSO == 0 {
		return
	}
	r.OptionIn = audit.MakeOption(view.Packet[view.CIPSO : view.CIPSO+view.CIPSOLen])
	var o cipso.Option
	decoder := cipso.Decoder{Compat: true}
	if _, fault := decoder.Decode(view.Packet[view.CIPSO:view.HeaderLen], &o); fault.Code != cipso.NoFault {
		return
	}
	r.DOI, r.Tag, r.Level = uint32(o.DOI), uint8(o.Tag), o.Label.Level
	r.Categories = o.Label.Categories.String()
	r.Direct = netlabel.Spelled(&o, s.Direct())
}

func left(r *audit.Record, p Packet, v *netlabel.Verdict) {
	if v.Action == netlabel.Drop {
		return
	}
	leaving := p.Bytes
	if v.Length != 0 {
		leaving = p.Out[:v.Length]
	}
	r.LengthOut = uint32(len(leaving))
	var view ipv4.View
	if view.Parse(leaving, ipv4.Compat).Code == ipv4.NoFault && view.CIPSO != 0 {
		r.OptionOut = audit.MakeOption(leaving[view.CIPSO : view.CIPSO+view.CIPSOLen])
	}
}

func entryAt(s *netlabel.Snapshot, i int32) string {
	e := s.Entry(i)
	if e == nil {
		return ""
	}
	return engine.Origin{File: e.File, Line: e.Line}.String()
}
