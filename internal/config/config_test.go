package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"labelgate/cipso"
	"labelgate/internal/manifest"
	"labelgate/internal/policyfile"
	"labelgate/netlabel"
)

// minimal is the shortest settings file there is.
const minimal = "[[zone]]\nname = \"a\"\ninterfaces = [\"eth0\"]\n"

var comparePrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestLoadFull(t *testing.T) {
	got, err := Load("testdata/full.toml")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := policyfile.ParseDialect("kernel")
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Path: filepath.Join(dir, "full.toml"), Mode: netlabel.Compat, Policy: filepath.Join(dir, "policy"), Dialect: kernel,
		Ambient: "Net", Direct: 200, Mapped: 201, Logging: 3, Bringup: true, PinFlows: true, KernelDOI: Leave,
		Manifest: Manifest{Demand: Signed, State: "/var/lib/labelgate/version", Keys: []manifest.PublicKey{
			publicKey(t, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhWulvJNfdOIzT2rlOIu8ymE2LCsjgey1n4kck11Aay one of us"),
			publicKey(t, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtGlkuRp6ayDbJ8skxrgPW1YuDni/UhuQOM1KAku9zb"),
		}},
		Self: Self{Label: "Gateway", Line: 15},
		DOIs: []DOI{
			{Number: 3, Tags: []cipso.TagType{1}, Line: 18},
			{Number: 4294967295, Tags: []cipso.TagType{5, 2, 1}, AcceptNonCanonical: true, CIPSO: "/etc/cipso-16.d", Line: 22},
		},
		Zones: []Zone{
			{
				Name: "enclave", Interfaces: []string{"eth1", "eth2.7"},
				Networks: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("10.9.9.9/32")},
				Labels:   netlabel.Require, DOI: 3, Label: "Public", Only: []string{"Secret", "Public"},
				Restrict: filepath.Join(dir, "enclave.rules"), LabelAmbient: true,
				Tunnels: []string{"gre", "esp"}, Ethertypes: []uint16{0x8847, 0x8100}, Line: 28,
			},
			{Name: "rest", Interfaces: []string{"eth0"}, Line: 42},
		},
		Queue: Queue{Number: 0, Length: 65535, Backend: Native},
		Audit: Audit{
			Output: filepath.Join(dir, "audit.log"), Format: JSON, Full: Degrade, Buffer: 16 << 20, Limit: 50, Burst: 200,
			RotateSize: 8 << 20, RotateAge: 24 * time.Hour, RotateKeep: 30, Sync: SyncBatch,
			SealKey: "/var/lib/labelgate/seal.key", SealInterval: time.Minute, SealRecords: 100, SealCopy: CopyJournal, Kernel: true,
		},
		Control: Control{
			Socket: filepath.Join(dir, "control"), Written: true, Group: Name{Text: "labelgate"},
			Readers: []Name{{Text: "alice"}, {Text: "@1000"}},
			Admins:  []Name{{Text: "@net-ops"}, {Text: "0"}},
		},
		Metrics: Metrics{Network: "tcp", Address: "[::1]:9469"},
	}
	if diff := cmp.Diff(want, got, comparePrefixes, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(Name{}, "At")); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func publicKey(t *testing.T, line string) manifest.PublicKey {
	t.Helper()
	k, err := manifest.ParsePublicKey(line)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseDefaults(t *testing.T) {
	got, err := Parse("/etc/labelgate/labelgate.toml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Path: "/etc/labelgate/labelgate.toml", Policy: "/etc/labelgate/policy", Ambient: "_",
		Direct: 250, Mapped: 251, Logging: 1,
		Zones: []Zone{{Name: "a", Interfaces: []string{"eth0"}, Line: 1}},
		Queue: Queue{Number: 100, Length: 4096},
		Audit: Audit{Output: "stderr", Buffer: 4 << 20, Limit: 1000, Burst: 10000},

		Control: Control{Socket: DefaultSocket},
	}
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

// Every spelling that TOML has for a table means the same.
func TestParseSpellings(t *testing.T) {
	want, err := Parse("f", []byte("[[zone]]\nname = 'a'\ninterfaces = ['eth0']\n[queue]\nnumber = 7\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, text string }{
		{name: "dotted", text: "queue.number = 7\n[[zone]]\nname = 'a'\ninterfaces = ['eth0']"},
		{name: "inline", text: "queue = { number = 7 }\nzone = [ { name = 'a', interfaces = ['eth0'] } ]"},
		{name: "quoted", text: "[[\"zone\"]]\n\"name\" = \"\\u0061\"\ninterfaces = [\n# first\n'eth0',\n]\n['queue']\nnumber = 0x7"},
		{name: "crlf", text: "[[zone]]\r\nname = 'a'\r\ninterfaces = ['eth0']\r\n[queue]\r\nnumber = 7\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse("f", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, comparePrefixes, cmpopts.IgnoreFields(Zone{}, "Line")); diff != "" {
				t.Errorf("settings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "big.toml")
	if err := os.WriteFile(big, []byte(strings.Repeat("#\n", MaxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, path, want string }{
		{name: "absent", path: filepath.Join(dir, "absent"), want: "no such file"},
		{name: "directory", path: dir, want: "a directory where"},
		{name: "too big", path: big, want: "larger than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Load(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load: %v, want %q", err, tt.want)
			}
		})
	}
}
