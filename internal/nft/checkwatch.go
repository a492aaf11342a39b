package nft

import (
	"maps"
	"reflect"
	"time"
)

// CheckWatch answers the question of Check again and again. As long as neither the
// rules of nf_tables nor the interfaces are others than when everything was as it
// should be, it asks the kernel for a number and for a list of interfaces. The zero
// value is ready. It must not be used by two goroutines at once.
type CheckWatch struct {
	right      bool // everything was as it should be, then:
	plan       Plan
	generation uint32
	interfaces map[string]uint32
	at         time.Time
}

// checkAnyway is for changes that nobody numbers.
const checkAnyway = time.Minute

// Check is the function of the same name. All is read once a minute, whatever the
// kernel says.
func (w *CheckWatch) Check(p Plan) error {
	// What changes while the rules are read shows next time.
	generation, err := rulesGeneration(p.NetNS)
	if err != nil {
		return err
	}
	interfaces, err := interfaceIndexes(p.NetNS)
	if err != nil {
		return err
	}
	if w.right && w.generation == generation && maps.Equal(w.interfaces, interfaces) && time.Since(w.at) < checkAnyway && reflect.DeepEqual(w.plan, p) {
		return nil
	}
	w.right = false
	if err := Check(p); err != nil {
		return err
	}
	*w = CheckWatch{right: true, plan: p, generation: generation, interfaces: interfaces, at: time.Now()}
	return nil
}
