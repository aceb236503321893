package queue

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/bot/store/storetest"
)

// The crash tests run this test binary as a child: a process with a store and a queue, which is killed and started again.
const (
	childURL   = "OXIDOMETER_TEST_DATABASE" // makes this process a child
	childHold  = "OXIDOMETER_TEST_HOLD"     // the point at which it stays until it is killed
	childFlood = "OXIDOMETER_TEST_FLOOD"    // the number of the first delivery that it sends itself
)

const (
	crashLease = 3 * time.Second
	crashPulls = 5
)

// child is the process. It says on standard output where it is.
func child() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s, err := store.Open(ctx, os.Getenv(childURL), nil)
	check(err)
	hold := func(point string) {
		fmt.Println("at", point)
		if os.Getenv(childHold) == point {
			select {}
		}
	}
	do := func(ctx context.Context, j Job) error {
		hold("claimed")
		seq, err := s.SetHead(ctx, j.RepoID, j.Pull, "head")
		if err != nil {
			return err
		}
		// What is wanted is read when the job runs, as the App reads GitHub.
		wanted, err := s.Output(ctx, j.RepoID, j.Pull, "wanted", "")
		if err != nil {
			return err
		}
		hold("read")
		if _, err := s.PutEvaluation(ctx, store.Evaluation{ID: fmt.Sprint(j.Pull), RepoID: j.RepoID, Pull: j.Pull, HeadSHA: "head", State: wanted.BodySHA256}, seq); err != nil {
			return err
		}
		hold("recorded")
		fmt.Println("evaluated", j.Pull, wanted.BodySHA256, "attempt", j.Attempt)
		return nil
	}
	q, err := New(s, Workers{Pull: do, Base: do, Installation: do, Command: do}, Options{
		LeaseTTL: crashLease, PollInterval: 50 * time.Millisecond, Log: quiet(), SoftStop: 200 * time.Millisecond,
		Done: func(string, string, time.Duration) { hold("returned") },
	})
	check(err)
	check(q.Start(ctx))
	if first, err := strconv.Atoi(os.Getenv(childFlood)); err == nil {
		go flood(ctx, s, first)
	}
	<-ctx.Done()
	hold("stopping")
	check(q.Stop(context.Background()))
	s.Close()
}

func check(err error) {
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// flood sends deliveries: each wants something newer of a pull request.
func flood(ctx context.Context, s *store.Store, n int) {
	for ; ctx.Err() == nil; n++ {
		if err := want(ctx, s, n); err != nil {
			return
		}
		fmt.Println("accepted", n)
	}
}

// want makes n the newest that is wanted of its pull request, and then delivers the hint.
func want(ctx context.Context, s *store.Store, n int) error {
	pull := 1 + n%crashPulls
	if err := s.PutOutput(ctx, store.Output{RepoID: 1, Pull: pull, Kind: "wanted", BodySHA256: fmt.Sprint(n)}); err != nil {
		return err
	}
	_, err := s.Accept(ctx, store.Delivery{GUID: fmt.Sprint("guid-", n)}, []Job{{Kind: Pull, RepoID: 1, Pull: pull}})
	return err
}

// process is a running child.
type process struct {
	cmd   *exec.Cmd
	lines chan string
}

func spawn(t *testing.T, url string, env ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0]), lines: make(chan string, 10000)}
	p.cmd.Env = append(os.Environ(), append(env, childURL+"="+url)...)
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	must(t, p.cmd.Start())
	go func() {
		for in := bufio.NewScanner(out); in.Scan(); {
			p.lines <- in.Text()
		}
		close(p.lines)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// until reads lines until one begins with prefix, and returns it.
func (p *process) until(t *testing.T, prefix string) string {
	t.Helper()
	late := time.After(time.Minute)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				t.Fatalf("the child ended before %q", prefix)
			}
			if strings.HasPrefix(line, "error") {
				t.Fatalf("child: %s", line)
			}
			if strings.HasPrefix(line, prefix) {
				return line
			}
		case <-late:
			t.Fatalf("the child did not say %q within a minute", prefix)
		}
	}
}

// kill is kill -9. It returns what the child had still said.
func (p *process) kill() (rest []string) {
	p.cmd.Process.Kill()
	for line := range p.lines {
		rest = append(rest, line)
	}
	p.cmd.Wait()
	return rest
}

// TestCrash kills the process at every point of a job's life. After a restart the job runs again and leaves one evaluation.
func TestCrash(t *testing.T) {
	for _, point := range []string{"claimed", "read", "recorded", "returned", "stopping"} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, url string) {
				s := open(t, url)
				must(t, want(t.Context(), s, 1)) // pull request 2
				must(t, want(t.Context(), s, 2)) // pull request 3
				first := spawn(t, url, childHold+"="+point)
				if point == "stopping" {
					first.until(t, "at claimed")
					must(t, first.cmd.Process.Signal(syscall.SIGTERM))
				}
				first.until(t, "at "+point)
				must(t, want(t.Context(), s, 1+crashPulls)) // a hint for pull request 2 while its job runs, just before the crash
				first.kill()

				start := time.Now()
				second := spawn(t, url)
				line := second.until(t, fmt.Sprintf("evaluated 2 %d ", 1+crashPulls))
				t.Logf("%q %v after the restart", line, time.Since(start).Round(10*time.Millisecond))
				idle(t, s)
				must(t, second.cmd.Process.Signal(syscall.SIGTERM))
				for range second.lines { // until it has ended
				}
				must(t, second.cmd.Wait())

				for pull, wanted := range map[int]int{2: 1 + crashPulls, 3: 2} {
					list, err := s.Evaluations(t.Context(), 1, pull)
					must(t, err)
					if len(list) != 1 || list[0].State != fmt.Sprint(wanted) {
						t.Errorf("evaluations of pull request %d: %+v, want one of %d", pull, list, wanted)
					}
				}
			})
		})
	}
}

// TestCrashStorm kills a process again and again, at random moments, while it accepts deliveries and works. What it had accepted is
// there after each crash, and at the end every pull request has what is wanted of it.
func TestCrashStorm(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, url string) {
		s := open(t, url)
		var accepted []int
		next := 0
		for range 5 {
			p := spawn(t, url, fmt.Sprintf("%s=%d", childFlood, next))
			p.until(t, "accepted")
			time.Sleep(time.Duration(rand.IntN(1000)) * time.Millisecond)
			accepted = append(accepted, next)
			for _, line := range p.kill() {
				if number, ok := strings.CutPrefix(line, "accepted "); ok {
					n, err := strconv.Atoi(number)
					must(t, err)
					accepted = append(accepted, n)
				}
			}
			next = accepted[len(accepted)-1] + 2 // one more may have been stored, unanswered
			for _, n := range accepted {
				if _, err := s.DeliveryByGUID(t.Context(), fmt.Sprint("guid-", n)); err != nil {
					t.Fatalf("delivery %d was answered, and is lost: %v", n, err)
				}
			}
		}
		t.Logf("%d deliveries", len(accepted))
		for n := range next { // GitHub's log says which were not answered
			if !slices.Contains(accepted, n) {
				_, err := s.Accept(t.Context(), store.Delivery{GUID: fmt.Sprint("guid-", n)}, []Job{{Kind: Pull, RepoID: 1, Pull: 1 + n%crashPulls}})
				must(t, err)
			}
		}
		p := spawn(t, url)
		idle(t, s)
		p.kill()
		for pull := 1; pull <= crashPulls; pull++ {
			wanted, err := s.Output(t.Context(), 1, pull, "wanted", "")
			must(t, err)
			got, err := s.LatestEvaluation(t.Context(), 1, pull)
			must(t, err)
			if got.State != wanted.BodySHA256 {
				t.Errorf("pull request %d has %s, wanted is %s", pull, got.State, wanted.BodySHA256)
			}
		}
	})
}
