package bot

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oxidometer/oxidometer/bot/acceptance"
	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/gh"
	"github.com/oxidometer/oxidometer/bot/queue"
	"github.com/oxidometer/oxidometer/bot/store"
	"github.com/oxidometer/oxidometer/config"
	"github.com/oxidometer/oxidometer/sizediff"
	"github.com/oxidometer/oxidometer/sizediff/render"
)

// Reactions by which a comment is answered.
const (
	reactSeen    = "eyes"
	reactDone    = "+1"
	reactRefused = "-1"
	reactFailed  = "confused"
)

// commandAttempts is how often GitHub is asked before a command is given up; with the queue's waits that is about two minutes.
const commandAttempts = 5

// request is what one person asked for on a pull request, in a comment, a review or by a button of the check run.
type request struct {
	*look
	by       gh.Sender
	comment  *gh.Comment // nil for a button
	event    string      // that brought it
	delivery string      // its GUID
	written  time.Time   // by GitHub's clock
	role     func() (gh.Role, error)
	commands []command.Command
	fault    error // of what follows the commands
}

// refusal is why somebody does not get what they asked for, in Markdown. It is no fault of ours, and final.
type refusal string

func (r refusal) Error() string { return string(r) }

func refusedf(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// handlers do the commands. Each may run again after a crash, and comes to the same.
var handlers = map[command.Verb]func(*request, command.Command) (string, error){
	command.Report: (*request).report, command.Refresh: (*request).refresh, command.Pause: (*request).pause, command.Resume: (*request).resume,
	command.Accept: (*request).accept, command.Unaccept: (*request).unaccept,
	command.HelpVerb: (*request).help, command.Ping: (*request).ping, command.Status: (*request).status, command.Base: (*request).base,
	command.Diff: (*request).diff, command.Explain: (*request).explain, command.Top: (*request).top, command.Configs: (*request).configs,
	command.Text: (*request).text,
}

// Command does what a person asked for, and answers.
func (b *Bot) Command(ctx context.Context, job store.Job) error {
	r, err := b.request(ctx, job)
	if r == nil || err != nil {
		return b.giveUp(err)
	}
	return b.giveUp(r.run(func(out outcome) (outcome, error) { return r.do(out, job.Attempt >= commandAttempts) }))
}

// discardedCommand tells the person that what they asked for was given up after all its tries. What was done by then stays done.
func (b *Bot) discardedCommand(ctx context.Context, job store.Job) error {
	r, err := b.request(ctx, job)
	if r == nil || err != nil {
		return err
	}
	return r.run(func(out outcome) (outcome, error) {
		out.Texts = append(out.Texts, "This kept failing and was given up; the server's log has the cause. Ask again later.")
		out.Reaction = reactFailed
		return out, nil
	})
}

// request reads the delivery again, which holds the comment as it was when it was written: what somebody edits in later does
// nothing. It is nil when nothing is asked of us.
func (b *Bot) request(ctx context.Context, job store.Job) (*request, error) {
	d, err := b.Store.DeliveryByGUID(ctx, job.Delivery)
	if errors.Is(err, store.ErrNotFound) || err == nil && len(d.Payload) == 0 { // forgotten, with its repository
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	event, err := gh.ParseEvent(d.Event, d.Payload)
	if err != nil {
		return nil, err
	}
	slug, _, err := b.about(ctx)
	if err != nil || event.Comment != nil && !addressed(event.Comment.Body, "@"+slug) {
		return nil, err
	}
	client, repo, err := b.open(ctx, job)
	if err != nil {
		return nil, err
	}
	l := &look{Bot: b, ctx: ctx, client: client, repo: repo, log: b.log(repo, job.Pull).WithField("delivery", job.Delivery)}
	if l.pr, err = client.PullRequest(ctx, repo, job.Pull); err != nil {
		return nil, err
	}
	cfg, found, err := b.repositoryFile(ctx, client, repo, l.pr.BaseRef)
	if isFaults(err) {
		cfg, found, err = config.DefaultRepo(), true, nil
	}
	if err != nil || !found && b.RequireConfig {
		return nil, err
	}
	l.cfg = cfg
	r := &request{look: l, by: event.Sender, comment: event.Comment, event: event.Name, delivery: job.Delivery, written: d.Received}
	r.role = sync.OnceValues(func() (gh.Role, error) { return client.Role(ctx, repo, r.by.Login) })
	r.read(event, slug)
	if r.by.ID == 0 || r.by.Bot || len(r.commands) == 0 && r.fault == nil {
		return nil, nil
	}
	return r, nil
}

// read finds the commands of a comment or a button.
func (r *request) read(e gh.Event, slug string) {
	if e.Comment == nil {
		r.commands = button(e.RequestedAction)
		return
	}
	r.by, r.written = e.Comment.Author, e.Comment.CreatedAt
	r.commands, r.fault = command.Parse(e.Comment.Body, command.Options{Prefix: r.cfg.Commands.Prefix, Bot: slug})
}

// outcome is what became of a request, so far.
type outcome struct {
	Ran      int      `json:"ran"`   // so many commands are done
	Texts    []string `json:"texts"` // Markdown
	Reaction string   `json:"reaction"`
}

// run does what is asked and answers, each once, also when it is interrupted in between. do is given the outcome so far.
func (r *request) run(do func(outcome) (outcome, error)) error {
	known, first, err := r.Store.ClaimCommand(r.ctx, r.claim())
	if err != nil || !known.Answered.IsZero() {
		return err
	}
	if first {
		if err := r.react(reactSeen); err != nil {
			return err
		}
	}
	var out outcome
	if len(known.Outcome) > 0 {
		if err := json.Unmarshal(known.Outcome, &out); err != nil {
			return fmt.Errorf("stored outcome of a command: %w", err)
		}
	}
	if known.Done.IsZero() {
		if out, err = do(out); err != nil {
			return err
		}
		if err := r.keep(out, r.Store.CommandDone); err != nil {
			return err
		}
	}
	if err := r.answer(out); err != nil {
		return err
	}
	return r.Store.CommandAnswered(r.ctx, r.claim())
}

func (r *request) claim() store.Command {
	return store.Command{RepoID: r.repo.ID, Kind: r.event, Source: r.source(), Pull: r.pr.Number, Login: r.by.Login}
}

// keep stores an outcome.
func (r *request) keep(out outcome, put func(context.Context, store.Command, []byte) error) error {
	data, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return put(r.ctx, r.claim(), data)
}

// source is what tells this request from others of its kind. A button has no number of its own: each press is a delivery, and
// answered on each pull request with that head.
func (r *request) source() int64 {
	if r.comment != nil {
		return r.comment.ID
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", r.delivery, r.pr.Number))
	return int64(binary.BigEndian.Uint64(sum[:]) >> 1)
}

// What one person may ask for on one pull request. Beyond it, a comment gets a reaction and nothing else.
const (
	maxAsked   = 30
	askedSince = 10 * time.Minute
)

// do runs the commands in order, after those that are done, and stops at the first that is refused or fails. An error that another
// try may mend is returned, unless this is the last one.
func (r *request) do(out outcome, last bool) (outcome, error) {
	asked, err := r.Store.CommandsSince(r.ctx, r.repo.ID, r.pr.Number, r.by.Login, r.Now().Add(-askedSince))
	if err != nil {
		return out, err
	}
	if asked > maxAsked {
		return outcome{Reaction: reactRefused}, nil
	}
	for _, c := range r.commands[min(out.Ran, len(r.commands)):] {
		text, err := r.one(c)
		why, refused := errors.AsType[refusal](err)
		switch {
		case refused:
			text, out.Reaction = string(why), reactRefused
		case err != nil && r.tryAgain(err, last):
			return out, err
		case err != nil:
			r.log.WithError(err).Warn("a command was given up")
			text, out.Reaction = sorry(err), reactFailed
		}
		out.say(r.cfg.Commands.Prefix, c, text)
		if out.Reaction != "" {
			out.notDone(unread(r.commands[out.Ran+1:], r.fault))
			return out, nil
		}
		out.Ran++
		if err := r.keep(out, r.Store.CommandProgress); err != nil {
			return out, err
		}
	}
	out.Reaction = reactDone
	if r.fault != nil {
		out.Texts = append(out.Texts, faultText(r.fault))
		if f, ok := errors.AsType[*command.Error](r.fault); ok {
			out.notDone(f.Unread)
		}
		out.Reaction = reactRefused
	}
	return out, nil
}

// unread are the lines of the commands that nobody gets to: those left, the one at fault, and those behind it.
func unread(left []command.Command, fault error) (lines []string) {
	for _, c := range left {
		lines = append(lines, c.Source)
	}
	if f, ok := errors.AsType[*command.Error](fault); ok {
		lines = append(append(lines, f.Source), f.Unread...)
	}
	return lines
}

// maxLine is how many characters of a command that was not done are repeated.
const maxLine = 80

// notDone names the commands that were not done because of the one before them.
func (o *outcome) notDone(lines []string) {
	var list []string
	for _, l := range lines[:min(len(lines), command.MaxCommands)] {
		if r := []rune(l); len(r) > maxLine {
			l = string(r[:maxLine-1]) + "…"
		}
		list = append(list, render.Usage(l))
	}
	if more := len(lines) - len(list); more > 0 {
		list = append(list, fmt.Sprintf("%d more", more))
	}
	if len(list) > 0 {
		o.Texts = append(o.Texts, "Not done: "+strings.Join(list, ", ")+".")
	}
}

// faultText is a command's fault in Markdown: sentences, with the command that it names as code.
func faultText(err error) string {
	f, ok := errors.AsType[*command.Error](err)
	if !ok {
		return render.Prose(err.Error())
	}
	text := fmt.Sprintf("line %d: %s; ", f.Line, render.Prose(f.Reason))
	before, after, found := strings.Cut(f.Hint, f.Usage)
	if f.Usage == "" || !found {
		return text + render.Prose(f.Hint)
	}
	if b, quoted := strings.CutSuffix(before, `"`); quoted { // code needs no quotes
		before, after = b, strings.TrimPrefix(after, `"`)
	}
	return text + before + render.Usage(f.Usage) + after // both are our own words
}

// maxReply is the longest answer, in bytes.
const maxReply = 60_000

// say adds what a command is answered with, as long as there is room.
func (o *outcome) say(prefix string, c command.Command, text string) {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return
	}
	room := maxReply - 6000 // for what is said about the commands that follow
	for _, t := range o.Texts {
		room -= len(t) + 2
	}
	name := render.Code(prefix + " " + string(c.Verb))
	if len(text) > room {
		text = "the answer does not fit into a comment; ask for less at once."
	}
	space := " "
	if strings.Contains(text, "\n") { // a table or a fence begins a line
		space = "\n\n"
	}
	o.Texts = append(o.Texts, name+":"+space+text)
}

// tryAgain reports whether another try may end otherwise. A rate limit costs no try.
func (r *request) tryAgain(err error, last bool) bool {
	class, _ := gh.Classify(err)
	switch {
	case r.ctx.Err() != nil, class == gh.ClassRateLimited, errors.Is(err, store.ErrRemoved):
		return true
	case last, permanent(err), unreadable(err):
		return false
	}
	u, told := errors.AsType[untold](err)
	return !told || u.cause != nil
}

// sorry tells the person of an error.
func sorry(err error) string {
	if u, ok := errors.AsType[untold](err); ok {
		return u.text
	}
	if permanent(err) || unreadable(err) {
		return "GitHub refuses what the App needs for this; the server's log has the cause."
	}
	return "GitHub or the database did not answer; try again later."
}

// one runs a command, if the person may use it here and now.
func (r *request) one(c command.Command) (string, error) {
	spec, _ := command.Lookup(c.Verb)
	if r.pr.State != "open" && !spec.Closed {
		return "", refusedf("This pull request is closed; `%s` works on open ones.", c.Verb)
	}
	if err := r.allowed(c, needs[spec.Who]); err != nil {
		return "", err
	}
	return handlers[c.Verb](r, c)
}

// needs is what package acceptance calls those who may use a command.
var needs = map[command.Who]acceptance.Need{
	command.Readers: acceptance.Anyone, command.AuthorOrTriage: acceptance.AuthorOrTriage, command.Acceptors: acceptance.Acceptors,
}

// allowed returns nil, a refusal, or an error when GitHub did not say what the person may do.
func (r *request) allowed(c command.Command, need acceptance.Need) error {
	var cause error // of what GitHub did not say
	who := acceptance.Person{Author: r.by.ID == r.pr.AuthorID, Role: func() (string, error) {
		role, err := r.role()
		cause = cmp.Or(cause, err)
		return role.String(), err
	}}
	teams, err := r.client.Has(r.ctx, "members", "read")
	if err != nil {
		return err
	}
	if teams {
		who.InTeam = func(team string) (bool, error) {
			member, err := r.client.TeamMember(r.ctx, r.repo.Owner, team, r.by.Login)
			cause = cmp.Or(cause, err)
			return member, err
		}
		who.Owner = func() (bool, error) {
			owner, err := r.ownsBudget()
			cause = cmp.Or(cause, err)
			return owner, err
		}
	}
	p := acceptance.May(need, string(c.Verb), who, acceptance.AcceptRules{Accept: r.cfg.Commands.Accept, AuthorMay: r.cfg.Commands.AuthorMayAccept})
	switch p.Answer {
	case acceptance.Allowed:
		return nil
	case acceptance.Refused:
		return refusal(p.Text)
	}
	return untold{p.Text, cause}
}

// ownsBudget reports whether the person is an owner of a budget that is over, by name or as a member of a team.
func (r *request) ownsBudget() (bool, error) {
	rec, _, err := r.latest()
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return anyOwner(owners(rec.Evaluation), r.by.Login, func(org, team string) (bool, error) {
		return r.client.TeamMember(r.ctx, org, team, r.by.Login)
	})
}

// anyOwner reports whether somebody is one of the owners. All are asked: what cannot be told of one says nothing of the next. The
// error is the first, when nobody says yes.
func anyOwner(owners []string, login string, member func(org, team string) (bool, error)) (bool, error) {
	var untold error
	for _, owner := range owners {
		org, team, isTeam := strings.Cut(strings.TrimPrefix(owner, "@"), "/")
		if !isTeam {
			if strings.EqualFold(org, login) {
				return true, nil
			}
			continue
		}
		yes, err := member(org, team)
		if yes && err == nil {
			return true, nil
		}
		untold = cmp.Or(untold, err)
	}
	return false, untold
}

// owners of the budgets that are over.
func owners(e *sizediff.Evaluation) (list []string) {
	for _, t := range e.Targets {
		for _, b := range t.Budgets {
			if b.Status == sizediff.BudgetOver {
				list = append(list, b.Budget.Owners...)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// untold says what could not be found out. With a cause another try may; without one it is how things are.
type untold struct {
	text  string
	cause error
}

func (u untold) Error() string {
	if u.cause == nil {
		return u.text
	}
	return u.text + ": " + u.cause.Error()
}

func (u untold) Unwrap() error { return u.cause }

// react answers a comment by a reaction, where it can have one.
func (r *request) react(content string) error {
	if r.comment == nil || r.comment.Review { // GitHub has no reactions to reviews
		return nil
	}
	err := r.client.React(r.ctx, r.repo, r.comment.ID, content)
	if permanent(err) { // the comment is gone, or the conversation is locked
		r.log.WithError(err).Info("a comment cannot be reacted to")
		return nil
	}
	return err
}

// answer writes the texts to the one reply of the pull request, and the reaction.
func (r *request) answer(out outcome) error {
	texts := out.Texts
	if len(texts) == 0 && r.comment != nil && r.comment.Review && out.Reaction == reactDone {
		texts = []string{"Done."}
	}
	if len(texts) > 0 {
		if err := r.reply(strings.Join(texts, "\n\n")); err != nil {
			return err
		}
	}
	return r.react(out.Reaction)
}

// outputReply is the kind of the comment that answers commands.
const outputReply = "reply"

// reply writes the one comment that answers commands. A later answer replaces it.
func (r *request) reply(text string) error {
	text = fmt.Sprintf("%s asked:\n\n%s", render.Code(r.by.Login), text)
	marker := r.signer.replyMarker(r.repo, r.pr.Number)
	out, err := r.Store.Output(r.ctx, r.repo.ID, r.pr.Number, outputReply, "")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	body := text + "\n" + marker
	id, err := r.client.PutComment(r.ctx, r.repo, r.pr.Number, out.GitHubID, endsWith(marker), body)
	if permanent(err) {
		r.log.WithError(err).Warn("an answer cannot be written")
		return nil
	}
	if err != nil {
		return err
	}
	return r.putOutput(outputReply, "", id, []byte(body))
}

// report has the comment written now, even when nothing changed. For one target it answers with that alone.
func (r *request) report(c command.Command) (string, error) {
	if config := c.Value("config"); config != "" {
		return r.reportOf(config)
	}
	if by, paused, err := r.Store.Paused(r.ctx, r.repo.ID, r.pr.Number); paused || err != nil {
		return "", cmp.Or(err, refusedf("The comment is paused by %s; `%s resume` ends that.", render.Code(by), r.cfg.Commands.Prefix))
	}
	if err := r.putOutput(outputAsked, "", 0, nil); err != nil {
		return "", err
	}
	return "", r.lookAgain()
}

// refresh looks at everything again, also at what could not be measured.
func (r *request) refresh(command.Command) (string, error) {
	if _, err := r.Store.ForgetFailures(r.ctx, r.repo.ID, r.pr.HeadSHA); err != nil {
		return "", err
	}
	if err := r.forgetCheck(r.ctx, r.repo, r.pr.HeadSHA); err != nil {
		return "", err
	}
	return "", r.lookAgain()
}

// lookAgain has the pull request looked at as soon as this job is done.
func (r *request) lookAgain() error {
	return r.Store.Enqueue(r.ctx, []store.Job{{
		Kind: queue.Pull, Installation: r.repo.Installation, RepoID: r.repo.ID, Pull: r.pr.Number, Why: "asked by a person", Priority: 1,
	}})
}

// pause stops updates of the comment.
func (r *request) pause(command.Command) (string, error) { return "", r.setPaused(true) }

// resume takes them up again.
func (r *request) resume(command.Command) (string, error) {
	if err := r.setPaused(false); err != nil {
		return "", err
	}
	return "", r.lookAgain()
}

func (r *request) setPaused(paused bool) error {
	return r.Store.SetPaused(r.ctx, r.repo.ID, r.pr.Number, r.by.Login, paused)
}
