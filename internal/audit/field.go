package audit

// field returns where the value of a key goes, nil for an unknown key.
func (r *Record) field(key string) any {
	switch key {
	case "event":
		return &r.Event
	case "fn":
		return &r.Fn
	case "action":
		return &r.Action
	case "subject":
		return &r.Subject
	case "object":
		return &r.Object
	case "requested":
		return &r.Requested
	case "saddr":
		return &r.Saddr
	case "daddr":
		return &r.Daddr
	case "proto":
		return &r.Proto
	case "src":
		r.HasPorts = true
		return &r.Src
	case "dest":
		r.HasPorts = true
		return &r.Dest
	case "icmp_type":
		r.HasICMP = true
		return &r.ICMPType
	case "icmp_code":
		r.HasICMP = true
		return &r.ICMPCode
	case "netif":
		return &r.Netif
	case "out_netif":
		return &r.OutNetif
	case "zone":
		return &r.Zone
	case "out_zone":
		return &r.OutZone
	case "reason":
		return &r.Reason
	case "step":
		return &r.Step
	case "rule":
		return &r.Rule
	case "source_entry":
		return &r.SourceEntry
	case "dest_entry":
		return &r.DestEntry
	case "doi":
		return &r.DOI
	case "tag":
		return &r.Tag
	case "level":
		return &r.Level
	case "categories":
		return &r.Categories
	case "direct":
		return &r.Direct
	case "fault":
		return &r.Fault
	case "pointer":
		return &r.Pointer
	case "option_in":
		return &r.OptionIn
	case "option_out":
		return &r.OptionOut
	case "length_in":
		return &r.LengthIn
	case "length_out":
		return &r.LengthOut
	case "verdict":
		return &r.Verdict
	case "generation":
		return &r.Generation
	case "count":
		return &r.Count
	case "queue":
		r.HasQueue = true
		return &r.Queue
	case "packet_id":
		return &r.PacketID
	case "policy_hash":
		return &r.PolicyHash
	case "process":
		return &r.Process
	case "pid":
		return &r.PID
	case "uid":
		r.HasUID = true
		return &r.UID
	case "detail":
		return &r.Detail
	case "network":
		return &r.Network
	case "first_mono":
		return &r.FirstMono
	case "last_mono":
		return &r.LastMono
	case "mono":
		return &r.Mono
	}
	return r.Trail.field(key)
}

func (t *Trail) field(key string) any {
	switch key {
	case "lost_bytes":
		return &t.LostBytes
	case "boot_id":
		return &t.BootID
	case "file":
		return &t.File
	case "seal":
		t.HasSeal = true
		return &t.Seal
	case "key":
		return &t.Key
	case "prev":
		return &t.Prev
	case "mac":
		return &t.MAC
	case "chain":
		return &t.Chain
	}
	return nil
}
