package audit

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Fields shows what the text shows.
func TestFields(t *testing.T) {
	for _, r := range []Record{full(), {Event: EventControl, Detail: "a\nb", HasUID: true, Direct: "x y"}, {}} {
		var keys, got []string
		r.Fields(func(key, value string) {
			keys = append(keys, strings.TrimSuffix(key, "_hex"))
			got = append(got, value)
		})
		r.Seq = 0
		back, err := ParseText("lsm=labelgate" + join(keys, got))
		if err != nil || string(back.AppendJSON(nil)) != string(timeless(r).AppendJSON(nil)) {
			t.Errorf("%v: %v %+v", got, err, back)
		}
	}
}

func timeless(r Record) *Record {
	r.Time = time.Time{}
	return &r
}

func join(keys, values []string) string {
	var b strings.Builder
	for i, k := range keys {
		if value := values[i]; isText(k) && !hexDigits(value) {
			fmt.Fprintf(&b, " %s=%q", k, value)
		} else {
			fmt.Fprintf(&b, " %s=%s", k, value)
		}
	}
	return b.String()
}
