package metrics

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"labelgate/internal/control"
)

// What one who asks may take of time and room, and how many may ask at once.
const (
	readTimeout  = 5 * time.Second
	writeTimeout = 15 * time.Second
	idleTimeout  = 10 * time.Second
	maxHeader    = 4 << 10 // bytes, to which net/http adds as many
	maxClients   = 16
	maxScrapes   = 2
)

// Config is what a Server works with.
type Config struct {
	// Status returns the state of the moment. An error shows as labelgate_up 0.
	Status func(context.Context) (*control.Status, error)
}

// Server serves metrics.
type Server struct {
	collector *collector
	self      *self
}

// NewServer opens what is needed to tell of the process itself. After it the
// process needs no file any more.
func NewServer(c Config) *Server {
	return &Server{collector: newCollector(c.Status), self: newSelf()}
}

// Serve serves metrics on the socket that Listen made until ctx ends, and then
// returns nil. It takes possession of the file, and is called once.
func (s *Server) Serve(ctx context.Context, f *os.File) error {
	defer s.self.close()
	l, err := net.FileListener(f)
	f.Close() // l has a descriptor of its own
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	server := &http.Server{
		Handler:     s.handler(),
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true,
		// It would tell of each caller who hangs up, and anybody may.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(newFew(l, maxClients)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// registry has the metrics of the gateway and those of the process that serves
// them, and nothing that other packages may have registered for themselves.
func (s *Server) registry() *prometheus.Registry {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(s.collector, s.self, collectors.NewBuildInfoCollector())
	return r
}

// handler answers GET /metrics.
func (s *Server) handler() http.Handler {
	metrics := promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: maxScrapes, Timeout: 2 * patience, DisableCompression: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/metrics":
			http.Error(w, "there is only /metrics", http.StatusNotFound)
		case r.Method != http.MethodGet:
			w.Header().Set("Allow", http.MethodGet)
			http.Error(w, "there is only GET", http.StatusMethodNotAllowed)
		default:
			metrics.ServeHTTP(w, r)
		}
	})
}
