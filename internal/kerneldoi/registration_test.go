package kerneldoi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/genetlink"

	"labelgate/cipso"
)

// TestUpdate: each step wants other domains; what the kernel is asked to change,
// and what is held to be ours and theirs.
func TestUpdate(t *testing.T) {
	trans := Definition{7, Trans, []cipso.TagType{1}}
	narrow := Definition{8, Pass, []cipso.TagType{1}}
	same := own(9)
	type step struct {
		do      func(f *fakeKernel)
		want    []cipso.DOI
		changes string
		err     error
		added   []cipso.DOI
		foreign []Definition
	}
	refuse := func(command uint8, number cipso.DOI, errno syscall.Errno) func(f *fakeKernel) {
		return func(f *fakeKernel) {
			f.before = func(c uint8, n cipso.DOI) syscall.Errno {
				if c == command && n == number {
					return errno
				}
				return 0
			}
		}
	}
	accept := func(f *fakeKernel) { f.before = nil }
	for _, tt := range []struct {
		name  string
		steps []step
	}{
		{"nothing", []step{{}, {}}},
		{"adds, again, takes back", []step{
			{want: []cipso.DOI{5, 6, 5}, changes: "+5 +6", added: []cipso.DOI{5, 6}},
			{want: []cipso.DOI{6, 5}, added: []cipso.DOI{6, 5}},
			{changes: "-6 -5"},
		}},
		{"new ones first", []step{
			{want: []cipso.DOI{5, 6}, changes: "+5 +6", added: []cipso.DOI{5, 6}},
			{want: []cipso.DOI{6, 4}, changes: "+4 -5", added: []cipso.DOI{6, 4}},
		}},
		{"what is there stays", []step{
			{want: []cipso.DOI{9, 8, 5, 7}, changes: "+5", added: []cipso.DOI{5}, foreign: []Definition{same, narrow, trans}},
			{want: []cipso.DOI{8}, changes: "-5", foreign: []Definition{narrow}},
			{},
		}},
		{"replaced by somebody", []step{
			{want: []cipso.DOI{5, 6}, changes: "+5 +6", added: []cipso.DOI{5, 6}},
			{
				do:   func(f *fakeKernel) { f.replace(Definition{5, Pass, []cipso.TagType{2}}) },
				want: []cipso.DOI{5, 6}, added: []cipso.DOI{6}, foreign: []Definition{{5, Pass, []cipso.TagType{2}}},
			},
			{do: func(f *fakeKernel) { f.replace(Definition{6, Trans, own(6).Tags}) }},
		}},
		{"the order of tags is somebody's, too", []step{
			{want: []cipso.DOI{5}, changes: "+5", added: []cipso.DOI{5}},
			{do: func(f *fakeKernel) { f.replace(Definition{5, Pass, []cipso.TagType{2, 1, 5}}) }},
		}},
		{"removed by somebody", []step{
			{want: []cipso.DOI{5, 6}, changes: "+5 +6", added: []cipso.DOI{5, 6}},
			{do: func(f *fakeKernel) { f.definitions = nil }, want: []cipso.DOI{5}, changes: "+5", added: []cipso.DOI{5}},
			{do: func(f *fakeKernel) { f.definitions = nil }},
		}},
		{"nothing is changed when one fails", []step{
			{want: []cipso.DOI{3}, changes: "+3", added: []cipso.DOI{3}},
			{do: refuse(cipsoAdd, 6, syscall.ENOMEM), want: []cipso.DOI{5, 6}, changes: "+5 -5", err: syscall.ENOMEM, added: []cipso.DOI{3}},
			{do: accept, want: []cipso.DOI{5, 6}, changes: "+5 +6 -3", added: []cipso.DOI{5, 6}},
		}},
		{"no way back", []step{
			{
				do: func(f *fakeKernel) {
					f.before = func(c uint8, n cipso.DOI) syscall.Errno {
						if c == cipsoAdd && n == 6 || c == cipsoRemove {
							return syscall.ENOMEM
						}
						return 0
					}
				},
				want: []cipso.DOI{5, 6}, changes: "+5", err: syscall.ENOMEM, added: []cipso.DOI{5},
			},
			{do: accept, changes: "-5"},
		}},
		{"not allowed", []step{{do: refuse(cipsoAdd, 5, syscall.EPERM), want: []cipso.DOI{5}, err: ErrPermission}}},
		{"cannot be read", []step{{do: refuse(cipsoList, 5, syscall.ENOMEM), want: []cipso.DOI{5}, err: syscall.ENOMEM}}},
		{"somebody is faster", []step{{
			do: func(f *fakeKernel) {
				f.before = func(c uint8, n cipso.DOI) syscall.Errno {
					if c == cipsoAdd {
						f.replace(own(n))
					}
					return 0
				}
			},
			want: []cipso.DOI{5}, foreign: []Definition{own(5)},
		}}},
		{"somebody is faster, twice", []step{{do: refuse(cipsoAdd, 5, syscall.EEXIST), want: []cipso.DOI{5}, err: os.ErrExist}}},
		{"mapped", []step{
			{want: []cipso.DOI{4, 5, 6, 3}, changes: "+4 +5 +6 +3", added: []cipso.DOI{4, 5, 6, 3}},
			{
				do: func(f *fakeKernel) {
					f.mappings = []fakeEntry{{"a", false, 77}, {"b", true, 5}, {"c", false, 4}}
					f.standard = &fakeEntry{number: 6}
				},
				changes: "-3", err: ErrInUse, added: []cipso.DOI{4, 5, 6},
			},
			{
				do:   func(f *fakeKernel) { f.mappings, f.standard = nil, nil },
				want: []cipso.DOI{5}, changes: "-4 -6", added: []cipso.DOI{5},
			},
		}},
		{"the kernel says busy", []step{
			{want: []cipso.DOI{5}, changes: "+5", added: []cipso.DOI{5}},
			{do: refuse(cipsoRemove, 5, syscall.EBUSY), err: ErrInUse, added: []cipso.DOI{5}},
		}},
		{"NetLabel is not to be seen", []step{
			{want: []cipso.DOI{5}, changes: "+5", added: []cipso.DOI{5}},
			{do: func(f *fakeKernel) { f.deaf = true }, want: []cipso.DOI{6}, err: notSeen(), added: []cipso.DOI{5}},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeKernel{t: t, definitions: []Definition{trans, narrow, same}}
			r := &Registration{dial: f.dial}
			for i, s := range tt.steps {
				f.changes = nil
				if s.do != nil {
					s.do(f)
				}
				err := r.Update(s.want)
				if wrong := s.err == nil && err != nil || s.err != nil && (err == nil || !errors.Is(err, s.err)); wrong {
					t.Errorf("step %d: error %v, want %v", i, err, s.err)
				}
				if f.log() != s.changes {
					t.Errorf("step %d: changes %q, want %q", i, f.log(), s.changes)
				}
				if diff := cmp.Diff(s.added, r.Added()); diff != "" {
					t.Errorf("step %d: added (-want +got):\n%s", i, diff)
				}
				if diff := cmp.Diff(s.foreign, r.Foreign()); diff != "" {
					t.Errorf("step %d: foreign (-want +got):\n%s", i, diff)
				}
			}
			for _, d := range []Definition{trans, narrow, same} {
				if i := f.index(d.Number); tt.name != "removed by somebody" && (i < 0 || !f.definitions[i].equal(d)) {
					t.Errorf("%v was touched", d)
				}
			}
		})
	}
}

// notSeen is what a missing family means where the tests run.
func notSeen() error {
	if here(sysctls) == initial {
		return ErrNoNetLabel
	}
	return ErrElsewhere
}

// TestUpdateIsQuiet: the kernel is not asked when there is nothing to ask.
func TestUpdateIsQuiet(t *testing.T) {
	f := &fakeKernel{t: t}
	r := &Registration{dial: f.dial}
	if err := errors.Join(r.Update(nil), r.Release()); err != nil || f.dialed != 0 {
		t.Errorf("%v after %d connections", err, f.dialed)
	}
}

// TestErrors: what is said to people names the domain and who needs it.
func TestErrors(t *testing.T) {
	f := &fakeKernel{t: t, mappings: []fakeEntry{{"web_t", false, 5}}, standard: &fakeEntry{prefix: true, number: 6}}
	r := &Registration{dial: f.dial}
	if err := r.Update([]cipso.DOI{5, 6}); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(r.Release())
	for _, want := range []string{`DOI 5 stays defined: in use by NetLabel's mapping of "web_t"`, "DOI 6 stays defined: in use by NetLabel's default mapping"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	r = &Registration{dial: func() (*genetlink.Conn, error) { return nil, syscall.EPROTONOSUPPORT }}
	if err := r.Update([]cipso.DOI{5}); !errors.Is(err, ErrNoNetLabel) {
		t.Errorf("a kernel without generic netlink: %v", err)
	}
	r.dial = func() (*genetlink.Conn, error) { return nil, syscall.EAFNOSUPPORT }
	if err := r.Update([]cipso.DOI{5}); !errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, ErrNoNetLabel) {
		t.Errorf("a filter of system calls: %v", err)
	}
}

func TestList(t *testing.T) {
	f := &fakeKernel{t: t}
	if all, err := list(f.dial); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	for n := cipso.DOI(1); n <= 300; n++ {
		f.definitions = append(f.definitions, Definition{n, Type(n%3 + 1), []cipso.TagType{128, 1}[:n%2+1]})
	}
	f.definitions = append(f.definitions, Definition{Number: 4294967295, Type: 9})
	all, err := list(f.dial)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.definitions, all); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	// One is removed between the list and a look at it.
	f.before = func(_ uint8, n cipso.DOI) syscall.Errno {
		if n == 7 {
			return syscall.EINVAL
		}
		return 0
	}
	if all, err := list(f.dial); err != nil || len(all) != 300 {
		t.Errorf("%d, %v", len(all), err)
	}
	f.deaf = true
	if _, err := list(f.dial); !errors.Is(err, notSeen()) {
		t.Errorf("%v", err)
	}
}

// TestDecode: answers that are none are errors.
func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, data string }{
		{"length beyond the end", "\x20\x00\x01\x00\x05\x00\x00\x00"},
		{"short number", "\x06\x00\x01\x00\x05\x00\x00\x00"},
		{"long tag", "\x0c\x00\x04\x00\x08\x00\x03\x00\x01\x00\x00\x00"},
		{"broken list", "\x08\x00\x04\x00\x09\x00\x03\x00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d, err := decode([]byte(tt.data)); err == nil {
				t.Errorf("%v", d)
			}
		})
	}
	if _, _, err := decodeMapping([]byte("\x0c\x00\x0a\x00\x20\x00\x09\x00\x00\x00\x00\x00"), 5); err == nil {
		t.Error("a broken selector is none")
	}
}

func TestAdmits(t *testing.T) {
	for _, tt := range []struct {
		name string
		d    Definition
		tags []cipso.TagType
		want bool
	}{
		{"ours", own(5), []cipso.TagType{5, 1, 2}, true},
		{"no tags", own(5), nil, true},
		{"fewer", Definition{5, Pass, []cipso.TagType{1}}, []cipso.TagType{1}, true},
		{"one too many", Definition{5, Pass, []cipso.TagType{1}}, []cipso.TagType{1, 2}, false},
		{"translated", Definition{5, Trans, []cipso.TagType{1}}, []cipso.TagType{1}, false},
		{"local", Definition{5, Local, []cipso.TagType{128}}, []cipso.TagType{1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.d.Admits(tt.tags...); got != tt.want {
				t.Errorf("%v admits %v: %v", tt.d, tt.tags, got)
			}
		})
	}
	if got := fmt.Sprint(Definition{16, Trans, []cipso.TagType{1, 5}}, Definition{Number: 1, Type: 9}); got != "DOI 16 (trans, tags 1,5) DOI 1 (type 9, tags )" {
		t.Error(got)
	}
}

// TestHere: what a namespace shows of the settings tells which one it is.
func TestHere(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string
		want  place
		err   []error // what a missing family means there
	}{
		{"initial", []string{"ipv4/tcp_mem", "core/netdev_max_backlog", "core/somaxconn"}, initial, []error{ErrNoNetLabel}},
		{"another", []string{"ipv4/ip_forward", "core/somaxconn"}, elsewhere, []error{ErrElsewhere}},
		{"one of the two was divided up", []string{"ipv4/tcp_mem"}, unknown, []error{ErrElsewhere, ErrNoNetLabel}},
		{"no proc", nil, unknown, []error{ErrElsewhere, ErrNoNetLabel}},
		{"something else", []string{"core/netdev_max_backlog"}, unknown, []error{ErrElsewhere, ErrNoNetLabel}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range tt.files {
				path := filepath.Join(dir, f)
				if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			got := here(dir)
			if got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
			for _, e := range []error{ErrElsewhere, ErrNoNetLabel} {
				want := false
				for _, w := range tt.err {
					want = want || w == e
				}
				if errors.Is(absent(got), e) != want {
					t.Errorf("%v is %v: %v", absent(got), e, !want)
				}
			}
		})
	}
}
