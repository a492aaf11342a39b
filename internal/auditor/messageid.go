package auditor

import "labelgate/internal/audit"

// MessageID returns the journal's MESSAGE_ID of a record, by which a message
// catalog explains it: one for each event, of decisions one for each reason why
// packets are dropped and one for those that pass.
func MessageID(event, action, reason string) string {
	if event != audit.EventDecision {
		return eventIDs[event]
	}
	if id := reasonIDs[reason]; id != "" {
		return id
	}
	if action == audit.Granted {
		return grantedID
	}
	return deniedID
}

// The identifiers are random, drawn once, and never change.
const (
	grantedID = "2706d33c8c670f2737bdccb76fa7e17f"
	deniedID  = "53838177c25610aceeab0ca039385539" // for a reason without one of its own
)

var eventIDs = map[string]string{
	audit.EventSuppressed:     "f2a49e47a1dda27c1df20948dfe66aaf",
	audit.EventQueueOverflow:  "eda3d43372f0850b63444d553e97f390",
	audit.EventQueueError:     "af93195bc90a25a0739bebd736acdc29",
	audit.EventFiltered:       "a55b5508569c7c45d810e51e0db8b8a6",
	audit.EventAuditFull:      "b2984c8473e6c33016c991f7b9ac80fd",
	audit.EventAuditRecovered: "fd8a83aa7a210ca961f46e0061e097e6",
	audit.EventAuditDegraded:  "0beccd70475fcf55f1a99a3bbe1dbf54",
	audit.EventRulesChanged:   "4c36699f94c5de8e237a27fe20487a15",
	audit.EventPolicyLoaded:   "0c8c26fe137a8333b680460d546f30cc",
	audit.EventPolicyRefused:  "d043656c2c20e16b1340f09e8c461461",
	audit.EventReload:         "408efb23a8491112c3c5a51d772bdf0b",
	audit.EventControl:        "675a71ab90938075fbf3987201f9d3b5",
	audit.EventStart:          "d87492a64c3da7bb922fe5fc82b61609",
	audit.EventStop:           "432944c34bfe78818b7cdb3f505c4eee",
	audit.EventUpgrade:        "cdb2d953f676da955ca4362ab5280f19",
	audit.EventSandbox:        "83726de08ea232fee511d08da4ecc257",
	audit.EventCrash:          "683b535ea8d5d1649984b1a001147c35",
	audit.EventHang:           "98fbe81d25846195bc0bc9d8f5bcac3a",
	audit.EventWatchdog:       "b5a89a40eb7112d8e16b440f8c5b70d8",
	audit.EventRecovered:      "b875e6870698fe37e4380ddc6cd15097",
	audit.EventRotated:        "2132bcb1b91e2dc5ff051327d722c6b6",
	audit.EventSealed:         "8f3afc636189f5b4bce0bb5f842c8d8e",
	audit.EventClock:          "5d6c705446bb6f64e283af1ee0e60403",
	audit.EventGarbage:        "af5b2c2e4201bd0c8befea05572a5ca6",
}

// reasonIDs are by reason; those of the packages netlabel and memory.
var reasonIDs = map[string]string{
	"not-ipv4":                   "844512be0dba2724b4394f06790fb196",
	"truncated":                  "4b2a5e8b726d209b84ad1afb6b86d977",
	"malformed-header":           "3e2488e6e4607a210b0a50481393e240",
	"no-zone":                    "30654c81df555e4c3ef9b51ee48be1fd",
	"ip-option":                  "844519e0d835eda5a1d9d5cf32cb92c2",
	"foreign-label":              "86c84fd7b2ad02432b01be2fa3081516",
	"tiny-fragment":              "6b04404772b25770bb8f7313579c31dc",
	"redirect":                   "10feb0448b50421d69b4435e2e47d303",
	"icmp-type":                  "5c6a3ee0d10d5f6d1334bdcfc8accb27",
	"martian-source":             "8e3b5e0a0c8eccb1f664ab3dcc12c402",
	"source-not-in-zone":         "6a33204fd3e5e99097bf1b95666c3fa7",
	"group-destination":          "0b7cffcff0c55dd1a9296df06c30ba82",
	"no-destination-zone":        "89c0c4877d6c5dd18f501deae49a5d32",
	"tunnel":                     "6b108ca63ea56042b8f2c15ba7cb8fac",
	"label-from-unlabeled-zone":  "984748d51e25c75ed3133c1f176ba31a",
	"malformed-option":           "35d116361c7d6225019022f0fac06ae1",
	"unknown-doi":                "7bf58199e8be0929eef77b8b8099cacb",
	"label-spoof":                "683210a4fb376edc905c3b3aefd8c797",
	"unknown-label":              "a9a45f7280d6e52ddc0f1f572947fbe0",
	"mapped-label":               "a0425bd3e0a4600f541cf11feaa5e28d",
	"reserved-label":             "cf7c9b16a3a9a55a92821f003a341054",
	"label-missing":              "703b5259f8e0e3b3f1c7fffd808d2c34",
	"source-not-accredited":      "5039f61b7e685bd69606fa29a65e30d5",
	"no-self-label":              "b7ef75487bb6825984961793d0b62595",
	"star-subject":               "a582e4e14e77ad535df7a52386b637eb",
	"no-rule":                    "cdc5af795562767120d3a2bb6f570d81",
	"rule-lacks-w":               "01cf48a6d1e4dda53ff1bc91b1414471",
	"layer":                      "4eb499481825ccaac88d0135ada0e2c7",
	"destination-not-accredited": "cc72e5b7404cce7fe9b34f788a7a6eb2",
	"web-to-labeled":             "fc481784bf208d2b5e5b370264cd1a61",
	"no-encoding":                "525ad568f4879a7b69e682cc2b4cf4b1",
	"no-room":                    "3a03d7ab4cd3ce9f9227ac9036d70271",
	"malformed-error":            "3c4386f7ce62a6f7e10ffa7258985500",
	"unsolicited-error":          "b9c1113acbc97d3546f4d129d1cc6933",
	"too-big":                    "45b452634cd2b752a07c24c242daae78",
	"label-changed":              "099d4247eda2a0446897cbcb1c84217c",
	"fragment-label":             "23cd0e1114cb669fa4a92a0c2cc9db40",
	"fragment-overlap":           "9743eecef577e4f76ae03c46adda6c01",
	"fragment-refused":           "188035bf29a2232debec9b4e10e2b6ef",
	"fragment-table-full":        "ff00829e1dae9fa754516bdd11684c37",
	"egress-zone":                "11104f6748203ed72b586e47a160f4b4",
	"destination-changed":        "5147f75b6d90600e65f754a9aefa5349",
	"stale-generation":           "de4d223745e75df534fee27577628a76",
	"unmarkable":                 "65beb6381873db8be8c0c301f92da22c",
}
