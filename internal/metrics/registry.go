package metrics

import (
	"context"
	"runtime/metrics"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"labelgate/internal/control"
)

// registry returns the metrics of a gateway and those of the process that serves
// them, and nothing that other packages may have registered.
func registry(status func(context.Context) (*control.Status, error)) *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(
		newCollector(status),
		collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		// The library's collector of the Go runtime has some twenty more, which it
		// does not let one leave out.
		runtimeGauge("go_memory_classes_total_bytes", "Memory of this process that the Go runtime has mapped.", "/memory/classes/total:bytes"),
		runtimeGauge("go_gc_heap_live_bytes", "Memory of this process that the last collection found in use.", "/gc/heap/live:bytes"),
		runtimeGauge("go_goroutines", "Goroutines of this process.", "/sched/goroutines:goroutines"),
	)
	return r
}

func runtimeGauge(name, help, key string) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		sample := []metrics.Sample{{Name: key}}
		metrics.Read(sample)
		if sample[0].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that does not count it
		}
		return float64(sample[0].Value.Uint64())
	})
}
