package netlabel

import (
	"labelgate/cipso"
	"labelgate/engine"
)

// Spelled returns the text that an option spells in Smack's direct encoding at
// the level direct, "" when it spells none. It is for people: a label that the
// policy does not name stays unknown whatever it spells. At other levels
// categories may look like text by accident.
func Spelled(o *cipso.Option, direct uint8) string {
	if o.Label.Level != direct || o.Unrepresentable {
		return ""
	}
	text, ok := cipso.DirectText(&o.Label.Categories, nil)
	if !ok || engine.CheckLabel(string(text)) != nil {
		return ""
	}
	return string(text)
}
