// Command child stands for a measuring process that a hostile artifact has got hold of, and for a server that is watched
// from outside.
//
//	child measure FILE -o OUT            does what FILE says; a FILE that it does not understand is measured by the real program
//	child serve URL SIZE DIR SELF        fetches and measures, and prints outcome and peak memory
package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/oxidometer/oxidometer/bot/intake"
)

func main() {
	if os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3], os.Args[4], os.Args[5])
		return
	}
	input, output := os.Args[2], os.Args[4]
	order, err := os.ReadFile(input)
	must(err)
	if act, ok := acts[strings.TrimSpace(string(order))]; ok {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		act(output)
		return
	}
	if rest, ok := strings.CutPrefix(string(order), "confined "); ok {
		file, address, _ := strings.Cut(rest, " ")
		confined(input, output, file, address)
		return
	}
	self, err := os.Executable()
	must(err)
	real := filepath.Join(filepath.Dir(self), "oxidometer")
	must(syscall.Exec(real, append([]string{real}, os.Args[1:]...), os.Environ()))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "oxidometer:", err)
		os.Exit(2)
	}
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "oxidometer: "+format+"\n", args...)
	os.Exit(2)
}

const magic = "OXMZ\x00\x01"

var kept [][]byte

var acts = map[string]func(output string){
	"allocate": func(string) {
		for {
			b := bytes.Repeat([]byte{1}, 1<<20)
			kept = append(kept, b)
		}
	},
	"allocate at once": func(string) { kept = append(kept, make([]byte, 8<<30)) },
	"share": func(string) { // memory that no limit on data counts
		for {
			b, err := unix.Mmap(-1, 0, 8<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
			must(err)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
		}
	},
	"spin": func(string) {
		for {
		}
	},
	"hang": func(string) {
		signal.Ignore()
		time.Sleep(time.Hour)
	},
	"rest": func(string) {
		signal.Ignore()
		time.Sleep(10 * time.Second)
	},
	"panic":   func(string) { panic("index out of range [-1]\x1b[31m") },
	"kill":    func(string) { unix.Kill(os.Getpid(), unix.SIGKILL); time.Sleep(time.Hour) },
	"nothing": func(string) {},
	"disk": func(string) {
		say("FILE: cannot be unpacked: no space left on device; make room in %s", os.Getenv("TMPDIR"))
	},
	"two lines": func(string) { say("one\ntwo") },
	"control":   func(string) { say("member \x1b[2J\u202e @maintainers is damaged; https://host/x?sig=SeCrEt") },
	"long":      func(string) { say("%s", strings.Repeat("x", 10_000)) },
	"noise": func(string) {
		for range 10_000 {
			os.Stderr.Write(bytes.Repeat([]byte("noise\n"), 1000))
		}
		os.Exit(3)
	},
	"garbage":   func(out string) { must(os.WriteFile(out, []byte(magic+"garbage"), 0o600)) },
	"foreign":   func(out string) { must(os.WriteFile(out, []byte("\x7fELF"), 0o600)) },
	"link":      func(out string) { must(os.Symlink("/proc/self/environ", out)) },
	"pipe":      func(out string) { must(unix.Mkfifo(out, 0o600)) },
	"directory": func(out string) { must(os.Mkdir(out, 0o700)) },
	"sparse": func(out string) {
		must(os.WriteFile(out, []byte(magic), 0o600))
		must(os.Truncate(out, 65<<20))
	},
	"write": func(out string) {
		f, err := os.Create(out)
		must(err)
		for {
			f.Write(make([]byte, 1<<20))
		}
	},
	"write elsewhere": func(out string) {
		f, err := os.Create(out + ".tmp")
		must(err)
		for {
			_, err := f.Write(make([]byte, 1<<20))
			must(err)
		}
	},
	"files": func(out string) {
		for i := range 1000 {
			_, err := os.Create(fmt.Sprint(out, i))
			must(err)
		}
	},
	"orphan": func(out string) { // a process outside the group that holds on to stderr
		self, err := os.Executable()
		must(err)
		order := out + ".order"
		must(os.WriteFile(order, []byte("rest"), 0o600))
		c := exec.Command(self, "measure", order, "-o", out)
		c.Stderr = os.Stderr
		c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		must(c.Start())
		time.Sleep(100 * time.Millisecond)
	},
	"report": func(string) { // what it can see
		var l unix.Rlimit
		var limits []string
		for _, r := range []int{unix.RLIMIT_CPU, unix.RLIMIT_CORE, unix.RLIMIT_NOFILE, unix.RLIMIT_FSIZE} {
			must(unix.Getrlimit(r, &l))
			limits = append(limits, fmt.Sprint(l.Max))
		}
		interfaces, err := net.Interfaces()
		must(err)
		up := 0
		for _, i := range interfaces {
			if i.Flags&net.FlagUp != 0 {
				up++
			}
		}
		fds, err := filepath.Glob("/proc/self/fd/*")
		must(err)
		var files []string // what it has open that a program has not by itself
		for _, f := range fds {
			if to, err := os.Readlink(f); err == nil && !strings.HasPrefix(to, "anon_inode:") && !strings.HasPrefix(to, "/proc/") && !strings.HasPrefix(to, "/sys/") {
				files = append(files, filepath.Base(f)+"="+strings.Split(to, ":")[0])
			}
		}
		say("env %d limits %s files %s up %d pid %d", len(os.Environ()), strings.Join(limits, ","), strings.Join(files, ","), up, os.Getpid())
	},
}

// confined confines itself as the real program does, and says what it still may.
func confined(input, output, file, address string) {
	err := intake.Confine(input, output)
	may := []string{fmt.Sprint("error ", err)}
	self, selfErr := os.Executable()
	must(selfErr)
	for _, try := range []struct {
		name string
		do   func() error
	}{
		{"read the artifact", func() error { _, err := os.ReadFile(input); return err }},
		{"change the artifact", func() error { return os.Truncate(input, 1) }},
		{"write the output", func() error { return os.WriteFile(output+".new", nil, 0o600) }},
		{"rename the output", func() error { return os.Rename(output+".new", output+".old") }},
		{"link in the output", func() error { return os.Symlink(file, output+".link") }},
		{"read a file", func() error { _, err := os.ReadFile(file); return err }},
		{"change a file", func() error { return os.WriteFile(file, nil, 0o600) }},
		{"make a file", func() error { return os.WriteFile(file+".new", nil, 0o600) }},
		{"list files", func() error { _, err := os.ReadDir(filepath.Dir(file)); return err }},
		{"read in another thread", func() error {
			errs := make(chan error)
			go func() {
				runtime.LockOSThread()
				_, err := os.ReadFile(file)
				errs <- err
			}()
			return <-errs
		}},
		{"run a program", func() error { return exec.Command(self, "measure", file, "-o", output).Start() }},
		{"connect", func() error {
			c, err := net.Dial("tcp", address)
			if err == nil {
				c.Close()
			}
			return err
		}},
	} {
		if try.do() == nil {
			may = append(may, try.name)
		}
	}
	say("%s", strings.Join(may, ", "))
}

func serve(url, size, dir, self string) {
	n, err := strconv.ParseInt(size, 10, 64)
	must(err)
	in, err := intake.New(intake.Options{Dir: dir, Self: self, AllowLoopback: true, MaxArtifact: 2 << 30})
	must(err)
	a, err := in.Fetch(context.Background(), func(context.Context) (string, error) { return url, nil }, intake.Want{Size: n})
	must(err)
	fmt.Println("fetched", a.Size)
	blob, err := in.Measure(context.Background(), a.Path, intake.MeasureOptions{})
	must(err)
	must(a.Close())
	status, err := os.ReadFile("/proc/self/status")
	must(err)
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	fmt.Println("measured", len(blob), "peak", strings.Fields(peak)[0])
}
