package audit

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var compare = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b Option) bool { return a == b }),
}

func full() Record {
	return Record{
		Seq: 456, Time: time.UnixMilli(1700000000123).UTC(), Event: EventDecision,
		Fn: "gw_forward", Action: Denied, Subject: "Pop", Object: "Snap", Requested: "w",
		Saddr: netip.MustParseAddr("198.18.1.2"), Daddr: netip.MustParseAddr("198.18.2.2"),
		Proto: 17, HasPorts: true, Src: 4000, Dest: 9999, Netif: "eth0", OutNetif: "eth1", Zone: "inside", OutZone: "outside",
		Reason: "no-rule", Step: "read-only (floor)", Rule: "accesses.d/site:12", SourceEntry: "netlabel.d/a:1", DestEntry: "netlabel.d/a:2",
		DOI: 3, Tag: 1, Level: 250, Categories: "2,4,10-11", Direct: "Pop", Fault: "tag-length", Pointer: 27,
		OptionIn: MakeOption([]byte{0x86, 6, 0, 0, 0, 3}), OptionOut: MakeOption([]byte{1}),
		LengthIn: 60, LengthOut: 44, Verdict: "drop", Generation: 7,
	}
}

func TestAppend(t *testing.T) {
	icmp := Record{Event: EventDecision, Action: Granted, HasICMP: true, ICMPType: 8, Proto: 1}
	ports := Record{HasPorts: true}
	lost := Record{Event: EventSuppressed, Reason: ReasonOther, Count: 9}
	for _, tt := range []struct {
		name       string
		record     Record
		text, json string
	}{
		{
			name: "full", record: full(),
			text: `type=AVC msg=audit(1700000000.123:456): lsm=labelgate event=decision fn=gw_forward action=denied subject="Pop" object="Snap" requested=w` +
				` saddr=198.18.1.2 src=4000 daddr=198.18.2.2 dest=9999 proto=17 netif=eth0 out_netif=eth1 zone=inside out_zone=outside reason=no-rule step="read-only (floor)"` +
				` rule=accesses.d/site:12 source_entry=netlabel.d/a:1 dest_entry=netlabel.d/a:2 doi=3 tag=1 level=250 categories=2,4,10-11 direct="Pop" fault=tag-length pointer=27` +
				` option_in=860600000003 option_out=01 length_in=60 length_out=44 verdict=drop generation=7`,
			json: `{"seq":456,"time":"2023-11-14T22:13:20.123Z","event":"decision","fn":"gw_forward","action":"denied","subject":"Pop","object":"Snap","requested":"w",` +
				`"saddr":"198.18.1.2","src":4000,"daddr":"198.18.2.2","dest":9999,"proto":17,"netif":"eth0","out_netif":"eth1","zone":"inside","out_zone":"outside","reason":"no-rule","step":"read-only (floor)",` +
				`"rule":"accesses.d/site:12","source_entry":"netlabel.d/a:1","dest_entry":"netlabel.d/a:2","doi":3,"tag":1,"level":250,"categories":"2,4,10-11","direct":"Pop","fault":"tag-length","pointer":27,` +
				`"option_in":"860600000003","option_out":"01","length_in":60,"length_out":44,"verdict":"drop","generation":7}`,
		},
		{name: "empty", text: `lsm=labelgate`, json: `{"seq":0}`},
		{name: "icmp", record: icmp, text: `lsm=labelgate event=decision action=granted proto=1 icmp_type=8 icmp_code=0`, json: `{"seq":0,"event":"decision","action":"granted","proto":1,"icmp_type":8,"icmp_code":0}`},
		{name: "port 0", record: ports, text: `lsm=labelgate src=0 dest=0`, json: `{"seq":0,"src":0,"dest":0}`},
		{name: "suppressed", record: lost, text: `lsm=labelgate event=suppressed reason=other count=9`, json: `{"seq":0,"event":"suppressed","reason":"other","count":9}`},
		{
			name: "administrative",
			record: Record{
				Event: EventControl, HasQueue: true, PacketID: 4, PolicyHash: MakeDigest([]byte{0xab, 1}), Process: "judge", PID: 7, HasUID: true,
				Detail: "reload: a b", Network: netip.MustParsePrefix("10.0.1.0/24"), FirstMono: 1, LastMono: 2, Mono: 3,
			},
			text: `lsm=labelgate event=control queue=0 packet_id=4 policy_hash=ab01 process=judge pid=7 uid=0 detail=72656C6F61643A20612062 network=10.0.1.0/24 first_mono=1 last_mono=2 mono=3`,
			json: `{"seq":0,"event":"control","queue":0,"packet_id":4,"policy_hash":"ab01","process":"judge","pid":7,"uid":0,"detail_hex":"72656C6F61643A20612062","network":"10.0.1.0/24","first_mono":1,"last_mono":2,"mono":3}`,
		},
		{
			name: "trail",
			record: Record{Event: EventSealed, Trail: Trail{
				LostBytes: 9, BootID: "a-b", File: 2, HasSeal: true, Key: MakeDigest([]byte{1}), Prev: MakeDigest([]byte{0x12}), MAC: MakeDigest([]byte{3}), Chain: MakeDigest([]byte{4, 5}),
			}},
			text: `lsm=labelgate event=sealed lost_bytes=9 boot_id=a-b file=2 seal=0 key=01 prev=12 mac=03 chain=0405`,
			json: `{"seq":0,"event":"sealed","lost_bytes":9,"boot_id":"a-b","file":2,"seal":0,"key":"01","prev":"12","mac":"03","chain":"0405"}`,
		},
		{name: "name with a space", record: Record{Subject: "a b"}, text: `lsm=labelgate subject=612062`, json: `{"seq":0,"subject_hex":"612062"}`},
		{name: "name with a quote", record: Record{Object: `"`}, text: `lsm=labelgate object=22`, json: `{"seq":0,"object_hex":"22"}`},
		{name: "name with a line end", record: Record{Direct: "a\nlsm=labelgate"}, text: `lsm=labelgate direct=610A6C736D3D6C6162656C67617465`, json: `{"seq":0,"direct_hex":"610A6C736D3D6C6162656C67617465"}`},
		{name: "name of hexadecimal digits", record: Record{Subject: "AB"}, text: `lsm=labelgate subject="AB"`, json: `{"seq":0,"subject":"AB"}`},
		{name: "word of hexadecimal digits", record: Record{Netif: "AB"}, text: `lsm=labelgate netif="AB"`, json: `{"seq":0,"netif":"AB"}`},
		{name: "word with an escape sequence", record: Record{Rule: "\x1b[2J"}, text: `lsm=labelgate rule=1B5B324A`, json: `{"seq":0,"rule":"\u001b[2J"}`},
		{name: "word beyond ASCII", record: Record{Rule: "é😀:1"}, text: `lsm=labelgate rule=C3A9F09F98803A31`, json: `{"seq":0,"rule":"\u00e9\ud83d\ude00:1"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := string(tt.record.AppendText(nil))
			if diff := cmp.Diff(tt.text, text); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			object := tt.record.AppendJSON(nil)
			if diff := cmp.Diff(tt.json, string(object)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
			if !json.Valid(object) {
				t.Errorf("not JSON: %s", object)
			}
			want := tt.record
			got, err := ParseJSON(object)
			if diff := cmp.Diff(want, got, compare); err != nil || diff != "" {
				t.Errorf("read back from JSON: %v (-want +got):\n%s", err, diff)
			}
			if want.Time.IsZero() {
				want.Seq = 0
			}
			got, err = ParseText(text)
			if diff := cmp.Diff(want, got, compare); err != nil || diff != "" {
				t.Errorf("read back from text: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// The vocabulary is the kernel's: fields that it writes have its names and order.
func TestKernelOrder(t *testing.T) {
	r := full()
	line := string(r.AppendText(nil))
	at := 0
	for _, part := range strings.Split(`lsm= fn= action=denied subject="Pop" object="Snap" requested=w saddr=198.18.1.2 src=4000 daddr=198.18.2.2 dest=9999 netif=eth0`, " ") {
		i := strings.Index(line[at:], part)
		if i < 0 {
			t.Fatalf("%s is missing or too early in %s", part, line)
		}
		at += i
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, line string }{
		{name: "empty", line: ``},
		{name: "kernel's own", line: `lsm=SMACK fn=x`},
		{name: "unknown field", line: `lsm=labelgate colour=red`},
		{name: "twice", line: `lsm=labelgate fn=a fn=b`},
		{name: "open quote", line: `lsm=labelgate fn="a`},
		{name: "glued", line: `lsm=labelgate fn="a"action=b`},
		{name: "no value", line: `lsm=labelgate fn`},
		{name: "empty value", line: `lsm=labelgate fn= action=b`},
		{name: "number too big", line: `lsm=labelgate level=256`},
		{name: "odd option", line: `lsm=labelgate option_in=860`},
		{name: "long option", line: `lsm=labelgate option_in=` + strings.Repeat("00", 41)},
		{name: "address", line: `lsm=labelgate saddr=1.2.3`},
		{name: "time", line: `type=AVC msg=audit(1.2:3): lsm=labelgate`},
		{name: "time cut", line: `type=AVC msg=audit(1.200`},
		{name: "long digest", line: `lsm=labelgate mac=` + strings.Repeat("00", 33)},
		{name: "network of an address", line: `lsm=labelgate network=10.0.0.1/24`},
		{name: "JSON array", line: `[]`},
		{name: "JSON unknown", line: `{"colour":1}`},
		{name: "JSON type", line: `{"level":"1"}`},
		{name: "JSON number for a string", line: `{"fn":1}`},
		{name: "JSON nested", line: `{"fn":{}}`},
		{name: "JSON twice", line: `{"subject":"a","subject_hex":"61"}`},
		{name: "JSON cut", line: `{"fn":"a"`},
		{name: "JSON two", line: `{} {}`},
		{name: "JSON time", line: `{"time":"yesterday"}`},
		{name: "JSON early time", line: `{"time":"0001-01-01T00:00:00Z"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r, err := ParseText(tt.line); err == nil {
				t.Errorf("text accepted: %+v", r)
			}
			if r, err := ParseJSON([]byte(tt.line)); err == nil {
				t.Errorf("JSON accepted: %+v", r)
			}
		})
	}
}
