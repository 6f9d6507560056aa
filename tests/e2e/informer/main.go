// Does client-go's idea of the fleet stay right? A dynamic informer on the
// instances of one namespace, as any controller would run it, WatchList and all.
//
// It writes lines of JSON: each request it makes and how that was answered
// ("request"), each ERROR that a watch ends with ("refusal"), each failure of
// its reflector ("failure"), and for each line on standard input what its cache
// holds ("cache"). It ends with standard input.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

var instances = schema.GroupVersionResource{
	Group: "fleet.updateservice.dev", Version: "v1alpha1", Resource: "instances",
}

// request is one HTTP request of the reflector: a list, a watch, or a watch
// that begins with everything there is (WatchList).
type request struct {
	Line            string `json:"line"`
	Verb            string `json:"verb"`
	ResourceVersion string `json:"resourceVersion"`
	Status          int    `json:"status"`
	Error           string `json:"error,omitempty"`
}

// refusal is an ERROR event in a watch.
type refusal struct {
	Line   string          `json:"line"`
	Status json.RawMessage `json:"status"`
}

// failure is what a reflector tells its error handler before it tries again.
type failure struct {
	Line  string `json:"line"`
	Error string `json:"error"`
}

// held is one object of the cache, as far as the test compares it.
type held struct {
	UID             string `json:"uid"`
	ResourceVersion string `json:"resourceVersion"`
	Version         string `json:"version"`
	State           string `json:"state"`
}

// contents is the whole cache, and how often the informer's handlers were called.
type contents struct {
	Line            string          `json:"line"`
	Synced          bool            `json:"synced"`
	ResourceVersion string          `json:"resourceVersion"`
	Calls           map[string]int  `json:"calls"`
	Items           map[string]held `json:"items"`
}

// output writes one line at a time.
type output struct {
	mutex   sync.Mutex
	encoder *json.Encoder
}

func (o *output) write(line any) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if err := o.encoder.Encode(line); err != nil {
		os.Exit(1) // nobody reads any more
	}
}

// reporting tells of every request that goes through it.
type reporting struct {
	next http.RoundTripper
	to   *output
}

func (r reporting) RoundTrip(sent *http.Request) (*http.Response, error) {
	query := sent.URL.Query()
	line := request{Line: "request", Verb: "list", ResourceVersion: query.Get("resourceVersion")}
	if query.Get("watch") == "true" {
		line.Verb = "watch"
		if query.Get("sendInitialEvents") == "true" {
			line.Verb = "watchlist"
		}
	}
	answer, err := r.next.RoundTrip(sent)
	if err != nil {
		line.Error = err.Error()
	} else {
		line.Status = answer.StatusCode
		if line.Verb != "list" {
			answer.Body = &spotting{ReadCloser: answer.Body, to: r.to}
		}
	}
	r.to.write(line)
	return answer, err
}

// spotting tells of ERROR events in the watch that is read through it.
type spotting struct {
	io.ReadCloser
	to   *output
	rest []byte
}

func (s *spotting) Read(into []byte) (int, error) {
	read, err := s.ReadCloser.Read(into)
	s.rest = append(s.rest, into[:read]...)
	for {
		line, rest, whole := bytes.Cut(s.rest, []byte("\n"))
		if !whole {
			return read, err
		}
		s.rest = rest
		event := struct {
			Type   string          `json:"type"`
			Object json.RawMessage `json:"object"`
		}{}
		if json.Unmarshal(line, &event) == nil && event.Type == "ERROR" {
			s.to.write(refusal{"refusal", event.Object})
		}
	}
}

// calls counts what the informer tells its handlers.
type calls struct {
	mutex  sync.Mutex
	counts map[string]int
}

func (c *calls) add(name string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.counts[name]++
}

func (c *calls) copied() map[string]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	copied := make(map[string]int, len(c.counts))
	for name, count := range c.counts {
		copied[name] = count
	}
	return copied
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig file")
	namespace := flag.String("namespace", "default", "the namespace to follow")
	flag.Parse()
	if err := run(*kubeconfig, *namespace); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, namespace string) error {
	out := &output{encoder: json.NewEncoder(os.Stdout)}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return reporting{next, out} })
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(client, 0, namespace, nil)
	informer := factory.ForResource(instances).Informer()
	err = informer.SetWatchErrorHandlerWithContext(func(ctx context.Context, reflector *cache.Reflector, err error) {
		out.write(failure{"failure", err.Error()})
		cache.DefaultWatchErrorHandler(ctx, reflector, err)
	})
	if err != nil {
		return err
	}
	called := &calls{counts: map[string]int{}}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { called.add("added") },
		UpdateFunc: func(any, any) { called.add("updated") },
		DeleteFunc: func(any) { called.add("deleted") },
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	factory.Start(ctx.Done())
	asked := bufio.NewScanner(os.Stdin)
	for asked.Scan() {
		out.write(snapshot(informer, called))
	}
	return asked.Err()
}

func snapshot(informer cache.SharedIndexInformer, called *calls) contents {
	items := map[string]held{}
	for _, obj := range informer.GetStore().List() {
		instance, ok := obj.(*unstructured.Unstructured)
		if !ok {
			continue
		}
		version, _, _ := unstructured.NestedString(instance.Object, "status", "version")
		state, _, _ := unstructured.NestedString(instance.Object, "status", "state")
		items[instance.GetName()] = held{
			UID: string(instance.GetUID()), ResourceVersion: instance.GetResourceVersion(), Version: version, State: state,
		}
	}
	return contents{"cache", informer.HasSynced(), informer.LastSyncResourceVersion(), called.copied(), items}
}
