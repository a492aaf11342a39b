package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"labelgate/internal/policyfile"
)

// signer is a key that may sign.
const signer = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOhWulvJNfdOIzT2rlOIu8ymE2LCsjgey1n4kck11Aay"

func TestParseProblems(t *testing.T) {
	zone := func(more string) string { return minimal + more }
	doi3 := "[[doi]]\nnumber = 3\n"
	many := strings.Builder{}
	for i := range 64 {
		fmt.Fprintf(&many, "[[zone]]\nname = 'z%d'\ninterfaces = ['e%d']\nnetworks = ['10.0.%d.0/24']\n", i, i, i)
	}
	// want holds "line:column: message (hint)" for each problem.
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{name: "syntax", text: "mode = \n", want: []string{`1:8: `}},
		{name: "key twice", text: "logging = 1\nlogging = 2\n", want: []string{`2:1: `}},
		{name: "unknown key", text: zone("lable = 'x'"), want: []string{`4:1: unknown key "lable" in [[zone]] (did you mean "label"?)`}},
		{name: "unknown key, nothing like it", text: zone("[self]\nlabel = 'x'\nqqqqq = 1"), want: []string{`6:1: unknown key "qqqqq" in [self] (known: label)`}},
		{name: "unknown table", text: zone("[audits]\nx = 1"), want: []string{`4:2: unknown key "audits" (did you mean "audit"?)`}},
		{name: "under the wrong header", text: zone("mode = 'strict'"), want: []string{`4:1: unknown key "mode" in [[zone]] (mode belongs at the top of the file, before the first [header])`}},
		{name: "in the wrong table", text: "interfaces = ['x']\n" + minimal, want: []string{`1:1: unknown key "interfaces" (interfaces belongs in [[zone]])`}},
		{name: "enum", text: "mode = 'strikt'\n" + minimal, want: []string{`1:8: mode cannot be "strikt" (did you mean "strict"?)`}},
		{name: "kernel-doi, misspelt", text: "kernel-doi = 'laeve'\n" + minimal, want: []string{`1:14: kernel-doi cannot be "laeve" (did you mean "leave"?)`}},
		{name: "manifest, misspelt", text: "manifest = 'sealed'\n" + minimal, want: []string{`1:12: manifest cannot be "sealed" (known: check, require, signed, off)`}},
		{name: "manifest signed by nobody", text: "manifest = 'signed'\n" + minimal, want: []string{`1:12: manifest = "signed" needs the public keys that may sign, in manifest-keys (labelgate seal --generate-key makes a key)`}},
		{name: "manifest signed by none", text: "manifest = 'signed'\nmanifest-keys = []\n" + minimal, want: []string{`2:1: manifest-keys is empty: nobody could sign`}},
		{name: "keys that nobody asks for", text: "manifest-keys = ['" + signer + "']\n" + minimal, want: []string{`1:1: manifest-keys are not looked at with manifest = "check" (write manifest = "signed")`}},
		{name: "keys that are none", text: "manifest = 'signed'\nmanifest-keys = ['me', 'ssh-rsa AAAA', '" + signer + " a', '" + signer + " b']\n" + minimal, want: []string{
			`2:18: manifest-keys: not a public key`, `2:24: manifest-keys: a key of the type "ssh-rsa"`, `2:126: the key SHA256:DU46tSA55k46U+pmwxAsLJXsjC7AQuwFVL2UgRq4tpY is named twice`,
		}},
		{name: "keys of a wrong type", text: "manifest = 'signed'\nmanifest-keys = 'me'\n" + minimal, want: []string{`2:17: manifest-keys wants a list, this is a string`}},
		{name: "manifest of a wrong type", text: "manifest = true\nmanifest-keys = ['" + signer + "']\n" + minimal, want: []string{`1:12: manifest wants a string`}},
		{name: "too many keys", text: "manifest = 'signed'\nmanifest-keys = [" + strings.Repeat("'x', ", 17) + "]\n" + minimal, want: append(slices.Repeat([]string{`2:`}, 16), `2:98: 17 keys are more than 16`)},
		{name: "state without a manifest", text: "manifest = 'off'\nmanifest-state = 'x'\n" + minimal, want: []string{`2:18: manifest-state has no use with manifest = "off"`}},
		{name: "kernel_doi", text: "kernel_doi = 'leave'\n" + minimal, want: []string{`1:1: unknown key "kernel_doi" (did you mean "kernel-doi"?)`}},
		{name: "kernel-doi of a domain", text: doi3 + "kernel-doi = 'leave'\n" + minimal, want: []string{`3:1: unknown key "kernel-doi" in [[doi]] (kernel-doi belongs at the top of the file, before the first [header])`}},
		{name: "dialect", text: "dialect = 'smack'\n" + minimal, want: []string{`1:11: dialect cannot be "smack" (known: labelgate, kernel, libsmack, systemd)`}},
		{name: "types", text: "mode = 1\nlogging = '1'\nbringup = 0\npolicy = [1]\ndirect = 1.5\n" + minimal, want: []string{
			`1:8: mode wants a string, this is a whole number (put it between double quotes)`,
			`2:11: logging wants a whole number, this is a string (leave out the quotes)`,
			`3:11: bringup wants true or false, this is a whole number`,
			`4:1: policy wants a string, this is a list`,
			`5:10: direct wants a whole number, this is a date, time or fraction`,
		}},
		{name: "one zone in single brackets", text: "[zone]\nname = 'a'", want: []string{`1:2: zone may stand more than once and needs double brackets (write [[zone]])`}},
		{name: "queue in double brackets", text: zone("[[queue]]\nnumber = 1"), want: []string{`4:3: queue is one table, not a list of them (write [queue])`}},
		{name: "no zone", text: "mode = 'strict'", want: []string{`1:1: there is no [[zone]] (a [[zone]] names the interfaces that labelgate guards)`}},
		{name: "ranges", text: "direct = 256\nmapped = -1\nlogging = 4\n" + minimal + "[queue]\nnumber = 65536\nlength = 0\n", want: []string{
			`1:10: direct must be 0..255, this is 256`, `2:10: mapped must be 0..255, this is -1`, `3:11: logging must be 0..3, this is 4`,
			`8:10: number must be 0..65535, this is 65536`, `9:10: length must be 1..65535, this is 0`,
		}},
		{name: "direct is mapped", text: "direct = 251\n" + minimal, want: []string{`1:10: direct and mapped are both level 251: a label's text and its number could not be told apart`}},
		{name: "labels", text: "ambient = '-x'\n" + zone("label = 'a/b'\nonly = ['', 'ok', 'ok']"), want: []string{`1:12: ambient: `, `5:11: label: `, `6:10: only: `, `6:19: label "ok" is named twice`}},
		{name: "self without label", text: zone("[self]"), want: []string{`4:2: [self] has no label (leave out [self] when the machine is to take no part)`}},
		{name: "self as web", text: zone("[self]\nlabel='@'"), want: []string{`5:7: "@" cannot be the label of the machine itself`}},
		{name: "doi", text: "[[doi]]\nnumber = 0\n[[doi]]\n[[doi]]\nnumber = 4294967296\n" + minimal, want: []string{
			`2:10: number: DOI 0 is reserved and never accepted`, `3:3: this [[doi]] has no number`, `5:10: number must be 1..4294967295, this is 4294967296`,
		}},
		{name: "tunnels", text: zone("tunnels = ['gree', 'esp', 'esp', 1]"), want: []string{
			`4:12: "gree" is not the name of a tunnel (did you mean "gre"?)`, `4:27: tunnel "esp" is named twice`, `4:34: tunnels wants a string, this is a whole number`,
		}},
		{name: "ethertypes", text: zone("ethertypes = [0x8847, 0x800, 1500, 0x8847, 65536]"), want: []string{
			`4:23: ethertype 0x0800 needs no admission: IPv4 is judged, ARP passes, and IPv6 stays closed (leave it out)`,
			`4:30: an ethertype is 0x600..0xffff, this is 0x5dc`, `4:36: ethertype 0x8847 is named twice`, `4:44: an ethertype is 0x600..0xffff, this is 0x10000`,
		}},
		{name: "errors where labels are refused", text: zone("icmp-errors = true"), want: []string{`4:15: icmp-errors cannot be true where labels are refused`}},
		{name: "doi twice", text: doi3 + doi3 + minimal, want: []string{`4:10: DOI 3 is defined twice, first in line 2`}},
		{name: "tags", text: doi3 + "tags = [1, 6, 1, 128, 7, 0]\n" + minimal, want: []string{
			`3:1: 6 tag types are more than 5`, `3:12: tag type 6 is none of 1 (bitmap), 2 (enumerated), 5 (ranges)`, `3:15: tag type 1 is named twice`,
			`3:18: tag type 128 is none`, `3:23: tag type 7 is none`, `3:26: tag type 0 is none`,
		}},
		{name: "no tags", text: doi3 + "tags = []\n" + minimal, want: []string{`3:1: tags names no tag type (write tags = [1] for the tag type that Smack sends)`}},
		{name: "zone without doi", text: zone("labels = 'accept'"), want: []string{`1:3: this [[zone]] has no doi (labels = "accept" needs the DOI that its hosts speak)`}},
		{name: "zone with undefined doi", text: zone("labels = 'require'\ndoi = 5\n") + doi3, want: []string{`5:7: DOI 5 is not defined (add a [[doi]] with number = 5)`}},
		{name: "refuse with doi", text: zone("doi = 3\nlabel-ambient = true\n") + doi3, want: []string{
			`4:7: a zone that refuses labels speaks no DOI (set labels = "accept" or "require" when its hosts speak CIPSO)`,
			`5:17: label-ambient cannot be true where labels are refused (set labels = "accept" or "require" when its hosts speak CIPSO)`,
		}},
		{name: "no cascade from a misspelt word", text: zone("labels = 'refuze'\ndoi = 3\n") + doi3, want: []string{`4:10: labels cannot be "refuze" (did you mean "refuse"?)`}},
		{name: "no cascade from a wrong type", text: "[[zone]]\nname = 5\ninterfaces = 'eth0'\nlabels = 'accept'\ndoi = '3'\n", want: []string{
			`2:8: name wants a string`, `3:14: interfaces wants a list, this is a string (put it between square brackets)`, `5:7: doi wants a whole number`,
		}},
		{name: "zone names", text: "[[zone]]\ninterfaces=['a']\n[[zone]]\nname='a b'\ninterfaces=['b']\nnetworks=['10.0.0.0/8']\n", want: []string{
			`1:3: this [[zone]] has no name`, `4:6: a zone's name is 1..32 letters, digits or any of - _ .`,
		}},
		{name: "zone and interface twice", text: minimal + minimal + "networks=['10.0.0.0/8']", want: []string{
			`5:8: zone "a" is defined twice, first in line 2`, `6:15: interface "eth0" is named twice, first in line 3`,
		}},
		{name: "interfaces", text: "[[zone]]\nname = 'a'\ninterfaces = ['', 'a/b', 'sixteencharacter', 'eth*']\n[[zone]]\nname='b'\nnetworks=['10.0.0.0/8']\n[[zone]]\nname='c'\nnetworks=['11.0.0.0/8']\ninterfaces=[]", want: []string{
			`3:15: "" cannot be the name of a network interface`, `3:19: "a/b" cannot`, `3:26: "sixteencharacter" cannot`, `3:46: "eth*" cannot`,
			`4:3: this [[zone]] has no interfaces`, `10:1: a zone needs at least one interface`,
		}},
		{name: "networks", text: zone("networks = ['10.0.0.1/8', '10.0.0.0/8', '10.0.0.0/8', '::/0', '10.0.0.256', '1.2.3.4/33']"), want: []string{
			`4:13: 10.0.0.1/8 has bits set behind its prefix length (the network is 10.0.0.0/8)`, `4:41: network 10.0.0.0/8 is named twice, first in line 4`,
			`4:55: ::/0 is not IPv4`, `4:63: "10.0.0.256" is not a network (write it as in "10.1.0.0/16")`, `4:77: "1.2.3.4/33" is not a network`,
		}},
		{name: "two zones hold everything", text: minimal + "[[zone]]\nname='b'\ninterfaces=['eth1']\n", want: []string{`4:3: two zones hold every other address, the first in line 1 (give all zones but one their networks)`}},
		{name: "empty lists", text: zone("networks = []\nonly = []"), want: []string{
			`4:1: networks is empty (leave networks out for a zone that holds every other address)`, `5:1: only is empty: no packet could pass (leave it out to admit every label)`,
		}},
		{name: "paths", text: "policy = ''\n" + minimal + "restrict = \"a\\u0000b\"\n", want: []string{`1:10: policy is empty`, `5:12: restrict contains a zero byte`}},
		{name: "control", text: zone("[control]\nsocket = '@labelgate'\ngroup = '@ops'\nreaders = ['alice', 'alice', 'a b', '', '@', 65534, 'ops:x']\nadmins = ['-x', '65534', '4294967295', 'bob']\n"), want: []string{
			`5:10: socket cannot be an abstract socket: it has no owner and no mode (write a path)`,
			`6:9: group is a group and nothing else (leave out the @)`,
			`7:21: "alice" is named twice`,
			`7:30: readers: "a b" is not a name (write a user as "alice" or "1000", a group as "@ops" or "@1000")`,
			`7:37: readers: "" is not a name`, `7:41: readers: "@" is not a name`,
			`7:46: readers wants a string, this is a whole number (put it between double quotes)`, `7:53: readers: "ops:x" is not a name`,
			`8:11: admins: "-x" is not a name`, `8:17: admins: 65534 is also what the kernel calls everybody of another user namespace`,
			`8:26: admins: 4294967295 is not the number of a user or group`,
		}},
		{name: "reader and admin", text: zone("[control]\nreaders = ['alice', 'bob']\nadmins = ['bob', '@bob']\n"), want: []string{
			`5:21: "bob" is one of the admins already (leave it out here: admins may do what readers may)`,
		}},
		{name: "control, empty socket", text: zone("[control]\nsocket = ''\n"), want: []string{`5:10: socket is empty (leave it out when there is none)`}},
		{name: "control, long socket", text: zone("[control]\nsocket = '/" + strings.Repeat("x", 107) + "'\n"), want: []string{`5:10: socket: the path of a socket has at most 107 bytes, this one has 108`}},
		{name: "metrics for everybody", text: zone("[metrics]\nlisten = '0.0.0.0:9469'\n"), want: []string{
			`5:10: listen: 0.0.0.0 can be reached from other machines, who are not to see what passes here (write "unix:/run/labelgate/metrics", "127.0.0.1:9469" or "[::1]:9469"; whoever`,
		}},
		{name: "metrics on a link", text: zone("[metrics]\nlisten = '[::1%lo]:9469'\n"), want: []string{`5:10: listen: ::1%lo can be reached`}},
		{name: "metrics on another address", text: zone("[metrics]\nlisten = '[::ffff:10.0.0.1]:9469'\n"), want: []string{`5:10: listen: ::ffff:10.0.0.1 can be reached`}},
		{name: "metrics by name", text: zone("[metrics]\nlisten = 'localhost:9469'\n"), want: []string{`5:10: listen: "localhost:9469" is neither a socket nor an address with a port (write "unix:`}},
		{name: "metrics on every address", text: zone("[metrics]\nlisten = ':9469'\n"), want: []string{`5:10: listen: ":9469" is neither`}},
		{name: "metrics on no port", text: zone("[metrics]\nlisten = '127.0.0.1:0'\n"), want: []string{`5:10: listen: port 0 is none`}},
		{name: "metrics, abstract", text: zone("[metrics]\nlisten = 'unix:@x'\n"), want: []string{`5:10: listen cannot be an abstract socket`}},
		{name: "metrics, empty path", text: zone("[metrics]\nlisten = 'unix:'\n"), want: []string{`5:10: listen is empty`}},
		{name: "metrics on the control socket", text: zone("[control]\nsocket = '/run/x/../x/y'\n[metrics]\nlisten = 'unix:/run/x/y'\n"), want: []string{`7:10: listen is the control socket`}},
		{name: "64 zones", text: many.String(), want: []string{`253:3: 64 zones are more than the 63 that a packet mark can tell apart`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("f.toml", []byte(tt.text))
			var problems policyfile.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("error is %T (%v), want policyfile.Problems", err, err)
			}
			var got []string
			for i, p := range problems {
				s := fmt.Sprintf("%d:%d: %s", p.Line, p.Column, p.Message)
				if p.Hint != "" {
					s += " (" + p.Hint + ")"
				}
				// An expectation may be the start only, to leave others' words to them.
				if i < len(tt.want) && strings.HasPrefix(s, tt.want[i]) {
					s = tt.want[i]
				}
				got = append(got, s)
				if p.File != "f.toml" || p.Code == "" || p.Message == "" {
					t.Errorf("incomplete problem: %+v", p)
				}
				if lines := strings.Split(tt.text, "\n"); p.Line > len(lines) || p.Source != lines[p.Line-1] {
					t.Errorf("source line of %s is %q", s, p.Source)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems differ (-want +got):\n%s", diff)
			}
		})
	}
}
