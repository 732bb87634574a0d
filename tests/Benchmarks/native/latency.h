// Times in nanoseconds, counted in buckets of about one part in 64: enough for percentiles, and constant work for each.
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SUB = 64, SUB_BITS = 6, BUCKETS = 64 * SUB };

typedef struct {
    uint64_t count, max, buckets[BUCKETS];
} latencies;

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// Below 64 a bucket for each; above, 64 for each power of two: 1000 = 0b1111101000 is of exponent 9, its next six bits are 0b111101.
static inline unsigned bucket_of(uint64_t ns) {
    if (ns < SUB) return (unsigned)ns;
    unsigned exponent = 63u - (unsigned)__builtin_clzll(ns);
    return (exponent - SUB_BITS + 1) * SUB + (unsigned)((ns >> (exponent - SUB_BITS)) & (SUB - 1));
}

static inline uint64_t value_of(unsigned bucket) {
    if (bucket < SUB) return bucket;
    unsigned exponent = bucket / SUB + SUB_BITS - 1;
    return ((uint64_t)(SUB + bucket % SUB)) << (exponent - SUB_BITS);
}

static inline void latency_add(latencies *all, uint64_t ns) {
    all->buckets[bucket_of(ns)]++;
    all->count++;
    if (ns > all->max) all->max = ns;
}

static inline uint64_t latency_at(const latencies *all, double part) {
    uint64_t wanted = (uint64_t)(part * (double)all->count), seen = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        seen += all->buckets[i];
        if (seen > wanted) return value_of(i);
    }
    return all->max;
}

// Lines of a name and a number, which Figures.cs reads.
static inline int latency_print(char *into, size_t room, const latencies *all) {
    return snprintf(into, room, "p50 %lu\np99 %lu\np999 %lu\nmax %lu\n", latency_at(all, .5), latency_at(all, .99), latency_at(all, .999), all->max);
}
