package config

// The structs below mirror the file. A value that was not written stays unset
// and takes its default when the file is checked.

// entry is a value together with its place, for messages about it.
type entry[T any] struct {
	value  T
	at     span
	set    bool // written, and of the right type
	faulty bool // written, but of a wrong type, which was reported
}

// absent reports whether nothing was written.
func (e *entry[T]) absent() bool { return !e.set && !e.faulty }

type (
	text   = entry[string]
	number = entry[int64]
	flag   = entry[bool]
	texts  = entry[[]text]
	counts = entry[[]number]
)

type rawFile struct {
	mode, policy, dialect, ambient text
	direct, mapped, logging        number
	bringup, pinFlows              flag
	kernelDOI, confinement         text
	manifest, manifestState        text
	manifestKeys                   texts
	self                           entry[rawSelf]
	dois                           entry[[]entry[rawDOI]]
	zones                          entry[[]entry[rawZone]]
	queue                          entry[rawQueue]
	audit                          entry[rawAudit]
	control                        entry[rawControl]
	metrics                        entry[rawMetrics]
}

type rawSelf struct{ label text }

type rawDOI struct {
	number              number
	tags                counts
	noncanonical, cipso text
}

type rawZone struct {
	name, labels, label, restrict text
	interfaces, networks, only    texts
	tunnels                       texts
	ethertypes                    counts
	doi                           number
	labelAmbient, icmpErrors      flag
}

type rawQueue struct {
	number, length number
	backend        text
}

type rawAudit struct {
	output, format, full              text
	buffer, limit, burst              number
	rotateSize, rotateAge, rotateKeep number
	sync, sealKey, sealCopy           text
	sealInterval, sealRecords         number
	kernel                            flag
}

type rawControl struct {
	socket, group   text
	readers, admins texts
}

type rawMetrics struct{ listen text }

// key is a key that a table may hold and where its value goes: a pointer to one
// of the entries above, or a tableKey.
type key struct {
	name string
	into any
}

// tableKey takes a [table]. open returns its keys; at is the place of its header.
type tableKey struct {
	open func(at span) []key
}

// listKey takes [[tables]]. open is called once for each.
type listKey struct {
	open func(at span) []key
}

func (f *rawFile) keys() []key {
	return []key{
		{"mode", &f.mode}, {"policy", &f.policy}, {"dialect", &f.dialect}, {"ambient", &f.ambient},
		{"direct", &f.direct}, {"mapped", &f.mapped}, {"logging", &f.logging}, {"bringup", &f.bringup},
		{"pin-flows", &f.pinFlows},
		{"kernel-doi", &f.kernelDOI}, {"confinement", &f.confinement},
		{"manifest", &f.manifest}, {"manifest-keys", &f.manifestKeys}, {"manifest-state", &f.manifestState},
		{"self", tableKey{func(at span) []key { return open(&f.self, at).keys() }}},
		{"doi", listKey{func(at span) []key { return add(&f.dois, at).keys() }}},
		{"zone", listKey{func(at span) []key { return add(&f.zones, at).keys() }}},
		{"queue", tableKey{func(at span) []key { return open(&f.queue, at).keys() }}},
		{"audit", tableKey{func(at span) []key { return open(&f.audit, at).keys() }}},
		{"control", tableKey{func(at span) []key { return open(&f.control, at).keys() }}},
		{"metrics", tableKey{func(at span) []key { return open(&f.metrics, at).keys() }}},
	}
}

func (s *rawSelf) keys() []key { return []key{{"label", &s.label}} }

func (d *rawDOI) keys() []key {
	return []key{{"number", &d.number}, {"tags", &d.tags}, {"noncanonical", &d.noncanonical}, {"cipso", &d.cipso}}
}

func (z *rawZone) keys() []key {
	return []key{
		{"name", &z.name}, {"interfaces", &z.interfaces}, {"networks", &z.networks},
		{"labels", &z.labels}, {"doi", &z.doi}, {"label", &z.label}, {"only", &z.only},
		{"restrict", &z.restrict}, {"label-ambient", &z.labelAmbient},
		{"tunnels", &z.tunnels}, {"ethertypes", &z.ethertypes}, {"icmp-errors", &z.icmpErrors},
	}
}

func (q *rawQueue) keys() []key {
	return []key{{"number", &q.number}, {"length", &q.length}, {"backend", &q.backend}}
}

func (a *rawAudit) keys() []key {
	return []key{
		{"output", &a.output}, {"format", &a.format}, {"full", &a.full}, {"buffer", &a.buffer},
		{"record-limit", &a.limit}, {"record-burst", &a.burst},
		{"rotate-size", &a.rotateSize}, {"rotate-age", &a.rotateAge}, {"rotate-keep", &a.rotateKeep},
		{"sync", &a.sync}, {"seal-key", &a.sealKey}, {"seal-interval", &a.sealInterval}, {"seal-records", &a.sealRecords},
		{"seal-copy", &a.sealCopy}, {"kernel", &a.kernel},
	}
}

func (r *rawControl) keys() []key {
	return []key{{"socket", &r.socket}, {"group", &r.group}, {"readers", &r.readers}, {"admins", &r.admins}}
}

func (m *rawMetrics) keys() []key { return []key{{"listen", &m.listen}} }

func open[T any](e *entry[T], at span) *T {
	e.set, e.at = true, at
	return &e.value
}

func add[T any](e *entry[[]entry[T]], at span) *T {
	if !e.set {
		e.set, e.at = true, at
	}
	e.value = append(e.value, entry[T]{at: at, set: true})
	return &e.value[len(e.value)-1].value
}

// Keys lists every key that a settings file can have, those of its tables
// included, each once. Names of tables are not keys.
func Keys() []string {
	var all []string
	seen := make(map[string]bool)
	var walk func(keys []key)
	walk = func(keys []key) {
		for _, k := range keys {
			switch into := k.into.(type) {
			case tableKey:
				walk(into.open(span{}))
			case listKey:
				walk(into.open(span{}))
			default:
				if !seen[k.name] {
					seen[k.name] = true
					all = append(all, k.name)
				}
			}
		}
	}
	walk(new(rawFile).keys())
	return all
}
