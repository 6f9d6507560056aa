package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/kinvolk/go-omaha/omaha"
	"github.com/kinvolk/go-omaha/omaha/client"
)

// goomaha is what programs do with go-omaha's client.
func goomaha(who identity) (map[string]act, error) {
	app, err := client.NewAppClient(who.url, who.machine, who.appID, who.version)
	if err != nil {
		return nil, err
	}
	if err := app.SetTrack(who.track); err != nil {
		return nil, err
	}
	var offered *omaha.UpdateResponse
	return map[string]act{
		"check": func([]string) (map[string]any, error) {
			update, err := app.UpdateCheck()
			if err != nil {
				return nil, err
			}
			offered = update
			return describe(update)
		},
		"verify": func(arguments []string) (map[string]any, error) { return verify(offered, arguments[0]) },
		"ping":   func([]string) (map[string]any, error) { return nil, app.Ping() },
		"event": func(arguments []string) (map[string]any, error) {
			event, err := event(arguments)
			if err != nil {
				return nil, err
			}
			return nil, <-app.Event(event)
		},
		"boot": func(arguments []string) (map[string]any, error) { return nil, app.SetVersion(arguments[0]) },
	}, nil
}

func event(arguments []string) (*omaha.EventRequest, error) {
	numbers := make([]int, 3)
	for place, argument := range arguments {
		number, err := strconv.Atoi(argument)
		if err != nil {
			return nil, err
		}
		numbers[place] = number
	}
	return &omaha.EventRequest{
		Type: omaha.EventType(numbers[0]), Result: omaha.EventResult(numbers[1]), ErrorCode: numbers[2],
	}, nil
}

func describe(update *omaha.UpdateResponse) (map[string]any, error) {
	if update.Manifest == nil {
		return nil, errors.New("an update without a manifest")
	}
	urls := []string{}
	for _, url := range update.URLs {
		urls = append(urls, url.CodeBase)
	}
	return map[string]any{
		"version": update.Manifest.Version, "urls": urls,
		"packages": update.Manifest.Packages, "actions": update.Manifest.Actions,
	}, nil
}

// verify tells what go-omaha's own code finds when it compares a payload with
// what was offered. It takes hash_sha256 for base64, as no other client does;
// so the offer is looked at as it is, and with that digest as it wants it.
func verify(offered *omaha.UpdateResponse, path string) (map[string]any, error) {
	if offered == nil || offered.Manifest == nil || len(offered.Manifest.Packages) == 0 {
		return nil, errors.New("nothing was offered")
	}
	payload, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	first := *offered.Manifest.Packages[0]
	digest, err := hex.DecodeString(first.SHA256)
	if err != nil {
		return nil, fmt.Errorf("hash_sha256 isn't hex: %w", err)
	}
	asItWants := first
	asItWants.SHA256 = base64.StdEncoding.EncodeToString(digest)
	return map[string]any{
		"as_it_is":    said(first.VerifyReader(bytes.NewReader(payload))),
		"as_it_wants": said(asItWants.VerifyReader(bytes.NewReader(payload))),
	}, nil
}

func said(err error) string {
	if err == nil {
		return "ok"
	}
	return err.Error()
}
