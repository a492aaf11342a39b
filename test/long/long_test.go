package long

import "testing"

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name, size string
		factor     int
		count      int
		command    string
	}{
		{"unset", "", 0, 7, "some"},
		{"zero", "0", 0, 7, "some"},
		{"once", "1", 1, 100, "soak-some"},
		{"three times", "3", 3, 300, "soak-some"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(SizeVariable, tt.size)
			if Factor() != tt.factor || Long() != (tt.factor > 0) || Count(7, 100) != tt.count || Command("some") != tt.command {
				t.Errorf("factor %d, long %v, %d cases, %q", Factor(), Long(), Count(7, 100), Command("some"))
			}
		})
	}
	for _, size := range []string{"yes", "-1", "1.5"} {
		t.Run(size, func(t *testing.T) {
			t.Setenv(SizeVariable, size)
			defer func() {
				if recover() == nil {
					t.Error("was taken for a size")
				}
			}()
			Factor()
		})
	}
}

func TestRounds(t *testing.T) {
	for _, tt := range []struct {
		name, size, duration string
		exactly, least       int
	}{
		{"short", "", "", 2, 2},
		{"short, a duration alone", "", "1h", 2, 2},
		{"long", "1", "", 9, 9},
		{"over before its least", "1", "1ns", 2, 2},
		{"as long as it takes", "1", "200ms", 0, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv(SizeVariable, tt.size)
			t.Setenv(DurationVariable, tt.duration)
			n := 0
			for i := range Rounds(2, 9, 0.5) {
				if i != n {
					t.Fatalf("round %d is the %dth", i, n)
				}
				n++
			}
			if tt.exactly > 0 && n != tt.exactly || n < tt.least {
				t.Errorf("%d rounds", n)
			}
		})
	}
	t.Setenv(DurationVariable, "long")
	defer func() {
		if recover() == nil {
			t.Error("was taken for a duration")
		}
	}()
	Duration()
}

func TestSeed(t *testing.T) {
	t.Setenv(SizeVariable, "")
	t.Setenv(SeedVariable, "")
	if got := Seed(t, 42); got != 42 {
		t.Errorf("short form: %d", got)
	}
	t.Setenv(SizeVariable, "1")
	if a, b := Seed(t, 42), Seed(t, 42); a == b {
		t.Errorf("long form: %d twice", a)
	}
	t.Setenv(SeedVariable, "9")
	if got := Seed(t, 42); got != 9 {
		t.Errorf("named: %d", got)
	}
}
