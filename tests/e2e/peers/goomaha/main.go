// Would clients that stand on go-omaha get along with the service? Its own
// client, and Nebraska's updater, each as the programs that use them do.
//
// Each line on standard input is something that the program behind the client
// does: "check", "event 13 1", and so on; see the tables of the two. It writes
// lines of JSON: what the client made of it, and then "done". It ends with
// standard input.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
)

// identity is what the client says of itself.
type identity struct {
	url, appID, machine, version, track string
}

// act is what one word on standard input stands for; its answer is one line.
type act func(arguments []string) (map[string]any, error)

func main() {
	name := flag.String("client", "", "goomaha or nebraska")
	who := identity{}
	flag.StringVar(&who.url, "url", "", "where the service is")
	flag.StringVar(&who.appID, "app-id", "", "the application")
	flag.StringVar(&who.machine, "machine", "", "the instance")
	flag.StringVar(&who.version, "version", "", "what it has now")
	flag.StringVar(&who.track, "track", "", "its group")
	flag.Parse()
	if err := run(*name, who); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(name string, who identity) error {
	begin, known := map[string]func(identity) (map[string]act, error){"goomaha": goomaha, "nebraska": nebraska}[name]
	if !known {
		return fmt.Errorf("no client %q", name)
	}
	acts, err := begin(who)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		words := strings.Fields(asked.Text())
		do, known := acts[words[0]]
		if !known {
			return fmt.Errorf("%s does no %q", name, words[0])
		}
		line, err := do(words[1:])
		if line == nil {
			line = map[string]any{}
		}
		line["line"] = words[0]
		if err != nil {
			line["error"] = err.Error()
			// The types are the clients' own, and tell their callers what to do.
			line["kind"] = fmt.Sprintf("%T", err)
		}
		if err := out.Encode(line); err != nil {
			return err
		}
		if err := out.Encode(map[string]any{"line": "done"}); err != nil {
			return err
		}
	}
	return asked.Err()
}
