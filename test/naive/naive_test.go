package naive

import (
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOption: a row for everything that can be wrong.
func TestOption(t *testing.T) {
	for _, tt := range []struct {
		name, option  string
		linux, strict string
		at            int
	}{
		{"bitmap", "860e00000003 01080003 3337b780", "", "", 0},
		{"level only", "860a00000003 01040003", "", "", 0},
		{"list", "861000000003 020a0003 000200040006", "", "", 0},
		{"ranges", "861200000003 050c0003 0064006400060002", "", "", 0},
		{"last low left out", "861000000003 050a0003 000c000a0003", "", "", 0},
		{"short", "86070000000301", "option-short", "", 1},
		{"domain 0", "860a00000000 01040003", "doi-zero", "", 2},
		{"other domain", "860a00000004 01040003", "doi-unknown", "", 2},
		{"type nobody has", "860a00000003 03040003", "tag-unknown", "", 6},
		{"type 0", "860a00000003 00040003", "tag-unknown", "", 6},
		{"type 0 past the end", "860a00000003 00050003", "tag-length", "", 7},
		{"type not listed", "860a00000003 06040003", "tag-not-allowed", "", 6},
		{"local", "860c00000003 800600000000", "tag-local", "", 6},
		{"local is last", "861000000003 01040003 800600000000", "tag-local", "", 10},
		{"tag too short", "860a00000003 01030003", "tag-length", "", 7},
		{"tag too long", "860a00000003 01050003", "tag-length", "", 7},
		{"one byte more", "860b00000003 01040003 01", "tag-trailing-byte", "", 10},
		{"list of odd length", "860b00000003 02050003 00", "category-encoding", "", 10},
		{"list falls", "860e00000003 02080003 00020001", "category-encoding", "", 10},
		{"list repeats", "860e00000003 02080003 00020002", "category-encoding", "", 10},
		{"ranges overlap", "861200000003 050c0003 0009000500060002", "category-encoding", "", 10},
		{"alignment", "860a00000003 01040103", "", "alignment", 8},
		{"zero behind the bitmap", "860c00000003 01060003 3300", "", "noncanonical", 7},
		{"list ends in 65535", "860e00000003 02080003 0002ffff", "", "category-range", 10},
		{"ranges from 65535", "860e00000003 05080003 ffff0002", "", "category-range", 10},
		{"low above high", "860e00000003 05080003 00020003", "", "category-range", 10},
		{"shared end", "861200000003 050c0003 0009000500050002", "", "category-encoding", 10},
		{"touching", "861200000003 050c0003 0009000600050002", "", "noncanonical", 10},
		{"low of 0 spelled out", "860e00000003 05080003 00020000", "", "noncanonical", 7},
		{"second tag", "860e00000003 01040003 02040003", "", "second-tag", 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			option := unhex(t, tt.option)
			got := Linux(option, 3, []byte{1, 2, 5})
			if want := (Finding{tt.linux, tt.at}); tt.linux != "" && got != want || tt.linux == "" && got.Fault != "" {
				t.Fatalf("Linux finds %v, want %v", got, want)
			}
			if tt.linux != "" {
				return
			}
			if got := Strict(option); got.Fault != tt.strict || got.At != tt.at {
				t.Errorf("a strict reader finds %v, want %q at %d", got, tt.strict, tt.at)
			}
		})
	}
}

// TestPacket: headers, and where their options stand.
func TestPacket(t *testing.T) {
	const fixed, behind = "00000000 4011 0000 c0000201 c6336402", "0102030405060708"
	packet := func(first, total, options string) []byte {
		b := unhex(t, first+"00"+total+fixed+options+behind)
		Seal(b)
		return b
	}
	broken := packet("45", "001c", "")
	broken[8]++
	for _, tt := range []struct {
		name  string
		b     []byte
		want  Finding
		count int
		end   int
		tail  int
	}{
		{"plain", packet("45", "001c", ""), Finding{}, 0, 20, 0},
		{"option", packet("48", "0028", "01 860a00000003 01040003 00"), Finding{}, 1, 31, 0},
		{"two", packet("48", "0028", "94040000 86080000 00030104"), Finding{}, 2, 32, 0},
		{"tail", packet("46", "0020", "00000100"), Finding{}, 0, 20, 22},
		{"second", packet("4a", "0030", "8608000000030104 01 8608000000030104 000000"), Finding{"second-cipso", 29}, 1, 40, 0},
		{"too long", packet("46", "0020", "01940400"), Finding{"option-length", 21}, 0, 24, 0},
		{"no length", packet("46", "0020", "01010194"), Finding{"option-length", 23}, 0, 24, 0},
		{"cut", broken[:19], Finding{"short", 0}, 0, 0, 0},
		{"version", append([]byte{0x65}, broken[1:]...), Finding{"version", 0}, 0, 0, 0},
		{"header length", append([]byte{0x44}, broken[1:]...), Finding{"header-length", 0}, 0, 0, 0},
		{"total length", broken[:27], Finding{"total-length", 0}, 0, 0, 0},
		{"checksum", broken, Finding{"checksum", 0}, 0, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var p Packet
			got := p.Read(tt.b)
			if got != tt.want || p.Count != tt.count || tt.end != 0 && p.End != tt.end || p.Tail != tt.tail {
				t.Errorf("%v, %d options, end %d, tail %d; want %v, %d, %d, %d", got, p.Count, p.End, p.Tail, tt.want, tt.count, tt.end, tt.tail)
			}
		})
	}
}
