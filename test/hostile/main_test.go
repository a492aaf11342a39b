package hostile

import (
	"os"
	"testing"

	"labelgate/test/figures"
	"labelgate/test/long"
)

func TestMain(m *testing.M) { os.Exit(long.Main(m, "../..", "hostile")) }

func figure(id string, value int, unit string) figures.Figure {
	return figures.Figure{ID: "hostile/" + id, Value: float64(value), Unit: unit}
}
