package nft_test

import (
	"strings"
	"testing"

	"labelgate/internal/nft"
)

func TestInstallRefuses(t *testing.T) {
	zone := func(index uint8, interfaces ...string) nft.Zone {
		return nft.Zone{Index: index, Name: "z", Interfaces: interfaces}
	}
	tests := []struct {
		name  string
		zones []nft.Zone
		want  string
	}{
		{"no zone", nil, "nothing to guard"},
		{"no interface", []nft.Zone{zone(1)}, "nothing to guard"},
		{"index 0", []nft.Zone{zone(0, "a")}, "index 0"},
		{"index 64", []nft.Zone{zone(64, "a")}, "index 64"},
		{"same index", []nft.Zone{zone(1, "a"), zone(1, "b")}, "same index"},
		{"interface twice", []nft.Zone{zone(1, "a"), zone(2, "a")}, "in zone"},
		{"empty name", []nft.Zone{zone(1, "")}, "cannot be the name"},
		{"long name", []nft.Zone{zone(1, "abcdefghijklmnop")}, "cannot be the name"},
		{"pattern", []nft.Zone{zone(1, "eth*")}, "not allowed"},
		{"blank", []nft.Zone{zone(1, "eth 0")}, "not allowed"},
	}
	length := zone(1, "a")
	length.Ethertypes = []uint16{0x88cc, 0x05ff}
	tests = append(tests, struct {
		name  string
		zones []nft.Zone
		want  string
	}{"length as ethertype", []nft.Zone{length}, "0x05ff is a length"})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Refused before the kernel is asked: needs no privileges.
			_, err := nft.Install(nft.Plan{Table: testTable, Zones: tt.zones})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Install: %v, want %q", err, tt.want)
			}
		})
	}
}
