package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"labelgate/cipso"
	"labelgate/internal/config"
	"labelgate/internal/control"
	"labelgate/internal/kerneldoi"
)

// domains keeps the gateway's domains of interpretation in the kernel's list. No
// packet of a zone needs them there: while the kernel's parser sees one, its label
// is NOPs. It is the machine's own stack, its containers and its other namespaces
// that lose labeled packets otherwise. So nothing that fails here stops a gateway.
type domains struct {
	registrar
	said map[string]bool // what was wrong the last time
	err  error           // of the last time
}

// registrar changes the kernel's list; a *kerneldoi.Registration.
type registrar interface {
	Update(want []cipso.DOI) error
	Release() error
	Added() []cipso.DOI
	Foreign() []kerneldoi.Definition
}

var _ registrar = (*kerneldoi.Registration)(nil)

// register brings the kernel's list into line with the settings. What is wrong is
// said when it is news.
func (d *daemon) register(c *config.Config) {
	said := make(map[string]bool)
	news := func(key string) bool {
		said[key] = true
		return !d.domains.said[key]
	}
	var want []cipso.DOI
	if c.KernelDOI == config.Register {
		for _, doi := range c.DOIs {
			want = append(want, doi.Number)
		}
	}
	before := d.domains.Added()
	err := d.domains.Update(want)
	d.domains.err = err
	if now := d.domains.Added(); !slices.Equal(now, before) {
		d.Log.Info("the kernel's domains of interpretation are updated", "registered", now)
	}
	switch {
	case errors.Is(err, kerneldoi.ErrElsewhere), errors.Is(err, kerneldoi.ErrNoNetLabel):
		if news(err.Error()) {
			d.Log.Info("the kernel is not told of the domains of interpretation; nothing that passes this gateway depends on it: "+
				"labels wait as NOPs while the kernel examines a packet, and are put on behind that", "why", err.Error())
		}
	case err != nil:
		if news(err.Error()) {
			d.Log.Warn("the kernel's domains of interpretation are not as the settings want them (kernel-doi); zones are judged all the same", "error", err.Error())
		}
	}
	for _, f := range d.domains.Foreign() {
		i := slices.IndexFunc(c.DOIs, func(doi config.DOI) bool { return doi.Number == f.Number })
		if i < 0 || f.Admits(c.DOIs[i].Tags...) {
			continue
		}
		wanted := kerneldoi.Definition{Number: f.Number, Type: kerneldoi.Pass, Tags: c.DOIs[i].Tags}
		if !news(f.String() + wanted.String()) {
			continue
		}
		d.Log.Warn("the kernel has another definition of a domain, not from this labelgated, and it stays: "+
			"the machine's own stack and its containers do not take every label that the settings admit",
			"kernel", f.String(), "wanted", wanted.String(), "line", c.DOIs[i].Line)
	}
	d.domains.said = said
}

// inKernel completes rows of domains with what is known of them in the kernel.
func (d *daemon) inKernel(r control.Response) (control.Response, error) {
	var rows []control.Domain
	switch result := r.Result.(type) {
	case []control.Domain:
		rows = result
	case json.RawMessage:
		if err := json.Unmarshal(result, &rows); err != nil {
			return r, fmt.Errorf("domains: %w", err)
		}
	default:
		return r, errors.New("domains are not what they should be")
	}
	for i := range rows {
		rows[i].Kernel = d.domains.word(cipso.DOI(rows[i].Number), d.config.KernelDOI)
	}
	r.Result = rows
	return r, nil
}

// word says whether the kernel's list has a domain, see control.Domain.
func (d *domains) word(n cipso.DOI, wanted config.KernelDOI) string {
	switch {
	case wanted == config.Leave:
		return "left"
	case slices.Contains(d.Added(), n):
		return "registered"
	case slices.ContainsFunc(d.Foreign(), func(f kerneldoi.Definition) bool { return f.Number == n }):
		return "foreign"
	case errors.Is(d.err, kerneldoi.ErrElsewhere):
		return "unknown"
	}
	return "absent"
}

// unregister takes out of the kernel's list what was put there.
func (d *daemon) unregister() {
	if err := d.domains.Release(); err != nil {
		within(exitPatience, func() {
			d.Log.Warn("a domain of interpretation that was registered with the kernel stays there", "error", err.Error())
		})
	}
}
