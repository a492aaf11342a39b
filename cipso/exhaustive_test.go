package cipso

import "testing"

// Every option length, tag type and tag length, over three kinds of content,
// in both modes, against a second writing of the rules.
func TestEveryLength(t *testing.T) {
	fills := map[string]func(i int) byte{
		"zeroes":    func(int) byte { return 0 },
		"ones":      func(int) byte { return 0xff },
		"ascending": func(i int) byte { return byte(i) },
	}
	lengths := []int{254, 255}
	for n := range MaxOptionLen + 3 {
		lengths = append(lengths, n)
	}
	for name, fill := range fills {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			area := make([]byte, MaxOptionLen)
			var o Option
			faults := make(map[FaultCode]int)
			for _, length := range lengths {
				for i := range area {
					area[i] = fill(i)
				}
				copy(area, []byte{OptionType, byte(length), 0, 0, 0, 3})
				for tag := range 256 {
					for tagLength := range 256 {
						area[6], area[7] = byte(tag), byte(tagLength)
						want := kernelFault(area)
						_, compat := anyCompat.Decode(area, &o)
						if compat != want {
							t.Fatalf("%x: compat %v+%d, want %v+%d", area, compat.Code, compat.Offset, want.Code, want.Offset)
						}
						_, strict := anyStrict.Decode(area, &o)
						switch {
						case compat.Code != NoFault && strict != compat:
							t.Fatalf("%x: strict %v+%d, compat %v+%d", area, strict.Code, strict.Offset, compat.Code, compat.Offset)
						case strict.Code == NoFault && (o.Tag != TagType(tag) || o.DOI != 3 || o.Label.Level != area[9]):
							t.Fatalf("%x: %+v", area, o)
						}
						faults[strict.Code]++
					}
				}
			}
			t.Log(faults)
		})
	}
}

// kernelFault is the slow twin of what Decode checks first, for any DOI but 0.
// area is all there is up to the end of the header.
func kernelFault(area []byte) Fault {
	length := int(area[1])
	switch {
	case length < 2:
		return Fault{FaultOptionShort, 0}
	case length > len(area):
		return Fault{FaultOptionTruncated, 0}
	case length < 8:
		return Fault{FaultOptionShort, 1}
	}
	for at := 6; at < length; {
		wrong := func(code FaultCode, offset int) Fault { return Fault{code, uint8(at + offset)} }
		left := length - at
		switch area[at] {
		case 6, 7:
			return wrong(FaultTagNotAllowed, 0)
		case 128:
			return wrong(FaultTagLocal, 0)
		case 1, 2, 5:
		case 0: // Linux finds it in the unused places of its list, and looks on
			if left > 1 && int(area[at+1]) > left {
				return wrong(FaultTagLength, 1)
			}
			return wrong(FaultTagUnknown, 0)
		default:
			return wrong(FaultTagUnknown, 0)
		}
		if left == 1 {
			return wrong(FaultTagTrailingByte, 0)
		}
		tagLength := int(area[at+1])
		if tagLength > left || tagLength < 4 {
			return wrong(FaultTagLength, 1)
		}
		var numbers []int
		for i := at + 4; i+1 < at+tagLength; i += 2 {
			numbers = append(numbers, int(area[i])<<8|int(area[i+1]))
		}
		if area[at] != 1 && tagLength%2 != 0 {
			return wrong(FaultCategoryEncoding, 4)
		}
		for i := range numbers {
			if area[at] == 2 && i > 0 && numbers[i] <= numbers[i-1] || area[at] == 5 && i > 0 && i%2 == 0 && numbers[i] > numbers[i-1] {
				return wrong(FaultCategoryEncoding, 4)
			}
		}
		at += tagLength
	}
	return Fault{}
}
