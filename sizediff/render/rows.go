package render

import (
	"cmp"
	"slices"

	"github.com/oxidometer/oxidometer/sizediff"
)

// maxRows is the height of the first table.
const maxRows = 8

type rowKind int

const (
	rowTotal rowKind = iota
	rowBucket
	rowOther // buckets folded into one
	rowGap   // total minus buckets, should a report not close
	rowInit
)

// row is one line of the first table: one change per compared target. Over every target the rows of kind bucket, other and
// gap add up to the row of kind total.
type row struct {
	kind    rowKind
	bucket  string
	label   string
	folded  []string // labels of the folded buckets
	changes []sizediff.Change
}

func (r row) isZero() bool {
	return !slices.ContainsFunc(r.changes, func(c sizediff.Change) bool { return c.Delta != 0 })
}

// largest magnitude among the targets.
func (r row) largest() uint64 {
	var m uint64
	for _, c := range r.changes {
		m = max(m, magnitude(c.Delta))
	}
	return m
}

// firstTable returns the rows of the first table, at most maxRows of them.
func firstTable(targets []*sizediff.TargetResult) []row {
	total := row{kind: rowTotal, bucket: sizediff.BucketTotal, label: "Resident total"}
	initial := row{kind: rowInit, label: "Init (freed after boot)"}
	gap := row{kind: rowGap, label: "in no bucket"}
	for _, t := range targets {
		totals := t.Report.Totals
		total.changes = append(total.changes, totals.Resident)
		initial.changes = append(initial.changes, totals.Init)
		rest := totals.Resident
		for _, b := range t.Report.Buckets {
			rest = rest.Plus(sizediff.Change{Base: -b.Resident.Base, Head: -b.Resident.Head, Delta: -b.Resident.Delta})
		}
		gap.changes = append(gap.changes, rest)
	}
	around := 1
	if !gap.isZero() {
		around++
	}
	if !initial.isZero() {
		around++
	}
	rows := append([]row{total}, fold(bucketRows(targets), targets, maxRows-around)...)
	if !gap.isZero() {
		rows = append(rows, gap)
	}
	if !initial.isZero() {
		rows = append(rows, initial)
	}
	return rows
}

// bucketRows returns one row for every bucket of any target.
func bucketRows(targets []*sizediff.TargetResult) []row {
	var rows []row
	at := map[string]int{}
	for i, t := range targets {
		for _, b := range ordered(t.Report.Buckets) {
			k, known := at[b.Name]
			if !known {
				k = len(rows)
				at[b.Name] = k
				rows = append(rows, row{kind: rowBucket, bucket: b.Name, label: bucketLabel(b), changes: make([]sizediff.Change, len(targets))})
			}
			rows[k].changes[i] = rows[k].changes[i].Plus(b.Resident)
		}
	}
	return rows
}

// ordered puts the buckets into the order of reading. A policy's order is that of its rules, of which derived tables have to
// be among the first.
func ordered(buckets []sizediff.BucketChange) []sizediff.BucketChange {
	out := slices.Clone(buckets)
	slices.SortStableFunc(out, func(a, b sizediff.BucketChange) int { return readingRank(a.Name) - readingRank(b.Name) })
	return out
}

func readingRank(bucket string) int {
	first := []string{sizediff.BucketRuntime, sizediff.BucketAbstractions, sizediff.BucketDrivers}
	last := []string{sizediff.BucketHelpers, sizediff.BucketC, sizediff.BucketDerived, sizediff.BucketPadding, sizediff.BucketUnattributed}
	if i := slices.Index(first, bucket); i >= 0 {
		return i
	}
	return len(first) + 1 + slices.Index(last, bucket)
}

// fold brings the bucket rows down to limit: first it drops what is zero everywhere, from the end, then it folds the
// smallest of the others into one row.
func fold(rows []row, targets []*sizediff.TargetResult, limit int) []row {
	kept := func(r row) bool { return r.bucket == sizediff.BucketRuntime || budgeted(targets, r.bucket) }
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.isZero() && residual(r.bucket) && !kept(r) })
	for i := len(rows) - 1; i >= 0 && len(rows) > limit; i-- {
		if rows[i].isZero() && !kept(rows[i]) {
			rows = slices.Delete(rows, i, i+1)
		}
	}
	if len(rows) <= limit {
		return rows
	}
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(boolRank(kept(rows[a]))-boolRank(kept(rows[b])), cmp.Compare(rows[a].largest(), rows[b].largest()), b-a)
	})
	return foldRows(rows, order[:len(rows)-limit+1])
}

// foldRows replaces the rows at the given indexes by their sum.
func foldRows(rows []row, indexes []int) []row {
	other := row{kind: rowOther, label: "other", changes: make([]sizediff.Change, len(rows[0].changes))}
	var out []row
	for i, r := range rows {
		if !slices.Contains(indexes, i) {
			out = append(out, r)
			continue
		}
		other.folded = append(other.folded, r.label)
		for k, c := range r.changes {
			other.changes[k] = other.changes[k].Plus(c)
		}
	}
	return append(out, other)
}

// residual buckets are only worth a row when they changed.
func residual(bucket string) bool {
	return bucket == sizediff.BucketPadding || bucket == sizediff.BucketUnattributed || bucket == sizediff.BucketHelpers
}

func budgeted(targets []*sizediff.TargetResult, bucket string) bool {
	return slices.ContainsFunc(targets, func(t *sizediff.TargetResult) bool {
		_, ok := budgetFor(t, bucket)
		return ok
	})
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
