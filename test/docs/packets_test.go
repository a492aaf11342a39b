package docs

import (
	"os"
	"testing"

	"labelgate/test/packets"
)

// TestPackets: the page about packets is the one that the table of test/packets makes.
func TestPackets(t *testing.T) {
	const path = "../../docs/packets.md"
	table, err := packets.Load()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(table.Page()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(page) != table.Page() {
		t.Error("docs/packets.md is not what test/packets/packets.toml says; go test ./test/docs -update writes it anew")
	}
}
