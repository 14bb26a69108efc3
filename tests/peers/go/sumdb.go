// Command sumdb reads a decision log with golang.org/x/mod/sumdb, the code behind Go's checksum database,
// which knows nothing of the gateway.
//
//	sumdb export FOLDER CHECKPOINTS VKEY...    a c2sp.org/tlog-tiles folder, and older checkpoints of that log
//	sumdb proof FILE LINE VKEY...              a c2sp.org/tlog-proof@v1, and a file with the line it is for
//	sumdb consistency FILE OLD VKEY...         what a c2sp.org/tlog-witness is sent, and the checkpoint it has
//
// What holds is told as one JSON object. What does not ends the program with 1 and its reason.
//
// Signatures, hashing, tiles and proofs are the library's. Ours are the few lines that read the text forms
// which are younger than the library: the checkpoint's three lines, the proof's, and an entry bundle's lengths.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height      = 8
	full        = 1 << height
	someEntries = 1000
	proofTitle  = "c2sp.org/tlog-proof@v1\n"
	signature   = "— "
)

// A checkpoint is a note whose signature by at least one known key holds.
type checkpoint struct {
	Origin string    `json:"origin"`
	Size   int64     `json:"size"`
	Root   tlog.Hash `json:"root"`
	Keys   []string  `json:"keys"`  // key ids whose signatures hold
	Other  int       `json:"other"` // signatures by keys that nobody named
}

func (c checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: c.Root} }

func main() {
	said, err := run(os.Args[1:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) (any, error) {
	files := map[string]int{"export": 2, "proof": 2, "consistency": 2}
	if len(arguments) == 0 || files[arguments[0]] == 0 || len(arguments) <= 1+files[arguments[0]] {
		return nil, errors.New("usage: sumdb export FOLDER CHECKPOINTS | proof FILE LINE | consistency FILE OLD, VKEY...")
	}
	given, names := arguments[1:1+files[arguments[0]]], arguments[1+files[arguments[0]]:]
	var keys []note.Verifier
	for _, name := range names {
		key, err := note.NewVerifier(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		keys = append(keys, key)
	}
	known := note.VerifierList(keys...)
	switch arguments[0] {
	case "export":
		return export(given[0], given[1], known)
	case "proof":
		return proof(given[0], given[1], known)
	default:
		return consistency(given[0], given[1], known)
	}
}

// open reads a signed note as a checkpoint: origin, size and root (c2sp.org/tlog-checkpoint).
func open(octets []byte, known note.Verifiers) (checkpoint, error) {
	opened, err := note.Open(octets, known)
	if err != nil {
		return checkpoint{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] == "" {
		return checkpoint{}, errors.New("not a checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] || size < 0 {
		return checkpoint{}, errors.New("not a size: " + lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, err
	}
	read := checkpoint{Origin: lines[0], Size: size, Root: root, Other: len(opened.UnverifiedSigs)}
	for _, one := range opened.Sigs {
		if one.Name != read.Origin {
			return checkpoint{}, errors.New("signed under the name " + one.Name)
		}
		read.Keys = append(read.Keys, fmt.Sprintf("%08x", one.Hash))
	}
	return read, nil
}

// split takes apart notes that stand one after the other, each to its last signature line.
func split(octets []byte) ([][]byte, error) {
	var notes [][]byte
	for len(octets) > 0 {
		end := bytes.Index(octets, []byte("\n\n"))
		if end < 0 {
			return nil, errors.New("checkpoints: octets that are no note")
		}
		for end += 2; bytes.HasPrefix(octets[end:], []byte(signature)); {
			line := bytes.IndexByte(octets[end:], '\n')
			if line < 0 {
				return nil, errors.New("checkpoints: a signature line without its end")
			}
			end += line + 1
		}
		notes, octets = append(notes, octets[:end]), octets[end:]
	}
	return notes, nil
}

// tiles reads a folder; the library names the height in a tile's path, and the folder does not.
type tiles struct{ folder string }

func (t tiles) Height() int                         { return height }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range wanted {
		octets, err := t.read(tile, tlog.HashSize)
		if err != nil {
			return nil, err
		}
		read = append(read, octets)
	}
	return read, nil
}

// read falls back to the full tile, for the partial one may be removed once that is there.
func (t tiles) read(tile tlog.Tile, octetsEach int) ([]byte, error) {
	octets, err := os.ReadFile(t.path(tile))
	if !errors.Is(err, fs.ErrNotExist) || tile.W == full {
		return octets, err
	}
	wanted := tile.W
	tile.W = full
	octets, err = os.ReadFile(t.path(tile))
	if err == nil && octetsEach > 0 {
		octets = octets[:min(len(octets), wanted*octetsEach)]
	}
	return octets, err
}

func (t tiles) path(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	path = strings.Replace(path, "data/", "entries/", 1)
	return filepath.Join(t.folder, "tile", filepath.FromSlash(path))
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

// entries reads the bundles: each entry has its length before it, in two octets.
func (t tiles) entries(size int64) ([][]byte, error) {
	var read [][]byte
	for n := int64(0); n*full < size; n++ {
		width := min(full, int(size-n*full))
		octets, err := t.read(tlog.Tile{H: height, L: -1, N: n, W: width}, 0)
		if err != nil {
			return nil, err
		}
		for ; width > 0; width-- {
			if len(octets) < 2 || len(octets) < 2+int(binary.BigEndian.Uint16(octets)) {
				return nil, fmt.Errorf("entry %d: the bundle is too short", len(read))
			}
			length := int(binary.BigEndian.Uint16(octets))
			read, octets = append(read, octets[2:2+length]), octets[2+length:]
		}
		if len(octets) > 0 {
			return nil, fmt.Errorf("entry %d: the bundle is too long", len(read))
		}
	}
	return read, nil
}

type exported struct {
	Newest      checkpoint   `json:"newest"`
	Checkpoints []checkpoint `json:"checkpoints"`
	Entries     int          `json:"entries"`
	Inclusions  int          `json:"inclusions"`
	Consistent  int          `json:"consistent"`
	OwnTiles    int          `json:"own_tiles"` // older trees whose own partial tiles are there, with their root
}

func export(folder, checkpoints string, known note.Verifiers) (any, error) {
	octets, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return nil, err
	}
	newest, err := open(octets, known)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	entries, err := tiles{folder}.entries(newest.Size)
	if err != nil {
		return nil, err
	}
	said := exported{Newest: newest, Entries: len(entries)}
	if err = sameRoot(entries, newest.tree()); err != nil {
		return nil, err
	}
	if said.Inclusions, err = inclusions(entries, folder, newest.tree()); err != nil {
		return nil, err
	}
	octets, err = os.ReadFile(checkpoints)
	if err != nil {
		return nil, err
	}
	notes, err := split(octets)
	if err != nil {
		return nil, err
	}
	for number, one := range notes {
		read, err := open(one, known)
		if err == nil {
			err = consistent(folder, read.tree(), newest.tree())
		}
		own := false
		if err == nil {
			own, err = ownTiles(folder, read.tree())
		}
		if err != nil {
			return nil, fmt.Errorf("checkpoint %d: %w", number, err)
		}
		said.Checkpoints = append(said.Checkpoints, read)
		said.Consistent++
		if own {
			said.OwnTiles++
		}
	}
	return said, nil
}

// inclusions proves and checks entries in the tree by its tiles: all, or in a large tree some and the last.
func inclusions(entries [][]byte, folder string, tree tlog.Tree) (int, error) {
	hashes := tlog.TileHashReader(tree, tiles{folder})
	done, step := 0, len(entries)/someEntries+1
	for n := 0; n < len(entries); n += step {
		if n+step >= len(entries) {
			n = len(entries) - 1
		}
		path, err := tlog.ProveRecord(tree.N, int64(n), hashes)
		if err == nil {
			err = tlog.CheckRecord(path, tree.N, tree.Hash, int64(n), tlog.RecordHash(entries[n]))
		}
		if err != nil {
			return 0, fmt.Errorf("entry %d: %w", n, err)
		}
		done++
	}
	return done, nil
}

// sameRoot computes the root from the entries alone, without a tile.
func sameRoot(entries [][]byte, tree tlog.Tree) error {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var read []tlog.Hash
		for _, index := range indexes {
			read = append(read, stored[index])
		}
		return read, nil
	})
	for n, entry := range entries {
		hashes, err := tlog.StoredHashes(int64(n), entry, reader)
		if err != nil {
			return err
		}
		stored = append(stored, hashes...)
	}
	root, err := tlog.TreeHash(tree.N, reader)
	if err == nil && root != tree.Hash {
		err = errors.New("the entries have another root")
	}
	return err
}

// consistent proves and checks that the older tree is a part of the newer.
func consistent(folder string, older, newer tlog.Tree) error {
	path, err := tlog.ProveTree(newer.N, older.N, tlog.TileHashReader(newer, tiles{folder}))
	if err == nil {
		err = tlog.CheckTree(path, newer.N, newer.Hash, older.N, older.Hash)
	}
	return err
}

// ownTiles reads an older tree from the tiles of its time. An export need not have them.
func ownTiles(folder string, older tlog.Tree) (bool, error) {
	root, err := tlog.TreeHash(older.N, tlog.TileHashReader(older, tiles{folder}))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil && root != older.Hash {
		err = errors.New("its own tiles have another root")
	}
	return err == nil, err
}

func proof(name, lineName string, known note.Verifiers) (any, error) {
	octets, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	line, err := os.ReadFile(lineName)
	if err != nil {
		return nil, err
	}
	head, rest, found := bytes.Cut(octets, []byte("\n\n"))
	if !found || !bytes.HasPrefix(head, []byte(proofTitle)) {
		return nil, errors.New("not a proof")
	}
	signed, err := open(rest, known)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimPrefix(string(head), proofTitle), "\n")
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return nil, errors.New("a proof without its index")
	}
	n, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return nil, err
	}
	path, err := hashesOf(lines[1:])
	if err == nil {
		err = tlog.CheckRecord(path, signed.Size, signed.Root, n, tlog.RecordHash(bytes.TrimSuffix(line, []byte("\n"))))
	}
	return map[string]any{"index": n, "checkpoint": signed}, err
}

func consistency(name, oldName string, known note.Verifiers) (any, error) {
	sent, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	had, err := os.ReadFile(oldName)
	if err != nil {
		return nil, err
	}
	older, err := open(had, known)
	if err != nil {
		return nil, err
	}
	head, rest, _ := bytes.Cut(sent, []byte("\n\n"))
	newer, err := open(rest, known)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != fmt.Sprintf("old %d", older.Size) {
		return nil, errors.New("sent for another checkpoint: " + lines[0])
	}
	path, err := hashesOf(lines[1:])
	if err == nil {
		err = tlog.CheckTree(path, newer.Size, newer.Root, older.Size, older.Root)
	}
	return map[string]any{"old": older.Size, "new": newer.Size}, err
}

func hashesOf(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		octets, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(octets) != tlog.HashSize {
			return nil, errors.New("not a hash: " + line)
		}
		hashes = append(hashes, tlog.Hash(*(*[tlog.HashSize]byte)(octets)))
	}
	return hashes, nil
}
