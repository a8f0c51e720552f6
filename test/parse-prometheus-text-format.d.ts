/** What the parser returns, which comes without types. */
declare module 'parse-prometheus-text-format' {
  export interface ParsedMetric {
    readonly labels?: Readonly<Record<string, string>>;
    /** Of counters and gauges. */
    readonly value?: string;
    /** Of histograms: cumulative counts by `le`. */
    readonly buckets?: Readonly<Record<string, string>>;
    readonly count?: string;
    readonly sum?: string;
  }

  export interface ParsedFamily {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly metrics: readonly ParsedMetric[];
  }

  export default function parsePrometheusTextFormat(text: string): readonly ParsedFamily[];
}
