// Package naive reads IPv4 headers and CIPSO options a second time: slowly, in
// plain steps, from the published layouts (RFC 791; CIPSO draft section 3) and
// from what the running kernel answers. Tests hold the gateway's own reading
// against it. It shares no code with what it judges, and allocates nothing.
package naive
