package cli

import "github.com/spf13/cobra"

func newCIPSO(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cipso",
		Short: "Write and read CIPSO options",
		Example: `  labelgate cipso encode --doi 3 --label Secret
  labelgate cipso decode '86100000 0003010a 00fa29b2 b1b932ba'`,
		RunE: onlyVerbs,
	}
	cmd.AddCommand(newCIPSOEncode(s), newCIPSODecode(s))
	return cmd
}
