package lab

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"labelgate/internal/audit"
)

// Cell is one probe of a matrix and what became of it.
type Cell struct {
	Probe  Probe
	Result Result

	// Why is the record of the packet that was dropped, of the probe itself or,
	// when the outcome is OneWay, of the answer; nil when it passed or when no
	// record was found. At is the node whose labelgated wrote it.
	Why *audit.Record
	At  string

	// Let is a record of the probe's first packet that names the rule by which it
	// passed, the gateway's before the receiver's; nil when there is none, or when
	// what passes is not recorded.
	Let *audit.Record

	Expected *Expectation // nil when the topology expects nothing of it
}

// Outcome puts the cell into a word.
func (c *Cell) Outcome() Outcome { return c.Result.Outcome() }

// Reason returns why it did not pass, "" when it did or when nobody said why.
func (c *Cell) Reason() string {
	if c.Why == nil {
		return ""
	}
	return c.Why.Reason
}

// Met reports whether it is as the topology expects, if it does.
func (c *Cell) Met() bool {
	e := c.Expected
	return e == nil || e.Outcome == c.Outcome() && (e.Reason == "" || e.Reason == c.Reason())
}

// Timeouts of a matrix. The first is short, because it is paid for everything
// that is dropped. What did not arrive in it without anybody having dropped it
// may just have been slow, and gets a second chance.
const (
	firstTimeout  = 400 * time.Millisecond
	secondTimeout = 3 * time.Second
	atOnce        = 16 // probes
)

// Matrix sends a probe by every protocol from every host to every other, and
// finds out what became of each.
func (l *Lab) Matrix(ctx context.Context) ([]Cell, error) {
	var cells []Cell
	for _, from := range l.topology.Hosts {
		for _, to := range l.topology.Hosts {
			for _, proto := range Protos() {
				if from.Name != to.Name {
					p := Probe{From: from.Name, To: to.Name, Proto: proto, Timeout: firstTimeout}
					cells = append(cells, Cell{Probe: p, Expected: l.topology.expected(p)})
				}
			}
		}
	}
	all := make([]*Cell, len(cells))
	for i := range cells {
		all[i] = &cells[i]
	}
	unexplained, err := l.fire(ctx, all)
	if err != nil || len(unexplained) == 0 {
		return cells, err
	}
	for _, c := range unexplained {
		c.Probe.Timeout = secondTimeout
	}
	_, err = l.fire(ctx, unexplained)
	return cells, err
}

func (t *Topology) expected(p Probe) *Expectation {
	for i := range t.Expect {
		if e := &t.Expect[i]; e.From == p.From && e.To == p.To && e.Proto == p.Proto {
			return e
		}
	}
	return nil
}

// fire sends the probes of cells, and returns those that did not pass and of
// which no record says why.
func (l *Lab) fire(ctx context.Context, cells []*Cell) (unexplained []*Cell, err error) {
	g, probing := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, c := range cells {
		g.Go(func() (err error) {
			c.Result, err = l.Probe(probing, c.Probe)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if l.options.Daemons == NoDaemons {
		return nil, nil
	}
	// Records are written in the background.
	for deadline := time.Now().Add(500 * time.Millisecond); ; {
		if unexplained, err = l.explain(cells); err != nil || len(unexplained) == 0 || time.Now().After(deadline) {
			return unexplained, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// explain looks for what the nodes have recorded of each cell.
func (l *Lab) explain(cells []*Cell) (unexplained []*Cell, err error) {
	found := make(map[string][]audit.Record)
	for _, node := range l.state.Nodes {
		if found[node], err = l.Records(node); err != nil {
			return nil, err
		}
	}
	for _, c := range cells {
		c.Why, c.At = nil, ""
		if c.Let = find(found[GatewayName], l.flow(c, there), audit.Granted); c.Let == nil || c.Let.Rule == "" {
			c.Let = find(found[c.Probe.To], l.flow(c, there), audit.Granted)
		}
		if c.Outcome() == Passed {
			continue
		}
		// In the order of the packet's way: whoever drops it first is it.
		way, nodes := there, []string{c.Probe.From, GatewayName, c.Probe.To}
		if c.Outcome() == OneWay {
			way, nodes = back, []string{c.Probe.To, GatewayName, c.Probe.From}
		}
		for _, node := range nodes {
			if c.Why = find(found[node], l.flow(c, way), audit.Denied); c.Why != nil {
				c.At = node
				break
			}
		}
		if c.Why == nil {
			unexplained = append(unexplained, c)
		}
	}
	return unexplained, nil
}
