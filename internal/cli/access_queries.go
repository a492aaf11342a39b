package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"labelgate/engine"
)

// maxQuery is the number of bytes that a line of queries may have. Two labels
// and some modes need 520.
const maxQuery = 64 << 10

// accessQueries answers a file of queries, one line each, in their order.
func accessQueries(cmd *cobra.Command, s *settings, f *accessFlags) error {
	p, err := loadRules(cmd, f)
	if err != nil {
		return err
	}
	in, name := cmd.InOrStdin(), "standard input"
	if f.queries != "-" {
		file, err := os.Open(f.queries)
		if err != nil {
			return err
		}
		defer file.Close()
		in, name = file, f.queries
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	err = answerQueries(p, s, in, name, out)
	return errors.Join(err, out.Flush())
}

func answerQueries(p *engine.Policy, s *settings, in io.Reader, name string, out *bufio.Writer) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), maxQuery)
	number := 0
	for lines.Scan() {
		number++
		subject, rest, ok1 := bytes.Cut(lines.Bytes(), []byte("\t"))
		object, modes, ok2 := bytes.Cut(rest, []byte("\t"))
		if !ok1 || !ok2 || bytes.IndexByte(modes, '\t') >= 0 {
			return fmt.Errorf("%s:%d: a query is SUBJECT<TAB>OBJECT<TAB>MODES, this is %.80q", name, number, lines.Bytes())
		}
		from, _ := p.LookupBytes(subject)
		to, _ := p.LookupBytes(object)
		want := engine.ParseAccessKernel(string(modes))
		d := p.Check(from, to, want)
		if s.json {
			a := answer(p, d)
			a.Subject, a.Object, a.Requested = string(subject), string(object), want.String()
			if err := printJSON(out, a); err != nil {
				return err
			}
			continue
		}
		digit := byte('0')
		if d.Allowed {
			digit = '1'
		}
		out.WriteByte(digit) // a failed write shows in Flush
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s:%d: %w", name, number+1, err)
	}
	return nil
}
