package engine

// matrix finds the rule of a subject and an object where there are few labels:
// one cell for each pair, so that a lookup is one access to a table that mostly
// stays in the cache.
type matrix struct {
	cells  []uint32 // the index of the rule plus 1, above its Access; 0 is no rule
	stride uint32
}

// matrixLabels is the number of labels up to which a matrix is worth its four
// bytes a pair: 4 MiB at most.
const matrixLabels = 1024

// newMatrix compiles the global rules, or returns nil where they do not fit.
func newMatrix(rules []rule, labels int) *matrix {
	if labels > matrixLabels || len(rules) >= 1<<(32-accessBits) {
		return nil
	}
	m := &matrix{cells: make([]uint32, labels*labels), stride: uint32(labels)}
	for i := range rules {
		if r := &rules[i]; r.list == global {
			m.cells[uint32(r.subject)*m.stride+uint32(r.object)] = uint32(i+1)<<accessBits | uint32(r.access)
		}
	}
	return m
}

func (m *matrix) find(s, o Label) (int32, Access) {
	c := m.cells[uint32(s)*m.stride+uint32(o)]
	return int32(c>>accessBits) - 1, Access(c & (1<<accessBits - 1))
}
