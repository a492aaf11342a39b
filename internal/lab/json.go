package lab

import (
	"encoding/json"
	"io"
)

// cellJSON is a cell as scripts read it.
type cellJSON struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Proto   string `json:"proto"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	Subject string `json:"subject,omitempty"`
	Object  string `json:"object,omitempty"`
	Rule    string `json:"rule,omitempty"`
	At      string `json:"at,omitempty"`       // the node that dropped it
	Met     *bool  `json:"expected,omitempty"` // whether it is as the topology expects, if it does
}

// writeJSON writes a line for each cell.
func writeJSON(w io.Writer, cells []Cell) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for i := range cells {
		c := &cells[i]
		line := cellJSON{From: c.Probe.From, To: c.Probe.To, Proto: c.Probe.Proto.String(), Outcome: c.Outcome().String(), Reason: c.Reason(), At: c.At}
		r := c.Why
		if r == nil {
			r = c.Let
		}
		if r != nil {
			line.Subject, line.Object, line.Rule = r.Subject, r.Object, r.Rule
		}
		if c.Expected != nil {
			met := c.Met()
			line.Met = &met
		}
		if err := e.Encode(line); err != nil {
			return err
		}
	}
	return nil
}
