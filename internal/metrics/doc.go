// Package metrics shows the state of a running gateway to Prometheus: by HTTP on a
// Unix socket or on this machine's loopback, GET /metrics and nothing else.
//
// What is shown is the control.Status of the moment, in a registry of its own.
// Labels have few values: zones, actions, reasons, processes. Addresses and
// security labels are never among them; those who may read metrics need not be
// those who may read the policy.
//
// Only the process that serves the control socket uses it. A web server has no
// place near packets or privileges.
package metrics
