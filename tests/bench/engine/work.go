// SPDX-License-Identifier: MIT

// The workloads of work.c in Go: same work, same units, same checksums. GOGC, GOMEMLIMIT and
// GOMAXPROCS are the environment's; the mark phases are told by GODEBUG=gctrace=1.
//
//	work_go trees DEPTH | gcbench SCALE | storm THREADS OPERATIONS | churn RECORDS OPERATIONS
//	        | graph OBJECTS ordered|shuffled COLLECTIONS
package main

import (
	"fmt"
	"math/bits"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const (
	unitLevels = 10
	leafSlots  = 1024
)

// The buckets of base/histogram.h.
type histogram struct {
	n   [272]uint64
	max uint64
}

func (h *histogram) add(ns uint64) {
	bucket := int(ns)
	if ns >= 8 {
		log := bits.Len64(ns) - 1
		bucket = (log-2)<<3 + int(ns>>(log-3)&7)
	}
	if bucket >= len(h.n) {
		bucket = len(h.n) - 1
	}
	h.n[bucket]++
	h.max = max(h.max, ns)
}

func (h *histogram) merge(from *histogram) {
	for i, n := range from.n {
		h.n[i] += n
	}
	h.max = max(h.max, from.max)
}

func max(a, b uint64) uint64 {
	if a > b {
		return a
	}
	return b
}

func (h *histogram) count() (sum uint64) {
	for _, n := range h.n {
		sum += n
	}
	return
}

func (h *histogram) quantile(perMillion uint64) uint64 {
	rank, sum := (h.count()*perMillion+999999)/1000000, uint64(0)
	for bucket, n := range h.n {
		sum += n
		if sum >= rank && n > 0 {
			if bucket < 8 {
				return uint64(bucket)
			}
			log := uint(bucket>>3 + 2)
			end := (uint64(bucket&7)+9)<<(log-3) - 1
			if end > h.max {
				return h.max
			}
			return end
		}
	}
	return 0
}

type worker struct {
	units                      histogram
	begin                      time.Time
	allocs, checksum, random   uint64
	slots, operations, perUnit uint64
}

func (w *worker) unitBegin() { w.begin = time.Now() }
func (w *worker) unitEnd()   { w.units.add(uint64(time.Since(w.begin))) }

func (w *worker) rnd() uint64 {
	w.random ^= w.random << 13
	w.random ^= w.random >> 7
	w.random ^= w.random << 17
	return w.random
}

// Binary trees.

type tree struct{ left, right *tree }

func (w *worker) treeMake(depth int) *tree {
	w.allocs++
	t := new(tree)
	if depth > 0 {
		t.left = w.treeMake(depth - 1)
		t.right = w.treeMake(depth - 1)
	}
	return t
}

func (w *worker) treeMakeLarge(depth int) *tree {
	if depth <= unitLevels {
		w.unitBegin()
		t := w.treeMake(depth)
		w.unitEnd()
		return t
	}
	left := w.treeMakeLarge(depth - 1)
	right := w.treeMakeLarge(depth - 1)
	w.allocs++
	return &tree{left, right}
}

func (t *tree) count() uint64 {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.count() + t.right.count()
}

func (w *worker) treeCountLarge(t *tree, depth int) uint64 {
	if depth <= unitLevels {
		w.unitBegin()
		n := t.count()
		w.unitEnd()
		return n
	}
	return 1 + w.treeCountLarge(t.left, depth-1) + w.treeCountLarge(t.right, depth-1)
}

// Small trees: as many in a unit as one of unitLevels has nodes.
func (w *worker) small(depth int, n int, make func() uint64) {
	perUnit := 1 << (unitLevels - depth)
	for i := 0; i < n; i++ {
		if i%perUnit == 0 {
			w.unitBegin()
		}
		w.checksum += make()
		if i%perUnit == perUnit-1 || i == n-1 {
			w.unitEnd()
		}
	}
}

func (w *worker) trees(depth int) {
	w.checksum += w.treeCountLarge(w.treeMakeLarge(depth+1), depth+1)
	long := w.treeMakeLarge(depth)
	for d := 4; d <= depth; d += 2 {
		n := 1 << (depth - d + 4)
		if d < unitLevels {
			w.small(d, n, func() uint64 { return w.treeMake(d).count() })
		} else {
			for i := 0; i < n; i++ {
				w.checksum += w.treeCountLarge(w.treeMakeLarge(d), d)
			}
		}
	}
	w.checksum += w.treeCountLarge(long, depth)
}

// GCBench.

type node struct {
	left, right *node
	i, j        int32
}

var nodeSink *node

func (w *worker) nodeMake(depth int) *node {
	w.allocs++
	if depth == 0 {
		return new(node)
	}
	left := w.nodeMake(depth - 1)
	right := w.nodeMake(depth - 1)
	return &node{left: left, right: right}
}

func (w *worker) nodeMakeLarge(depth int) *node {
	if depth <= unitLevels {
		w.unitBegin()
		n := w.nodeMake(depth)
		w.unitEnd()
		return n
	}
	left := w.nodeMakeLarge(depth - 1)
	right := w.nodeMakeLarge(depth - 1)
	w.allocs++
	return &node{left: left, right: right}
}

func (w *worker) nodeFill(n *node, depth int) {
	if depth > 0 {
		w.allocs += 2
		n.left = new(node)
		n.right = new(node)
		w.nodeFill(n.left, depth-1)
		w.nodeFill(n.right, depth-1)
	}
}

func (w *worker) nodeFillUnits(n *node, depth int) {
	if depth <= unitLevels {
		w.unitBegin()
		w.nodeFill(n, depth)
		w.unitEnd()
		return
	}
	w.allocs += 2
	n.left = new(node)
	n.right = new(node)
	w.nodeFillUnits(n.left, depth-1)
	w.nodeFillUnits(n.right, depth-1)
}

func (n *node) count() uint64 {
	if n.left == nil {
		return 1
	}
	return 1 + n.left.count() + n.right.count()
}

func (w *worker) gcbench(scale int) {
	stretch, depth := 18+scale, 16+scale
	nodeSink = w.nodeMakeLarge(stretch)
	nodeSink = nil
	w.allocs++
	long := new(node)
	w.nodeFillUnits(long, depth)
	doubles := make([]float64, 500000<<scale)
	for i := range doubles[:len(doubles)/2] {
		doubles[i] = 1 / float64(i+1)
	}
	topDown := func(d int) uint64 {
		w.allocs++
		n := new(node)
		nodeSink = n
		if d < unitLevels {
			w.nodeFill(n, d)
		} else {
			w.nodeFillUnits(n, d)
		}
		return 1
	}
	for d := 4; d <= depth; d += 2 {
		n := 2 * (1<<(stretch+1) - 1) / (1<<(d+1) - 1)
		if d < unitLevels {
			w.small(d, n, func() uint64 { return topDown(d) })
			w.small(d, n, func() uint64 { nodeSink = w.nodeMake(d); return 1 })
			continue
		}
		for i := 0; i < n; i++ {
			w.checksum += topDown(d)
		}
		for i := 0; i < n; i++ {
			nodeSink = w.nodeMakeLarge(d)
			w.checksum++
		}
	}
	nodeSink = nil
	w.checksum += long.count()
	if doubles[999] == 1.0/1000 {
		w.checksum++
	}
}

// Tables.

type record struct {
	payload *byte
	spare   *record
	key     uint64
}

func (w *worker) recordNew() *record {
	random := w.rnd()
	bytes := make([]byte, 8+uint32(random>>32)%128)
	bytes[0] = byte(random)
	bytes[len(bytes)-1] = byte(len(bytes))
	w.allocs += 2
	return &record{payload: &bytes[0], key: random & 0xffff}
}

func (w *worker) table() {
	table := make([]*[leafSlots]*record, w.slots/leafSlots)
	for i := range table {
		table[i] = new([leafSlots]*record)
		for slot := range table[i] {
			table[i][slot] = w.recordNew()
		}
	}
	for i := uint64(0); i < w.operations; i += w.perUnit {
		w.unitBegin()
		for j := uint64(0); j < w.perUnit; j++ {
			at := w.rnd() % w.slots
			leaf := table[at/leafSlots]
			w.checksum += leaf[at%leafSlots].key
			leaf[at%leafSlots] = w.recordNew()
		}
		w.unitEnd()
	}
	runtime.KeepAlive(table)
}

func (w *worker) storm(threads, operations uint64) {
	var wait sync.WaitGroup
	workers := make([]worker, threads)
	for i := range workers {
		workers[i] = worker{random: 88172645463325252 + uint64(i), slots: 64 * leafSlots, operations: operations,
			perUnit: 1000}
		wait.Add(1)
		go func(thread *worker) {
			thread.table()
			wait.Done()
		}(&workers[i])
	}
	wait.Wait()
	for i := range workers {
		w.checksum += workers[i].checksum
		w.allocs += workers[i].allocs
		w.units.merge(&workers[i].units)
	}
}

// The graph.

type vertex struct {
	left, right, third, fourth *vertex
	plain                      uint64
}

var graphRoot *vertex

func linkOrdered(nodes []*vertex, first, n, parent uint64) {
	left := (n - 1) / 2
	nodes[first].third = nodes[parent]
	if left > 0 {
		nodes[first].left = nodes[first+1]
		linkOrdered(nodes, first+1, left, first)
	}
	if n > left+1 {
		nodes[first].right = nodes[first+1+left]
		linkOrdered(nodes, first+1+left, n-1-left, first)
	}
}

func (w *worker) linkShuffled(nodes []*vertex) {
	n := uint64(len(nodes))
	for i := n - 1; i > 0; i-- {
		j := w.rnd() % (i + 1)
		nodes[i], nodes[j] = nodes[j], nodes[i]
	}
	for i := uint64(0); i < n; i++ {
		if i > 0 && i%2 == 1 {
			nodes[(i-1)/2].left = nodes[i]
		} else if i > 0 {
			nodes[(i-1)/2].right = nodes[i]
		}
		nodes[i].third = nodes[w.rnd()%n]
	}
}

func (w *worker) graph(n uint64, shuffled bool, collections int) {
	debug.SetGCPercent(-1)
	nodes := make([]*vertex, n)
	for i := range nodes {
		nodes[i] = new(vertex)
	}
	if shuffled {
		w.linkShuffled(nodes)
	} else {
		linkOrdered(nodes, 0, n, 0)
	}
	graphRoot = nodes[0]
	nodes = nil
	w.allocs += n
	w.checksum = n
	runtime.GC() // frees the table of nodes; not counted
	for i := 0; i < collections; i++ {
		runtime.GC()
	}
}

func number(i int) uint64 {
	n, err := strconv.ParseUint(os.Args[i], 10, 64)
	if err != nil {
		fmt.Println("FAILED bad arguments; work.c says which there are")
		os.Exit(1)
	}
	return n
}

func main() {
	w := &worker{random: 88172645463325252}
	begin := time.Now()
	switch os.Args[1] {
	case "trees":
		w.trees(int(number(2)))
	case "gcbench":
		w.gcbench(int(number(2)))
	case "storm":
		w.storm(number(2), number(3))
	case "churn":
		w.slots, w.operations, w.perUnit = number(2), number(3), 100
		w.table()
	case "graph":
		w.graph(number(2), os.Args[3] == "shuffled", int(number(4)))
	}
	wall := time.Since(begin)
	var stats runtime.MemStats
	var usage syscall.Rusage
	runtime.ReadMemStats(&stats)
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	fmt.Printf("{\"wall_ns\": %d, \"cpu_ns\": %d, \"allocs\": %d, \"checksum\": %d, \"cycles\": %d, \"units\": %d, "+
		"\"p50_ns\": %d, \"p99_ns\": %d, \"p999_ns\": %d, \"max_ns\": %d}\n",
		wall, usage.Utime.Nano()+usage.Stime.Nano(), w.allocs, w.checksum, stats.NumGC, w.units.count(),
		w.units.quantile(500000), w.units.quantile(990000), w.units.quantile(999000), w.units.max)
}
