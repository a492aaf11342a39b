package config

import (
	"os"
	"path/filepath"
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

// Where the socket is can be told of a file that is at fault elsewhere.
func TestControlSocket(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name, text, want string
		fails            bool
	}{
		{name: "fine", text: minimal + "[control]\nsocket = '/x'", want: "/x"},
		{name: "nothing written", text: minimal, want: DefaultSocket},
		{name: "none", text: "[control]\nsocket = 'none'"},
		{name: "relative", text: "[control]\nsocket = 'x'", want: dir + "/x"},
		{name: "at fault elsewhere", text: "moed = 1\n[control]\nsocket = '/x'\nreaders = 5\nadmins = ['a b']", want: "/x"},
		{name: "no TOML", text: "[control\nsocket = '/x'", fails: true},
		{name: "socket is a number", text: "[control]\nsocket = 1", fails: true},
		{name: "socket is abstract", text: "[control]\nsocket = '@x'", fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(dir, "f.toml")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := ControlSocket(path)
			if got != tt.want || (err != nil) != tt.fails {
				t.Errorf("socket %q (%v), want %q", got, err, tt.want)
			}
		})
	}
	if _, err := ControlSocket(dir); err == nil {
		t.Error("a directory has a socket")
	}
}
