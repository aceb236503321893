// Package sizediff measures kernel builds and says what changed between two of them.
//
// It has three steps, each a pure function over the one before:
//
//	Measure   a build (package source)  -> a Measurement: every byte of every image has one owner
//	Compare   two measurements          -> a Report: totals, buckets, crates, symbols
//	Evaluate  a report and a policy     -> findings, budgets and a verdict, kept in an Evaluation
//
// Why sizes are as they are is for package insight. While Measure has an image open it can examine it (MeasureOptions.Examine) for
// what sizes do not tell, and its Compare puts the causes of a change into the Report.
//
// Package render turns an Evaluation into text, Markdown, JSON and HTML.
//
// Nothing here uses the network, knows GitHub or logs. All sizes are bytes.
// Everything that is read is taken as hostile: a malformed image is an error, never a panic, and no number in a
// header makes us allocate memory that the file does not back.
package sizediff
