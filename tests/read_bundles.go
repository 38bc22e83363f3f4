// Reads bundles as a Mattermost server does, and prints a line of JSON for each: what is in it, or why it cannot be read.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
)

type entry struct {
	Name     string `json:"name"`
	IsFolder bool   `json:"is_folder"`
	Size     int64  `json:"size"`
	Mode     int64  `json:"mode"`
	MTime    int64  `json:"mtime"`
	Owner    string `json:"owner"`
	SHA256   string `json:"sha256"`
}

func read(path string) (entries []entry, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(unpacked)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			_, err = io.Copy(io.Discard, unpacked)
			return entries, err
		} else if err != nil {
			return nil, err
		}
		if header.Typeflag != tar.TypeDir && header.Typeflag != tar.TypeReg {
			continue
		}
		sum := sha256.New()
		size, err := io.Copy(sum, archive)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry{
			header.Name, header.Typeflag == tar.TypeDir, size, header.Mode & 0777, header.ModTime.Unix(),
			header.Uname + header.Gname, hex.EncodeToString(sum.Sum(nil)),
		})
	}
}

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		entries, err := read(path)
		reason := ""
		if err != nil {
			reason = err.Error()
		}
		out.Encode(map[string]any{"entries": entries, "error": reason})
	}
}
