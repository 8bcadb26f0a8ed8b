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
	"math"
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

// A key, and the sizes for which it may sign.
type term struct {
	key         string
	first, last int64
}

type rotation struct {
	Old, New string
	Size     int64
}

type envelope struct {
	PayloadType, Payload string
	Signatures           []struct{ Sig string }
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
	terms := trusted(read(folder, "rotations.ndjson"), key)
	last := open(read(folder, "checkpoint"), terms)
	said := state(read(folder, "statement.dsse.json"), terms, last)
	for _, file := range said.Subject {
		demand(sum(read(folder, file.Name)) == file.Digest.Sha256, file.Name)
	}
	paths := steps(read(folder, "checkpoints.ndjson"), terms, last)
	records, openings := 0, 0
	var stored []tlog.Hash
	written := bufio.NewReader(bytes.NewReader(read(folder, "records.ndjson")))
	for line, err := written.ReadBytes('\n'); err == nil; line, err = written.ReadBytes('\n') {
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

// The keys for which the held one vouches, each for the sizes between its own rotations, oldest first.
func trusted(data []byte, held string) []term {
	terms := []term{{held, 0, math.MaxInt64}}
	waiting := lines(data)
	for len(waiting) > 0 {
		var later []string
		for _, line := range waiting {
			one := rotated([]byte(line))
			first, last := &terms[0], &terms[len(terms)-1]
			switch {
			case one.Old == last.key:
				last.last = one.Size
				terms = append(terms, term{one.New, one.Size, math.MaxInt64})
			case one.New == first.key:
				first.first = one.Size
				terms = append([]term{{one.Old, 0, one.Size}}, terms...)
			default:
				later = append(later, line)
			}
		}
		demand(len(later) < len(waiting), "rotations")
		waiting = later
	}
	for _, one := range terms {
		demand(one.first <= one.last, "rotations")
	}
	return terms
}

func rotated(line []byte) (one rotation) {
	var signed envelope
	check(json.Unmarshal(line, &signed))
	check(json.Unmarshal(unbase(signed.Payload), &one))
	demand(signed.by(one.Old) && signed.by(one.New), "rotation")
	return one
}

// What one of the keys signed that might do so for its size.
func open(data []byte, terms []term) tree {
	var verifiers []note.Verifier
	for _, one := range terms {
		verifier, err := note.NewVerifier(one.key)
		check(err)
		verifiers = append(verifiers, verifier)
	}
	opened, err := note.Open(data, note.VerifierList(verifiers...))
	check(err)
	said := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(said[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(said[2])
	check(err)
	allowed := false
	for _, signed := range opened.Sigs {
		for at, one := range terms {
			mine := signed.Hash == verifiers[at].KeyHash() && signed.Name == verifiers[at].Name()
			allowed = allowed || mine && one.first <= size && size <= one.last
		}
	}
	demand(allowed, "a key that may not sign for this size")
	return tree{said[0], size, root}
}

func steps(data []byte, terms []term, last tree) int {
	var trees []tree
	var paths [][]tlog.Hash
	for _, line := range lines(data) {
		var one earlier
		check(json.Unmarshal([]byte(line), &one))
		trees = append(trees, open([]byte(one.Checkpoint), terms))
		paths = append(paths, hashes(one.Path))
	}
	trees = append(trees, last)
	for at, path := range paths {
		demand(trees[at].origin == last.origin, "origin")
		check(tlog.CheckTree(path, trees[at+1].size, trees[at+1].root, trees[at].size, trees[at].root))
	}
	return len(paths)
}

// What a key states that was the log's when it had as many records, or came later.
func state(data []byte, terms []term, about tree) (said statement) {
	var signed envelope
	check(json.Unmarshal(data, &signed))
	known := false
	for _, one := range terms {
		known = known || about.size <= one.last && signed.by(one.key)
	}
	demand(known, "statement")
	check(json.Unmarshal(unbase(signed.Payload), &said))
	return said
}

func (signed envelope) by(key string) bool {
	kind, payload := signed.PayloadType, unbase(signed.Payload)
	message := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	public := unbase(strings.SplitN(key, "+", 3)[2])[1:]
	for _, one := range signed.Signatures {
		if ed25519.Verify(public, []byte(message), unbase(one.Sig)) {
			return true
		}
	}
	return false
}

func lines(data []byte) []string {
	return strings.FieldsFunc(string(data), func(char rune) bool { return char == '\n' })
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
