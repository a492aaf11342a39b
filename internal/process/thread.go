package process

import (
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel kills a child that asked for that when the thread ends that started it,
// not the process, and Go ends and makes threads as it likes. When a program is
// replaced by another, all its threads end but the one that asks for it. So children
// are started, and programs replaced, by the first thread, which lives as long as the
// process.
func init() { runtime.LockOSThread() }

var (
	work   = make(chan func())
	served = make(chan struct{}) // closed: the first thread takes work
	once   sync.Once
)

// Main runs f in a goroutine of its own, and on the first thread what Start and
// Replace need done there. The main function must call it, and end with what it
// returns.
func Main(f func() int) int {
	code := make(chan int, 1)
	once.Do(func() { close(served) })
	go func() { code <- f() }()
	for {
		select {
		case do := <-work:
			do()
		case c := <-code:
			return c
		}
	}
}

// spare is a thread for programs that do not call Main, such as tests.
var spare = sync.OnceFunc(func() {
	go func() {
		runtime.LockOSThread()
		for do := range work {
			do()
		}
	}()
})

// onThread runs f on the thread that children belong to.
func onThread(f func()) {
	select {
	case <-served:
	default:
		spare()
	}
	done := make(chan struct{})
	work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Replace runs execute, which makes this process run another program, with the same
// process id, children and descriptors that are not to be closed. It returns only when
// that fails, and nothing has changed then.
func Replace(execute func() error) error {
	var err error
	onThread(func() { err = execute() })
	return err
}

// DeathSignal returns the signal that this process asked for at its parent's end
// (prctl(2), PR_SET_PDEATHSIG), 0 for none. It is the first thread's, and lost when
// another executes a program.
func DeathSignal() int {
	var signal int32
	onThread(func() {
		if unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)), 0, 0, 0) != nil {
			signal = 0
		}
	})
	return int(signal)
}

// SetDeathSignal asks for it again. It fails when parent, the process that it is
// about, has ended meanwhile.
func SetDeathSignal(signal, parent int) (err error) {
	onThread(func() { err = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(signal), 0, 0, 0) })
	if err == nil && os.Getppid() != parent {
		err = os.ErrProcessDone
	}
	return err
}
