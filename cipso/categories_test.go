package cipso

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCategoriesAdd(t *testing.T) {
	for _, tt := range []struct {
		name string
		add  []Range
		want string // "" when the last Add must fail and change nothing
		last bool
	}{
		{"one", []Range{{5, 5}}, "5", true},
		{"adjacent above", []Range{{5, 5}, {6, 6}}, "5-6", true},
		{"adjacent below", []Range{{5, 5}, {4, 4}}, "4-5", true},
		{"joins two", []Range{{1, 3}, {5, 7}, {4, 4}}, "1-7", true},
		{"swallows all", []Range{{1, 1}, {3, 3}, {5, 5}, {0, 9}}, "0-9", true},
		{"inside", []Range{{1, 9}, {3, 4}}, "1-9", true},
		{"gap of one", []Range{{5, 5}, {7, 7}, {3, 3}}, "3,5,7", true},
		{"ends of the world", []Range{{65534, 65534}, {0, 0}}, "0,65534", true},
		{"everything", []Range{{1, 65534}, {0, 0}}, "0-65534", true},
		{"65535", []Range{{1, 1}, {65535, 65535}}, "1", false},
		{"up to 65535", []Range{{1, 1}, {2, 65535}}, "1", false},
		{"ends before it begins", []Range{{1, 1}, {9, 8}}, "1", false},
		// NetLabel keeps categories in a sparse map; adding one below the lowest
		// once corrupted it (kernel 41c3bd2039e0).
		{"below the lowest", []Range{{4000, 4000}, {3000, 3000}, {7, 7}, {2000, 2005}}, "7,2000-2005,3000,4000", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Categories
			ok := false
			for _, r := range tt.add {
				ok = c.Add(r.Low, r.High)
			}
			if c.String() != tt.want || ok != tt.last {
				t.Errorf("%q, %v; want %q, %v", c.String(), ok, tt.want, tt.last)
			}
			c.Reset()
			if c != (Categories{}) {
				t.Errorf("after Reset: %+v", c)
			}
		})
	}
}

// A set that is full takes nothing that needs one more range, and keeps what
// it has; what fits into its ranges it still takes.
func TestCategoriesFull(t *testing.T) {
	var c Categories
	for i := range uint16(MaxRanges) {
		if !c.Add(10+10*i, 10+10*i) {
			t.Fatalf("range %d refused", i)
		}
	}
	full := c
	for _, category := range []uint16{0, 15, 8, 12, 1202, 65534} {
		if c.Add(category, category) || c != full {
			t.Fatalf("%d: taken, or %s", category, c.String())
		}
	}
	if !c.Add(11, 11) || !c.Add(9, 9) || !c.Add(1200, 1300) || len(c.Ranges()) != MaxRanges {
		t.Fatalf("%s", c.String())
	}
	if !c.Add(12, 19) || len(c.Ranges()) != MaxRanges-1 || !c.Add(65534, 65534) {
		t.Fatalf("%s", c.String())
	}
	if !c.Add(0, MaxCategory) || c.String() != "0-65534" || c != categories(t, "0-65534") {
		t.Fatalf("%s", c.String())
	}
}

// However a set was made, it is the same value.
func TestCategoriesOrderDoesNotMatter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		s, want := randomSet(r)
		list := s.sorted()
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		var c Categories
		complete := true
		for _, category := range list {
			complete = c.Add(category, category) && complete
		}
		if complete && c != want {
			t.Fatalf("%s, want %s", c.String(), want.String())
		}
	}
}

func TestParseCategories(t *testing.T) {
	for _, tt := range []struct {
		name   string
		in     string
		want   string
		column int // of the error; 0: none
	}{
		{"empty", "", "", 0},
		{"one", "7", "7", 0},
		{"range", "1,5-7", "1,5-7", 0},
		{"range of one", "5-5", "5", 0},
		{"any order, overlapping", "7,1-3,3,2-5,0", "0-5,7", 0},
		{"leading zeroes", "007,65534", "7,65534", 0},
		{"65535", "1,65535", "", 3},
		{"range to 65535", "1-65535", "", 3},
		{"huge", "99999999999999999999999999", "", 1},
		{"backwards", "1,7-5", "", 3},
		{"trailing comma", "1,", "", 3},
		{"leading comma", ",1", "", 1},
		{"double comma", "1,,2", "", 3},
		{"space", "1, 2", "", 3},
		{"space at the end", "1 ", "", 2},
		{"sign", "-1", "", 1},
		{"open range", "1-", "", 3},
		{"double range", "1-2-3", "", 4},
		{"hexadecimal", "0x10", "", 2},
		{"kernel's way of listing", "5/1,2", "", 2},
		{"SELinux's way of listing", "c5.c7", "", 1},
		{"zero byte", "1\x00", "", 2},
		{"too many ranges", every(2, MaxRanges+1), "", len(every(2, MaxRanges)) + 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ParseCategories(tt.in)
			if c.String() != tt.want {
				t.Errorf("%q, want %q", c.String(), tt.want)
			}
			var problem *CategoriesError
			switch {
			case tt.column == 0 && err != nil:
				t.Error(err)
			case tt.column != 0 && (!errors.As(err, &problem) || problem.Column != tt.column):
				t.Errorf("error %v, want one in column %d", err, tt.column)
			case err != nil && (!strings.HasPrefix(err.Error(), "column ") || c != (Categories{})):
				t.Errorf("error %q with %s", err, c.String())
			}
		})
	}
}

// every lists n multiples of step.
func every(step, n int) string {
	s := set{}
	for i := range n {
		s[uint16(1000+step*i)] = true
	}
	return s.text()
}

func TestTagTypeNames(t *testing.T) {
	for _, tt := range []struct {
		name string
		tag  TagType
	}{{"restricted", 1}, {"enumerated", 2}, {"ranges", 5}, {"permissive", 6}, {"free-form", 7}, {"local", 128}, {"unknown", 0}, {"unknown", 255}} {
		if got := tt.tag.String(); got != tt.name {
			t.Errorf("tag %d: %q, want %q", uint8(tt.tag), got, tt.name)
		}
	}
}
