/**
 * The Prometheus text of random statistics, held against the rules that `promtool check metrics` applies, and read by a
 * parser that others wrote (a port of Prometheus' own Python client).
 */
import * as fc from 'fast-check';
import parsePrometheusTextFormat, { type ParsedMetric } from 'parse-prometheus-text-format';
import { describe, expect, it } from 'vitest';
import { LATENCY_BOUNDS_MS } from '../../core/metrics/latency-bounds';
import { LatencyHistogram } from '../../core/metrics/latency-histogram';
import { renderPrometheus } from '../../core/metrics/prometheus';
import { emptyPerformance } from '../../core/metrics/zero-counters';
import type { CacheStats, HealthAlert, PriceConfig } from '../../core/protocol/values';
import { configOf } from '../cache-fixture';

const count = fc.oneof(fc.nat(5), fc.nat(), fc.maxSafeNat());
const amount = fc.double({ min: 0, max: 1e15, noNaN: true });
/** What can break a label, beside everything else. */
const label = fc.oneof(
  fc.constantFrom('EUR', '', '\\', '"', '\n', '\\n', 'a"b\\', '{x="1"} 2', ', ', '€'),
  fc.string(),
);
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

/** Any numbers under the same names. */
function like<Counters extends object>(counters: Counters): fc.Arbitrary<Counters> {
  const arbitraries = Object.entries(counters).map(([name, value]) => [
    name,
    typeof value === 'object' && value !== null ? like(value) : count,
  ]);
  // The names are those of the counters, and each is a number again.
  return fc.record(Object.fromEntries(arbitraries)) as unknown as fc.Arbitrary<Counters>;
}

const histogram = fc.array(fc.double({ min: 0, max: 60_000, noNaN: true }), { maxLength: 20 }).map((latenciesMs) => {
  const recorded = new LatencyHistogram();
  for (const latencyMs of latenciesMs) recorded.record(latencyMs);
  return recorded.counts();
});
const savings = fc.record({ requests: count, characters: count, synthesisMs: amount, cost: maybe(amount) });
const tier = fc.record({
  entries: count,
  bytes: count,
  maxBytes: fc.oneof(count, fc.constant(Number.POSITIVE_INFINITY)),
  usageRatio: fc.double({ min: 0, max: 2, noNaN: true }),
});
const alert: fc.Arbitrary<HealthAlert> = fc.record({
  code: fc.constantFrom('STORE_FALLBACK', 'WRITES_FAILING', 'TAB_ALONE'),
  severity: fc.constantFrom('warning', 'critical'),
  message: fc.string(),
  sinceMs: count,
});
const price: fc.Arbitrary<PriceConfig> = fc.record({ perThousandCharacters: amount, currency: label });

const empty = emptyPerformance();
const statistics: fc.Arbitrary<CacheStats> = fc.record({
  config: maybe(price).map((price) => ({ ...configOf(), price })),
  performance: fc.record({
    ...Object.fromEntries(Object.entries(empty).map(([name, value]) => [name, fc.constant(value)])),
    requests: count,
    hits: count,
    misses: count,
    missesByReason: like(empty.missesByReason),
    joined: count,
    failedRequests: count,
    latencyHistogram: fc.record({ memory: histogram, disk: histogram, remote: histogram, origin: histogram }),
    tiers: like(empty.tiers),
    promotions: count,
    demotions: count,
    saved: savings,
    spent: savings,
    budget: maybe(
      fc.record({
        limit: amount,
        spent: amount,
        periodStartedAtMs: count,
        periodEndsAtMs: fc.oneof(count, fc.constant(Number.POSITIVE_INFINITY)),
        isExceeded: fc.boolean(),
      }),
    ),
    errors: like(empty.errors),
    // What is not named above is as in an empty performance.
  }) as unknown as fc.Arbitrary<CacheStats['performance']>,
  tiers: fc.record({
    memory: tier,
    disk: fc
      .tuple(
        tier,
        fc.record({
          bytesOnDisk: count,
          bytesSavedByCompression: count,
          damagedRecords: count,
          migration: maybe(fc.record({ movedEntries: count, remainingEntries: count })),
          pinned: fc.record({ entries: count, bytes: count }),
          estimate: maybe(fc.record({ usageBytes: count, quotaBytes: count })),
          persisted: maybe(fc.boolean()),
        }),
      )
      .map(([state, report]) => ({ ...state, ...report })),
    remote: fc.constant(undefined),
  }),
  health: fc.record({ status: fc.constant('degraded' as const), alerts: fc.array(alert, { maxLength: 6 }) }),
  runtime: fc.record({
    owner: fc.boolean(),
    role: fc.constantFrom('owner', 'follower', 'alone'),
    workerMode: fc.constant('module' as const),
    store: fc.constantFrom('opfs', 'indexeddb', 'file', 'none'),
    version: fc.nat(9),
    countedSinceMs: count,
    isCleanupScheduled: fc.boolean(),
  }),
});

interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: string;
}

interface Family {
  readonly type: string;
  readonly samples: Sample[];
}

const METRIC_NAME = /^[a-z]+(?:_[a-z]+)*$/;
const LABEL_NAME = /^[a-z]+(?:_[a-z]+)*$/;
const LABEL = /([^=,{}\s]+)="((?:[^"\\\n]|\\["\\n])*)"/y;
/** What Go's ParseFloat takes of what JavaScript may write. */
const VALUE = /^(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf)$/;

const OF_HISTOGRAMS = ['_bucket', '_sum', '_count'];
const TYPES = /(?:^|_)(?:counter|gauge|histogram|summary|untyped)(?:_|$)/;
const BASE_UNITS = ['seconds', 'bytes', 'ratio'];
const OTHER_UNITS =
  /(?:^|_)(?:ms|us|ns|s|sec|secs|milliseconds|microseconds|minutes|hours|days|weeks|b|kb|mb|gb|tb|kilobytes|megabytes|gigabytes|bits|percent|percents)(?:_|$)/;

/** Throws at the first line that breaks a rule. */
function lint(text: string): ReadonlyMap<string, Family> {
  const familyByName = new Map<string, Family>();
  const seen = new Set<string>();
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  let helped: string | undefined;
  let current: readonly [name: string, family: Family] | undefined;
  for (const line of text.split('\n').slice(0, -1)) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (familyByName.has(name)) throw new Error(`Told twice, or in pieces: ${line}`);
      if (rest === '') throw new Error(`No help: ${line}`);
      helped = name;
      current = undefined;
    } else if (keyword === 'TYPE') {
      if (helped !== name) throw new Error(`Not right behind its help: ${line}`);
      lintName(name, rest);
      current = [name, { type: rest, samples: [] }];
      familyByName.set(...current);
    } else {
      if (current === undefined) throw new Error(`A sample without a type: ${line}`);
      const sample = parseSample(line);
      lintSample(sample, current[0], current[1].type);
      const identity = JSON.stringify([sample.name, [...sample.labels].sort()]);
      if (seen.has(identity)) throw new Error(`A series told twice: ${line}`);
      seen.add(identity);
      current[1].samples.push(sample);
    }
  }
  for (const [name, { type, samples }] of familyByName) {
    if (samples.length === 0) throw new Error(`${name} has no samples`);
    if (type === 'histogram') lintHistogram(name, samples);
  }
  return familyByName;
}

function lintName(name: string, type: string): void {
  const unit = name.replace(/_total$/, '').split('_');
  const problem =
    (!METRIC_NAME.test(name) && 'is no plain name') ||
    (!name.startsWith('reprise_') && 'has no prefix') ||
    (!['counter', 'gauge', 'histogram'].includes(type) && `is a ${type}`) ||
    ((type === 'counter') !== name.endsWith('_total') && 'is a counter without _total, or the other way round') ||
    (OF_HISTOGRAMS.some((suffix) => name.endsWith(suffix)) && 'ends as parts of histograms do') ||
    (TYPES.test(name) && 'holds its type') ||
    (OTHER_UNITS.test(name) && 'is not in base units') ||
    (BASE_UNITS.some((base) => unit.includes(base) && unit.at(-1) !== base) && 'does not end in its unit');
  if (problem) throw new Error(`${name} ${problem}`);
}

function parseSample(line: string): Sample {
  const [, name = '', labelText, value = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '') throw new Error(`Not a sample: ${line}`);
  const labels = new Map<string, string>();
  for (let at = 0; labelText !== undefined && at < labelText.length; at++) {
    LABEL.lastIndex = at;
    const found = LABEL.exec(labelText);
    const [whole = '', label = '', escaped = ''] = found ?? [];
    at += whole.length;
    if (found === null || labels.has(label) || (at < labelText.length && labelText[at] !== ',')) {
      throw new Error(`Bad labels: ${line}`);
    }
    labels.set(
      label,
      escaped.replace(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter)),
    );
  }
  return { name, labels, value };
}

function lintSample({ name, labels, value }: Sample, familyName: string, type: string): void {
  const suffix = name.slice(familyName.length);
  const isPart = name.startsWith(familyName) && (type === 'histogram' ? OF_HISTOGRAMS.includes(suffix) : suffix === '');
  if (!isPart) throw new Error(`${name} does not belong to ${familyName}`);
  if (!VALUE.test(value)) throw new Error(`${name} is ${value}`);
  if (labels.has('le') !== (suffix === '_bucket') || labels.has('quantile'))
    throw new Error(`${name} has a label that is reserved`);
  for (const label of labels.keys()) if (!LABEL_NAME.test(label)) throw new Error(`${name} has a label ${label}`);
}

function lintHistogram(name: string, samples: readonly Sample[]): void {
  const sources = new Set(samples.map(({ labels }) => labels.get('source')));
  for (const source of sources) {
    const group = samples.filter(({ labels }) => labels.get('source') === source);
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => Number(labels.get('le')?.replace('+Inf', 'Infinity')));
    const counts = buckets.map(({ value }) => Number(value));
    const valuesOf = (part: string) => group.filter((sample) => sample.name === name + part).map(({ value }) => value);
    const isAscending = (numbers: readonly number[]) =>
      numbers.every((number, index) => number >= (numbers[index - 1] ?? 0));
    if (!isAscending(bounds) || new Set(bounds).size !== bounds.length)
      throw new Error(`${source}: bounds out of order`);
    if (!isAscending(counts)) throw new Error(`${source}: not cumulative`);
    if (bounds.at(-1) !== Number.POSITIVE_INFINITY) throw new Error(`${source}: infinity is not the last bound`);
    if (valuesOf('_count').join() !== String(counts.at(-1)))
      throw new Error(`${source}: the last bucket is not the count`);
    if (valuesOf('_sum').length !== 1) throw new Error(`${source}: not one sum`);
  }
}

/** Every number under its name and labels, in order, as the rules above read them. */
function seriesOf(families: ReadonlyMap<string, Family>): unknown[] {
  return [...families.values()].flatMap(({ samples }) =>
    samples.map(({ name, labels, value }) => [name, Object.fromEntries(labels), toNumber(value)]),
  );
}

/** The same as the other parser reads them. Of histograms with labels it keeps one only, so it is told of none. */
function parsedSeriesOf(text: string): unknown[] {
  return parsePrometheusTextFormat(text.replaceAll(/^(# TYPE \S+) histogram$/gm, '$1 untyped')).flatMap(
    ({ name, metrics }) => metrics.map(({ labels = {}, value }) => [name, labels, toNumber(value)]),
  );
}

/** A histogram of one source as the other parser reads it, to which the label of the source is not shown. */
function parsedHistogramOf(text: string, source: string): ParsedMetric | undefined {
  const label = `source="${source}"`;
  const lines = text.split('\n').filter((line) => line.startsWith('#') || line.includes(label));
  const shown = lines.map((line) => line.replace(`{${label}}`, '').replace(`${label},`, '')).join('\n');
  const { metrics } = parsePrometheusTextFormat(`${shown}\n`).find(({ type }) => type === 'HISTOGRAM') ?? {};
  return metrics?.[0];
}

function toNumber(value = 'NaN'): number {
  return Number(value.replace('+Inf', 'Infinity'));
}

describe('The Prometheus text of any statistics', () => {
  it('keeps the rules of promtool, and a parser of others reads the same from it', () => {
    fc.assert(
      fc.property(statistics, (stats) => {
        const text = renderPrometheus(stats);
        const families = lint(text);
        expect(families.size).toBeGreaterThan(20);
        expect(parsedSeriesOf(text)).toEqual(seriesOf(families));
        for (const { name, type, help } of parsePrometheusTextFormat(text)) {
          expect(families.get(name)?.type).toBe(type.toLowerCase());
          expect(help).toMatch(/^[A-Z].*\.$/);
        }
        for (const [source, counts] of Object.entries(stats.performance.latencyHistogram)) {
          const { buckets = {}, count, sum } = parsedHistogramOf(text, source) ?? {};
          const bounds = LATENCY_BOUNDS_MS.map((ms) => String(ms / 1000));
          expect(bounds.map((le) => Number(buckets[le]))).toEqual(counts.cumulative);
          expect(Number(buckets['+Inf'])).toBe(counts.count);
          expect(Number(count)).toBe(counts.count);
          expect(Number(sum)).toBeCloseTo(counts.sumMs / 1000, 9);
        }
      }),
      { seed: 18, numRuns: 300 },
    );
  });

  it('names the buckets in seconds, without a digit too many', () => {
    const bounds = LATENCY_BOUNDS_MS.map((ms) => String(ms / 1000));
    expect(bounds.join(' ')).toBe(
      '0.0001 0.00025 0.0005 0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 30',
    );
  });
});

describe('The rules themselves', () => {
  const good = '# HELP reprise_a_total A.\n# TYPE reprise_a_total counter\nreprise_a_total{b="c"} 1\n';
  const bucket = (le: string, value: number) => `reprise_h_seconds_bucket{source="x",le="${le}"} ${value}\n`;
  const histogramOf = (buckets: string, count: number) =>
    `# HELP reprise_h_seconds H.\n# TYPE reprise_h_seconds histogram\n${buckets}reprise_h_seconds_sum{source="x"} 1\nreprise_h_seconds_count{source="x"} ${count}\n`;

  it('let pass what is right', () => {
    expect(() => lint(good)).not.toThrow();
    expect(() => lint(histogramOf(bucket('1', 2) + bucket('+Inf', 3), 3))).not.toThrow();
  });

  it.each([
    ['a counter without _total', good.replaceAll('a_total', 'a'), 'is a counter without _total'],
    ['a gauge with _total', good.replace('counter', 'gauge'), 'the other way round'],
    ['milliseconds', good.replaceAll('a_total', 'a_ms_total'), 'is not in base units'],
    ['a unit in the middle', good.replaceAll('a_total', 'seconds_a_total'), 'does not end in its unit'],
    ['a type in the name', good.replaceAll('a_total', 'a_counter_total'), 'holds its type'],
    ['no help', good.split('\n').slice(1).join('\n'), 'Not right behind its help'],
    ['an empty help', good.replace('A.', ''), 'No help'],
    ['no type', good.replace(/# TYPE.*\n/, ''), 'A sample without a type'],
    ['a type before the help', good.replace(/(.*\n)(.*\n)/, '$2$1'), 'Not right behind its help'],
    ['a series twice', `${good}reprise_a_total{b="c"} 2\n`, 'A series told twice'],
    ['a family in two pieces', `${good}${good.replaceAll('b=', 'd=')}`, 'Told twice, or in pieces'],
    ['a quote that is not escaped', good.replace('"c"', '"c"d"'), 'Bad labels'],
    ['a value that is none', good.replace('} 1', '} undefined'), 'reprise_a_total is undefined'],
    ['no end of the last line', good.trimEnd(), 'The last line has no end'],
    ['buckets that do not add up', histogramOf(bucket('1', 4) + bucket('+Inf', 3), 3), 'not cumulative'],
    ['buckets that end before infinity', histogramOf(bucket('1', 3), 3), 'infinity is not the last bound'],
    [
      'buckets out of order',
      histogramOf(bucket('2', 1) + bucket('1', 1) + bucket('+Inf', 3), 3),
      'bounds out of order',
    ],
    [
      'another count than the last bucket',
      histogramOf(bucket('1', 2) + bucket('+Inf', 3), 4),
      'the last bucket is not the count',
    ],
  ])('refuse %s', (_, text, problem) => {
    expect(() => lint(text)).toThrow(problem);
  });
});
