package kerneldoi

import (
	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nlenc"

	"labelgate/cipso"
)

// The family that keeps the definitions. Numbers are in the machine's byte order.
const (
	cipsoFamily = "NLBL_CIPSOv4"

	cipsoAdd     = 1
	cipsoRemove  = 2
	cipsoList    = 3
	cipsoListAll = 4

	cipsoDOI     = 1 // uint32
	cipsoType    = 2 // uint32
	cipsoTag     = 3 // uint8
	cipsoTagList = 4 // tags
)

// named returns the attribute that names a domain.
func named(number cipso.DOI) []byte {
	return attributes(netlink.Attribute{Type: cipsoDOI, Data: nlenc.Uint32Bytes(uint32(number))})
}

// encode returns the attributes that define a domain.
func encode(d Definition) []byte {
	tags := make([]netlink.Attribute, len(d.Tags))
	for i, t := range d.Tags {
		tags[i] = netlink.Attribute{Type: cipsoTag, Data: []byte{uint8(t)}}
	}
	return attributes(
		netlink.Attribute{Type: cipsoDOI, Data: nlenc.Uint32Bytes(uint32(d.Number))},
		netlink.Attribute{Type: cipsoType, Data: nlenc.Uint32Bytes(uint32(d.Type))},
		netlink.Attribute{Type: netlink.Nested | cipsoTagList, Data: attributes(tags...)},
	)
}

func attributes(a ...netlink.Attribute) []byte {
	b, err := netlink.MarshalAttributes(a)
	if err != nil {
		panic(err) // only for more than 65535 bytes
	}
	return b
}

// decode reads the attributes of an answer, which has not all of them. The tables
// of a translation are passed over.
func decode(b []byte) (Definition, error) {
	a, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return Definition{}, err
	}
	var d Definition
	for a.Next() {
		switch a.Type() {
		case cipsoDOI:
			d.Number = cipso.DOI(a.Uint32())
		case cipsoType:
			d.Type = Type(a.Uint32())
		case cipsoTagList:
			a.Nested(func(a *netlink.AttributeDecoder) error {
				for a.Next() {
					if a.Type() == cipsoTag {
						d.Tags = append(d.Tags, cipso.TagType(a.Uint8()))
					}
				}
				return nil
			})
		}
	}
	return d, a.Err()
}
