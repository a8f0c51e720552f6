import { describe, expect, it } from 'vitest';
import { Metrics } from '../../core/metrics/metrics';
import { renderPrometheus } from '../../core/metrics/prometheus';
import type { CacheStats, StoreReport, TierState } from '../../core/protocol/values';
import { configOf } from '../cache-fixture';

const NOW_MS = Date.UTC(2025, 5, 18, 12);
const EMPTY: TierState = { entries: 0, bytes: 0, maxBytes: 1000 };
const NO_REPORT: StoreReport = { bytesOnDisk: 0, bytesSavedByCompression: 0, damagedRecords: 0 };

/** In seconds: of these no digit may be lost or added, or the series break. */
const BUCKETS = [
  '0.0001',
  '0.00025',
  '0.0005',
  '0.001',
  '0.0025',
  '0.005',
  '0.01',
  '0.025',
  '0.05',
  '0.1',
  '0.25',
].concat(['0.5', '1', '2.5', '5', '10', '30', '+Inf']);

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const METRIC_NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${METRIC_NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\S+)$`);
/** What Go's ParseFloat takes of what JavaScript may write. */
const VALUE = /^(?:[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?|NaN|[+-]?Inf(?:inity)?)$/;

/** Reads the text exposition format 0.0.4 as strictly as its description allows, and throws where it is not that. */
function parse(text: string): ReadonlyMap<string, Family> {
  const familyByName = new Map<string, Family>();
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  const lines = text.split('\n').slice(0, -1);
  let current: readonly [name: string, family: Family] | undefined;
  for (const [index, line] of lines.entries()) {
    const help = new RegExp(`^# HELP (${METRIC_NAME}) (.+)$`).exec(line);
    if (help !== null) {
      const [, name = '', words = ''] = help;
      const type = new RegExp(`^# TYPE ${name} (counter|gauge|histogram)$`).exec(lines[index + 1] ?? '')?.[1];
      if (type === undefined || familyByName.has(name)) throw new Error(`Bad family: ${line}`);
      current = [name, { type, help: words, samples: [] }];
      familyByName.set(name, current[1]);
      continue;
    }
    if (line.startsWith('# TYPE ')) continue;
    const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (current === undefined || !VALUE.test(value)) throw new Error(`Bad sample: ${line}`);
    const [familyName, family] = current;
    const suffix = name.slice(familyName.length);
    const suffixes = family.type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    if (!name.startsWith(familyName) || !suffixes.includes(suffix)) throw new Error(`A stray sample: ${line}`);
    const labels = Object.fromEntries(
      [...labelText.matchAll(/([^,=]+)="([^"]*)"/g)].map(([, label = '', content = '']) => [label, content]),
    );
    family.samples.push({ name, labels, value: Number(value.replace(/Inf$/, 'Infinity')) });
  }
  return familyByName;
}

function render(metrics: Metrics, memory = EMPTY, disk = EMPTY): ReadonlyMap<string, Family> {
  const stats: CacheStats = {
    config: configOf(),
    performance: metrics.summary(NOW_MS),
    tiers: { memory, disk: { ...disk, ...NO_REPORT }, remote: undefined },
    health: { status: 'ok', alerts: [] },
    runtime: { owner: true, role: 'owner', workerMode: 'module', store: 'file', version: 1 },
  };
  return parse(renderPrometheus({ stats, histograms: metrics.histograms() }));
}

function sampleOf(families: ReadonlyMap<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const samples = families.get(name)?.samples ?? [];
  const found = samples.filter((sample) =>
    Object.entries(labels).every(([label, content]) => sample.labels[label] === content),
  );
  expect(found).toHaveLength(1);
  return found[0]?.value ?? Number.NaN;
}

describe('The metrics as Prometheus text', () => {
  it('are well formed, with help and type for each family and every sample told once', () => {
    const families = render(new Metrics(NOW_MS));
    expect(families.size).toBeGreaterThan(10);
    for (const [name, { type, help, samples }] of families) {
      expect(name).toMatch(/^reprise_[a-z_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(help).toMatch(/\.$/);
      expect(samples.length).toBeGreaterThan(0);
      const identities = samples.map((sample) => JSON.stringify([sample.name, Object.entries(sample.labels).sort()]));
      expect(new Set(identities).size).toBe(samples.length);
    }
  });

  it('tell what was counted, in base units', () => {
    const metrics = new Metrics(NOW_MS);
    const clip = { contentType: 'audio/mpeg', byteLength: 1, createdAtMs: 0, expiresAtMs: 1 };
    metrics.hit({ ...clip, characters: 12, synthesisMs: 2500 }, NOW_MS);
    metrics.miss(NOW_MS);
    metrics.lookedUp('disk', true, NOW_MS);
    metrics.tiers.memory.evictions = 5;
    metrics.errors.corrupt = 2;
    metrics.promotions = 7;
    const families = render(metrics, { entries: 3, bytes: 300, maxBytes: 1000 });
    expect(sampleOf(families, 'reprise_requests_total', { outcome: 'hit' })).toBe(1);
    expect(sampleOf(families, 'reprise_requests_total', { outcome: 'joined' })).toBe(0);
    expect(sampleOf(families, 'reprise_tier_hits_total', { tier: 'disk' })).toBe(1);
    expect(sampleOf(families, 'reprise_tier_removals_total', { tier: 'memory', reason: 'evicted' })).toBe(5);
    expect(sampleOf(families, 'reprise_tier_entries', { tier: 'memory' })).toBe(3);
    expect(sampleOf(families, 'reprise_tier_bytes', { tier: 'memory' })).toBe(300);
    expect(sampleOf(families, 'reprise_tier_limit_bytes', { tier: 'disk' })).toBe(1000);
    expect(sampleOf(families, 'reprise_saved_synthesis_seconds_total')).toBe(2.5);
    expect(sampleOf(families, 'reprise_saved_characters_total')).toBe(12);
    expect(sampleOf(families, 'reprise_errors_total', { kind: 'corrupt' })).toBe(2);
    expect(sampleOf(families, 'reprise_promotions_total')).toBe(7);
  });

  it('have histograms whose buckets add up', () => {
    const metrics = new Metrics(NOW_MS);
    for (const latencyMs of [0.2, 3, 3, 400, 60_000]) metrics.latencies.origin.record(latencyMs);
    const samples = render(metrics).get('reprise_clip_latency_seconds')?.samples ?? [];
    for (const source of ['memory', 'disk', 'remote', 'origin']) {
      const own = samples.filter(({ labels }) => labels.source === source);
      const buckets = own.filter(({ name }) => name.endsWith('_bucket'));
      expect(buckets.map(({ labels }) => labels.le)).toEqual(BUCKETS);
      const counts = buckets.map(({ value }) => value);
      expect(counts).toEqual([...counts].sort((a, b) => a - b));
      const count = own.find(({ name }) => name.endsWith('_count'))?.value;
      expect(counts.at(-1)).toBe(count);
      expect(count).toBe(source === 'origin' ? 5 : 0);
    }
    const sum = samples.find(({ name, labels }) => name.endsWith('_sum') && labels.source === 'origin');
    expect(sum?.value).toBeCloseTo(60.4062, 9);
    const upTo5Ms = samples.find(({ labels }) => labels.source === 'origin' && labels.le === '0.005');
    expect(upTo5Ms?.value).toBe(3);
  });

  it('stay well formed when a tier has no limit', () => {
    const families = render(new Metrics(NOW_MS), { ...EMPTY, maxBytes: Number.POSITIVE_INFINITY });
    expect(sampleOf(families, 'reprise_tier_limit_bytes', { tier: 'memory' })).toBe(Number.POSITIVE_INFINITY);
  });
});
