// Package bot is the GitHub App's workflow: from a webhook to the comment and the check run on the pull request. This page
// is also the tour of the whole repository.
//
// # What there is
//
// The program:
//
//	cmd/oxidometer       main, and one file for each subcommand: flags, exit codes, progress, writing files
//	config               settings of serve (config/server.go), and the repository file: strict reader, presets, schema
//
// Measuring and comparing, which know nothing of GitHub:
//
//	sizediff             Measure, Compare, Evaluate: the three steps, and the types they hand on
//	sizediff/source      opens a build: file, directory, zip, tar, compressed module, measurement; limits on all of it
//	sizediff/elfmap      reads one ELF image; every byte of every allocated section gets exactly one owner
//	sizediff/rustname    parses Rust symbol names, v0 and legacy, into a structure
//	sizediff/debuginfo   reads DWARF of Rust code: what was inlined, and the lines of source
//	sizediff/coderef     finds the addresses that machine code refers to
//	sizediff/insight     why a build is as large as it is: who refers to what, copies, exports, generic and identical code
//	sizediff/render      text, Markdown, JSON and HTML from one evaluation
//
// The App. Package bot ties its leaves together and decides nothing that one of them can decide:
//
//	bot/webhook          POST /webhook: size, signature, then 202. It hands the delivery on and does no work
//	bot/gh               GitHub's API: clients, events, classes of errors, the sticky comment, the check run
//	bot/gh/ghtest        a strict GitHub in one http.Handler: for tests, and for the demo
//	bot/store            SQL: deliveries and jobs, measurements, evaluations, what was written, the ledger of acceptances, leases
//	bot/store/storetest  databases for tests: SQLite in a folder, PostgreSQL in a server that it starts
//	bot/queue            works jobs with River: leases, retries, snoozes, periodic jobs, purging
//	bot/command          commands in comments: grammar, checks, help; a pure function over the comment's text
//	bot/baseline         which commit a build is compared with: a pure function over facts
//	bot/acceptance       who may accept growth over budget, what that binds to and how long it holds: pure functions
//	bot/intake           artifacts, untrusted: download, digest, limits; runs the child that measures
//	bot/web              report and history pages, the commands, health, metrics
//
// Around the App:
//
//	bot/demo             the App against ghtest, on builds that it carries; pages to look at, comment on, push from and merge
//	bot/setup            creates the App on GitHub in the browser, and stores its credentials
//	bot/doctor           checks settings, GitHub, the way of webhooks, database and machine
//
// Files for those who run it are in deploy/. Test data lies in sizediff/testdata (small ELF files, their sources and the
// script that makes them) and in the testdata of each package. The gate is .ci/run. A comparison of speed with other tools is
// .ci/peers.
//
// Imports go one way: cmd/oxidometer → bot → its leaves → sizediff → sizediff/source, sizediff/elfmap, sizediff/rustname,
// sizediff/debuginfo and sizediff/coderef. sizediff/insight and sizediff/render import sizediff. Leaves do not import each other,
// but for bot/queue and bot/web, which read bot/store. A test holds the whole rule: cmd/oxidometer/deps_test.go lists for every
// package what it may import, and for some dependencies who alone may import them: go-github only bot/gh and ghtest, SQL drivers
// only bot/store, River only bot/store and bot/queue.
//
// # How data flows
//
// On the command line:
//
//	path ── source.Open ──▶ Build: a sorted list of files; names are labels, never paths
//	     ── sizediff.Measure ──▶ Measurement: images, sections, symbols, shares; no buckets yet
//	            per image: elfmap.Open → Digest → ReadSymbols → Own
//	                       → attribute → tables → constants → identify
//	                       → insight.Examine, if asked for: references, their lines, inlined code
//	two measurements, buckets ── sizediff.Compare ──▶ Report: sums, and which symbol became which
//	                          ── insight.Compare ──▶ the same with Report.Causes
//	report, policy ── sizediff.Evaluate ──▶ findings and budgets, kept in an Evaluation
//	evaluation ── render.Text, Markdown, JSON, HTML ──▶ bytes
//
// The command diff is exactly this chain (cmd/oxidometer/diff.go). show compares a build with itself and prints one side.
// measure stops after the second step and writes the measurement (sizediff/encode.go, references.go), which source.Open later
// accepts in place of a build. measure and the App always examine and compare with causes, diff and show with --insight.
//
// References are read while an image is open, and are part of what is measured. Per image: nodes (sizediff/insight/image.go, the
// measured symbols and what has no name), references between them (refs.go), of these what concerns Rust (rust.go), then
// lines of source and inlined code (examine.go, from sizediff/debuginfo). insight.NewGraph (sizediff/insight/build.go) puts the
// images of a measurement together and resolves imports; its package comment says what the graph is a model of. why asks it
// about one symbol (why.go); use.go and panic.go about a build; causes.go about two: which new references came first
// (chains.go), and besides from the measurements alone copies, exports and inlined code. What --insight adds is Summarize and
// Changed (summary.go), and of code to share a CodeReader (imagecode.go), which reads instructions while the build is measured.
//
// One image, step by step. Own (sizediff/elfmap/own.go, fill.go) cuts each section into ranges by its symbols and
// decides about the rest: prefix, padding, page step, or nobody's. attribute (sizediff/attribute.go) gives symbols their
// crate: by name, by the STT_FILE symbol before them, by their neighbours, because the image is one crate's module. tables
// (sizediff/tables.go) gives entries of derived tables to the crate they describe. constants (sizediff/constants.go)
// gives unnamed constants to the Rust function that refers to them first. identify (sizediff/toolchain.go) reads who
// compiled and linked it. Claims of the later steps only take bytes that had no owner, so sums cannot break.
//
// In the App:
//
//	delivery ── webhook ──▶ Bot.Accept (bot/accept.go) ── store.Accept: delivery and jobs in one transaction ──▶ 202
//	job      ── queue: one at a time for a pull request ──▶ Bot.Pull (bot/pull.go): one look
//	            reads pull request and repository file again; notes the head and the test merge in the store
//	            head  ── runs of the head (bot/builds.go), artifacts ── intake ──▶ measurements ──▶ store
//	            base  ── baseline.Find asks, bot/base.go answers ──▶ a measurement, or why there is none
//	            past  ── bot/history.go: floors of ratchets, noise ──▶ policy
//	            Compare, Evaluate (bot/evaluate.go) ──▶ evaluation ──▶ store
//	            acceptances, the author's words (bot/ledger.go), the proposed repository file (bot/proposal.go)
//	            still the head? ── render ──▶ comment and check run (bot/publish.go)
//	command  ── bot/command ──▶ Bot.Command (bot/commands.go): may the person? ── an answer from the store
//	            (bot/answers.go), or a row in the ledger and another look ──▶ reaction, one reply for each pull request
//
// Other kinds of jobs: Base (bot/runs.go) measures what a branch's run built and names the pull requests that may go on;
// Installation (bot/installation.go) forgets what was taken from the App; the periodic Reconcile and Redeliver
// (bot/reconcile.go) find what no webhook told. Server (bot/server.go) opens, starts and stops all of it; oxidometer serve and
// the demo are both just a Server with settings.
//
// A look never waits. If CI still runs, or the base is being built, it says so in the check run and snoozes; the event that
// ends the wait brings the job forward.
//
// # Where to change what
//
//	whose bytes a crate or section is by default       sizediff/preset.go; other presets in config/presets.go
//	what is a derived table, what is freed after boot  sizediff/kinds.go
//	how a bucket's rules are applied                   sizediff/classify.go
//	what counts as the same symbol in base and head    sizediff/match.go, and MatchKey in sizediff/rustname
//	a module that became built-in                      sizediff/moved.go
//	differences that are only text                     sizediff/texts.go
//	a finding: its rule, severity and sentence         sizediff/evaluate.go; the rule's name in sizediff/report.go
//	what is known of why a build changed               sizediff/causes.go: the form; sizediff/insight/causes.go finds it
//	a quantity of budgets, findings on causes          sizediff/quantity.go, evaluatecauses.go; the key in config/repo.go
//	what a measurement holds of references             sizediff/references.go; who reads them: sizediff/insight/refs.go, rust.go
//	which image of base is which of head, for causes   Renamed in sizediff/insight/compare.go
//	what counts as a root, or as a panic               sizediff/insight/image.go; sizediff/insight/panic.go
//	what is compared of inlined code                   sizediff/insight/inlined.go; how DWARF is read: sizediff/debuginfo/inlined.go
//	what sharing code would save                       sizediff/insight/fold.go, tails.go, outline.go; sums in savings.go
//	the verdict of a whole evaluation                  sizediff/verdict.go
//	what the base branch's past says: floors, noise    bot/history.go; the rows are bot/store/history.go's
//	budgets that calibrate suggests                    sizediff/calibrate.go; words in sizediff/render/calibrate.go
//	a field of the JSON report                         sizediff/report.go; see the note on contracts below
//	the wording of a report                            sizediff/render/words.go and facts.go; a format only lays out
//	which causes a report names, and how many          sizediff/render/causes.go picks, reasons.go says, hints.go guesses
//	a table of --insight                               sizediff/render/insight.go, codetables.go
//	how a hostile name is made harmless                sizediff/render/escape.go: one function for each context
//	what goes first when a comment is too long         sizediff/render/ladder.go
//	title, conclusion and summary of the check run     sizediff/render/check.go
//	an archive or compression format                   sizediff/source/zip.go, tar.go, codec.go
//	what an archive may cost                           sizediff/source/limits.go
//	a machine: padding, relocations                    sizediff/elfmap/machine.go, relocs.go; DWARF's in sizediff/debuginfo/relocate.go
//	a machine: references in code                      sizediff/coderef/coderef.go says which are decoded; a file beside it for each
//	a key of the repository file                       config/repo.go: the struct tags are the schema
//	a setting of serve                                 config/server.go
//	a flag or a subcommand                             cmd/oxidometer, the file with its name
//	an event: what it makes us look at                 bot/accept.go; its fields in bot/gh/event.go
//	a call of GitHub's API                             bot/gh, and the same route in bot/gh/ghtest
//	a permission or an event that the App asks for     bot/gh/needs.go; setup and doctor follow
//	what is retried, waited for or given up            bot/gh/errors.go (classes), giveUp in bot/pull.go
//	when a comment is written at all                   wantsComment in bot/publish.go
//	several pull requests with one head                bot/shared.go
//	which runs and artifacts are a head's builds       bot/builds.go
//	which commit is the base, and the words for it     bot/baseline
//	what of an artifact is judged                      Select in sizediff/select.go; targets' files in config/select.go
//	recreate, notify_on_worse, drafts                  bot/comment.go; what is not measured at all: bot/paths.go
//	when an acceptance holds, lapses or is refused     bot/acceptance/judge.go, bind.go; who may give it, permission.go
//	a command: its arguments, its help                 bot/command/spec.go; README's table, the help and the page /help follow
//	what a command does, or answers                    bot/commands.go; bot/answers.go; words in sizediff/render/answers.go
//	which changes budgets are not applied to           bot/exempt.go
//	what is said of a changed repository file          bot/proposal.go; what counts as looser, sizediff/proposal.go, config/weaker.go
//	what a build says of itself (manifest.json)        sizediff/manifest.go; who writes it: cmd/oxidometer/manifest.go, deploy/ci
//	limits of downloads and of the measuring child     bot/intake/intake.go, child_linux.go, confine_linux.go
//	a table of the database                            a new file in bot/store/migrations; never an old one
//	how long things are kept                           bot/store/work.go
//	a page or a metric                                 bot/web
//	pull requests and people of the demo               bot/demo/seed.go; bot/demo/make-builds.sh makes its measurements again
//
// Goldens are rewritten with go test ./PACKAGE -update; read the difference before you commit it. The same flag for bot/demo
// makes README's screenshot. Five forms are contracts with others: the JSON of diff (sizediff.Schema), the measurement file (its
// magic is in sizediff/source), manifest.json (sizediff.ManifestSchema), the exit codes, and the marker in the last line of our
// comments. A change that breaks a reader needs a new number.
//
// # Decisions
//
// Decision: ELF reading is ours, not debug/elf. The standard package says that it is not hardened against hostile input,
// and ours comes from pull requests: elfmap allocates nothing that a header merely claims, has a cap on everything that
// can be counted, and returns errors that tell people what to do. It must also cost what it uses: a vmlinux of 400 MB
// with debug information is read by offset, and of its DWARF only what describes Rust, by who asks for it. And every symbol keeps its number in the file and the
// STT_FILE symbol before it, which relocations and attribution need.
//
// Decision: an ELF file of 1 to 64 MB is mapped instead of read, which saves a sixth of the time of comparing two kernels. A file
// that a linker cuts short under us is then a fault of the processor and no short read, so whoever measures turns that into an
// error (surviveCut in sizediff/measure.go).
//
// Decision: sizediff/coderef is a package of its own, which the first layout did not have. Attribution of constants decodes
// code, and so does the question who pulls a symbol in; neither should import the other.
//
// Decision: sizediff imports klauspost/compress/zstd, though it is otherwise free of dependencies, because the
// measurement file is zstd and the file's form belongs to the type that it stores. So does sizediff/debuginfo, because sections
// of debug information can be compressed with it. All other decompressors are in source.
//
// Decision: a measurement holds no buckets. They are applied when two measurements are compared, so a stored measurement
// stays good when a repository changes its rules.
//
// Decision: nor does it hold what a repository's file says of a target's files, groups and attribution. Measurement.Select applies
// that each time two are compared, to both. A listed file that is missing is "not measured" or "not compared", never a change.
//
// Decision: a measurement holds who refers to whom, which the first form did not. The App measures in a child, keeps no artifacts and
// compares with builds that are long gone; without references it could not say who pulled something in. The graph is made
// again from them each time, so a stored measurement stays good when the model changes. It is a fourth form of the file: the parts
// follow what the third holds, are written only where there are any, and of what was measured before references are not known.
//
// Decision: of references a measurement keeps those of Rust, from Rust to Rust and from C to Rust, with what has no name on the
// way. Nine tenths of a kernel are C that refers to C, and all C stays by itself in the model. So the file grows by 6 %, and a
// graph from it agrees with the whole one in what is asked about Rust; what would go with a symbol can lack constants, and is said as
// "at least". why reads all of it from a build.
//
// Decision: what would go with a symbol is found by leaving its node out and following all references again, not by a tree of
// dominators. One symbol is asked about at a time, and then it is two walks and a few lines; the tests hold it to dominators.
//
// Decision: Causes is a type of sizediff, and package insight fills it in. Evaluate makes findings and budgets of it, and
// sizediff does not import insight. In the JSON report it is the key causes, which is absent where nobody looked, and has null
// for a part that is not known of both builds: a reader of oxidometer.report/1 stays right. The delta of the finding
// new-panic-sites is a number of places; all others are bytes.
//
// Decision: a plain diff looks for no causes. It is what people run again and again, its numbers need none, and reading the
// references would make it two to three times as slow. A budget on a quantity makes it look, or it could not be judged. The App
// always has them, because its measurements do.
//
// Decision: the first reference is sought from what was used before, not from what was there before. The kernel links core whole
// and exports it, so that most of what a patch pulls in is there already: no byte changes, and yet nobody can drop it any more.
// What was only exported therefore counts as news when it is used, and its bytes are told apart from growth.
//
// Decision: a panic call site is known by whom it refers to: a function of core, alloc or std that by its name does nothing but
// panic. Calls between such functions do not count. A name can deceive; a look at the code would not tell more.
//
// Decision: budgets on quantities know no buckets and no paths. They bound the build, and what is not known of it is "not judged",
// which is neither within nor over.
//
// Decision: DWARF reading is ours, not debug/dwarf, for the reasons that ELF reading is, and for speed: the standard package reads
// the abbreviations of every unit, and of a kernel nearly all units are C. Ours reads of those a header and the language. It is a
// package of its own, which the first layout did not have, as coderef is. What it finds stands beside the sizes: no byte of a bucket depends on it, and any error in it makes lines and inlined code "not
// known", never the measurement fail.
//
// Decision: inlined code is never added to a bucket. Its bytes are the host function's, and would count twice.
//
// Decision: the code of a build is read for folding, tails and outlining while it is measured, and not stored. It would make a
// measurement as large as the build. These parts of --insight are "not known" of a measurement.
//
// Decision: sums never depend on matching. Totals, buckets and crates are added up on each side by itself
// (sizediff/tally.go); matching only says which rows belong together. A wrong match misleads a reader, but moves no byte.
//
// Decision: bytes that several parties could claim have one owner by a fixed rule, instead of shares. Of aliases the best
// name counts, an inner symbol takes its bytes from the outer one, and a constant that several crates use belongs to the
// first function, in order of address, that refers to it. So everything adds up, at the price that an owner can change
// although the bytes did not.
//
// Decision: without relocations a constant is claimed only as far as nothing else seems to refer into it. A false
// reference makes a claim shorter, never longer; what is in doubt stays unattributed, and the report says how much.
//
// Decision: the digest of an image covers allocated sections, symbols, relocations and notes, and of debug information
// only its size. Hashing all of a distribution's vmlinux would cost more than comparing two of them. Images with equal
// digests are measured once and are "identical", even where their DWARF differs: lines of source are then those of the first.
//
// Decision: status in images[] keeps the four values of the contract (added, removed, changed, identical). Finer facts are
// fields beside it: same_size, text_only, moved_to, moved_from. A reader that knows only the four stays right.
//
// Decision: .modinfo and __versions of a module count as init. The module loader reads them and does not keep them, so
// they are no resident bytes; in vmlinux what lies between __init_begin and __init_end is init, whatever its name.
//
// Decision: where a build holds a vmlinux, its .o files and the earlier stages of linking (.tmp_vmlinux*,
// vmlinux.unstripped) are left out. Their bytes are in vmlinux or in a module, and would count twice. A build
// without a vmlinux keeps its .o files: they are then what somebody wants to compare.
//
// Decision: a change of toolchain or of configuration suspends budgets unless the repository file says otherwise. The
// difference is then not the patch's alone, and a gate that fails for somebody else's compiler gets switched off.
//
// Decision: config walks the syntax tree of the YAML itself. The library's decoder stops at the first fault; people want
// all of them at once, each with line, column and what to write instead.
//
// Decision: webhooks are hints. GitHub does not repeat them by itself, sends them twice and out of order. A job says only what
// to look at; the state is read again. So a job can be merged with another, repeated, or lost with the machine: the result
// is that of the state, not of the history.
//
// Decision: River on SQLite or PostgreSQL, behind one path. store.Accept inserts delivery and jobs in one transaction, on both
// databases; that is why River's drivers are in bot/store, and why bot/queue gets its client from there. SQLite has one writer
// and many readers and suits one machine. Nothing above bot/store knows which database it is.
//
// Decision: three guards keep two answers from crossing. The queue holds a lease row for each pull request, so that looks
// do not run side by side, on however many replicas. Each head gets a sequence number when it is first seen, and an evaluation
// is stored only in a transaction that still finds its number (store.ErrSuperseded). And right before writing, the pull request
// is read again. The lease alone would not do: a process can sleep past its end.
//
// Decision: test merges are remembered. A run of event pull_request built GitHub's merge of base and head, and its base is that
// merge's first parent. GitHub names only the newest test merge, and moves on when the base branch does, so each one seen is kept
// with its time, and baseline picks the one that was current when the run began.
//
// Decision: baseline.Resolve is pure. It gets facts and returns a decision or the question it must have answered; Find goes
// around in that loop, and bot/base.go is only who answers. Every case of the table is a test without a server.
//
// Decision: a manifest is a claim. CI says in it which commit it built, because nobody else can know when the App was not there to
// see the test merge, or the workflow checks out another commit. It travels inside the measurement, so that it is stored with it
// and read by the child alone, and it only ever names a commit for bot/baseline to ask GitHub about. One that contradicts GitHub or
// is of another run ends in "not compared". A measurement without one is the same file as ever, byte for byte.
//
// Decision: bot/baseline knows no merge groups. A group is answered at once: its pull requests were judged one by one, and holding
// up the queue for a comparison would only say the same again. So a run of event merge_group may be a base and is never a head.
//
// Decision: a baseline is what people with write access built: runs of push, merge_group, schedule or workflow_dispatch of the
// repository itself. They are measured when they finish, and kept, because artifacts expire.
//
// Decision: a history is in the order in which runs were created, whenever they were finished or measured, so that a run that is
// repeated stays where it was. What its builds amount to is added up when they are measured, and kept under a digest of the
// buckets' rules; when a repository changes its rules, jobs add up the past again, a few dozen builds at a time.
//
// Decision: a ratchet looks back from the base, not from today: what main became after the base is not what the head was built
// on. A change of toolchain or configuration starts it anew where it suspends budgets, or an upgrade would hold up every pull
// request for as long as the window is.
//
// Decision: noise is what two builds of one commit by the same tools differed by, and nothing without such a pair. Builds of a merge
// queue are in no history of a branch, because they may never land.
//
// Decision: artifacts are measured by a child, twice removed. The child is this program (measure), without environment, network
// or credentials, with limits on memory, CPU, time and file size, in a folder of its own; and what it leaves behind is read
// back with limits too, since whoever took over the child wrote it. Where the kernel has Landlock it also gives up all other files
// before it reads (intake.Confine). That is the one place that needs package unsafe.
//
// Decision: our comment is found by its number in the store, else by the App that wrote it and a marker. The marker holds an
// HMAC over repository and pull request. Its key is derived from the App's private key at the first start and kept in the
// store from then on, so it survives both a new private key and the loss of the database, and nobody else can make one. A person
// who posts our marker gets nothing: the author is asked for first.
//
// Decision: the check run is written before the comment. It can always be written, also where a conversation is locked, and it is
// what gates; a comment that GitHub refuses does not keep it from being complete. What no later try can mend ends as a neutral
// check run that says so, and so does a head that was pushed over before it was measured: no check stays pending for ever.
//
// Decision: a check run belongs to a commit, so it shows the worst that the open pull requests with this head say. Each notes what
// it says before it reads what the others say, and reads them again after it wrote; so the last writer has seen all of them.
//
// Decision: report pages have no login. Their addresses hold random bits (reports) or an HMAC (history); whoever was given the
// link may read, as with the artifact's own link. The pages need no script and work under a policy that allows none.
//
// Decision: the demo imports ghtest, a package for tests. It has to be as strict as GitHub for the tests, so it is also the most
// honest thing to show the App against; a second, friendlier fake would show a second, friendlier App.
//
// Decision: a command is read from the delivery that brought it, as it was written. Read from GitHub again, it could have been
// edited into something that the person whose permission counts never wrote.
//
// Decision: an acceptance names bytes. It binds to the newest result that was published before the person wrote, by our own clock,
// and GitHub's in whole seconds: in a tie it is refused, because growth that was accepted unseen cannot be taken back after the
// merge. It holds for later heads of which nothing grew beyond it, and a lapse is final but for the head it was given for. The
// ledger outlives evaluations and is deleted with its repository only.
//
// Decision: a revert is believed by its contents. Its message names a commit of the base branch, and each file that it changes
// has to be again what it was before that commit; or "This reverts" would be a password. A label counts when somebody with triage
// access set it after the App saw the head.
//
// Decision: a group of the merge queue gets the conclusion of the pull request that it is named after, accepted or not. The other
// pull requests of a group passed the same check before they were queued.
//
// Decision: the App asks for five permissions and works with them alone. Commands in comments and merge queues need more, which
// setup asks for only when told to (bot/gh/needs.go).
package bot
