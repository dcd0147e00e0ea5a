// SPDX-License-Identifier: MIT

// gosrv SOCKET N: a server in Go with heapd's content and heapd's protocol, as far as heapctl bench and
// latency_during_gc.py need it: about N objects in trees of seven, and named values that obj.new, obj.get,
// obj.set and name.del work on. SIGUSR1: collect again and again; SIGUSR2: no more.
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// 48 bytes, as heapd's records of four slots.
type node struct {
	left, right *node
	one, two    uint64
	_           [2]uint64
}

type record struct {
	value []byte
}

type shard struct {
	sync.RWMutex
	named map[string]*record
}

var shards [64]shard
var heap []*node

func tree(depth int) *node {
	n := &node{one: 1, two: 2}
	if depth > 0 {
		n.left, n.right = tree(depth-1), tree(depth-1)
	}
	return n
}

func pick(key []byte) *shard {
	hash := uint32(2166136261)
	for _, b := range key {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return &shards[hash>>8&63]
}

// What is read of one value: its type and number or bytes; of containers their length.
type value struct {
	kind  byte // 'i' integer, 's' bytes, 'a' array, 'm' map, 'x' anything else
	n     int
	bytes []byte
}

type wire struct {
	*bufio.Reader
	buffer []byte
}

func (w *wire) number(n int) (int, error) {
	var bytes [8]byte
	_, err := io.ReadFull(w, bytes[8-n:])
	return int(binary.BigEndian.Uint64(bytes[:])), err
}

// Strings of one message lie one after the other in the buffer.
func (w *wire) take(n int, err error) (value, error) {
	if err != nil || n > 1<<16 {
		return value{}, errors.New("no string")
	}
	at := len(w.buffer)
	w.buffer = append(w.buffer, make([]byte, n)...)
	_, err = io.ReadFull(w, w.buffer[at:])
	return value{'s', n, w.buffer[at:]}, err
}

func (w *wire) next() (value, error) {
	head, err := w.ReadByte()
	if err != nil {
		return value{}, err
	}
	n := 0
	switch {
	case head < 0x80:
		return value{'i', int(head), nil}, nil
	case head < 0x90:
		return value{'m', int(head & 15), nil}, nil
	case head < 0xa0:
		return value{'a', int(head & 15), nil}, nil
	case head < 0xc0:
		return w.take(int(head&31), nil)
	case head >= 0xcc && head <= 0xcf:
		n, err = w.number(1 << (head - 0xcc))
		return value{'i', n, nil}, err
	case head >= 0xd9 && head <= 0xdb:
		return w.take(w.number(1 << (head - 0xd9)))
	case head == 0xdc:
		n, err = w.number(2)
		return value{'a', n, nil}, err
	}
	return value{'x', 0, nil}, nil
}

// The strings and numbers of `n` values, containers opened.
func (w *wire) flat(n int, into []value) ([]value, error) {
	for ; n > 0; n-- {
		v, err := w.next()
		if err != nil {
			return into, err
		}
		switch v.kind {
		case 'a':
			n += v.n
		case 'm':
			n += 2 * v.n
		default:
			into = append(into, v)
		}
	}
	return into, nil
}

func reply(out *bufio.Writer, id int) {
	var head [8]byte
	head[0], head[1], head[2] = 0x94, 1, 0xce
	binary.BigEndian.PutUint32(head[3:], uint32(id))
	head[7] = 0xc0
	out.Write(head[:])
}

func answer(out *bufio.Writer, id int, method string, params []value) {
	reply(out, id)
	switch method {
	case "obj.new": // record value name KEY
		r := &record{append([]byte(nil), params[1].bytes...)}
		s := pick(params[3].bytes)
		s.Lock()
		s.named[string(params[3].bytes)] = r
		s.Unlock()
		out.WriteByte(0xc0)
	case "obj.get": // KEY slot
		s := pick(params[0].bytes)
		s.RLock()
		v := s.named[string(params[0].bytes)].value
		s.RUnlock()
		out.Write([]byte{0x91, 0xda, byte(len(v) >> 8), byte(len(v))})
		out.Write(v)
	case "obj.set": // KEY slot value
		v := append([]byte(nil), params[2].bytes...)
		s := pick(params[0].bytes)
		s.Lock()
		s.named[string(params[0].bytes)].value = v
		s.Unlock()
		out.WriteByte(1)
	case "name.del":
		s := pick(params[0].bytes)
		s.Lock()
		delete(s.named, string(params[0].bytes))
		s.Unlock()
		out.WriteByte(0xc3)
	default: // hello
		out.WriteByte(0x80)
	}
}

func serve(conn net.Conn) {
	defer conn.Close()
	in := &wire{bufio.NewReaderSize(conn, 65536), nil}
	out := bufio.NewWriterSize(conn, 65536)
	var values []value
	for {
		if in.Buffered() == 0 {
			out.Flush()
		}
		in.buffer = in.buffer[:0]
		var err error
		values, err = in.flat(1, values[:0]) // 0 msgid method params...
		if err != nil || len(values) < 3 {
			return
		}
		answer(out, values[1].n, string(values[2].bytes), values[3:])
	}
}

func collect() {
	var wanted atomic.Bool
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	for s := range signals {
		wanted.Store(s == syscall.SIGUSR1)
		if wanted.Load() {
			go func() {
				for wanted.Load() {
					runtime.GC()
				}
			}()
		}
	}
}

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	debug.SetGCPercent(-1)
	for i := range shards {
		shards[i].named = make(map[string]*record)
	}
	for i := 0; i < n/7; i++ {
		heap = append(heap, tree(2))
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		panic(err)
	}
	go collect()
	fmt.Fprintf(os.Stderr, "READY %d objects, %d MB\n", stats.HeapObjects, stats.HeapAlloc>>20)
	for {
		conn, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(conn)
	}
}
