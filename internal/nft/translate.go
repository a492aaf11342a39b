package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Translates reports whether packets that arrive in a namespace may be given
// another destination address after they were judged at prerouting, and where. In
// such a namespace only the source may be judged there. netns is a descriptor, 0 for the calling
// thread's own namespace.
//
// These are taken for a translation, whatever they match:
//
//   - a chain of type nat at prerouting, in the family ip or inet. That is
//     iptables-nft as well. It need hold no rule: as long as it is there the kernel
//     translates the connections on whose first packet a rule decided that is gone;
//   - one at postrouting: the kernel translates the destination of the answers
//     back, at prerouting;
//   - a rule that writes to the destination address, redirects or diverts to a
//     local socket, in another chain at prerouting or in one that such a chain may
//     jump to;
//   - the nat table of the old iptables, once somebody has asked for it: its rules
//     cannot be told apart from here.
//
// What programs in BPF or tc rewrite is before or behind netfilter and not seen.
//
// Every call reads the list of all chains, and the rules of the tables that have a
// chain at prerouting not of type nat; who asks often uses a TranslationWatch.
func Translates(netns int) (where string, found bool, err error) {
	return (&TranslationWatch{NetNS: netns}).Translates()
}

// TranslationWatch answers the question of Translates again and again. As long as
// nobody changed a rule of nf_tables it asks the kernel for one number. The zero
// value is for the calling thread's namespace. It must not be used by two
// goroutines at once.
type TranslationWatch struct {
	// NetNS is a descriptor of the network namespace.
	NetNS int

	looked     bool
	generation uint32 // of the rules when it looked
	where      string // in nf_tables
}

// Translates is the function of the same name.
func (w *TranslationWatch) Translates() (where string, found bool, err error) {
	err = w.look()
	if where = w.where; err == nil && where == "" {
		where, err = legacyTranslation(w.NetNS)
	}
	if err != nil {
		return "", false, fmt.Errorf("nft: look for address translation: %w%s", err, advice(err))
	}
	return where, where != "", nil
}

// look brings what is known of nf_tables up to date. The number is read before the
// rules: what changes in between shows next time.
func (w *TranslationWatch) look() error {
	generation, err := rulesGeneration(w.NetNS)
	if err != nil || w.looked && generation == w.generation {
		return err
	}
	w.looked = false
	where, err := translation(w.NetNS)
	if err != nil {
		return err
	}
	w.looked, w.generation, w.where = true, generation, where
	return nil
}

// rulesGeneration returns a number that is another one after every change of the
// rules in a namespace.
func rulesGeneration(netns int) (uint32, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	replies, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_GETGEN, Flags: netlink.Request},
		Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, 0},
	})
	if err != nil {
		return 0, err
	}
	for _, m := range replies {
		if len(m.Data) < headerLen {
			continue
		}
		attrs, err := netlink.NewAttributeDecoder(m.Data[headerLen:])
		if err != nil {
			return 0, err
		}
		attrs.ByteOrder = binary.BigEndian
		for attrs.Next() {
			if attrs.Type() == unix.NFTA_GEN_ID {
				return attrs.Uint32(), nil
			}
		}
	}
	return 0, errors.New("the kernel does not number its rules")
}

// translation looks in nf_tables.
func translation(netns int) (string, error) {
	chains, err := listChains(netns, nftables.TableFamilyUnspecified)
	if err != nil {
		return "", err
	}
	type tableName struct {
		family nftables.TableFamily
		name   string
	}
	elsewhere := make(map[tableName][]string) // chains that no packet meets at prerouting
	var suspects []tableName
	for _, c := range chains {
		if c.family != nftables.TableFamilyIPv4 && c.family != nftables.TableFamilyINet {
			continue
		}
		t := tableName{c.family, c.table}
		switch {
		case !c.base: // somebody may jump to it
		case c.kind == nftables.ChainTypeNAT:
			if c.hook == *nftables.ChainHookPrerouting || c.hook == *nftables.ChainHookPostrouting {
				return fmt.Sprintf("chain %s of table %s %s", c.name, familyName(c.family), c.table), nil
			}
			elsewhere[t] = append(elsewhere[t], c.name)
		case c.hook != *nftables.ChainHookPrerouting:
			elsewhere[t] = append(elsewhere[t], c.name)
		case c.use > 0 && !slices.Contains(suspects, t):
			suspects = append(suspects, t)
		}
	}
	for _, t := range suspects {
		chain, err := rewritingChain(netns, t.family, t.name, elsewhere[t])
		if err != nil {
			return "", err
		}
		if chain != "" {
			return fmt.Sprintf("chain %s of table %s %s", chain, familyName(t.family), t.name), nil
		}
	}
	return "", nil
}

// rewritingChain returns a chain of the table, other than those excepted, that may
// give a packet another destination, "" if there is none.
func rewritingChain(netns int, family nftables.TableFamily, table string, excepted []string) (string, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return "", err
	}
	defer conn.Close()
	replies, err := dump(conn, unix.NFT_MSG_GETRULE, family, text(unix.NFTA_RULE_TABLE, table))
	if err != nil {
		return "", err
	}
	for _, m := range replies {
		chain, rewrites, err := ruleRewrites(m.Data)
		if err != nil {
			return "", err
		}
		if rewrites && !slices.Contains(excepted, chain) {
			return chain, nil
		}
	}
	return "", nil
}

// natTable is the table of the old iptables that translates addresses.
const natTable = "nat"

// legacyTranslation looks in the tables of the old iptables, of which the kernel
// tells the names.
func legacyTranslation(netns int) (string, error) {
	names, err := readInside(netns, "/proc/thread-self/net/ip_tables_names")
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // a kernel without them
	}
	if err != nil {
		return "", err
	}
	if slices.Contains(strings.Fields(string(names)), natTable) {
		return "table nat of iptables", nil
	}
	return "", nil
}

// readInside reads a file as a thread in the namespace sees it.
func readInside(netns int, path string) (data []byte, err error) {
	err = inside(netns, func() (err error) {
		data, err = os.ReadFile(path)
		return err
	})
	return data, err
}
