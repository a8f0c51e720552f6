/** Fills under way, and callers who wait for them, with the clock in the test's hand. */
import { type FillOutcome, type FillSubject, SingleFlight } from '../core/single-flight';
import { FakeClock } from './fake-clock';

/** How long a silent filler keeps its fill. */
export const LEASE_MS = 120_000;

/** The phrase that callers want unless another is named. */
export const GREETING: FillSubject = { key: 'v1_greeting', canonical: 'Hello||1.00', spec: { text: 'Hello' } };

/** How a wait has ended so far. */
export type Outcome = () => FillOutcome<string> | { readonly error: unknown } | undefined;

/** Fills whose result is a string. */
export class SingleFlightFixture {
  readonly clock = new FakeClock();
  /** The fills that were told abandoned. */
  readonly abandoned: string[] = [];
  readonly fills = new SingleFlight<string>({
    clock: this.clock,
    idPrefix: 'w',
    leaseMs: LEASE_MS,
    onAbandoned: (fillId) => this.abandoned.push(fillId),
  });

  /** Joins and insists on being the one who synthesizes. */
  granted(callId: string, subject = GREETING): string {
    const joined = this.fills.join(subject, callId);
    if (joined.type !== 'granted') throw new Error(`${callId} was told to wait`);
    return joined.fillId;
  }

  /** Joins, insists on having to wait, and waits. */
  waits(callId: string, subject = GREETING): Outcome {
    const joined = this.fills.join(subject, callId);
    if (joined.type !== 'pending') throw new Error(`${callId} was granted the fill`);
    let outcome: ReturnType<Outcome>;
    this.fills.wait(callId)?.then(
      (value) => {
        outcome = value;
      },
      (error: unknown) => {
        outcome = { error };
      },
    );
    return () => outcome;
  }
}
