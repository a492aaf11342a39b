package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"labelgate/internal/control"
)

// patience is how long the gateway may take to say how it is, and fresh how long
// that holds: whoever asks more often costs the gateway nothing.
const (
	patience = 5 * time.Second
	fresh    = time.Second
)

const (
	up     = "up"
	upHelp = "1 when the gateway could be asked. Without it the others are missing."
)

// collector asks for the status whenever somebody wants metrics.
type collector struct {
	status  func(context.Context) (*control.Status, error)
	up      *prometheus.Desc
	metrics []metric
	descs   []*prometheus.Desc

	mu   sync.Mutex
	last *control.Status
	when time.Time // of last
}

func newCollector(status func(context.Context) (*control.Status, error)) *collector {
	c := &collector{status: status, metrics: list(), up: prometheus.NewDesc(prefix+up, upHelp, nil, nil)}
	for _, m := range c.metrics {
		c.descs = append(c.descs, prometheus.NewDesc(prefix+m.name, m.help, m.labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	out <- c.up
	for _, d := range c.descs {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s, err := c.now()
	out <- prometheus.MustNewConstMetric(c.up, prometheus.GaugeValue, truth(err == nil))
	if err != nil {
		return
	}
	for i, m := range c.metrics {
		kind := prometheus.GaugeValue
		if m.counter {
			kind = prometheus.CounterValue
		}
		m.show(s, func(value float64, labels ...string) {
			// A label value that is not UTF-8 is an error of the scrape, not a panic.
			series, err := prometheus.NewConstMetric(c.descs[i], kind, value, labels...)
			if err != nil {
				series = prometheus.NewInvalidMetric(c.descs[i], err)
			}
			out <- series
		})
	}
}

// now returns the status, asking for it where the last one is not fresh.
func (c *collector) now() (*control.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && time.Since(c.when) < fresh {
		return c.last, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.status(ctx)
	if err != nil {
		c.last = nil
		return nil, err
	}
	c.last, c.when = s, time.Now()
	return s, nil
}
