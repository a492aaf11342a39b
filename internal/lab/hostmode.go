package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"

	"labelgate/cipso"
)

// The settings of labelgated in host mode: one zone that is the whole network,
// in which labels are believed, and a label of the machine's own.
type (
	hostSettings struct {
		Mode    string     `toml:"mode"`
		Policy  string     `toml:"policy"`
		Dialect string     `toml:"dialect"`
		Ambient string     `toml:"ambient"`
		Direct  uint8      `toml:"direct"`
		Mapped  uint8      `toml:"mapped"`
		Logging int        `toml:"logging"`
		Self    hostSelf   `toml:"self"`
		DOI     []hostDOI  `toml:"doi"`
		Zone    []hostZone `toml:"zone"`
		Audit   hostAudit  `toml:"audit"`
	}
	hostSelf struct {
		Label string `toml:"label"`
	}
	hostDOI struct {
		Number       uint32 `toml:"number"`
		Tags         []int  `toml:"tags"`
		NonCanonical string `toml:"noncanonical"`
		CIPSO        string `toml:"cipso,omitempty"`
	}
	hostZone struct {
		Name       string   `toml:"name"`
		Interfaces []string `toml:"interfaces"`
		Labels     string   `toml:"labels"`
		DOI        uint32   `toml:"doi"`
	}
	hostAudit struct {
		Output string `toml:"output"`
		Format string `toml:"format"`
	}
)

// configure says for each node which settings its labelgated reads and where its
// records go.
func (l *Lab) configure() error {
	gw := l.nodes[GatewayName]
	gw.config = l.topology.Config
	gw.records = l.gateway.records(gw.log)
	for i := range l.topology.Hosts {
		h := &l.topology.Hosts[i]
		if !h.Labeled() {
			continue
		}
		n := l.nodes[h.Name]
		n.records = records{path: filepath.Join(l.dir, h.Name+".audit")}
		settings, err := l.hostMode(h, n.records.path)
		if err != nil {
			return err
		}
		data, err := toml.Marshal(settings)
		if err != nil {
			return err
		}
		n.config = filepath.Join(l.dir, h.Name+".toml")
		if err := os.WriteFile(n.config, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// hostMode returns the settings of a labeled host. It reads labels as the
// gateway does.
func (l *Lab) hostMode(h *Host, auditPath string) (*hostSettings, error) {
	s := l.gateway
	doi := hostDOI{Number: h.DOI, Tags: []int{1, 2, 5}, NonCanonical: "refuse"}
	for _, d := range s.DOIs {
		if d.Number != cipso.DOI(h.DOI) {
			continue
		}
		doi.Tags, doi.CIPSO = nil, d.CIPSO
		for _, tag := range d.Tags {
			doi.Tags = append(doi.Tags, int(tag))
		}
		if d.AcceptNonCanonical {
			doi.NonCanonical = "accept"
		}
	}
	policy := h.Policy
	if policy == "" {
		var err error
		if policy, err = l.sharedPolicy(); err != nil {
			return nil, fmt.Errorf("policy of %s: %w", h.Name, err)
		}
	}
	return &hostSettings{
		Mode: s.Mode.String(), Policy: policy, Dialect: s.Dialect.String(),
		Ambient: s.Ambient, Direct: s.Direct, Mapped: s.Mapped, Logging: s.Logging,
		Self: hostSelf{h.Label}, DOI: []hostDOI{doi},
		Zone:  []hostZone{{Name: "net", Interfaces: []string{HostInterface}, Labels: "accept", DOI: h.DOI}},
		Audit: hostAudit{Output: auditPath, Format: "json"},
	}, nil
}

// sharedPolicyName is the directory of a lab that its labeled hosts read.
const sharedPolicyName = "policy"

// sharedPolicy returns a directory with the gateway's rules and mappings but not
// its host table: to a labeled host, everybody speaks labels, because the
// gateway speaks for those who do not. They are copies, for labelgated follows no
// links: a change of the gateway's policy is one for the gateway alone.
func (l *Lab) sharedPolicy() (string, error) {
	dir := filepath.Join(l.dir, sharedPolicyName)
	if err := os.Mkdir(dir, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return dir, nil
		}
		return "", err
	}
	for _, name := range []string{"accesses.d", "cipso.d", "accesses", "cipso"} {
		if err := copyPart(filepath.Join(dir, name), filepath.Join(l.gateway.Policy, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	// A policy without rules and mappings is one as well.
	if err := os.MkdirAll(filepath.Join(dir, "accesses.d"), 0o755); err != nil {
		return "", err
	}
	return dir, nil
}

// copyPart copies a file or a directory.
func copyPart(to, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return os.CopyFS(to, os.DirFS(from))
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}
