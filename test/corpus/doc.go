// Package corpus draws bytes for tests: option areas by a grammar of the CIPSO
// option that is wrong in one place more often than in none, mutations of those,
// and whole packets. What was recorded from real hosts (test/vectors) and what
// the fuzz targets have kept are the seeds of both.
package corpus
