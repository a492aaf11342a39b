package sandbox

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMissing: what older kernels cannot deny is asked of none, and said.
func TestMissing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		kernel  landlock
		threads threads
		fs      uint64
		net     uint64
		scoped  uint64
		missing string // words of the sentences, in order
	}{
		{name: "none", missing: "files"},
		{name: "1", kernel: landlock{abi: 1}, fs: 1<<13 - 1, missing: "changes TCP abstract signals"},
		{name: "2", kernel: landlock{abi: 2}, fs: 1<<14 - 1, missing: "changes TCP abstract signals"},
		{name: "3", kernel: landlock{abi: 3}, fs: 1<<15 - 1, missing: "TCP abstract signals"},
		{name: "4", kernel: landlock{abi: 4}, fs: 1<<15 - 1, net: 3, missing: "abstract signals"},
		{name: "5", kernel: landlock{abi: 5}, fs: 1<<16 - 1, net: 3, missing: "abstract signals"},
		{name: "6, one thread", kernel: landlock{abi: 6}, fs: 1<<16 - 1, net: 3, scoped: 3},
		{name: "6, all threads", kernel: landlock{abi: 6}, threads: every, fs: 1<<16 - 1, net: 3, scoped: 1, missing: "signals"},
		{name: "6, corrected", kernel: landlock{6, scopedThreads}, threads: every, fs: 1<<16 - 1, net: 3, scoped: 3},
		{name: "of the future", kernel: landlock{abi: 99}, fs: 1<<16 - 1, net: 3, scoped: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.kernel.abi > 0 {
				want := unix.LandlockRulesetAttr{Handled_access_fs: tt.fs, Handled_access_net: tt.net, Scoped: tt.scoped}
				if got := tt.kernel.handled(tt.threads); got != want {
					t.Errorf("handled %+v, want %+v", got, want)
				}
			}
			missing, words := tt.kernel.missing(tt.threads), strings.Fields(tt.missing)
			if len(missing) != len(words) {
				t.Fatalf("missing %q, want %q", missing, words)
			}
			for i, m := range missing {
				if !strings.Contains(m, words[i]) {
					t.Errorf("missing %q, want something about %q", m, words[i])
				}
			}
		})
	}
}

// TestProfiles: a profile that makes no sense, or names what is not there, is
// refused before anything was given up.
func TestProfiles(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile Profile
		enter   bool
		want    string
	}{
		{name: "no role", want: "without a role"},
		{name: "no such role", profile: Profile{Role: 9}, want: "without a role"},
		{name: "a judge starts programs", profile: Profile{Role: Judge, Execute: []string{"/"}}, want: "starts programs"},
		{name: "an auditor starts programs", profile: Profile{Role: Auditor, Execute: []string{"/"}}, want: "starts programs"},
		{name: "a judge writes", profile: Profile{Role: Judge, Write: []string{"/"}}, want: "writes no files"},
		{name: "control writes", profile: Profile{Role: Control, Write: []string{"/"}}, want: "writes no files"},
		{name: "a keeper applies", profile: Profile{Role: Keeper}, want: "Apply is for"},
		{name: "a judge enters", profile: Profile{Role: Judge}, enter: true, want: "Enter is for"},
		{name: "nobody", enter: true, want: "without a role"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if tt.enter {
				_, err = Enter(tt.profile, func() error { t.Error("executed"); return nil })
			} else {
				_, err = Apply(tt.profile)
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

// TestMissingPath: the path is named that is not there, and root is no identity to
// become.
func TestMissingPath(t *testing.T) {
	needRoot(t)
	for _, k := range []task{
		{Apply: &Profile{Role: Judge, Read: []string{"/no/such/policy"}}},
		{Apply: &Profile{Role: Auditor, Write: []string{"/no/such/policy"}}},
		{Enter: &Profile{Role: Keeper, Execute: []string{"/no/such/policy"}}},
	} {
		k.Do = "nothing"
		if o := k.inmate(t); o.code != 1 || !strings.Contains(o.stderr, "/no/such/policy: no such file") {
			t.Errorf("%s: exit code %d, %s", k.role(), o.code, o.stderr)
		}
	}
	k := task{Enter: &Profile{Role: Keeper, Become: &Identity{0, 5}}, Do: "nothing"}
	if o := k.inmate(t); o.code != 1 || !strings.Contains(o.stderr, "neither may be root") {
		t.Errorf("exit code %d, %s", o.code, o.stderr)
	}
}
