package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"Shell: bash, zsh or fish."`
}

func (*completionCommand) Help() string {
	return `Examples:

    source <(oxidometer completion bash)
    oxidometer completion zsh > "${fpath[1]}/_oxidometer"
    oxidometer completion fish > ~/.config/fish/completions/oxidometer.fish`
}

func (c *completionCommand) Run(a *app, k *kong.Kong) error {
	scripts := map[string]func(*kong.Node) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
	return a.print(scripts[c.Shell](k.Model.Node))
}

// flagsOf lists the flags that a command takes, its parents' included.
func flagsOf(n *kong.Node) []*kong.Flag {
	return slices.Concat(n.AllFlags(true)...)
}

// commandsOf lists a command and what is below it, outer ones first.
func commandsOf(n *kong.Node) []*kong.Node {
	nodes := []*kong.Node{n}
	for _, child := range n.Children {
		nodes = append(nodes, commandsOf(child)...)
	}
	return nodes
}

// pathOf is the words that lead to a command, such as /config/check; "" is the program itself.
func pathOf(n *kong.Node) string {
	if n.Parent == nil {
		return ""
	}
	return pathOf(n.Parent) + "/" + n.Name
}

func words(enum string) string { return strings.ReplaceAll(enum, ",", " ") }

func spellings(f *kong.Flag) []string {
	s := []string{"--" + f.Name}
	if f.Short != 0 {
		s = append(s, "-"+string(f.Short))
	}
	return s
}

// bashCompletion walks the words before the cursor to find the command, then offers values, flags or subcommands. What it
// does not know it leaves to bash, which completes file names.
func bashCompletion(root *kong.Node) string {
	var find, values, offers strings.Builder
	for _, n := range commandsOf(root) {
		path := pathOf(n)
		if path != "" {
			fmt.Fprintf(&find, "\t\t%s) path=%s ;;\n", path, path)
		}
		offer := []string{}
		for _, child := range n.Children {
			offer = append(offer, child.Name)
		}
		for _, p := range n.Positional {
			if p.Enum != "" {
				offer = append(offer, words(p.Enum))
			}
		}
		var flags []string
		for _, f := range flagsOf(n) {
			flags = append(flags, spellings(f)...)
			if f.Enum != "" {
				for _, s := range spellings(f) {
					fmt.Fprintf(&values, "\t%s:%s) COMPREPLY=($(compgen -W %q -- \"$cur\")); return ;;\n", path, s, words(f.Enum))
				}
			} else if !f.IsBool() {
				for _, s := range spellings(f) {
					fmt.Fprintf(&values, "\t%s:%s) return ;;\n", path, s)
				}
			}
		}
		fmt.Fprintf(&offers, "\t%s:-*) COMPREPLY=($(compgen -W %q -- \"$cur\")) ;;\n", path, strings.Join(flags, " "))
		if len(offer) > 0 {
			fmt.Fprintf(&offers, "\t%s:*) COMPREPLY=($(compgen -W %q -- \"$cur\")) ;;\n", path, strings.Join(offer, " "))
		}
	}
	return fmt.Sprintf(`# bash completion for %[1]s
_%[1]s() {
	local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" path="" word
	COMPREPLY=()
	if [[ $cur == "=" ]]; then
		cur=""
	elif [[ $prev == "=" ]]; then
		prev="${COMP_WORDS[COMP_CWORD-2]}"
	fi
	for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
		case "$path/$word" in
%[2]s		esac
	done
	case "$path:$prev" in
%[3]s	esac
	case "$path:$cur" in
%[4]s	esac
}
complete -o default -F _%[1]s %[1]s
`, root.Name, find.String(), values.String(), offers.String())
}

// zshCompletion has one function for each command.
func zshCompletion(root *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %[1]s\ncompdef _%[1]s %[1]s\n", root.Name)
	for _, n := range slices.Backward(commandsOf(root)) {
		name := "_" + root.Name + strings.ReplaceAll(pathOf(n), "/", "_")
		fmt.Fprintf(&b, "\n%s() {\n", name)
		if len(n.Children) > 0 {
			b.WriteString("\tlocal line state\n")
		}
		b.WriteString("\t_arguments -C")
		for _, f := range flagsOf(n) {
			for _, s := range spellings(f) {
				fmt.Fprintf(&b, " \\\n\t\t%s", zshQuote(zshFlag(f, s)))
			}
		}
		for i, p := range n.Positional {
			fmt.Fprintf(&b, " \\\n\t\t%s", zshQuote(fmt.Sprintf("%d:%s:%s", i+1, p.Name, zshValues(p.Enum))))
		}
		if len(n.Children) > 0 {
			zshChildren(&b, n, name)
		}
		b.WriteString("\n}\n")
	}
	// Loaded from fpath, the file itself is the function; sourced, it only defines it.
	fmt.Fprintf(&b, "\n[[ $funcstack[1] != _%[1]s ]] || _%[1]s\n", root.Name)
	return b.String()
}

func zshChildren(b *strings.Builder, n *kong.Node, name string) {
	var offers []string
	for _, child := range n.Children {
		offers = append(offers, fmt.Sprintf("%s\\:%q", child.Name, plainHelp(child.Help)))
	}
	fmt.Fprintf(b, " \\\n\t\t%s \\\n\t\t'*::argument:->arguments'\n", zshQuote("1:command:(("+strings.Join(offers, " ")+"))"))
	b.WriteString("\t[[ $state == arguments ]] && case $line[1] in\n")
	for _, child := range n.Children {
		fmt.Fprintf(b, "\t%s) %s_%s ;;\n", child.Name, name, child.Name)
	}
	b.WriteString("\tesac")
}

func zshFlag(f *kong.Flag, spelling string) string {
	if f.IsBool() {
		return fmt.Sprintf("%s[%s]", spelling, plainHelp(f.Help))
	}
	if strings.HasPrefix(spelling, "--") {
		spelling += "="
	}
	return fmt.Sprintf("%s[%s]:%s:%s", spelling, plainHelp(f.Help), f.Name, zshValues(f.Enum))
}

func zshValues(enum string) string {
	if enum == "" {
		return "_files"
	}
	return "(" + words(enum) + ")"
}

func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// fishCompletion is one line for each flag and command.
func fishCompletion(root *kong.Node) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# fish completion for %s\n", root.Name)
	for _, n := range commandsOf(root) {
		condition := fishCondition(n)
		for _, child := range n.Children {
			fmt.Fprintf(&b, "complete -c %s -n %s -f -a %s -d %s\n", root.Name, condition, child.Name, fishQuote(plainHelp(child.Help)))
		}
		for _, p := range n.Positional {
			if p.Enum != "" {
				fmt.Fprintf(&b, "complete -c %s -n %s -f -a %s\n", root.Name, condition, fishQuote(words(p.Enum)))
			}
		}
		for _, f := range flagsOf(n) {
			fmt.Fprintf(&b, "complete -c %s -n %s -l %s", root.Name, condition, f.Name)
			if f.Short != 0 {
				fmt.Fprintf(&b, " -s %c", f.Short)
			}
			switch {
			case f.Enum != "":
				fmt.Fprintf(&b, " -x -a %s", fishQuote(words(f.Enum)))
			case !f.IsBool():
				b.WriteString(" -r")
			}
			fmt.Fprintf(&b, " -d %s\n", fishQuote(plainHelp(f.Help)))
		}
	}
	return b.String()
}

// fishCondition holds while the words so far lead to a command and not below it.
func fishCondition(n *kong.Node) string {
	var parts []string
	for at := n; at.Parent != nil; at = at.Parent {
		parts = append([]string{"__fish_seen_subcommand_from " + at.Name}, parts...)
	}
	var below []string
	for _, child := range n.Children {
		below = append(below, child.Name)
	}
	if below != nil {
		parts = append(parts, "not __fish_seen_subcommand_from "+strings.Join(below, " "))
	}
	return fishQuote(strings.Join(parts, "; and "))
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// plainHelp is the first sentence of a help text, without what shells give a meaning to.
func plainHelp(help string) string {
	sentence, _, _ := strings.Cut(help, ". ")
	sentence, _, _ = strings.Cut(sentence, " (")
	sentence, _, _ = strings.Cut(sentence, ": ")
	return strings.TrimSuffix(special.ReplaceAllString(sentence, ""), ".")
}

var special = regexp.MustCompile("[:\\[\\]\"`$\\\\]")
