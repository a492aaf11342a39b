package kerneldoi

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nlenc"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"

	"labelgate/cipso"
)

// Numbers of the families in the fake.
const (
	fakeCIPSO   = 40
	fakeMapping = 41
)

// fakeKernel answers as Linux does.
type fakeKernel struct {
	t           *testing.T
	definitions []Definition
	mappings    []fakeEntry
	standard    *fakeEntry // the default mapping
	deaf        bool       // has no NetLabel to show

	// before is called before a request about a domain is answered; an error
	// refuses it.
	before func(command uint8, number cipso.DOI) syscall.Errno

	dialed  int
	changes []string // what was asked for: +5 -7
}

type fakeEntry struct {
	domain string
	prefix bool
	number cipso.DOI
}

func (f *fakeKernel) dial() (*genetlink.Conn, error) {
	f.dialed++
	return genetlink.NewConn(nltest.Dial(f.serve)), nil
}

func (f *fakeKernel) log() string { return strings.Join(f.changes, " ") }

func (f *fakeKernel) index(number cipso.DOI) int {
	return slices.IndexFunc(f.definitions, func(d Definition) bool { return d.Number == number })
}

func (f *fakeKernel) replace(d Definition) {
	f.definitions = slices.DeleteFunc(f.definitions, func(e Definition) bool { return e.Number == d.Number })
	f.definitions = append(f.definitions, d)
}

func (f *fakeKernel) serve(requests []netlink.Message) ([]netlink.Message, error) {
	if len(requests) != 1 {
		return nil, io.EOF
	}
	request := requests[0]
	var m genetlink.Message
	if err := m.UnmarshalBinary(request.Data); err != nil {
		f.t.Fatal(err)
	}
	answers, errno := f.answer(request.Header.Type, m)
	if errno != 0 {
		return nltest.Error(int(errno), requests)
	}
	if request.Header.Flags&netlink.Acknowledge != 0 {
		return nltest.Error(0, requests)
	}
	replies := make([]netlink.Message, len(answers))
	for i, data := range answers {
		b, err := message(m.Header.Command, data).MarshalBinary()
		if err != nil {
			f.t.Fatal(err)
		}
		replies[i] = netlink.Message{Header: netlink.Header{Type: request.Header.Type, Sequence: request.Header.Sequence, PID: nltest.PID}, Data: b}
		if request.Header.Type == fakeMapping && request.Header.Flags&netlink.Dump == netlink.Dump {
			replies[i].Header.Sequence += uint32(i) // as Linux does
		}
	}
	if request.Header.Flags&netlink.Dump == netlink.Dump {
		for i := range replies {
			replies[i].Header.Flags |= netlink.Multi
		}
		replies = append(replies, netlink.Message{Header: netlink.Header{
			Type: netlink.Done, Flags: netlink.Multi, Sequence: request.Header.Sequence, PID: nltest.PID,
		}, Data: make([]byte, 4)})
	}
	return replies, nil
}

func (f *fakeKernel) answer(family netlink.HeaderType, m genetlink.Message) ([][]byte, syscall.Errno) {
	switch {
	case family == unix.GENL_ID_CTRL && m.Header.Command == unix.CTRL_CMD_GETFAMILY:
		return f.family(m.Data)
	case m.Header.Version != protocolVersion:
		f.t.Errorf("version %d", m.Header.Version)
	case family == fakeCIPSO:
		return f.cipso(m)
	case family == fakeMapping && m.Header.Command == mappingListAll:
		var all [][]byte
		for _, e := range f.mappings {
			all = append(all, e.encode())
		}
		return all, 0
	case family == fakeMapping && m.Header.Command == mappingListDef:
		if f.standard == nil {
			return nil, syscall.ENOENT
		}
		return [][]byte{f.standard.encode()}, 0
	}
	f.t.Errorf("family %d, command %d", family, m.Header.Command)
	return nil, syscall.EOPNOTSUPP
}

func (f *fakeKernel) family(data []byte) ([][]byte, syscall.Errno) {
	a, err := netlink.NewAttributeDecoder(data)
	if err != nil || !a.Next() || f.deaf {
		return nil, syscall.ENOENT
	}
	name := a.String()
	id, ok := map[string]uint16{cipsoFamily: fakeCIPSO, mappingFamily: fakeMapping}[name]
	if !ok {
		return nil, syscall.ENOENT
	}
	return [][]byte{attributes(
		netlink.Attribute{Type: unix.CTRL_ATTR_FAMILY_ID, Data: nlenc.Uint16Bytes(id)},
		netlink.Attribute{Type: unix.CTRL_ATTR_FAMILY_NAME, Data: nlenc.Bytes(name)},
		netlink.Attribute{Type: unix.CTRL_ATTR_VERSION, Data: nlenc.Uint32Bytes(protocolVersion)},
	)}, 0
}

func (f *fakeKernel) cipso(m genetlink.Message) ([][]byte, syscall.Errno) {
	if m.Header.Command == cipsoListAll {
		var all [][]byte
		for _, d := range f.definitions {
			all = append(all, attributes(
				netlink.Attribute{Type: cipsoDOI, Data: nlenc.Uint32Bytes(uint32(d.Number))},
				netlink.Attribute{Type: cipsoType, Data: nlenc.Uint32Bytes(uint32(d.Type))},
			))
		}
		return all, 0
	}
	d, err := decode(m.Data)
	if err != nil {
		f.t.Errorf("%x: %v", m.Data, err)
		return nil, syscall.EINVAL
	}
	if f.before != nil {
		if errno := f.before(m.Header.Command, d.Number); errno != 0 {
			return nil, errno
		}
	}
	i := f.index(d.Number)
	switch m.Header.Command {
	case cipsoList:
		if i < 0 {
			return nil, syscall.EINVAL
		}
		answer := f.definitions[i]
		answer.Number = 0 // is not told; decode is indifferent to a zero
		return [][]byte{encode(answer)}, 0
	case cipsoAdd:
		if i >= 0 {
			return nil, syscall.EEXIST
		}
		f.changes = append(f.changes, fmt.Sprint("+", d.Number))
		f.definitions = append(f.definitions, d)
		return nil, 0
	case cipsoRemove:
		if i < 0 {
			return nil, syscall.ENOENT
		}
		f.changes = append(f.changes, fmt.Sprint("-", d.Number))
		f.definitions = slices.Delete(f.definitions, i, i+1)
		return nil, 0
	}
	f.t.Errorf("command %d", m.Header.Command)
	return nil, syscall.EOPNOTSUPP
}

func (e fakeEntry) encode() []byte {
	uses := []netlink.Attribute{
		{Type: 2, Data: nlenc.Uint32Bytes(3)}, {Type: mappingDOI, Data: nlenc.Uint32Bytes(uint32(e.number))},
	}
	if e.prefix {
		other := attributes(netlink.Attribute{Type: 2, Data: nlenc.Uint32Bytes(5)}) // unlabeled
		uses = []netlink.Attribute{{Type: mappingSelectorList, Data: attributes(
			netlink.Attribute{Type: mappingSelector, Data: other}, netlink.Attribute{Type: mappingSelector, Data: attributes(uses...)},
		)}}
	}
	if e.domain != "" {
		uses = append([]netlink.Attribute{{Type: mappingDomain, Data: nlenc.Bytes(e.domain)}}, uses...)
	}
	return attributes(uses...)
}
