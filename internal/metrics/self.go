package metrics

import (
	"bytes"
	"io"
	"os"
	"runtime/metrics"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// self shows the process that serves the metrics. What it reads is opened once:
// later the process may open nothing, and the library's own collector, which opens
// files for each scrape and asks what they lie on, would be its end.
type self struct {
	stat *os.File // /proc/self/stat, nil where there is none
	mu   sync.Mutex
	fds  *os.File // /proc/self/fd; guarded by mu, since it is read from its beginning

	cpu, resident, open, mapped, live, goroutines *prometheus.Desc
}

// ticks of processor time a second, the same on every Linux (USER_HZ).
const ticks = 100

func newSelf() *self {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	s := &self{
		cpu:        describe("process_cpu_seconds_total", "Processor time of the process that serves metrics."),
		resident:   describe("process_resident_memory_bytes", "Memory of the process that serves metrics."),
		open:       describe("process_open_fds", "Open descriptors of the process that serves metrics."),
		mapped:     describe("go_memory_classes_total_bytes", "Memory of that process that the Go runtime has mapped."),
		live:       describe("go_gc_heap_live_bytes", "Memory of that process that the last collection found in use."),
		goroutines: describe("go_goroutines", "Goroutines of that process."),
	}
	s.stat, _ = os.Open("/proc/self/stat")
	s.fds, _ = os.Open("/proc/self/fd")
	return s
}

func (s *self) close() {
	s.stat.Close() // which takes nil
	s.fds.Close()
}

// Describe implements prometheus.Collector.
func (s *self) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{s.cpu, s.resident, s.open, s.mapped, s.live, s.goroutines} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (s *self) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value)
	}
	if cpu, pages, ok := s.usage(); ok {
		out <- prometheus.MustNewConstMetric(s.cpu, prometheus.CounterValue, float64(cpu)/ticks)
		gauge(s.resident, float64(pages)*float64(os.Getpagesize()))
	}
	if n, ok := s.descriptors(); ok {
		gauge(s.open, float64(n))
	}
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(samples)
	for i, d := range []*prometheus.Desc{s.mapped, s.live, s.goroutines} {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			gauge(d, float64(samples[i].Value.Uint64()))
		}
	}
}

// usage returns processor time in ticks and resident memory in pages (proc(5)).
func (s *self) usage() (cpu, pages uint64, ok bool) {
	b := make([]byte, 4096)
	n, _ := s.stat.ReadAt(b, 0)
	_, rest, found := bytes.Cut(b[:max(n, 0)], []byte(") ")) // the program's name is before that
	fields := bytes.Fields(rest)
	if !found || len(fields) < 22 {
		return 0, 0, false
	}
	number := func(field int) uint64 {
		v, err := strconv.ParseUint(string(fields[field-3]), 10, 64) // the third is the first behind the name
		ok = ok && err == nil
		return v
	}
	ok = true
	return number(14) + number(15), number(24), ok
}

// descriptors returns how many are open.
func (s *self) descriptors() (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.fds.Seek(0, io.SeekStart); err != nil {
		return 0, false
	}
	names, err := s.fds.Readdirnames(-1)
	return len(names), err == nil
}
