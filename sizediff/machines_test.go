package sizediff

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oxidometer/oxidometer/sizediff/elfmap"
)

// withoutRelocations returns a linked image of 64 bits as if the linker had not kept its relocations.
func withoutRelocations(data []byte) []byte {
	out := slices.Clone(data)
	var order binary.ByteOrder = binary.LittleEndian
	if data[5] == 2 {
		order = binary.BigEndian
	}
	table, size, n := order.Uint64(out[0x28:]), uint64(order.Uint16(out[0x3a:])), uint64(order.Uint16(out[0x3c:]))
	for i := range n {
		if header := out[table+i*size:]; order.Uint32(header[4:]) == elfmap.TypeRela && order.Uint64(header[8:])&2 == 0 { // not SHF_ALLOC
			order.PutUint32(header[4:], elfmap.TypeNull)
		}
	}
	return out
}

// TestDecodedMachines gives unnamed constants the same owners from code as from the relocations of the same image. Slots of the
// global offset table are seen in code only.
func TestDecodedMachines(t *testing.T) {
	for name, want := range map[string]int{"x86_64": 32, "aarch64": 32, "riscv64": 16, "loongarch64": 0, "powerpc64le": 48, "s390x": 32} {
		data, err := os.ReadFile(filepath.Join("coderef", "testdata", name+".exec"))
		if err != nil {
			t.Fatal(err)
		}
		exact, decoded := own(t, data), own(t, withoutRelocations(data))
		if text := exact.elf.Find(".text"); !exact.elf.HasRelocs(text) || decoded.elf.HasRelocs(text) {
			t.Errorf("%s: relocations are not where they should be", name)
		}
		claimed := 0
		for i := range exact.owners.Tilings {
			section := exact.owners.Tilings[i].Section
			if exact.elf.Sections[section].Name == ".got" {
				continue
			}
			a, b := constantOwners(exact, section), constantOwners(decoded, section)
			for at := range a {
				if a[at] != b[at] {
					t.Errorf("%s: %s+%#x: decoded as %q, by relocation it is %q", name, exact.elf.Sections[section].Name, at, b[at], a[at])
				}
				if a[at] != "" {
					claimed++
				}
			}
		}
		if claimed != want {
			t.Errorf("%s: %d bytes are claimed, want %d", name, claimed, want)
		}
	}
}
