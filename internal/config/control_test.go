package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestControl(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       Control
		metrics    Metrics
	}{
		{name: "nothing written", want: Control{Socket: "/run/labelgate/control"}},
		{name: "empty table", text: "[control]", want: Control{Socket: "/run/labelgate/control", Written: true}},
		{name: "none", text: "[control]\nsocket = 'none'", want: Control{Written: true}},
		{name: "relative", text: "[control]\nsocket = 'x/./y'", want: Control{Socket: "/etc/labelgate/x/y", Written: true}},
		{name: "names", text: "[control]\nadmins = ['root', '@Domain.Admins', '7', '@8']", want: Control{
			Socket: "/run/labelgate/control", Written: true,
			Admins: []Name{{"root", "/etc/labelgate/f:5:11"}, {"@Domain.Admins", "/etc/labelgate/f:5:19"}, {"7", "/etc/labelgate/f:5:37"}, {"@8", "/etc/labelgate/f:5:42"}},
		}},
		{name: "metrics on a socket", text: "[metrics]\nlisten = 'unix:m'", want: Control{Socket: "/run/labelgate/control"}, metrics: Metrics{"unix", "/etc/labelgate/m"}},
		{name: "metrics on IPv4", text: "[metrics]\nlisten = '127.0.0.2:1'", want: Control{Socket: "/run/labelgate/control"}, metrics: Metrics{"tcp", "127.0.0.2:1"}},
		{name: "metrics on IPv6", text: "[metrics]\nlisten = '[::1]:9469'", want: Control{Socket: "/run/labelgate/control"}, metrics: Metrics{"tcp", "[::1]:9469"}},
		{name: "metrics on IPv4 in IPv6", text: "[metrics]\nlisten = '[::ffff:127.0.0.1]:9469'", want: Control{Socket: "/run/labelgate/control"}, metrics: Metrics{"tcp", "127.0.0.1:9469"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("/etc/labelgate/f", []byte(minimal+tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got.Control); diff != "" {
				t.Errorf("control differs (-want +got):\n%s", diff)
			}
			if got.Metrics != tt.metrics {
				t.Errorf("metrics are %v, want %v", got.Metrics, tt.metrics)
			}
		})
	}
}
