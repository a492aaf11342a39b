package nft

import (
	"errors"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel refuses, and what of it is said to whom.
func TestTakeNetdev(t *testing.T) {
	plan := Plan{Table: "t", Zones: []Zone{{Index: 1, Name: "a", Interfaces: []string{"e0", "e1"}}}}
	missingTable := &DriftError{Found: []string{"family netdev: the table is missing"}}
	one, both := map[string]bool{"e0": true}, map[string]bool{"e0": true, "e1": true}
	tests := []struct {
		name    string
		present []map[string]bool // at each look; the last for ever
		drift   *DriftError       // missingTable if nil
		answers []error           // the last for ever
		puts    []int             // how many chains each time
		ok      bool
		err     error
	}{
		{"as it should be", nil, &DriftError{}, nil, nil, true, nil},
		{"chains for interfaces to come", []map[string]bool{one}, nil, []error{nil}, []int{6}, true, nil},
		{"not for interfaces to come", []map[string]bool{one}, nil, []error{unix.ENOENT, nil}, []int{6, 4}, true, nil},
		{"no such family", []map[string]bool{one}, nil, []error{unix.EOPNOTSUPP}, []int{6, 4, 6, 4}, false, nil},
		{"no such chain type", []map[string]bool{one}, nil, []error{unix.ENOENT}, []int{6, 4, 6, 4}, false, nil},
		{"an interface went meanwhile", []map[string]bool{both, one}, nil, []error{unix.ENOENT, unix.ENOENT, unix.ENOENT, unix.ENOENT, unix.ENOENT, nil}, []int{6, 6, 6, 6, 6, 4}, true, nil},
		{"cannot be renewed", []map[string]bool{one}, nil, []error{errOtherTable, nil}, []int{6, 6}, true, nil},
		{"not permitted", []map[string]bool{one}, nil, []error{unix.EPERM}, []int{6, 6}, false, unix.EPERM},
		{"one came", []map[string]bool{both}, &DriftError{Found: []string{"missing"}, Bare: []string{"e1"}, absent: []string{"egress-e1"}}, []error{nil}, []int{1}, true, nil},
		{"one came whole", []map[string]bool{both}, &DriftError{Found: []string{"a", "b"}, Bare: []string{"e1", "e1"}, absent: []string{"ingress-e1", "egress-e1"}}, []error{nil}, []int{2}, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			looks, puts := 0, []int(nil)
			look := func() (table, *DriftError, error) {
				d := tt.drift
				if d == nil {
					d = missingTable
				}
				var present map[string]bool
				if n := len(tt.present); n > 0 {
					present = tt.present[min(looks, n-1)]
				}
				looks++
				return netdev(plan, present), d, nil
			}
			put := func(t table, _ putFunc) error {
				err := tt.answers[min(len(puts), len(tt.answers)-1)]
				puts = append(puts, len(t.chains))
				return err
			}
			ok, err := takeNetdev(look, put)
			if ok != tt.ok || !errors.Is(err, tt.err) || !reflect.DeepEqual(puts, tt.puts) {
				t.Errorf("%v, %v after %v chains; want %v, %v after %v", ok, err, puts, tt.ok, tt.err, tt.puts)
			}
		})
	}
	broken := errors.New("broken")
	if _, err := takeNetdev(func() (table, *DriftError, error) { return table{}, nil, broken }, nil); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// No two interfaces share a chain.
func TestIngressName(t *testing.T) {
	tests := []struct{ name, device, want string }{
		{"usual", "eth0", "ingress-eth0"},
		{"VLAN", "eth0.10", "ingress-eth0.10"},
		{"letters that nft knows", "a_B-9", "ingress-a_B-9"},
		{"others", "a@b", "ingress-a/40b"},
		{"longest", `~~~~~~~~~~~~~~~`, "ingress-/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e/7e"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := deviceChain("ingress", tt.device); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}
