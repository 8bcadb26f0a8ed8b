// A verifier of bundles by somebody else: Go's own signed notes and Merkle trees, and the standard library.
// Usage: stranger BUNDLE KEY. Says "verified" and how many records, openings and paths were checked.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stranger/note"
	"stranger/tlog"
)

type tree struct {
	origin string
	size   int64
	root   tlog.Hash
}

type record struct {
	Index    int64
	Leaf     json.RawMessage
	Openings map[string]struct{ Salt, Value string }
	Path     []string
	Scopes   map[string]string
}

type leaf struct{ Commitments map[string]string }

type earlier struct {
	Checkpoint string
	Path       []string
}

type statement struct {
	Subject []struct {
		Name   string
		Digest struct{ Sha256 string }
	}
	Predicate struct {
		Records int
		Whole   bool
	}
}

func main() {
	log.SetFlags(0)
	folder, key := os.Args[1], os.Args[2]
	verifier, err := note.NewVerifier(key)
	check(err)
	last := open(read(folder, "checkpoint"), verifier)
	said := state(read(folder, "statement.dsse.json"), key)
	for _, file := range said.Subject {
		demand(sum(read(folder, file.Name)) == file.Digest.Sha256, file.Name)
	}
	paths := steps(read(folder, "checkpoints.ndjson"), verifier, last)
	records, openings := 0, 0
	var stored []tlog.Hash
	lines := bufio.NewReader(bytes.NewReader(read(folder, "records.ndjson")))
	for line, err := lines.ReadBytes('\n'); err == nil; line, err = lines.ReadBytes('\n') {
		var one record
		check(json.Unmarshal(line, &one))
		openings += commitments(one)
		hash := tlog.RecordHash(one.Leaf)
		if said.Predicate.Whole {
			demand(one.Index == int64(records), "index")
			grown, err := tlog.StoredHashesForRecordHash(one.Index, hash, reader(stored))
			check(err)
			stored = append(stored, grown...)
		} else {
			check(tlog.CheckRecord(hashes(one.Path), last.size, last.root, one.Index, hash))
			paths++
		}
		records++
	}
	if said.Predicate.Whole {
		root, err := tlog.TreeHash(last.size, reader(stored))
		check(err)
		demand(root == last.root, "root")
	}
	demand(records == said.Predicate.Records, "records")
	fmt.Println("verified", records, openings, paths)
}

func open(data []byte, verifier note.Verifier) tree {
	opened, err := note.Open(data, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tree{lines[0], size, root}
}

func steps(data []byte, verifier note.Verifier, last tree) int {
	var trees []tree
	var paths [][]tlog.Hash
	for _, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		if line == "" {
			continue
		}
		var one earlier
		check(json.Unmarshal([]byte(line), &one))
		trees = append(trees, open([]byte(one.Checkpoint), verifier))
		paths = append(paths, hashes(one.Path))
	}
	trees = append(trees, last)
	for at, path := range paths {
		demand(trees[at].origin == last.origin, "origin")
		check(tlog.CheckTree(path, trees[at+1].size, trees[at+1].root, trees[at].size, trees[at].root))
	}
	return len(paths)
}

func state(data []byte, key string) (said statement) {
	var envelope struct {
		PayloadType, Payload string
		Signatures           []struct{ Sig string }
	}
	check(json.Unmarshal(data, &envelope))
	payload := unbase(envelope.Payload)
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(envelope.PayloadType), envelope.PayloadType, len(payload), payload)
	public := unbase(strings.SplitN(key, "+", 3)[2])[1:]
	demand(ed25519.Verify(public, []byte(message), unbase(envelope.Signatures[0].Sig)), "statement")
	check(json.Unmarshal(payload, &said))
	return said
}

func commitments(one record) int {
	var committed leaf
	check(json.Unmarshal(one.Leaf, &committed))
	for name, opening := range one.Openings {
		salt, err := hex.DecodeString(opening.Salt)
		check(err)
		demand(sum(append(salt, opening.Value...)) == committed.Commitments[name], name)
	}
	for digest, labels := range one.Scopes {
		demand(sum([]byte(labels)) == digest, "scope")
	}
	return len(one.Openings)
}

func reader(stored []tlog.Hash) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
}

func hashes(path []string) (found []tlog.Hash) {
	for _, one := range path {
		data, err := hex.DecodeString(one)
		check(err)
		found = append(found, tlog.Hash(data))
	}
	return found
}

func read(folder, name string) []byte {
	data, err := os.ReadFile(filepath.Join(folder, name))
	check(err)
	return data
}

func sum(data []byte) string {
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

func unbase(text string) []byte {
	data, err := base64.StdEncoding.DecodeString(text)
	check(err)
	return data
}

func check(err error) {
	if err != nil {
		log.Fatal("not verified: ", err)
	}
}

func demand(holds bool, what string) {
	if !holds {
		log.Fatal("not verified: ", what)
	}
}
