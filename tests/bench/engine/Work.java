/* SPDX-License-Identifier: MIT */

/*
 * The workloads of work.c in Java: same work, same units, same checksums. Collector and memory are
 * the command line's; the mark phases are told by -Xlog.
 *
 *   java Work trees DEPTH | gcbench SCALE | storm THREADS OPERATIONS | churn RECORDS OPERATIONS
 *             | graph OBJECTS ordered|shuffled COLLECTIONS
 */

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.function.LongSupplier;

public final class Work {
        private static final int UNIT_LEVELS = 10;
        private static final int LEAF_SLOTS = 1024;

        /* The buckets of base/histogram.h. */
        static final class Histogram {
                final long[] n = new long[272];
                long max;

                void add(long ns) {
                        int bucket = (int) ns;
                        if (ns >= 8) {
                                int log = 63 - Long.numberOfLeadingZeros(ns);
                                bucket = (log - 2 << 3) + (int) (ns >> (log - 3) & 7);
                        }
                        n[Math.min(bucket, n.length - 1)]++;
                        max = Math.max(max, ns);
                }

                void merge(Histogram from) {
                        for (int i = 0; i < n.length; i++) {
                                n[i] += from.n[i];
                        }
                        max = Math.max(max, from.max);
                }

                long count() {
                        return Arrays.stream(n).sum();
                }

                long quantile(long perMillion) {
                        long rank = (count() * perMillion + 999999) / 1000000, sum = 0;
                        for (int bucket = 0; bucket < n.length; bucket++) {
                                sum += n[bucket];
                                if (sum >= rank && n[bucket] > 0) {
                                        return bucket < 8 ? bucket
                                                : Math.min(max, ((bucket & 7) + 9L << (bucket >> 3) - 1) - 1);
                                }
                        }
                        return 0;
                }
        }

        final Histogram units = new Histogram();
        long begin, allocs, checksum, random = 88172645463325252L;
        int slots, perUnit;
        long operations;

        void unitBegin() {
                begin = System.nanoTime();
        }

        void unitEnd() {
                units.add(System.nanoTime() - begin);
        }

        long rnd() {
                random ^= random << 13;
                random ^= random >>> 7;
                random ^= random << 17;
                return random;
        }

        /* Binary trees. */

        static final class Tree {
                Tree left, right;

                long count() {
                        return left == null ? 1 : 1 + left.count() + right.count();
                }
        }

        Tree treeMake(int depth) {
                Tree tree = new Tree();
                allocs++;
                if (depth > 0) {
                        tree.left = treeMake(depth - 1);
                        tree.right = treeMake(depth - 1);
                }
                return tree;
        }

        Tree treeMakeLarge(int depth) {
                Tree tree;
                if (depth <= UNIT_LEVELS) {
                        unitBegin();
                        tree = treeMake(depth);
                        unitEnd();
                        return tree;
                }
                Tree left = treeMakeLarge(depth - 1), right = treeMakeLarge(depth - 1);
                tree = new Tree();
                allocs++;
                tree.left = left;
                tree.right = right;
                return tree;
        }

        long treeCountLarge(Tree tree, int depth) {
                if (depth > UNIT_LEVELS) {
                        return 1 + treeCountLarge(tree.left, depth - 1) + treeCountLarge(tree.right, depth - 1);
                }
                unitBegin();
                long n = tree.count();
                unitEnd();
                return n;
        }

        /* Small trees: as many in a unit as one of UNIT_LEVELS has nodes. */
        void small(int depth, int n, LongSupplier make) {
                int perUnit = 1 << UNIT_LEVELS - depth;
                for (int i = 0; i < n; i++) {
                        if (i % perUnit == 0) {
                                unitBegin();
                        }
                        checksum += make.getAsLong();
                        if (i % perUnit == perUnit - 1 || i == n - 1) {
                                unitEnd();
                        }
                }
        }

        void trees(int depth) {
                checksum += treeCountLarge(treeMakeLarge(depth + 1), depth + 1);
                Tree lasting = treeMakeLarge(depth);
                for (int d = 4; d <= depth; d += 2) {
                        int n = 1 << depth - d + 4, level = d;
                        if (d < UNIT_LEVELS) {
                                small(d, n, () -> treeMake(level).count());
                        } else {
                                for (int i = 0; i < n; i++) {
                                        checksum += treeCountLarge(treeMakeLarge(d), d);
                                }
                        }
                }
                checksum += treeCountLarge(lasting, depth);
        }

        /* GCBench. */

        static final class Node {
                Node left, right;
                int i, j;

                long count() {
                        return left == null ? 1 : 1 + left.count() + right.count();
                }
        }

        Node nodeSink; /* so that no allocation is optimised away */

        Node node(Node left, Node right) {
                Node node = new Node();
                allocs++;
                node.left = left;
                node.right = right;
                return node;
        }

        Node nodeMake(int depth) {
                return depth == 0 ? node(null, null) : node(nodeMake(depth - 1), nodeMake(depth - 1));
        }

        Node nodeMakeLarge(int depth) {
                if (depth > UNIT_LEVELS) {
                        return node(nodeMakeLarge(depth - 1), nodeMakeLarge(depth - 1));
                }
                unitBegin();
                Node node = nodeMake(depth);
                unitEnd();
                return node;
        }

        void nodeFill(Node node, int depth) {
                if (depth > 0) {
                        node.left = node(null, null);
                        node.right = node(null, null);
                        nodeFill(node.left, depth - 1);
                        nodeFill(node.right, depth - 1);
                }
        }

        void nodeFillLarge(Node node, int depth) {
                if (depth <= UNIT_LEVELS) {
                        unitBegin();
                        nodeFill(node, depth);
                        unitEnd();
                        return;
                }
                node.left = node(null, null);
                node.right = node(null, null);
                nodeFillLarge(node.left, depth - 1);
                nodeFillLarge(node.right, depth - 1);
        }

        void gcbench(int scale) {
                int stretch = 18 + scale, depth = 16 + scale;
                nodeSink = nodeMakeLarge(stretch);
                nodeSink = null;
                Node lasting = node(null, null);
                nodeFillLarge(lasting, depth);
                double[] doubles = new double[500000 << scale];
                for (int i = 0; i < doubles.length / 2; i++) {
                        doubles[i] = 1.0 / (i + 1);
                }
                for (int d = 4; d <= depth; d += 2) {
                        int n = 2 * ((1 << stretch + 1) - 1) / ((1 << d + 1) - 1), level = d;
                        if (d < UNIT_LEVELS) {
                                small(d, n, () -> {
                                        nodeSink = node(null, null);
                                        nodeFill(nodeSink, level);
                                        return 1;
                                });
                                small(d, n, () -> {
                                        nodeSink = nodeMake(level);
                                        return 1;
                                });
                                continue;
                        }
                        for (int i = 0; i < n; i++) {
                                nodeSink = node(null, null);
                                nodeFillLarge(nodeSink, d);
                                checksum++;
                        }
                        for (int i = 0; i < n; i++) {
                                nodeSink = nodeMakeLarge(d);
                                checksum++;
                        }
                }
                nodeSink = null;
                checksum += lasting.count() + (doubles[999] == 1.0 / 1000 ? 1 : 0);
        }

        /* Tables. */

        static final class Record {
                byte[] payload;
                Record spare;
                long key;
        }

        Record recordNew() {
                long random = rnd();
                Record record = new Record();
                record.payload = new byte[8 + (int) ((random >>> 32) % 128)];
                record.payload[0] = (byte) random;
                record.payload[record.payload.length - 1] = (byte) record.payload.length;
                record.key = random & 0xffff;
                allocs += 2;
                return record;
        }

        void table() {
                Record[][] table = new Record[slots / LEAF_SLOTS][LEAF_SLOTS];
                for (Record[] leaf : table) {
                        for (int slot = 0; slot < LEAF_SLOTS; slot++) {
                                leaf[slot] = recordNew();
                        }
                }
                for (long i = 0; i < operations; i += perUnit) {
                        unitBegin();
                        for (int j = 0; j < perUnit; j++) {
                                int at = (int) Long.remainderUnsigned(rnd(), slots);
                                Record[] leaf = table[at / LEAF_SLOTS];
                                checksum += leaf[at % LEAF_SLOTS].key;
                                leaf[at % LEAF_SLOTS] = recordNew();
                        }
                        unitEnd();
                }
        }

        void storm(int nThreads, long operations) throws InterruptedException {
                Work[] workers = new Work[nThreads];
                Thread[] threads = new Thread[nThreads];
                for (int i = 0; i < nThreads; i++) {
                        workers[i] = new Work();
                        workers[i].random += i;
                        workers[i].slots = 64 * LEAF_SLOTS;
                        workers[i].operations = operations;
                        workers[i].perUnit = 1000;
                        threads[i] = new Thread(workers[i]::table);
                        threads[i].start();
                }
                for (int i = 0; i < nThreads; i++) {
                        threads[i].join();
                        checksum += workers[i].checksum;
                        allocs += workers[i].allocs;
                        units.merge(workers[i].units);
                }
        }

        /* The graph. */

        static final class Vertex {
                Vertex left, right, third, fourth;
                long plain;
        }

        static Vertex graphRoot;

        void linkOrdered(Vertex[] nodes, int first, int n, int parent) {
                int left = (n - 1) / 2;
                nodes[first].third = nodes[parent];
                if (left > 0) {
                        nodes[first].left = nodes[first + 1];
                        linkOrdered(nodes, first + 1, left, first);
                }
                if (n > left + 1) {
                        nodes[first].right = nodes[first + 1 + left];
                        linkOrdered(nodes, first + 1 + left, n - 1 - left, first);
                }
        }

        void linkShuffled(Vertex[] nodes) {
                for (int i = nodes.length - 1; i > 0; i--) {
                        int j = (int) Long.remainderUnsigned(rnd(), i + 1);
                        Vertex vertex = nodes[i];
                        nodes[i] = nodes[j];
                        nodes[j] = vertex;
                }
                for (int i = 0; i < nodes.length; i++) {
                        if (i > 0 && i % 2 == 1) {
                                nodes[(i - 1) / 2].left = nodes[i];
                        } else if (i > 0) {
                                nodes[(i - 1) / 2].right = nodes[i];
                        }
                        nodes[i].third = nodes[(int) Long.remainderUnsigned(rnd(), nodes.length)];
                }
        }

        void graph(int n, boolean shuffled, int collections) {
                Vertex[] nodes = new Vertex[n];
                for (int i = 0; i < n; i++) {
                        nodes[i] = new Vertex();
                }
                if (shuffled) {
                        linkShuffled(nodes);
                } else {
                        linkOrdered(nodes, 0, n, 0);
                }
                graphRoot = nodes[0];
                nodes = null;
                allocs += n;
                checksum = n;
                for (int i = 0; i < collections + 1; i++) {
                        System.gc(); /* the first frees the table of nodes; not counted */
                }
        }

        void run(String[] v) throws InterruptedException {
                switch (v[0]) {
                case "trees":
                        trees(Integer.parseInt(v[1]));
                        break;
                case "gcbench":
                        gcbench(Integer.parseInt(v[1]));
                        break;
                case "storm":
                        storm(Integer.parseInt(v[1]), Long.parseLong(v[2]));
                        break;
                case "churn":
                        slots = Integer.parseInt(v[1]);
                        operations = Long.parseLong(v[2]);
                        perUnit = 100;
                        table();
                        break;
                default:
                        graph(Integer.parseInt(v[1]), v[2].equals("shuffled"), Integer.parseInt(v[3]));
                }
        }

        public static void main(String[] v) throws InterruptedException {
                Work work = new Work();
                long begin = System.nanoTime(), cycles = 0;
                work.run(v);
                long wall = System.nanoTime() - begin;
                for (GarbageCollectorMXBean bean : ManagementFactory.getGarbageCollectorMXBeans()) {
                        if (!bean.getName().endsWith("Pauses")) {
                                cycles += bean.getCollectionCount();
                        }
                }
                OperatingSystemMXBean system =
                        (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
                System.out.printf("{\"wall_ns\": %d, \"cpu_ns\": %d, \"allocs\": %d, \"checksum\": %d, "
                                + "\"cycles\": %d, \"units\": %d, \"p50_ns\": %d, \"p99_ns\": %d, "
                                + "\"p999_ns\": %d, \"max_ns\": %d}%n",
                        wall, system.getProcessCpuTime(), work.allocs, work.checksum, cycles,
                        work.units.count(), work.units.quantile(500000), work.units.quantile(990000),
                        work.units.quantile(999000), work.units.max);
        }
}
