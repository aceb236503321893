package rustname

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// constructs reads testdata/constructs.txt: names that rustc made from
// constructs.rs, with what rustc-demangle prints for {:#} and {}.
func constructs(t testing.TB) (rows [][3]string) {
	t.Helper()
	f, err := os.Open("testdata/constructs.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		row := strings.Split(lines.Text(), "\t")
		if len(row) != 3 {
			t.Fatalf("testdata/constructs.txt: %q has %d columns, want 3", lines.Text(), len(row))
		}
		rows = append(rows, [3]string(row))
	}
	if err := lines.Err(); err != nil || len(rows) < 500 {
		t.Fatalf("testdata/constructs.txt: %d names, %v", len(rows), err)
	}
	return rows
}

func TestPrintsAsRustcDemangle(t *testing.T) {
	for _, row := range constructs(t) {
		n, ok := Parse(row[0])
		if !ok || !Looks(row[0]) {
			t.Errorf("%s: Parse %v, Looks %v, want true", row[0], ok, Looks(row[0]))
			continue
		}
		if got := n.String(); got != row[1] {
			t.Errorf("%s\nString %s\nwant   %s", row[0], got, row[1])
		}
		if got := n.Verbose(); got != row[2] {
			t.Errorf("%s\nVerbose %s\nwant    %s", row[0], got, row[2])
		}
	}
}

// facts are the accessors of one name. Expected values are worked out by hand
// from RFC 2603; a missing key is "" (or false, or 0).
type facts map[string]any

func factsOf(n *Name) facts {
	got := facts{}
	add := func(k string, v any, zero bool) {
		if !zero {
			got[k] = v
		}
	}
	for k, v := range map[string]string{
		"crate": n.Crate, "hash": n.Disambiguator, "inst": n.Instantiating, "instHash": n.InstantiatingDisambiguator,
		"suffix": n.Suffix, "legacyHash": n.Hash, "string": n.String(), "family": n.Family(), "module": n.Module(),
		"item": n.Item(), "self": n.ImplSelf(), "trait": n.Trait(), "shim": n.Shim(), "key": n.MatchKey(),
		"familyKey": n.FamilyKey(), "args": strings.Join(n.Args(), " | "),
	} {
		add(k, v, v == "")
	}
	depth, index := n.Closure()
	add("closures", depth, depth == 0)
	add("closure", index, len(index) == 0)
	add("generic", n.Generic(), !n.Generic())
	// What equals the printed form is not repeated in the table.
	for _, k := range []string{"family", "item", "key", "familyKey"} {
		if got[k] == got["string"] {
			delete(got, k)
		}
	}
	return got
}

func TestAccessors(t *testing.T) {
	for _, test := range []struct {
		why  string
		sym  string
		want facts
	}{
		{"free function", "_RNvNtCsa_4core9panicking9panic_fmt", facts{
			"crate": "core", "hash": "c", "string": "core::panicking::panic_fmt", "module": "core::panicking",
		}},
		{"crate root function", "_RNvC7mycrate3foo", facts{
			"crate": "mycrate", "string": "mycrate::foo", "module": "mycrate",
		}},
		{"trait impl: the impl path says the module", "_RNvXs_NtNtC4core3fmt3numyNtB6_8LowerHex3fmt", facts{
			"crate": "core", "string": "<u64 as core::fmt::LowerHex>::fmt", "module": "core::fmt::num",
			"self": "u64", "trait": "core::fmt::LowerHex",
		}},
		{"trait impl in another crate than type and trait", "_RNvXC6kernelNtC4core4BoolNtBc_5Clone5cloneCs0_3drv", facts{
			"crate": "kernel", "inst": "drv", "instHash": "2", "module": "kernel",
			"string": "<core::Bool as core::Clone>::clone", "self": "core::Bool", "trait": "core::Clone",
		}},
		{"inherent impl", "_RNvMs2_NtNtC4core3fmt8buildersNtB5_11DebugStruct5field", facts{
			"crate": "core", "string": "<core::fmt::builders::DebugStruct>::field", "module": "core::fmt::builders",
			"self": "core::fmt::builders::DebugStruct",
		}},
		{"trait's own method: the trait's crate and module", "_RNvYINtC3drv3BufhENtNtC4core3fmt5Write9write_fmtB5_", facts{
			"crate": "core", "inst": "drv", "string": "<drv::Buf<u8> as core::fmt::Write>::write_fmt",
			"module": "core::fmt", "family": "<_ as core::fmt::Write>::write_fmt",
			"item": "<_ as core::fmt::Write>::write_fmt", "self": "drv::Buf<u8>", "trait": "core::fmt::Write",
			"generic": true, "args": "drv::Buf<u8>",
		}},
		{"generic function", "_RINvNtC4core3ptr9drop_glueINtNtC5alloc3vec3VechEEC3drv", facts{
			"crate": "core", "inst": "drv", "string": "core::ptr::drop_glue::<alloc::vec::Vec<u8>>",
			"module": "core::ptr", "family": "core::ptr::drop_glue::<_>", "item": "core::ptr::drop_glue",
			"generic": true, "args": "alloc::vec::Vec<u8>",
		}},
		{"1.96's drop_in_place has 1.97's key", "_RINvNtC4core3ptr13drop_in_placehEC3drv", facts{
			"crate": "core", "inst": "drv", "string": "core::ptr::drop_in_place::<u8>", "module": "core::ptr",
			"family": "core::ptr::drop_in_place::<_>", "item": "core::ptr::drop_in_place", "generic": true, "args": "u8",
			"key": "core::ptr::drop_glue::<u8>", "familyKey": "core::ptr::drop_glue::<u8>",
		}},
		{"not core's drop_in_place", "_RNvNtC3drv3ptr13drop_in_place", facts{
			"crate": "drv", "string": "drv::ptr::drop_in_place", "module": "drv::ptr",
		}},
		{"const and type arguments of type, trait and method", "_RINvXC3drvINtB3_3BufhKj10_EINtB3_4FrommE4fromRetEB3_", facts{
			"crate": "drv", "inst": "drv", "string": "<drv::Buf<u8, 16> as drv::From<u32>>::from::<&str, u16>",
			"module": "drv", "family": "<drv::Buf<_> as drv::From<_>>::from::<_>", "item": "<drv::Buf as drv::From>::from",
			"self": "drv::Buf<u8, 16>", "trait": "drv::From<u32>", "generic": true, "args": "u8 | 16 | u32 | &str | u16",
		}},
		{"concrete impl of a generic type", "_RNvXs_NtC4core3numINtB4_7NonZerotENtB4_7FromStr8from_str", facts{
			"crate": "core", "string": "<core::num::NonZero<u16> as core::num::FromStr>::from_str", "module": "core::num",
			"family": "<core::num::NonZero<_> as core::num::FromStr>::from_str", "args": "u16",
			"item": "<core::num::NonZero as core::num::FromStr>::from_str", "self": "core::num::NonZero<u16>",
			"trait": "core::num::FromStr",
		}},
		{"lifetimes alone are not generic", "_RNvXC3drvINtB2_3BufL_ENtB2_3Get3get", facts{
			"crate": "drv", "string": "<drv::Buf<'_> as drv::Get>::get", "module": "drv",
			"item": "<drv::Buf as drv::Get>::get", "self": "drv::Buf<'_>", "trait": "drv::Get",
		}},
		{"elements of built-in types", "_RNvMNtC4core5sliceAShj3_4sort", facts{
			"crate": "core", "string": "<[[u8]; 3]>::sort", "module": "core::slice", "family": "<[_; _]>::sort",
			"item": "<[_; _]>::sort", "self": "[[u8]; 3]", "args": "[u8] | 3",
		}},
		{"tuple and reference", "_RNvXC4coreTRhQeENtB2_2Eq2eq", facts{
			"crate": "core", "string": "<(&u8, &mut str) as core::Eq>::eq", "module": "core",
			"family": "<(_, _) as core::Eq>::eq", "item": "<(_, _) as core::Eq>::eq",
			"self": "(&u8, &mut str)", "trait": "core::Eq", "args": "&u8 | &mut str",
		}},
		{"closures in a generic function", "_RNCNCINvNtC3drv3mod3runhEs_0s0_0C3drv", facts{
			"crate": "drv", "inst": "drv", "string": "drv::mod::run::<u8>::{closure#1}::{closure#2}", "module": "drv::mod",
			"family": "drv::mod::run::<_>::{closure#1}::{closure#2}", "item": "drv::mod::run", "generic": true, "args": "u8",
			"familyKey": "drv::mod::run::<u8>::{closure}::{closure}", "closures": 2, "closure": []uint64{1, 2},
		}},
		{"function nested in a function", "_RNvNvNtC3drv3mod5outer5inner", facts{
			"crate": "drv", "string": "drv::mod::outer::inner", "module": "drv::mod",
		}},
		{"impl of a local type", "_RNvMNvNtC3drv3mod5outerNtB2_5Local3get", facts{
			"crate": "drv", "string": "<drv::mod::outer::Local>::get", "module": "drv::mod", "self": "drv::mod::outer::Local",
		}},
		{"function in a default method of a trait", "_RINvNvNtNtC4core4iter8Iterator4find5checkhE", facts{
			"crate": "core", "string": "core::iter::Iterator::find::check::<u8>", "module": "core::iter",
			"family": "core::iter::Iterator::find::check::<_>", "item": "core::iter::Iterator::find::check",
			"args": "u8",
		}},
		{"constructor", "_RNcNtINtNtC4core6option6OptionhE4Some0C3drv", facts{
			"crate": "core", "inst": "drv", "string": "core::option::Option::<u8>::Some", "module": "core::option",
			"family": "core::option::Option::<_>::Some", "item": "core::option::Option::Some", "generic": true, "args": "u8",
		}},
		{"vtable shim of a closure", "_RNSNvYNCNvC3drv3run0INtNtC4core3ops6FnOnceuE9call_once6vtableC3drv", facts{
			"crate": "core", "inst": "drv", "module": "core::ops", "shim": "vtable",
			"string": "<drv::run::{closure#0} as core::ops::FnOnce<()>>::call_once::{shim:vtable#0}",
			"family": "<_ as core::ops::FnOnce<_>>::call_once::{shim:vtable#0}",
			"item":   "<_ as core::ops::FnOnce>::call_once", "generic": true, "args": "drv::run::{closure#0} | ()",
			"self": "drv::run::{closure#0}", "trait": "core::ops::FnOnce<()>",
			"familyKey": "<drv::run::{closure} as core::ops::FnOnce<()>>::call_once::{shim:vtable}",
		}},
		{"compiler's own crate", "_RNvCs1234_7___rustc17rust_begin_unwind", facts{
			// 1·62³+2·62²+3·62+4 = 246,206, and two more, in hexadecimal
			"crate": "__rustc", "hash": "3c1c0", "string": "__rustc::rust_begin_unwind", "module": "__rustc",
		}},
		{"equal but for the disambiguator of the last identifier", "_RNvNvNtC3drv3mod3news_5CLASS.llvm.8421", facts{
			"crate": "drv", "string": "drv::mod::new::CLASS", "module": "drv::mod", "suffix": ".llvm.8421",
		}},
		{"auto traits in another order", "_RNvXs_NtC4core3anyDNtB4_3AnyNtNtB6_6marker4SyncNtBs_4SendEL_NtNtB6_3fmt5Debug3fmt", facts{
			"crate": "core", "module": "core::any", "trait": "core::fmt::Debug",
			"string":    "<dyn core::any::Any + core::marker::Sync + core::marker::Send as core::fmt::Debug>::fmt",
			"self":      "dyn core::any::Any + core::marker::Sync + core::marker::Send",
			"key":       "<dyn core::any::Any + core::marker::Send + core::marker::Sync as core::fmt::Debug>::fmt",
			"familyKey": "<dyn core::any::Any + core::marker::Send + core::marker::Sync as core::fmt::Debug>::fmt",
		}},
		{"function pointer with binder and ABI", "_RMC3drvFG0_UK6sysv64RL1_hQL0_eEz", facts{
			"crate": "drv", "module": "drv", "string": `<for<'a, 'b> unsafe extern "sysv64" fn(&'a u8, &'b mut str) -> !>`,
			"self": `for<'a, 'b> unsafe extern "sysv64" fn(&'a u8, &'b mut str) -> !`,
		}},
		{"associated types and constants", "_RMC3drvDG_INtB0_2FnTRL0_hEEp6Outputmp1NKm2a_EL_", facts{
			"crate": "drv", "module": "drv", "string": "<dyn for<'a> drv::Fn<(&'a u8,), Output = u32, N = 42>>",
			"self": "dyn for<'a> drv::Fn<(&'a u8,), Output = u32, N = 42>",
		}},
		{"punycode", "_RNvC3drvu9grn_6ka8i", facts{
			"crate": "drv", "string": "drv::größn", "module": "drv",
		}},
		{"encoding version, $ suffix, extra underscore", "__R0NvC3drv3foo$tlv", facts{
			"crate": "drv", "string": "drv::foo", "module": "drv", "suffix": "$tlv",
		}},
		{"name of a path that ends in a back-reference", "_RNvXC3drvNtB2_1ANtNtC4core3fmt5Debug3fmt.cold.1", facts{
			"crate": "drv", "string": "<drv::A as core::fmt::Debug>::fmt", "module": "drv", "self": "drv::A",
			"trait": "core::fmt::Debug", "suffix": ".cold.1",
		}},
		{"legacy function", "_ZN4core9panicking9panic_fmt17h0123456789abcdefE", facts{
			"crate": "core", "string": "core::panicking::panic_fmt", "module": "core::panicking", "legacyHash": "0123456789abcdef",
		}},
		{"legacy impl in a module", "_ZN4core3fmt3num52_$LT$impl$u20$core..fmt..Display$u20$for$u20$u32$GT$3fmt17h0123456789abcdefE.llvm.7", facts{
			"crate": "core", "string": "core::fmt::num::<impl core::fmt::Display for u32>::fmt", "module": "core::fmt::num",
			"self": "u32", "trait": "core::fmt::Display", "legacyHash": "0123456789abcdef", "suffix": ".llvm.7",
		}},
		{"legacy impl in the type's module", "_ZN57_$LT$drv..a..Buf$LT$T$GT$$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", facts{
			"crate": "drv", "string": "<drv::a::Buf<T> as core::fmt::Debug>::fmt", "module": "drv::a", "self": "drv::a::Buf<T>",
			"trait": "core::fmt::Debug", "family": "<drv::a::Buf<_> as core::fmt::Debug>::fmt",
			"item": "<drv::a::Buf as core::fmt::Debug>::fmt", "generic": true, "args": "T", "legacyHash": "0123456789abcdef",
		}},
		{"legacy impl in the trait's module", "_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", facts{
			"crate": "core", "string": "<&T as core::fmt::Debug>::fmt", "module": "core::fmt", "self": "&T",
			"trait": "core::fmt::Debug", "legacyHash": "0123456789abcdef",
		}},
		{"legacy drop glue", "_ZN4core3ptr58drop_in_place$LT$drv..run..$u7b$$u7b$closure$u7d$$u7d$$GT$17h0123456789abcdefE", facts{
			"crate": "core", "string": "core::ptr::drop_in_place<drv::run::{{closure}}>", "module": "core::ptr",
			"family": "core::ptr::drop_in_place<_>", "item": "core::ptr::drop_in_place", "generic": true,
			"key": "core::ptr::drop_glue<drv::run::{{closure}}>", "familyKey": "core::ptr::drop_glue<drv::run::{{closure}}>",
			"args": "drv::run::{{closure}}", "legacyHash": "0123456789abcdef",
		}},
		{"legacy closure", "_ZN3drv3mod3Buf3run28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE", facts{
			"crate": "drv", "string": "drv::mod::Buf::run::{{closure}}", "module": "drv::mod", "item": "drv::mod::Buf::run",
			"closures": 1, "legacyHash": "0123456789abcdef",
		}},
		{"legacy shim", "_ZN4core3ops6FnOnce40call_once$u7b$$u7b$vtable.shim$u7d$$u7d$17h0123456789abcdefE", facts{
			"crate": "core", "string": "core::ops::FnOnce::call_once{{vtable.shim}}", "module": "core::ops",
			"item": "core::ops::FnOnce::call_once", "shim": "vtable", "legacyHash": "0123456789abcdef",
		}},
	} {
		n, ok := Parse(test.sym)
		if !ok {
			t.Errorf("%s: Parse(%s) refuses it", test.why, test.sym)
			continue
		}
		if diff := cmp.Diff(test.want, factsOf(n)); diff != "" {
			t.Errorf("%s: %s (-want +got)\n%s", test.why, test.sym, diff)
		}
	}
}

// TestMatchKeyAcrossBuilds pairs names of one item in two builds.
func TestMatchKeyAcrossBuilds(t *testing.T) {
	for _, test := range []struct {
		why, a, b string
		same      bool
	}{
		{"crate hash", "_RNvCsa_4core3foo", "_RNvCsb_4core3foo", true},
		{"impl number", "_RNvXCs_3drvNtB2_1ANtC4core4Drop4drop", "_RNvXs0_Csa_3drvNtB5_1ANtC4core4Drop4drop", true},
		{"identifier number", "_RNvNvC3drv3news_5CLASS", "_RNvNvC3drv3news0_5CLASS", true},
		{"instantiating crate", "_RINvC4core3foohEC1a", "_RINvC4core3foohEC1b", true},
		{"suffix", "_RNvC4core3foo.llvm.1", "_RNvC4core3foo", true},
		{"drop glue", "_RINvNtCsa_4core3ptr13drop_in_placehE", "_RINvNtC4core3ptr9drop_gluehE", true},
		{"auto traits only", "_RMC1aDNtNtC4core6marker4SyncNtB6_4SendEL_", "_RMC1aDNtNtC4core6marker4SendNtB6_4SyncEL_", true},
		{"legacy hash", "_ZN4core3foo17h0123456789abcdefE", "_ZN4core3foo17hfedcba9876543210E.llvm.1", true},
		{"type argument", "_RINvC4core3foohE", "_RINvC4core3footE", false},
		{"self type", "_RNvMC4coreh3foo", "_RNvMC4coret3foo", false},
		{"closure index", "_RNCNvC4core3foo0", "_RNCNvC4core3foos_0", false},
	} {
		a, okA := Parse(test.a)
		b, okB := Parse(test.b)
		if !okA || !okB {
			t.Errorf("%s: Parse(%s) = %v, Parse(%s) = %v", test.why, test.a, okA, test.b, okB)
			continue
		}
		if same := a.MatchKey() == b.MatchKey(); same != test.same {
			t.Errorf("%s: keys %s, %s: same %v, want %v", test.why, a.MatchKey(), b.MatchKey(), same, test.same)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, sym := range []string{
		"", "_", "_R", "__R", "R", "_ZN", "_ZNE", "main",
		"_RasMessage", "_RegistrationRequest", "_R_", "_RUST_MINIMAL", "__RUST_MINIMAL_8", "_RNA", "_RC",
		"_RC3fo", "_RC3foo!", "_RC3fooX", "_RNvC3foo", "_RN1C3foo3bar", "_RNvC3foo3b r", "_RNvC3foo3bar ", "_RNvC3foo3bar.\n",
		"_RNvC3foo99999999999999999999bar", "_RNvC3foos99999999999999999999_3bar", "_RNvC3foosZZZZZZZZZZZZZZZZZZZZ_3bar",
		"_RNvB_3foo",          // points at its own path
		"_RNvB0_3foo",         // at a letter
		"_RNvBz_3foo",         // forwards
		"_RMC0TB2_E",          // at the tuple that it is in
		"_RMC0B1_",            // at a crate name
		"_RINvC1a1bhNvB5_1cE", // a path that is a type
		"_RINvC1a1bhKB5_E",    // a constant that is a type
		"_RMC0RL0_h",          // unbound lifetime
		"_RMC0FG_RL1_hEu",     // the same, inside a binder
		"_RMC0FGzzzzz_Eu",     // binder of millions
		"_RIC0Kb2_E", "_RIC0KcD800_E", "_RIC0Kcd800_E", "_RIC0Kc110000_E", "_RIC0Ke6_E", "_RIC0Keff_E", "_RIC0Kf0_E",
		"_RNvMNtC4core5sliceShE4sort",                     // a slice has no "E"
		"_RMC3drvDG_INtB0_2FnTRL0_hEEp6Outputmp1Nm2a_EL_", // a constant without "K"
		"_RIC0Kj", "_RIC0Kj12", "_RIC0KVC1aXE", "_RMC0k", "_RMC0WmQ",
		"_RCu0", "_RCu4abc_",
		"_ZN3fooE", "_ZN3foo3barEv", "_ZN3foo17h0123456789abcdef", "_ZN17h0123456789abcdefE",
		"_ZN3foo17h0000000000000000E", "_ZN3foo17h0123456789abcdeFE", "_ZN3foo16h123456789abcdefE",
		"_ZN3fo17h0123456789abcdefE", "_ZN0_17h0123456789abcdefE", "_ZN99999999999999999999a17h0123456789abcdefE",
		"_ZN3foo17h0123456789abcdefEv", "_ZN3foo17h0123456789abcdefE ",
	} {
		if n, ok := Parse(sym); ok || n != nil {
			t.Errorf("Parse(%q) = %v, %v, want none", sym, n, ok)
		}
	}
}
