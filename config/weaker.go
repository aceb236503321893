package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/oxidometer/oxidometer/sizediff"
)

// Weaker says in what a new file is less strict than an old one, or may be, apart from the sizes of its budgets and ratchets, which
// sizediff.Loosen compares in bytes. Each entry is a clause such as "gate.mode goes from enforce to report"; the order is fixed.
// Names in it come from the files.
func Weaker(old, new *Repo) []string {
	w := &weaker{}
	w.gate(old.Gate, new.Gate)
	w.tolerance(old.Tolerance, new.Tolerance)
	w.noise(old.Noise.Band, new.Noise.Band)
	w.gains("commands.accept", old.Commands.Accept, new.Commands.Accept)
	w.allows("commands.author_may_accept", old.Commands.AuthorMayAccept, new.Commands.AuthorMayAccept)
	if slices.Contains(new.Commands.Accept, "owners") {
		w.owners(old.Budgets, new.Budgets)
	}
	w.gains("base.trusted_events", old.Base.TrustedEvents, new.Base.TrustedEvents)
	w.targets(old.Targets, new.Targets)
	w.buckets(old.Policy().Buckets, new.Policy().Buckets)
	return w.clauses
}

type weaker struct{ clauses []string }

func (w *weaker) add(format string, args ...any) {
	w.clauses = append(w.clauses, fmt.Sprintf(format, args...))
}

// falls notes a key whose value ranks lower than before.
func falls[T ~string](w *weaker, key string, old, new T, rank ...T) {
	if slices.Index(rank, new) < slices.Index(rank, old) {
		w.add("%s goes from %s to %s", key, old, new)
	}
}

func (w *weaker) allows(key string, old, new bool) {
	if new && !old {
		w.add("%s goes from false to true", key)
	}
}

func (w *weaker) gains(key string, old, new []string) {
	for _, s := range new {
		if !slices.Contains(old, s) {
			w.add("%s gains %s", key, s)
		}
	}
}

// owners: whoever owns a budget may accept what is over it, and a new budget of somebody's own is a way to that too.
func (w *weaker) owners(old, new []Budget) {
	for i, b := range new {
		var before []string
		for _, o := range old {
			if o.Bucket == b.Bucket && o.Quantity == b.Quantity && o.Path == b.Path && o.Unit == b.Unit && slices.Equal(o.Targets, b.Targets) {
				before = append(before, o.Owners...)
			}
		}
		for _, owner := range b.Owners {
			if !slices.ContainsFunc(before, func(s string) bool { return strings.EqualFold(s, owner) }) {
				w.add("budgets[%d].owners gains %s", i, owner)
			}
		}
	}
}

func (w *weaker) gate(old, new Gate) {
	falls(w, "gate.mode", old.Mode, new.Mode, GateReport, GateEnforce)
	for _, x := range []struct {
		key      string
		old, new Conclusion
	}{
		{"gate.on_over_budget", old.OnOverBudget, new.OnOverBudget},
		{"gate.on_missing_base", old.OnMissingBase, new.OnMissingBase},
		{"gate.on_not_measured", old.OnNotMeasured, new.OnNotMeasured},
		{"gate.on_approximate_base", old.OnApproximateBase, new.OnApproximateBase},
	} {
		falls(w, x.key, x.old, x.new, ConcludeSuccess, ConcludeNeutral, ConcludeActionRequired, ConcludeFailure)
	}
	w.allows("gate.trailer_bypasses_gate", old.TrailerBypassesGate, new.TrailerBypassesGate)
	falls(w, "gate.acceptance", old.Acceptance, new.Acceptance, AcceptCarry, AcceptHeadOnly)
}

func (w *weaker) tolerance(old, new Tolerance) {
	strict := []Treatment{Unlimited, ReportOnly, Apply}
	falls(w, "tolerance.revert", old.Revert, new.Revert, strict...)
	falls(w, "tolerance.toolchain_change", old.ToolchainChange, new.ToolchainChange, strict...)
	falls(w, "tolerance.config_change", old.ConfigChange, new.ConfigChange, strict...)
	for _, label := range slices.Sorted(maps.Keys(new.Label)) {
		was, known := old.Label[label]
		if !known {
			was = Apply
		}
		falls(w, "tolerance.label "+label, was, new.Label[label], strict...)
	}
	w.gains("tolerance.paths_only", old.PathsOnly, new.PathsOnly)
}

// noise: how wide an automatic band is, the file does not say.
func (w *weaker) noise(old, new Band) {
	if old.Auto != new.Auto || new.Bytes > old.Bytes {
		w.add("noise.band goes from %s to %s", old, new)
	}
}

func (w *weaker) targets(old, new []Target) {
	if len(old) == 0 && len(new) > 0 {
		w.add("only the targets of the list are measured")
	}
	for _, t := range old {
		i := slices.IndexFunc(new, func(x Target) bool { return x.Name == t.Name })
		switch {
		case i < 0 && len(new) > 0:
			w.add("target %s is removed", t.Name)
		case i >= 0 && t.Required && !new[i].Required:
			w.add("target %s is no longer required", t.Name)
		}
	}
}

// buckets: bytes that fall into another bucket are no longer bound by the budget of the first.
func (w *weaker) buckets(old, new []sizediff.Bucket) {
	var changed []string
	for i, b := range old {
		same := i < len(new) && new[i].Name == b.Name && reflect.DeepEqual(new[i].Match, b.Match)
		if !same {
			changed = append(changed, b.Name)
		}
	}
	switch {
	case len(old) != len(new) || len(changed) > 3:
		w.add("the rules of the buckets change")
	case len(changed) > 0:
		w.add("the rules of %s change", strings.Join(changed, " and "))
	}
}
