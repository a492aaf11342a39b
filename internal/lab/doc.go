// Package lab builds small networks out of network namespaces: labeled hosts,
// hosts that know nothing of labels, and a labelgate gateway between them. It
// sends real packets through them and says what became of each.
//
// A Topology, usually read from a TOML file, names the nodes. Start builds it:
// every node is a named namespace, every host hangs on the gateway by a pair of
// virtual cables, a labeled host runs labelgated in host mode, so that its own
// kernel's traffic leaves labeled. Close takes everything away again.
//
//	t, err := lab.Read("lab.toml")
//	l, err := lab.Start(ctx, t, lab.Options{})
//	defer l.Close()
//	r, err := l.Probe(ctx, lab.Probe{From: "alice", To: "printer", Proto: lab.TCP, Size: 2 << 20})
//
// Up, Down, Run and Demo are the same for the command line. Everything needs
// root, or a user namespace of its own, in which Demo runs itself again.
package lab
