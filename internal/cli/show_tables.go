package cli

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"labelgate/internal/control"
	"labelgate/internal/explain"
)

// tables are what show can show.
func tables() []shown {
	return []shown{
		{"zones", "Zones, with their links as they are", "Lists the zones of the policy in force and the interfaces they name, with their\nstate and MTU.",
			lines(control.VerbZones, []string{"ZONE", "LABELS", "DOI", "LABEL", ">MTU", "LINKS", "ARE", "NETWORKS"}, zoneLines)},
		{"domains", "Domains of interpretation", "Lists the domains of interpretation of the policy in force, and whether the kernel\nknows them.",
			rows(control.VerbDomains, []string{"DOI", "TAGS", "NONCANONICAL", ">MAPPINGS", "KERNEL", "AT"}, domainRow)},
		{"hosts", "Entries of the host table", "Lists the entries of the host table: whose hosts have which label, and whose carry\nlabels themselves.",
			rows(control.VerbHosts, []string{"PREFIX", "ZONE", "LABEL", "OPTIONS", "AT"}, hostRow)},
		{"labels", "Labels and what they are on the wire", "Lists the labels of the policy in force with their level and categories. A label that\nsome domain writes otherwise has a line for it, with its DOI.",
			rows(control.VerbLabels, []string{"LABEL", "DOI", "ENCODING", ">LEVEL", "CATEGORIES", "AT"}, labelRow)},
		{"rules", "Access rules", "Lists the access rules of the policy in force, and those of zones that restrict\nthem.",
			rows(control.VerbRules, []string{"SUBJECT", "OBJECT", "ACCESS", "RESTRICTS", "AT"}, ruleRow)},
		{"flows", "Live flows and their labels", "Lists the flows that were seen lately, with the label that their packets have; in\nparentheses one that they do not carry. The judge looks between two batches of\npackets, or once a second.",
			lines(control.VerbFlows, []string{"PROTO", "FROM", "TO", "ZONES", "LABEL", ">IDLE"}, flowLines)},
		{"fragments", "Datagrams of which fragments came by", "Lists the datagrams that are on their way in fragments. CONDEMNED are those of\nwhich no further fragment passes.",
			rows(control.VerbFragments, []string{"PROTO", ">ID", "FROM", "TO", "ZONE", "LABEL", ">SEEN", ">IDLE"}, fragmentRow)},
		{"counters", "Every count that is not 0", "Lists what was counted since labelgated was started: packets by zone and what\nbecame of them, and what went wrong.", showCounters},
	}
}

// zoneLines writes a zone as many lines as it has links or networks.
func zoneLines(all []control.Zone) (lines [][]string) {
	for i := range all {
		z := &all[i]
		networks := z.Networks
		switch {
		case len(networks) == 0:
			networks = []string{"all others"}
		case z.NetworksMore > 0:
			networks = append(networks, fmt.Sprintf("%d more", z.NetworksMore))
		}
		links := z.Links
		if z.LinksMore > 0 {
			links = append(links, control.Link{Name: fmt.Sprintf("%d more", z.LinksMore)})
		}
		line := []string{z.Name, z.Labels, unlessZero(z.DOI), z.Label, unlessZero(uint32(z.MTU))}
		for n := range max(len(links), len(networks), 1) {
			link, state, network := blank, blank, blank
			if n < len(links) {
				link, state = links[n].Name, linkState(&links[n])
			}
			if n < len(networks) {
				network = networks[n]
			}
			lines = append(lines, append(line, link, state, network))
			line = []string{blank, blank, blank, blank, blank}
		}
	}
	return lines
}

// blank is a cell of a line that goes on with the one before.
const blank = " "

func linkState(l *control.Link) string {
	switch {
	case l.Index == 0:
		return "not there"
	case !l.Up:
		return "down"
	}
	return "up"
}

func domainRow(d *control.Domain) []string {
	var tags []string
	for _, t := range d.Tags {
		tags = append(tags, fmt.Sprint(t))
	}
	noncanonical := "refuse"
	if d.NonCanonical {
		noncanonical = "accept"
	}
	return []string{fmt.Sprint(d.Number), strings.Join(tags, ","), noncanonical, fmt.Sprint(d.Mappings), d.Kernel, d.At}
}

// hostRow writes an entry in the words of the policy files, and like them without what
// goes without saying.
func hostRow(h *control.Host) []string {
	label, options := h.Label, []string(nil)
	option := func(key, value string) {
		if value != "" && value != "drop" {
			options = append(options, key+"="+value)
		}
	}
	if h.Kind == control.HostCIPSO {
		label = "-CIPSO"
	}
	option("doi", unlessZero(h.DOI))
	option("only", strings.Join(h.Only, ","))
	option("on-unlabeled", h.OnUnlabeled)
	option("on-label", h.OnLabel)
	option("web-as", h.WebAs)
	option("via", h.Via)
	return []string{h.Prefix, h.Zone, label, strings.Join(options, " "), h.At}
}

func labelRow(l *control.Label) []string {
	if l.Encoding == "none" {
		return []string{l.Name, unlessZero(l.DOI), l.Encoding, "", "", l.At}
	}
	return []string{l.Name, unlessZero(l.DOI), l.Encoding, fmt.Sprint(l.Level), l.Categories, l.At}
}

func ruleRow(r *control.Rule) []string {
	return []string{r.Subject, r.Object, r.Access, strings.Join(r.Restricts, ","), r.At}
}

// flowLines writes flows by their addresses: the table has them in no order.
func flowLines(all []control.Flow) (lines [][]string) {
	slices.SortFunc(all, func(a, b control.Flow) int {
		return cmp.Or(
			compareAddresses(a.Source, b.Source), compareAddresses(a.Destination, b.Destination), cmp.Compare(a.Protocol, b.Protocol),
			cmp.Compare(a.SourcePort, b.SourcePort), cmp.Compare(a.DestPort, b.DestPort),
		)
	})
	for i := range all {
		f := &all[i]
		from, to := f.Source, f.Destination
		switch {
		case f.Protocol == protoICMP:
			from, to = fmt.Sprintf("%s id %d", from, f.SourcePort), fmt.Sprintf("%s type %d", to, f.DestPort)
		case f.SourcePort != 0 || f.DestPort != 0:
			from, to = fmt.Sprintf("%s:%d", from, f.SourcePort), fmt.Sprintf("%s:%d", to, f.DestPort)
		}
		lines = append(lines, []string{
			explain.ProtocolName(f.Protocol), from, to, f.In + " > " + f.Out, carried(f.Label, f.Labeled), fmt.Sprintf("%d s", f.Age),
		})
	}
	return lines
}

const protoICMP = 1

// compareAddresses compares addresses as numbers; what is none comes first.
func compareAddresses(a, b string) int {
	x, _ := netip.ParseAddr(a)
	y, _ := netip.ParseAddr(b)
	return x.Compare(y)
}

func fragmentRow(f *control.Fragment) []string {
	seen := fmt.Sprintf("%d B", f.Seen)
	switch {
	case f.Condemned:
		seen = "CONDEMNED"
	case f.Length != 0:
		seen = fmt.Sprintf("%d of %d B", f.Seen, f.Length)
	}
	return []string{explain.ProtocolName(f.Protocol), fmt.Sprint(f.ID), f.Source, f.Destination, f.In, carried(f.Label, f.Labeled), seen, fmt.Sprintf("%d s", f.Age)}
}

// carried is a label, in parentheses when packets have it without carrying it.
func carried(label string, labeled bool) string {
	if labeled || label == "" {
		return label
	}
	return "(" + label + ")"
}

func unlessZero(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
