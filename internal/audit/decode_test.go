package audit

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sendable() Record {
	r := full()
	r.Seq, r.Mono, r.Detail = 0, 77, "a b"
	return r
}

func TestDecode(t *testing.T) {
	r := sendable()
	r.Rule = "é😀\"\\:1"
	line := append(r.AppendJSON(nil), '\n')
	var d Decoder
	for range 2 {
		got, err := d.Decode(line)
		if diff := cmp.Diff(r, got, compare); err != nil || diff != "" {
			t.Fatalf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := sendable()
	line := string(good.AppendJSON(nil)) + "\n"
	change := func(f func(*Record)) string {
		r := sendable()
		f(&r)
		return string(r.AppendJSON(nil)) + "\n"
	}
	for _, tt := range []struct{ name, line string }{
		{"empty", ""},
		{"line end", "\n"},
		{"no line end", strings.TrimSuffix(line, "\n")},
		{"two", line + line},
		{"text", string(good.AppendText(nil)) + "\n"},
		{"space", strings.Replace(line, `,"`, `, "`, 1)},
		{"order", strings.Replace(line, `"seq":0,"time":"2023-11-14T22:13:20.123Z"`, `"time":"2023-11-14T22:13:20.123Z","seq":0`, 1)},
		{"twice", strings.Replace(line, `"fn":`, `"fn":"a","fn":`, 1)},
		{"leading zero", strings.Replace(line, `"src":4000`, `"src":04000`, 1)},
		{"other time", strings.Replace(line, `20.123Z`, `20.1230Z`, 1)},
		{"time zone", strings.Replace(line, `T22:13:20.123Z`, `T23:13:20.123+01:00`, 1)},
		{"escape", strings.Replace(line, `"fn":"g`, `"fn":"\u0067`, 1)},
		{"zero value", strings.Replace(line, `"proto":17`, `"proto":0`, 1)},
		{"capital digits", strings.Replace(line, `"option_in":"86`, `"option_in":"8F`, 1)},
		{"bytes above ASCII", strings.Replace(line, `"fn":"g`, "\"fn\":\"\xff", 1)},
		{"key", strings.Replace(line, `"fn"`, `"nf"`, 1)},
		{"nested", strings.Replace(line, `"fn":"gw_forward"`, `"fn":{}`, 1)},
		{"event", change(func(r *Record) { r.Event = "holiday" })},
		{"no event", change(func(r *Record) { r.Event = "" })},
		{"auditor's event", change(func(r *Record) { r.Event = EventSealed })},
		{"auditor about itself", change(func(r *Record) { r.Event, r.Process = EventAuditDegraded, ProcessAuditor })},
		{"seq", change(func(r *Record) { r.Seq = 1 })},
		{"chain", change(func(r *Record) { r.Chain = MakeDigest([]byte{1}) })},
		{"file", change(func(r *Record) { r.File = 1 })},
		{"no time", change(func(r *Record) { r.Time = time.Time{} })},
		{"no mono", change(func(r *Record) { r.Mono = 0 })},
		{"long text", change(func(r *Record) { r.Rule = strings.Repeat("a", MaxField+1) })},
		{"long line", change(func(r *Record) { r.Rule = strings.Repeat("a", MaxLine) })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.line == line {
				t.Fatal("nothing was changed")
			}
			if r, err := new(Decoder).Decode([]byte(tt.line)); err == nil {
				t.Errorf("%s\naccepted: %+v", tt.line, r)
			}
		})
	}
}

// FuzzDecode holds that what is accepted is what ParseJSON reads, and writes
// itself again.
func FuzzDecode(f *testing.F) {
	r := sendable()
	f.Add(append(r.AppendJSON(nil), '\n'))
	f.Add([]byte("{\"seq\":0,\"time\":\"2023-11-14T22:13:20Z\",\"event\":\"start\",\"detail_hex\":\"0A\",\"mono\":1}\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := new(Decoder).Decode(line)
		if err != nil {
			return
		}
		if string(r.AppendJSON(nil))+"\n" != string(line) || strings.Count(string(line), "\n") != 1 {
			t.Errorf("%q is read as %+v", line, r)
		}
		slow, err := parseJSON(line)
		if diff := cmp.Diff(slow, r, compare); err != nil || diff != "" {
			t.Errorf("%q: %v (-slow +fast):\n%s", line, err, diff)
		}
		again(t, r)
	})
}

func BenchmarkDecode(b *testing.B) {
	r := sendable()
	line := append(r.AppendJSON(nil), '\n')
	b.SetBytes(int64(len(line)))
	b.Run("strict", func(b *testing.B) {
		var d Decoder
		for b.Loop() {
			if _, err := d.Decode(line); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("slow", func(b *testing.B) {
		for b.Loop() {
			if _, err := parseJSON(line); err != nil {
				b.Fatal(err)
			}
		}
	})
}
