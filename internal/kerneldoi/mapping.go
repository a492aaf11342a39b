package kerneldoi

import (
	"errors"
	"fmt"
	"os"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"

	"labelgate/cipso"
)

// The family that keeps the mappings, which say who of this machine sends labels
// of which domain.
const (
	mappingFamily = "NLBL_MGMT"

	mappingListAll = 3
	mappingListDef = 6

	mappingDomain       = 1  // string
	mappingDOI          = 4  // uint32
	mappingSelector     = 9  // a mapping of one prefix
	mappingSelectorList = 10 // selectors
)

// user says which mapping sends labels of a domain, "" when none does.
//
// It has to be asked: with a definition the kernel removes, without a word, every
// mapping that names it, and a mapping by prefixes, or the default, goes on with
// what is not in the list any more.
func (k *kernel) user(number cipso.DOI) (string, error) {
	family, err := k.family(mappingFamily)
	if err != nil {
		return "", err
	}
	mappings, err := k.mappings(family)
	if err != nil {
		return "", fmt.Errorf("list of NetLabel's mappings: %w", explain(err))
	}
	for _, m := range mappings {
		domain, uses, err := decodeMapping(m.Data, number)
		if err != nil {
			return "", fmt.Errorf("list of NetLabel's mappings: %w", err)
		}
		if uses && domain == "" {
			return "NetLabel's default mapping", nil
		}
		if uses {
			return fmt.Sprintf("NetLabel's mapping of %q", domain), nil
		}
	}
	return "", nil
}

func (k *kernel) mappings(family genetlink.Family) ([]genetlink.Message, error) {
	// The kernel counts the sequence number up from one mapping to the next, which
	// Execute would take for answers to somebody else.
	if _, err := k.conn.Send(message(mappingListAll, nil), family.ID, netlink.Request|netlink.Dump); err != nil {
		return nil, err
	}
	all, _, err := k.conn.Receive()
	if err != nil {
		return nil, err
	}
	standard, err := k.conn.Execute(message(mappingListDef, nil), family.ID, netlink.Request)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return append(all, standard...), nil
}

// decodeMapping reads whom a mapping is for and whether it names a domain.
func decodeMapping(b []byte, number cipso.DOI) (domain string, uses bool, err error) {
	a, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return "", false, err
	}
	for a.Next() {
		switch a.Type() {
		case mappingDomain:
			domain = a.String()
		case mappingDOI:
			uses = uses || cipso.DOI(a.Uint32()) == number
		case mappingSelectorList, mappingSelector:
			a.Do(func(b []byte) error {
				_, within, err := decodeMapping(b, number)
				uses = uses || within
				return err
			})
		}
	}
	return domain, uses, a.Err()
}
