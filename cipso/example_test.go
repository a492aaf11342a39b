package cipso_test

import (
	"fmt"

	"labelgate/cipso"
)

// A label that Smack would send, from text to bytes and back.
func Example() {
	label := cipso.Label{Level: cipso.DirectLevel}
	cipso.DirectCategories("Secret", &label.Categories)

	doi := cipso.Definition{DOI: 3, Tags: []cipso.TagType{cipso.TagRestricted}}
	var b [cipso.MaxOptionLen]byte
	n, tag := doi.Encode(&b, &label)
	fmt.Printf("% x (tag %d, %v)\n", b[:n], tag, tag)

	decoder := cipso.Decoder{Definitions: []cipso.Definition{doi}}
	var option cipso.Option
	_, fault := decoder.Decode(b[:n], &option)
	text, ok := cipso.DirectText(&option.Label.Categories, nil)
	fmt.Println(fault.Code, option.DOI, option.Label.Level, string(text), ok)

	// Output:
	// 86 10 00 00 00 03 01 0a 00 fa 29 b2 b1 b9 32 ba (tag 1, restricted)
	// none 3 250 Secret true
}

// An option that says the wrong thing in its seventh byte, 24 bytes into the
// header: behind the fixed part and four bytes of router alert.
func ExampleDecoder_Decode_fault() {
	decoder := cipso.Decoder{Definitions: []cipso.Definition{{DOI: 3, Tags: []cipso.TagType{cipso.TagRestricted}}}}
	var option cipso.Option
	_, fault := decoder.Decode([]byte{134, 12, 0, 0, 0, 3, 2, 6, 0, 5, 0, 1}, &option)
	fmt.Println(fault.Code, fault.Pointer(24))

	// Output: tag-not-allowed 30
}

// The first tag type that can carry the label is used.
func ExampleDefinition_Encode_preference() {
	doi := cipso.Definition{DOI: 16, Tags: []cipso.TagType{cipso.TagRestricted, cipso.TagEnumerated, cipso.TagRanges}}
	var b [cipso.MaxOptionLen]byte
	for _, text := range []string{"2,4,6", "2,400", "2-400", "1,3,5,7-400,402,404,406,408"} {
		var label cipso.Label
		label.Categories, _ = cipso.ParseCategories(text)
		n, tag := doi.Encode(&b, &label)
		fmt.Println(text, n, tag)
	}

	// Output:
	// 2,4,6 11 restricted
	// 2,400 14 enumerated
	// 2-400 14 ranges
	// 1,3,5,7-400,402,404,406,408 0 unknown
}

func ExampleParseCategories() {
	c, err := cipso.ParseCategories("7,1,5-6")
	fmt.Println(c.String(), c.Count(), err)
	_, err = cipso.ParseCategories("1,65535")
	fmt.Println(err)

	// Output:
	// 1,5-7 4 <nil>
	// column 3: a category is at most 65534
}
