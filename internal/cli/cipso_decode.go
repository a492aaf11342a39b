package cli

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"labelgate/cipso"
)

// firstOption is where the first option of an IPv4 header stands (RFC 791).
const firstOption = 20

func newCIPSODecode(_ *settings) *cobra.Command {
	var policy string
	var compat bool
	cmd := &cobra.Command{
		Use:   "decode [--policy DIR] [--compat] [HEX...]",
		Short: "Read CIPSO options from hexadecimal digits",
		Long: `decode prints one JSON object for each option: doi, tag, level and categories;
label, if the policy has one for them; direct, the text that they spell in Smack's
direct encoding. An option that breaks the format shows its fault instead, and the
pointer of the ICMP parameter problem: the offset of the byte at fault in a header
in which the option comes first, so that 20 is its type. --compat accepts what
Linux accepts, where this tool is stricter by default: a second tag, an alignment
byte that is not zero, zero bytes behind the last category and the like.

Each argument is an option; without arguments each line of standard input is one.
Spaces between digits and zero bytes that pad the option are accepted. The exit
code is 1 when an option was at fault.`,
		Example: `  labelgate cipso decode '860e0000 00030108 00fa3337 b7800000'
  labelgate cipso decode --policy /etc/labelgate/policy < options.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			book, err := openLabelBook(cmd, policy)
			if err != nil {
				return err
			}
			d := optionReader{book: book, out: bufio.NewWriter(cmd.OutOrStdout()), decoder: cipso.Decoder{Compat: compat}}
			if len(args) > 0 {
				err = d.arguments(args)
			} else {
				err = d.lines(bufio.NewScanner(cmd.InOrStdin()))
			}
			if err = errors.Join(err, d.out.Flush()); err == nil && d.faults > 0 {
				return denied()
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&compat, "compat", false, "accept what Linux accepts")
	cmd.Flags().StringVar(&policy, "policy", "", "`directory` of the policy whose labels are named")
	return cmd
}

// decodedOption is printed for each option.
type decodedOption struct {
	DOI        cipso.DOI     `json:"doi"`
	Tag        cipso.TagType `json:"tag"`
	Level      uint8         `json:"level"`
	Categories string        `json:"categories"`
	Label      string        `json:"label,omitempty"`
	Direct     string        `json:"direct,omitempty"`
}

// faultyOption is printed for an option that breaks the format.
type faultyOption struct {
	Fault   string `json:"fault"`
	Pointer int    `json:"pointer"`
}

type optionReader struct {
	book    *labelBook
	decoder cipso.Decoder
	out     *bufio.Writer
	faults  int
}

func (d *optionReader) arguments(args []string) error {
	for i, arg := range args {
		if err := d.one(arg); err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
	}
	return nil
}

func (d *optionReader) lines(lines *bufio.Scanner) error {
	number := 0
	for lines.Scan() {
		number++
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		if err := d.one(lines.Text()); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("line %d: %w", number+1, err)
	}
	return nil
}

// one prints one option. It returns an error for what is no option at all.
func (d *optionReader) one(text string) error {
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	switch {
	case err != nil:
		return err
	case len(b) == 0:
		return errors.New("no digits")
	case len(b) > cipso.MaxOptionLen:
		return fmt.Errorf("%d bytes are more than the options of a header", len(b))
	case b[0] != cipso.OptionType:
		return fmt.Errorf("option type %d is not CIPSO's %d", b[0], cipso.OptionType)
	}
	var o cipso.Option
	_, fault := d.decoder.Decode(b, &o)
	if fault.Code == cipso.NoFault {
		if fault, err = padding(b); err != nil {
			return err
		}
	}
	if fault.Code != cipso.NoFault {
		d.faults++
		return printJSON(d.out, faultyOption{fault.Code.String(), fault.Pointer(firstOption)})
	}
	label, direct := d.book.decode(&o)
	return printJSON(d.out, decodedOption{o.DOI, o.Tag, o.Label.Level, o.Label.Categories.String(), label, direct})
}

// padding checks what stands behind the option of b, whose length was checked.
func padding(b []byte) (cipso.Fault, error) {
	n := int(b[1])
	for i, c := range b[n:] {
		switch {
		case c == cipso.OptionType && i == 0:
			return cipso.Fault{Code: cipso.FaultSecondOption, Offset: uint8(n)}, nil
		case c != 0:
			return cipso.Fault{}, fmt.Errorf("byte %d, behind the option, is %#02x and not padding", n+i, c)
		}
	}
	return cipso.Fault{}, nil
}
