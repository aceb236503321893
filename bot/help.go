package bot

import (
	"strings"

	"github.com/oxidometer/oxidometer/bot/command"
	"github.com/oxidometer/oxidometer/bot/web"
)

// commandList is what the page /help says of each command, from the declaration that the help in comments is made from.
func commandList() []web.Command {
	var list []web.Command
	for _, s := range command.Specs() {
		c := web.Command{Name: string(s.Verb), Usage: s.Usage(command.DefaultPrefix), Summary: s.Summary, Who: s.Who.String(), Closed: s.Closed}
		for _, p := range s.Args {
			c.Arguments = append(c.Arguments, web.Argument{Name: p.Shown, About: p.About})
		}
		for _, p := range s.Keys {
			c.Arguments = append(c.Arguments, web.Argument{Name: p.Name + "=" + p.Shown, About: p.About})
		}
		for _, e := range s.Examples {
			c.Examples = append(c.Examples, strings.TrimSpace(command.DefaultPrefix+" "+e))
		}
		list = append(list, c)
	}
	return list
}
