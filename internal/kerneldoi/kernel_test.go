package kerneldoi

import (
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nlenc"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"labelgate/cipso"
)

// The numbers that tests may define. The kernel's list is the whole machine's.
const firstTestDOI, lastTestDOI = 77000, 77099

// realKernel connects to the kernel and returns numbers that nobody has defined.
// Whatever is defined by them when the test ends is removed.
func realKernel(t *testing.T) (k *kernel, numbers [4]cipso.DOI) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: defines domains in the kernel")
	}
	k, err := open(dial)
	if errors.Is(err, ErrElsewhere) || errors.Is(err, ErrNoNetLabel) {
		t.Skipf("needs NetLabel and the initial network namespace: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	alone(t)
	defined, err := k.numbers()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for doi := cipso.DOI(firstTestDOI); doi <= lastTestDOI && n < len(numbers); doi++ {
		if !slices.Contains(defined, doi) {
			numbers[n] = doi
			n++
		}
	}
	if n < len(numbers) {
		t.Skipf("needs DOIs that are not defined among %d..%d", firstTestDOI, lastTestDOI)
	}
	t.Cleanup(func() {
		for _, doi := range numbers {
			if _, found, err := k.look(doi); !found && err == nil {
				continue
			}
			if err := k.remove(doi); err != nil {
				t.Error(err)
			}
		}
		k.mustNotKnow(t, numbers[:]...)
	})
	if err := k.add(own(numbers[0])); errors.Is(err, ErrPermission) {
		t.Skipf("needs more rights: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := k.remove(numbers[0]); err != nil {
		t.Fatal(err)
	}
	return k, numbers
}

// alone waits until no other run of these tests uses the numbers.
func alone(t *testing.T) {
	t.Helper()
	dir, err := os.Open(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

func (k *kernel) must(t *testing.T, number cipso.DOI) Definition {
	t.Helper()
	d, found, err := k.look(number)
	if err != nil || !found {
		t.Fatalf("DOI %d: found %v, %v", number, found, err)
	}
	return d
}

func (k *kernel) mustNotKnow(t *testing.T, numbers ...cipso.DOI) {
	t.Helper()
	for _, n := range numbers {
		if d, found, err := k.look(n); found || err != nil {
			t.Errorf("%v is defined, %v", d, err)
		}
	}
}

func TestKernelRegistration(t *testing.T) {
	k, n := realKernel(t)
	theirs := Definition{n[1], Pass, []cipso.TagType{1}}
	if err := k.add(theirs); err != nil {
		t.Fatal(err)
	}
	r, err := Sync([]cipso.DOI{n[0], n[1], n[2]})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]cipso.DOI{n[0], n[2]}, r.Added()); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Definition{theirs}, r.Foreign()); diff != "" {
		t.Errorf("foreign (-want +got):\n%s", diff)
	}
	all, err := List()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Definition{own(n[0]), theirs, own(n[2])} {
		if !slices.ContainsFunc(all, want.equal) {
			t.Errorf("%v is not among %v", want, all)
		}
	}

	second, err := Sync([]cipso.DOI{n[0], n[1], n[2]})
	if err != nil || len(second.Added()) != 0 || len(second.Foreign()) != 3 {
		t.Errorf("a second one: %v, added %v, foreign %v", err, second.Added(), second.Foreign())
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}

	if err := r.Update([]cipso.DOI{n[0], n[3]}); err != nil {
		t.Error(err)
	}
	k.mustNotKnow(t, n[2])

	// Somebody puts another definition in the place of one of ours.
	replaced := Definition{n[0], Pass, []cipso.TagType{2}}
	if err := errors.Join(k.remove(n[0]), k.add(replaced)); err != nil {
		t.Fatal(err)
	}
	if err := r.Release(); err != nil {
		t.Error(err)
	}
	if d := k.must(t, n[0]); !d.equal(replaced) {
		t.Errorf("%v was put there by somebody else and is now %v", replaced, d)
	}
	if d := k.must(t, n[1]); !d.equal(theirs) {
		t.Errorf("%v was there before and is now %v", theirs, d)
	}
	k.mustNotKnow(t, n[3])
}

// TestKernelRefuses: DOI 0 cannot be defined, and then nothing is.
func TestKernelRefuses(t *testing.T) {
	k, n := realKernel(t)
	r, err := Sync([]cipso.DOI{n[0], 0, n[1]})
	if !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%v", err)
	}
	if len(r.Added()) != 0 {
		t.Errorf("added %v", r.Added())
	}
	k.mustNotKnow(t, n[:]...)
	if err := errors.Join(k.add(own(n[0])), k.add(own(n[0]))); !errors.Is(err, os.ErrExist) {
		t.Errorf("defined twice: %v", err)
	}
	if err := k.remove(n[1]); err != nil {
		t.Errorf("removed what is not there: %v", err)
	}
}

// mapping asks the kernel that a domain of subjects sends labels of a DOI, all
// its packets or those to a prefix.
func (k *kernel) mapping(t *testing.T, domain string, number cipso.DOI, prefix bool) {
	t.Helper()
	const add, remove, protocol, addr, mask, cipso4 = 1, 2, 2, 7, 8, 3
	family, err := k.family(mappingFamily)
	if err != nil {
		t.Fatal(err)
	}
	name := netlink.Attribute{Type: mappingDomain, Data: nlenc.Bytes(domain)}
	a := []netlink.Attribute{
		name, {Type: protocol, Data: nlenc.Uint32Bytes(cipso4)}, {Type: mappingDOI, Data: nlenc.Uint32Bytes(uint32(number))},
	}
	if prefix {
		a = append(a, netlink.Attribute{Type: addr, Data: []byte{192, 0, 2, 0}}, netlink.Attribute{Type: mask, Data: []byte{255, 255, 255, 0}})
	}
	if _, err := k.conn.Execute(message(add, attributes(a...)), family.ID, netlink.Request|netlink.Acknowledge); err != nil {
		t.Fatalf("mapping of %s: %v", domain, err)
	}
	t.Cleanup(func() {
		_, err := k.conn.Execute(message(remove, attributes(name)), family.ID, netlink.Request|netlink.Acknowledge)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	})
}

// TestKernelInUse: what a mapping needs stays, and so does the mapping.
func TestKernelInUse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		prefix bool
	}{{"plain", false}, {"by prefix", true}} {
		t.Run(tt.name, func(t *testing.T) {
			k, n := realKernel(t)
			r, err := Sync([]cipso.DOI{n[0], n[1], n[2]})
			if err != nil {
				t.Fatal(err)
			}
			t.Run("mapped", func(t *testing.T) {
				k.mapping(t, "labelgate-test-a", n[0], tt.prefix)
				k.mapping(t, "labelgate-test-b", n[1], tt.prefix)
				if err := r.Release(); !errors.Is(err, ErrInUse) {
					t.Errorf("%v", err)
				}
				if diff := cmp.Diff([]cipso.DOI{n[0], n[1]}, r.Added()); diff != "" {
					t.Errorf("left (-want +got):\n%s", diff)
				}
				k.must(t, n[0])
				for _, doi := range n[:2] {
					if by, err := k.user(doi); by == "" || err != nil {
						t.Errorf("the mapping to DOI %d is gone: %v", doi, err)
					}
				}
			})
			if err := r.Release(); err != nil || len(r.Added()) != 0 {
				t.Errorf("the mappings are gone: %v, %v", err, r.Added())
			}
		})
	}
}

// TestKernelRemovesMappings shows why user is asked: the kernel does not refuse.
func TestKernelRemovesMappings(t *testing.T) {
	k, n := realKernel(t)
	if err := k.add(own(n[0])); err != nil {
		t.Fatal(err)
	}
	k.mapping(t, "labelgate-test-a", n[0], false)
	if by, err := k.user(n[0]); by != `NetLabel's mapping of "labelgate-test-a"` || err != nil {
		t.Fatalf("%q, %v", by, err)
	}
	if err := k.remove(n[0]); errors.Is(err, ErrInUse) {
		t.Skipf("this kernel refuses by itself: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if by, err := k.user(n[0]); by != "" || err != nil {
		t.Errorf("%q, %v", by, err)
	}
}

// onThread runs f on a thread of its own, which prepare may change and which ends
// with it.
func onThread(t *testing.T, prepare func() error, f func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := prepare()
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Skipf("needs a thread of its own: %v", err)
	}
}

func newNamespace() error {
	ns, err := netns.New()
	if err == nil {
		ns.Close()
	}
	return err
}

// TestKernelElsewhere: other network namespaces neither see nor change the list,
// and are judged by it.
func TestKernelElsewhere(t *testing.T) {
	k, n := realKernel(t)
	onThread(t, newNamespace, func() {
		r, err := Sync(n[:])
		if !errors.Is(err, ErrElsewhere) || errors.Is(err, ErrNoNetLabel) {
			t.Errorf("Sync: %v", err)
		}
		if len(r.Added()) != 0 || len(r.Foreign()) != 0 {
			t.Errorf("added %v, foreign %v", r.Added(), r.Foreign())
		}
		if err := r.Release(); err != nil {
			t.Errorf("Release: %v", err)
		}
		if _, err := List(); !errors.Is(err, ErrElsewhere) {
			t.Errorf("List: %v", err)
		}
		if err := send(n[0]); !errors.Is(err, unix.EINVAL) {
			t.Errorf("an option of an unknown domain: %v", err)
		}
	})
	k.mustNotKnow(t, n[:]...)
	if err := k.add(own(n[0])); err != nil {
		t.Fatal(err)
	}
	onThread(t, newNamespace, func() {
		if err := send(n[0]); err != nil {
			t.Errorf("an option of a known domain: %v", err)
		}
	})
}

// send gives a socket the option of a label, which the kernel examines as it does
// one that arrives.
func send(number cipso.DOI) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	option := binary.BigEndian.AppendUint32([]byte{134, 10}, uint32(number))
	option = append(option, 1, 4, 0, 5) // tag 1, level 5
	return unix.SetsockoptString(fd, unix.IPPROTO_IP, unix.IP_OPTIONS, string(append(option, 0, 0)))
}

// TestKernelPermission: reading is for everybody, changing is not.
func TestKernelPermission(t *testing.T) {
	_, n := realKernel(t)
	onThread(t, func() error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			return err
		}
		data[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		return unix.Capset(&header, &data[0])
	}, func() {
		if _, err := List(); err != nil {
			t.Errorf("List: %v", err)
		}
		r, err := Sync(n[:1])
		if !errors.Is(err, ErrPermission) || !errors.Is(err, unix.EPERM) {
			t.Errorf("Sync: %v", err)
		}
		if len(r.Added()) != 0 {
			t.Errorf("added %v", r.Added())
		}
	})
}
