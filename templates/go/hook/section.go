//go:build ignore

// section.go - puts plugin.json into a module, where the host reads it before it runs any of it.
//
//	go run section.go core.wasm plugin.json plugin.wasm
package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"log"
	"os"
)

const section = "berth.plugin.v1"

func sized(data []byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(data))), data...)
}

func main() {
	module, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	var metadata bytes.Buffer
	if err := json.Compact(&metadata, text); err != nil {
		log.Fatal(os.Args[2], ": ", err)
	}
	body := append(sized([]byte(section)), metadata.Bytes()...)
	module = append(append(module, 0), sized(body)...) // section 0: one of its own name
	if err := os.WriteFile(os.Args[3], module, 0o666); err != nil {
		log.Fatal(err)
	}
}
