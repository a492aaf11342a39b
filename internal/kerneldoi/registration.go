package kerneldoi

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"labelgate/cipso"
)

// List returns what the kernel knows, in its own order. It needs no privileges.
func List() ([]Definition, error) { return list(dial) }

func list(d dialer) ([]Definition, error) {
	k, err := open(d)
	if err != nil {
		return nil, fmt.Errorf("kerneldoi: %w", err)
	}
	defer k.close()
	numbers, err := k.numbers()
	if err != nil {
		return nil, fmt.Errorf("kerneldoi: %w", err)
	}
	var all []Definition
	for _, n := range numbers {
		d, found, err := k.look(n)
		if err != nil {
			return nil, fmt.Errorf("kerneldoi: %w", err)
		}
		if found { // and not removed meanwhile
			all = append(all, d)
		}
	}
	return all, nil
}

// Registration is what a process has made known to the kernel. The zero value is
// one that has added nothing. It is for one goroutine at a time, which must stay in
// one network namespace.
type Registration struct {
	added   []cipso.DOI
	foreign []Definition
	dial    dialer // nil for the kernel's own
}

// Sync makes domains known to the kernel, as a first Update does. The Registration
// can be used when there is an error as well.
func Sync(want []cipso.DOI) (*Registration, error) {
	r := new(Registration)
	return r, r.Update(want)
}

// Added lists the domains that this registration has added and not taken back, in
// the order in which they were wanted.
func (r *Registration) Added() []cipso.DOI { return slices.Clone(r.added) }

// Foreign lists the wanted domains that somebody else has defined, as they were at
// the last Update. They may admit less than what Update would have added; see
// Definition.Admits.
func (r *Registration) Foreign() []Definition { return slices.Clone(r.foreign) }

// Update makes the wanted domains known to the kernel, and then takes back those
// that it has added before and that are wanted no more. What somebody else has
// defined is left as it is and becomes Foreign, also when it was put in the place
// of one that was added here.
//
// When a domain cannot be added, nothing is changed. When one cannot be taken back,
// everything else is done, the error says which (ErrInUse where a mapping needs it),
// and the next Update or Release tries again.
//
// Between a look and a change somebody else may change the same domain: the kernel
// has no lock for that.
func (r *Registration) Update(want []cipso.DOI) error {
	if len(want) == 0 && len(r.added) == 0 {
		r.foreign = nil
		return nil
	}
	d := r.dial
	if d == nil {
		d = dial
	}
	k, err := open(d)
	if err != nil {
		return fmt.Errorf("kerneldoi: %w", err)
	}
	defer k.close()
	if err := r.update(k, unique(want)); err != nil {
		return fmt.Errorf("kerneldoi: %w", err)
	}
	return nil
}

// Release takes back what was added, as an Update to nothing.
func (r *Registration) Release() error { return r.Update(nil) }

func (r *Registration) update(k *kernel, want []cipso.DOI) error {
	var ours, fresh []cipso.DOI
	var foreign []Definition
	for _, n := range want {
		found, isNew, err := k.ensure(own(n))
		if err != nil {
			left, undone := k.withdraw(fresh)
			r.added = unique(append(r.added, left...))
			return errors.Join(err, undone)
		}
		switch {
		case isNew:
			ours, fresh = append(ours, n), append(fresh, n)
		case found.equal(own(n)) && slices.Contains(r.added, n):
			ours = append(ours, n)
		default:
			foreign = append(foreign, found)
		}
	}
	gone := slices.DeleteFunc(slices.Clone(r.added), func(n cipso.DOI) bool { return slices.Contains(want, n) })
	left, err := k.withdraw(gone)
	r.added, r.foreign = append(ours, left...), foreign
	return err
}

// ensure defines a domain, or returns how it is defined already.
func (k *kernel) ensure(d Definition) (found Definition, isNew bool, err error) {
	found, ok, err := k.look(d.Number)
	if err != nil || ok {
		return found, false, err
	}
	err = k.add(d)
	if !errors.Is(err, os.ErrExist) {
		return d, err == nil, err
	}
	// Somebody was faster.
	if found, ok, again := k.look(d.Number); again != nil || ok {
		return found, false, again
	}
	return d, false, err
}

// withdraw removes definitions that were added here, and returns those that have to
// stay and why. What was put in their place meanwhile is not ours to remove.
func (k *kernel) withdraw(numbers []cipso.DOI) (left []cipso.DOI, err error) {
	var all []error
	for _, n := range numbers {
		if err := k.withdrawOne(n); err != nil {
			left, all = append(left, n), append(all, err)
		}
	}
	return left, errors.Join(all...)
}

func (k *kernel) withdrawOne(number cipso.DOI) error {
	found, ok, err := k.look(number)
	if err != nil {
		return err
	}
	if !ok || !found.equal(own(number)) {
		return nil
	}
	user, err := k.user(number)
	if err != nil {
		return err
	}
	if user != "" {
		return fmt.Errorf("DOI %d stays defined: %w by %s", number, ErrInUse, user)
	}
	return k.remove(number)
}

func unique(numbers []cipso.DOI) []cipso.DOI {
	var all []cipso.DOI
	for _, n := range numbers {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}
