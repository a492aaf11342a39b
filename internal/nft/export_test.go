package nft

// RulesGeneration is for tests of what is changed and what is left alone.
var RulesGeneration = rulesGeneration
